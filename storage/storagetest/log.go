package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/deskgate/deskgate/storage/engine"
)

// logOrder: the log tells what was committed, in the order in which it was.
func logOrder(t *testing.T, e engine.Engine) {
	t.Helper()
	inParallel(8, func(w int) {
		for range 25 {
			update(t, e, func(tx engine.Txn) error {
				n, err := tx.Next([]byte("n"))
				return errors.Join(err, tx.Append(fmt.Append(nil, n)))
			})
		}
	})
	update(t, e, func(tx engine.Txn) error { return tx.Set([]byte("k"), nil, never) }) // leaves no record
	var got []engine.Record
	for after := uint64(0); ; after = got[len(got)-1].Revision {
		page, err := e.Log(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, page...); len(page) < 7 {
			break
		}
	}
	if len(got) != 200 {
		t.Fatalf("%d records, want 200", len(got))
	}
	for i, r := range got {
		if want := strconv.Itoa(i + 1); string(r.Data) != want || i > 0 && r.Revision <= got[i-1].Revision {
			t.Errorf("record %d: %q at %d, want %s", i, r.Data, r.Revision, want)
		}
	}
	if r, err := e.Revision(t.Context()); err != nil || r != got[len(got)-1].Revision {
		t.Errorf("Revision = %d, %v, want that of the last record, %d", r, err, got[len(got)-1].Revision)
	}
}

func logWhole(t *testing.T, e engine.Engine) {
	t.Helper()
	const each = 5
	for i := range 4 {
		update(t, e, func(tx engine.Txn) (err error) {
			for j := range each {
				err = errors.Join(err, tx.Append(fmt.Append(nil, i, "-", j)))
			}
			return err
		})
	}
	for limit := 1; limit <= 20; limit++ {
		var got []string
		var after uint64
		for page := logPage(t, e, after, limit); len(page) > 0; page = logPage(t, e, after, limit) {
			if len(page)%each != 0 || len(page) >= limit+each {
				t.Fatalf("limit %d: a page of %d splits revisions of %d", limit, len(page), each)
			}
			for _, r := range page {
				got = append(got, string(r.Data))
			}
			after = page[len(page)-1].Revision
		}
		if len(got) != 20 || !slices.IsSorted(got) {
			t.Errorf("limit %d: %q", limit, got)
		}
	}
}

func logPage(t *testing.T, e engine.Engine, after uint64, limit int) []engine.Record {
	t.Helper()
	page, err := e.Log(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func logTrimmed(t *testing.T, e engine.Engine) {
	t.Helper()
	for i := range 10 {
		update(t, e, func(tx engine.Txn) error { return tx.Append(number(i)) })
	}
	all, err := e.Log(t.Context(), 0, 100)
	if err != nil || len(all) != 10 {
		t.Fatalf("%d records, %v, want 10", len(all), err)
	}
	check := func(cut int) {
		t.Helper()
		if err := e.Trim(t.Context(), all[cut-1].Revision); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Log(t.Context(), 0, 100); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("Log from 0 after Trim: %v, want ErrTruncated", err)
		}
		rest, err := e.Log(t.Context(), all[cut-1].Revision, 100)
		if err != nil || len(rest) != 10-cut {
			t.Errorf("%d records, %v after the first %d were trimmed", len(rest), err, cut)
		}
		if r, err := e.Revision(t.Context()); err != nil || r != all[9].Revision {
			t.Errorf("Revision = %d, %v after Trim, want %d as before", r, err, all[9].Revision)
		}
	}
	check(3)
	check(3)
	check(10)
	if err := e.Trim(t.Context(), all[9].Revision+1000); err != nil {
		t.Fatal(err)
	}
	ahead := all[9].Revision + 1000
	if r, err := e.Revision(t.Context()); err != nil || r != ahead {
		t.Errorf("Revision = %d, %v after Trim beyond the newest, want %d", r, err, ahead)
	}
	if _, err := e.Log(t.Context(), all[9].Revision, 100); !errors.Is(err, engine.ErrTruncated) {
		t.Errorf("Log from before the gap: %v, want ErrTruncated", err)
	}
	update(t, e, func(tx engine.Txn) error { return tx.Append([]byte("new")) })
	if rest, err := e.Log(t.Context(), ahead, 100); err != nil || len(rest) != 1 || rest[0].Revision <= ahead {
		t.Errorf("after all was trimmed: %v, %v, want one new record", rest, err)
	}
}

func logGrows(t *testing.T, e engine.Engine) {
	t.Helper()
	grown := e.Grown()
	update(t, e, func(tx engine.Txn) error { return tx.Append([]byte("r")) })
	<-grown
	var after uint64
	go inParallel(4, func(int) {
		for range 50 {
			update(t, e, func(tx engine.Txn) error { return tx.Append([]byte("r")) })
		}
	})
	for seen := 0; seen < 201; {
		grown := e.Grown()
		page, err := e.Log(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			<-grown
			continue
		}
		seen += len(page)
		after = page[len(page)-1].Revision
	}
}
