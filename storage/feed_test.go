package storage_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/engine"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// follow sends what Follow brings.
func follow(t *testing.T, s *storage.Store, after storage.Revision) <-chan string {
	t.Helper()
	got := make(chan string, 1000)
	go func() {
		_ = s.Follow(t.Context(), after, func(cs []storage.Change) error {
			for _, c := range cs {
				word := c.Tenant + c.Key.String()
				if c.Deleted {
					word = "-" + word
				}
				got <- word
			}
			return nil
		})
	}()
	return got
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people, notes)
		got := follow(t, s, 0)
		for i, id := range []string{"1", "2"} {
			update(t, s, storage.Within(tenantA), func(tx *storage.Tx) error {
				if err := notes.Put(tx, &note{Title: "not watched"}); err != nil {
					return err
				}
				return people.Put(tx, &person{ID: id})
			})
			before := time.Now()
			if c := <-got; c != tenantA+`"`+id+`"` {
				t.Errorf("change %s, want record %s of A", c, id)
			}
			if waited := time.Since(before); waited > 0 {
				t.Errorf("change %d came after %s", i, waited)
			}
			time.Sleep(time.Minute)
		}
		update(t, s, storage.Node(), func(tx *storage.Tx) error {
			for _, id := range []string{"1", "none"} {
				if err := people.Delete(tx.Tenant(tenantA), storage.Key(nil).Str(id)); err != nil {
					return err
				}
			}
			return people.Put(tx, &person{ID: "n"})
		})
		if x, y := <-got, <-got; x != "-"+tenantA+`"1"` || y != `"n"` {
			t.Errorf("changes %s and %s, want the deleted record of A, then the node's", x, y)
		}
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("one change too many: %s", <-got)
		}
	})
}

// A transaction that fails leaves nothing in the feed; the others come all, in order, also to a late follower.
func TestFollowMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people)
		var want []string
		for i := range 600 { // more than two pages
			id := strconv.Itoa(i)
			err := s.Update(t.Context(), storage.Within(tenantB), func(tx *storage.Tx) error {
				if err := people.Put(tx, &person{ID: id}); err != nil || i%3 > 0 {
					return err
				}
				return errors.New("boom")
			})
			if err == nil {
				want = append(want, tenantB+`"`+id+`"`)
			}
		}
		got := follow(t, s, 0)
		synctest.Wait()
		var all []string
		for len(got) > 0 {
			all = append(all, <-got)
		}
		if strings.Join(all, " ") != strings.Join(want, " ") {
			t.Errorf("%d changes, want %d in their order", len(all), len(want))
		}
	})
}

func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people)
		put(t, s, storage.Node(), person{ID: "1"})
		boom := errors.New("boom")
		if err := s.Follow(t.Context(), 0, func([]storage.Change) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("the function failed: %v, want its error", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Follow(ctx, 1, func([]storage.Change) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context ended: %v, want DeadlineExceeded", err)
		}
		if err := s.Follow(ctx, 2, func([]storage.Change) error { return nil }); !errors.Is(err, storage.ErrTruncated) {
			t.Errorf("from a revision that never was: %v, want ErrTruncated", err)
		}
	})
}

func TestFeedIsKeptAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- s.Run(ctx) }()
		const day = 24 * time.Hour
		for i := range 10 {
			put(t, s, storage.Within(tenantA), person{ID: strconv.Itoa(i)})
			time.Sleep(day)
		}
		records, err := s.Engine().Log(ctx, 3, 100)
		if err != nil || len(records) != 7 {
			t.Errorf("after ten days: %d records behind the third, %v, want seven", len(records), err)
		}
		if _, err := s.Engine().Log(ctx, 1, 100); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("behind the first: %v, want ErrTruncated", err)
		}
		if err := s.Follow(ctx, 0, func([]storage.Change) error { return nil }); !errors.Is(err, storage.ErrTruncated) {
			t.Errorf("follow from the beginning: %v, want ErrTruncated", err)
		}
		time.Sleep(8 * day)
		if r, err := s.Revision(ctx); err != nil || r != 10 {
			t.Errorf("when all is forgotten: revision %d, %v, want 10", r, err)
		}
		got := follow(t, s, 10)
		put(t, s, storage.Within(tenantA), person{ID: "new"})
		if c := <-got; c != tenantA+`"new"` {
			t.Errorf("after a week's rest: %s", c)
		}
		clean(t, s)
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}
