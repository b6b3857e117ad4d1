package storage_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// migrations notes which of n migrations run; the one with number broken fails.
func migrations(n, broken int, ran *[]int) (ms []storage.Migration) {
	for i := 1; i <= n; i++ {
		ms = append(ms, storage.Migration{Number: i, Name: "a step", Run: func(ctx context.Context, s *storage.Store) error {
			*ran = append(*ran, i)
			if i == broken {
				return errors.New("boom")
			}
			return s.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
				return notes.Put(tx, &note{Title: string(rune('0' + i))})
			})
		}})
	}
	return ms
}

func TestMigrations(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		known, broken int
		ran           []int
		ok            bool
		notes         string
	}{
		{known: 2, ok: true}, // a new store needs none
		{known: 3, ran: []int{3}, ok: true, notes: "3"},
		{known: 6, broken: 5, ran: []int{4, 5}, notes: "3 4"},
		{known: 6, ran: []int{5, 6}, ok: true, notes: "3 4 5 6"}, // it goes on where it failed
		{known: 6, ok: true, notes: "3 4 5 6"},
	} {
		var ran []int
		s, err := storage.Open(t.Context(), storage.Options{
			Dir: dir, MinFree: 1 << 20, Tables: []storage.Declared{notes}, Migrations: migrations(step.known, step.broken, &ran),
		})
		if (err == nil) != step.ok || !slices.Equal(ran, step.ran) {
			t.Errorf("%d migrations, %d is broken: %v ran, %v; want %v", step.known, step.broken, ran, err, step.ran)
		}
		if err != nil {
			continue
		}
		if got := titles(t, s, storage.Node()); got != step.notes {
			t.Errorf("%d migrations: notes %q, want %q", step.known, got, step.notes)
		}
		closed(t, s)
	}
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir, MinFree: 1 << 20}); !errors.Is(err, storage.ErrNewer) {
		t.Errorf("an older program opens the store: %v, want ErrNewer", err)
	}
}

func TestMigrationsOutOfOrder(t *testing.T) {
	var ran []int
	if _, err := storage.Open(t.Context(), storage.Options{InMemory: true, Migrations: migrations(3, 0, &ran)[1:]}); err == nil {
		t.Error("migrations that begin with 2: nil")
	}
}

// The same table with another covering row, another index and one index less.
var (
	newPeople = storage.NewTable(storage.Declaration[person]{
		ID: 900, Name: "people", Sealed: true, Key: func(p *person) storage.Key { return storage.Key(nil).Str(p.ID) },
	})
	newByBirth = storage.NewIndex(newPeople, 2,
		func(p *person) []storage.Key { return []storage.Key{storage.Key(nil).Desc(p.Born)} },
		func(p *person) personRow { return personRow{"<" + p.Email + ">"} })
	newByID = storage.NewUnique(newPeople, 9, func(p *person) storage.Key { return storage.Key(nil).Str(p.ID) })
)

func TestReindex(t *testing.T) {
	dir := t.TempDir()
	s := onDisk(t, dir, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	for _, sc := range []storage.Scope{a, b} {
		put(t, s, sc, person{ID: "1", Email: "1@" + sc.ID()[:1], Born: 1, Tags: []string{"x", "y"}}, person{ID: "2", Email: "2@", Born: 2})
	}
	closed(t, s)
	s = onDisk(t, dir, newPeople)
	if n := len(findings(t, s)); n == 0 {
		t.Error("the indexes are in step before Reindex")
	}
	if err := storage.Reindex(t.Context(), s, newPeople); err != nil {
		t.Fatal(err)
	}
	clean(t, s)
	view(t, s, b, func(tx *storage.Tx) error {
		var got []string
		for e, err := range newByBirth.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			got = append(got, e.Row.Email)
		}
		if want := []string{"<2@>", "<1@B>"}; !slices.Equal(got, want) {
			t.Errorf("covering rows %q, want %q", got, want)
		}
		p, err := newByID.Get(tx, storage.Key(nil).Str("2"))
		if p.Email != "2@" {
			t.Errorf("through the new index: %+v", p)
		}
		return err
	})
}

func TestReindexFindsTwoOfOneKind(t *testing.T) {
	s := storagetest.Open(t, people)
	put(t, s, storage.Node(), person{ID: "1", Email: "1@x", Born: 4}, person{ID: "2", Email: "2@x", Born: 4})
	sameBirth := storage.NewTable(storage.Declaration[person]{
		ID: 900, Name: "people", Sealed: true, Key: func(p *person) storage.Key { return storage.Key(nil).Str(p.ID) },
	})
	storage.NewUnique(sameBirth, 5, func(p *person) storage.Key { return storage.Key(nil).Uint(p.Born) })
	if err := storage.Reindex(t.Context(), s, sameBirth); !errors.Is(err, storage.ErrExists) {
		t.Errorf("two records for one place: %v, want ErrExists", err)
	}
}
