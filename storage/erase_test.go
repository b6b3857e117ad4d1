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

// fill puts n people and a blob into each scope.
func fill(t *testing.T, s *storage.Store, n int, scopes ...storage.Scope) {
	t.Helper()
	sum, _, err := s.Blobs().Put(t.Context(), strings.NewReader("shared"), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scopes {
		update(t, s, sc, func(tx *storage.Tx) error { return s.Blobs().Ref(tx, sum) })
		var ps []person
		for i := range n {
			if ps = append(ps, person{ID: strconv.Itoa(i), Email: strconv.Itoa(i), Tags: []string{"x", "y"}}); len(ps) == 100 || i == n-1 {
				put(t, s, sc, ps...)
				ps = nil
			}
		}
	}
}

// keysOf is how many keys of the engine lie in a scope.
func keysOf(t *testing.T, s *storage.Store, sc storage.Scope) (n int) {
	t.Helper()
	for key := range raw(t, s) {
		if strings.HasPrefix(key, string(storage.Prefix(sc))) {
			n++
		}
	}
	return n
}

func TestErase(t *testing.T) {
	s := storagetest.Open(t, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	fill(t, s, 300, a, b)
	before := keysOf(t, s, b)
	if err := s.Erase(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if n, m := keysOf(t, s, a), keysOf(t, s, b); n != 0 || m != before {
		t.Errorf("A has %d keys left, want 0; B has %d, want %d", n, m, before)
	}
	clean(t, s)
	err := s.Update(t.Context(), a, func(tx *storage.Tx) error { return people.Put(tx, &person{ID: "late"}) })
	if !errors.Is(err, storage.ErrErased) {
		t.Errorf("a straggler writes: %v, want ErrErased", err)
	}
	err = s.Update(t.Context(), storage.Node(), func(tx *storage.Tx) error {
		return people.Put(tx.Tenant(tenantA), &person{ID: "late"})
	})
	if !errors.Is(err, storage.ErrErased) {
		t.Errorf("a straggler writes through the node: %v, want ErrErased", err)
	}
	if err := s.Erase(t.Context(), a); err != nil {
		t.Errorf("once more: %v", err)
	}
	put(t, s, b, person{ID: "b"})
	if err := s.Erase(t.Context(), storage.Node()); err == nil {
		t.Error("the node's scope was erased")
	}
}

// From the first step on, nothing that was sealed can be read, and Run finishes what is left.
func TestEraseInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people)
		a, b := storage.Within(tenantA), storage.Within(tenantB)
		fill(t, s, 600, a, b)
		all, left := keysOf(t, s, a), 0
		for steps := 1; left == 0 || left == all; steps++ {
			err := s.Erase(&fuse{t.Context(), steps}, a)
			if left = keysOf(t, s, a); !errors.Is(err, context.Canceled) || left == 0 {
				t.Fatalf("interrupted: %v, %d of %d keys left", err, left, all)
			}
		}
		err := s.View(t.Context(), a, func(tx *storage.Tx) error {
			for _, err := range people.Scan(tx, storage.Range{}) {
				return err
			}
			return nil
		})
		if !errors.Is(err, storage.ErrErased) {
			t.Errorf("read without its key: %v, want ErrErased", err)
		}
		clean(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(time.Second)
		if n, m := keysOf(t, s, a), keysOf(t, s, b); n != 0 || m == 0 {
			t.Errorf("after Run: A has %d keys, want 0; B has %d", n, m)
		}
		cancel()
		synctest.Wait()
	})
}
