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
	"github.com/deskgate/deskgate/storage/storagetest"
)

func TestLimits(t *testing.T) {
	s := storagetest.Open(t, notes)
	a := storage.Within(tenantA)
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, fn := range map[string]func(*storage.Tx) error{
		"key":   func(tx *storage.Tx) error { return notes.Put(tx, &note{Title: long(storage.MaxKey)}) },
		"value": func(tx *storage.Tx) error { return notes.Put(tx, &note{Title: "a", Text: long(storage.MaxValue)}) },
		"writes": func(tx *storage.Tx) error {
			var err error
			for i := 0; i <= storage.MaxWrites && err == nil; i++ {
				err = notes.Put(tx, &note{Title: strconv.Itoa(i)})
			}
			return err
		},
		"bytes": func(tx *storage.Tx) error {
			var err error
			for i := 0; i < 3 && err == nil; i++ {
				err = notes.Put(tx, &note{Title: strconv.Itoa(i), Text: long(storage.MaxValue - 100)})
			}
			return err
		},
	} {
		if err := s.Update(t.Context(), a, fn); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("too large a %s: %v, want ErrTooLarge", name, err)
		}
		err := s.Update(t.Context(), a, func(tx *storage.Tx) error {
			_ = fn(tx)
			return nil
		})
		if !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("too large a %s, error ignored: %v, want ErrTooLarge", name, err)
		}
		if got := titles(t, s, a); got != "" {
			t.Fatalf("%s: something was written: %s", name, got)
		}
	}
	update(t, s, a, func(tx *storage.Tx) error { return notes.Put(tx, &note{Title: "a"}) })
	err := s.View(t.Context(), a, func(tx *storage.Tx) error {
		for range storage.MaxRowsRead {
			if _, err := notes.Get(tx, storage.Key(nil).Str("a")); err != nil {
				return err
			}
		}
		if err := notes.Put(tx, &note{Title: "b"}); !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("write in View: %v, want ErrReadOnly", err)
		}
		_, err := notes.Get(tx, storage.Key(nil).Str("a"))
		return err
	})
	if !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("row %d: %v, want ErrTooLarge", storage.MaxRowsRead+1, err)
	}
}

func TestTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, notes)
		a := storage.Within(tenantA)
		err := s.Update(t.Context(), a, func(tx *storage.Tx) error {
			time.Sleep(storage.MaxTxRunning + time.Millisecond)
			return notes.Put(tx, &note{Title: "late"})
		})
		if !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("late write: %v, want ErrTooLarge", err)
		}
		err = s.View(t.Context(), a, func(tx *storage.Tx) error {
			for {
				time.Sleep(time.Second)
				if _, err := notes.Has(tx, storage.Key(nil).Str("a")); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("endless reading: %v, want ErrTooLarge", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = s.View(ctx, a, func(tx *storage.Tx) error {
			cancel()
			for {
				if _, err := notes.Has(tx, storage.Key(nil).Str("a")); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("reading with a context that ended: %v, want Canceled", err)
		}
	})
}

func TestTransactionIsOver(t *testing.T) {
	s := storagetest.Open(t, notes)
	var kept *storage.Tx
	update(t, s, storage.Within(tenantA), func(tx *storage.Tx) error { kept = tx; return nil })
	if err := notes.Put(kept, &note{Title: "a"}); err == nil {
		t.Error("write through a transaction that is over: nil")
	}
	if _, err := notes.Get(kept, storage.Key(nil).Str("a")); err == nil || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("read through a transaction that is over: %v", err)
	}
}

func TestOnCommit(t *testing.T) {
	s := storagetest.Open(t, notes)
	a, boom, n := storage.Within(tenantA), errors.New("boom"), 0
	for _, want := range []error{nil, boom} {
		err := s.Update(t.Context(), a, func(tx *storage.Tx) error {
			tx.OnCommit(func() { n++ })
			return errors.Join(notes.Put(tx, &note{Title: "a"}), want)
		})
		if !errors.Is(err, want) {
			t.Errorf("Update = %v, want %v", err, want)
		}
	}
	if n != 1 {
		t.Errorf("called %d times, want once, for the transaction that was committed", n)
	}
}
