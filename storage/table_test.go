package storage_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

type person struct {
	ID    string `cbor:"1,keyasint"`
	Email string `cbor:"2,keyasint"`
	Born  uint64 `cbor:"3,keyasint"`
}

type personRow struct {
	Email string `cbor:"1,keyasint"`
}

var (
	people = storage.NewTable(storage.Declaration[person]{
		ID: 900, Name: "people", Watched: true, Sealed: true,
		Key: func(p *person) storage.Key { return storage.Key(nil).Str(p.ID) },
	})
	byEmail = storage.NewUnique(people, 1, func(p *person) storage.Key { return storage.Key(nil).Str(p.Email) })
	byBirth = storage.NewIndex(people, 2,
		func(p *person) []storage.Key { return []storage.Key{storage.Key(nil).Desc(p.Born)} },
		func(p *person) personRow { return personRow{p.Email} })
)

const (
	tenantA = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	tenantB = "BBBBBBBBBBBBBBBBBBBBBBBBBB"
)

func TestTable(t *testing.T) {
	s := storagetest.Open(t, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	put := func(sc storage.Scope, p person) error {
		return s.Update(t.Context(), sc, func(tx *storage.Tx) error { return people.Put(tx, &p) })
	}
	for _, p := range []person{{"1", "a@x", 30}, {"2", "b@x", 40}, {"3", "c@x", 50}, {"2", "bb@x", 60}} {
		if err := put(a, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(a, person{"9", "a@x", 1}); !errors.Is(err, storage.ErrExists) {
		t.Errorf("second record with the same email: %v, want ErrExists", err)
	}
	err := s.View(t.Context(), a, func(tx *storage.Tx) error {
		var order []string
		for e, err := range byBirth.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			order = append(order, e.Row.Email)
		}
		if len(order) != 3 || order[0] != "bb@x" || order[1] != "c@x" || order[2] != "a@x" {
			t.Errorf("by birth: %q", order)
		}
		p, err := byEmail.Get(tx, storage.Key(nil).Str("bb@x"))
		if p.ID != "2" {
			t.Errorf("by email: %+v", p)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = s.View(t.Context(), b, func(tx *storage.Tx) error {
		for p, err := range people.Scan(tx, storage.Range{}) {
			t.Errorf("the other tenant sees %+v, %v", p, err)
		}
		_, err := people.Get(tx, storage.Key(nil).Str("1"))
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get from the other tenant: %v, want ErrNotFound", err)
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, people)
		got := make(chan storage.Change, 10)
		done := make(chan error, 1)
		go func() {
			done <- s.Follow(t.Context(), 0, func(cs []storage.Change) error {
				for _, c := range cs {
					got <- c
				}
				return nil
			})
		}()
		for _, id := range []string{"1", "2"} {
			if err := s.Update(t.Context(), storage.Within(tenantA), func(tx *storage.Tx) error {
				return people.Put(tx, &person{ID: id, Email: id})
			}); err != nil {
				t.Fatal(err)
			}
			if c := <-got; c.Key.Parts().Str() != id || c.Tenant != tenantA {
				t.Errorf("change %+v, want record %s of %s", c, id, tenantA)
			}
			time.Sleep(time.Minute)
		}
	})
}
