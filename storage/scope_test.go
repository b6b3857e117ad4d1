package storage_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

type note struct {
	Title string `cbor:"1,keyasint"`
	Text  string `cbor:"2,keyasint,omitempty"`
}

var notes = storage.NewTable(storage.Declaration[note]{
	ID: 901, Name: "notes", Key: func(n *note) storage.Key { return storage.Key(nil).Str(n.Title) },
})

func FuzzScopeIsolation(f *testing.F) {
	f.Add("a", "a\x00b", "")
	f.Add("\xff\xff", "\xff", "\xff")
	f.Add("", "\x00", "\x01")
	s := storagetest.Open(f, notes)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	f.Fuzz(func(t *testing.T, mine, other, prefix string) {
		if len(mine)+len(other)+len(prefix) > 300 {
			return
		}
		put := func(sc storage.Scope, titles ...string) {
			if err := s.Update(t.Context(), sc, func(tx *storage.Tx) error {
				for n, err := range notes.Scan(tx, storage.Range{}) {
					if err != nil {
						return err
					}
					if err := notes.Delete(tx, storage.Key(nil).Str(n.Title)); err != nil {
						return err
					}
				}
				for _, title := range titles {
					if err := notes.Put(tx, &note{Title: title, Text: sc.ID()}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		put(a, mine)
		put(b, mine, other)
		put(storage.Node(), other)
		for _, reverse := range []bool{false, true} {
			if err := s.View(t.Context(), a, func(tx *storage.Tx) error {
				n := 0
				for got, err := range notes.Scan(tx, storage.Range{Prefix: storage.Key(nil).StrPrefix(prefix), Reverse: reverse}) {
					if err != nil {
						return err
					}
					if n++; got.Text != tenantA || got.Title != mine {
						t.Errorf("scope A sees %+v", got)
					}
				}
				if want := strings.HasPrefix(mine, prefix); (n == 1) != want {
					t.Errorf("%d records begin with %q, want one: %t", n, prefix, want)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestScopesDoNotOverlap(t *testing.T) {
	prefixes := [][]byte{
		storage.Prefix(storage.Node()), storage.Prefix(storage.Within(tenantA)), storage.Prefix(storage.Within(tenantB)),
	}
	for i, p := range prefixes {
		for j, q := range prefixes {
			if i != j && bytes.HasPrefix(p, q) {
				t.Errorf("%x begins with %x", p, q)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a short id makes a scope")
		}
	}()
	storage.Within("short")
}

func TestNoScope(t *testing.T) {
	s := storagetest.Open(t, notes)
	look := func(*storage.Tx) error { t.Error("the function runs"); return nil }
	if err := s.View(t.Context(), storage.Scope{}, look); err == nil {
		t.Error("View without a scope: nil")
	}
	if err := s.Update(t.Context(), storage.Scope{}, look); err == nil {
		t.Error("Update without a scope: nil")
	}
}

func TestNarrow(t *testing.T) {
	s := storagetest.Open(t, notes)
	err := s.Update(t.Context(), storage.Node(), func(tx *storage.Tx) error {
		if err := notes.Put(tx, &note{Title: "node"}); err != nil {
			return err
		}
		return notes.Put(tx.Tenant(tenantA), &note{Title: "a"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for sc, want := range map[storage.Scope]string{
		storage.Node(): "node", storage.Within(tenantA): "a", storage.Within(tenantB): "",
	} {
		if got := titles(t, s, sc); got != want {
			t.Errorf("scope %q has %q, want %q", sc.ID(), got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a tenant's transaction reaches another tenant")
		}
	}()
	_ = s.View(t.Context(), storage.Within(tenantA), func(tx *storage.Tx) error {
		tx.Tenant(tenantB)
		return nil
	})
}

// titles are those of all notes of a scope.
func titles(tb testing.TB, s *storage.Store, sc storage.Scope) string {
	tb.Helper()
	var out []string
	err := storage.Each(tb.Context(), s, sc, notes, func(n *note) error {
		out = append(out, n.Title)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Join(out, " ")
}
