package storage_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

var never time.Time

type person struct {
	ID    string   `cbor:"1,keyasint"`
	Email string   `cbor:"2,keyasint,omitempty"`
	Born  uint64   `cbor:"3,keyasint,omitempty"`
	Tags  []string `cbor:"4,keyasint,omitempty"`
}

type personRow struct {
	Email string `cbor:"1,keyasint"`
}

var (
	people = storage.NewTable(storage.Declaration[person]{
		ID: 900, Name: "people", Watched: true, Sealed: true,
		Key: func(p *person) storage.Key { return storage.Key(nil).Str(p.ID) },
	})
	byEmail = storage.NewUnique(people, 1, func(p *person) storage.Key {
		if p.Email == "" {
			return nil
		}
		return storage.Key(nil).Str(p.Email)
	})
	byBirth = storage.NewIndex(people, 2,
		func(p *person) []storage.Key { return []storage.Key{storage.Key(nil).Desc(p.Born)} },
		func(p *person) personRow { return personRow{p.Email} })
	byTag = storage.NewIndex(people, 3,
		func(p *person) []storage.Key {
			var keys []storage.Key
			for _, tag := range p.Tags {
				keys = append(keys, storage.Key(nil).Str(tag))
			}
			return keys
		},
		func(*person) storage.Bare { return storage.Bare{} })
)

const (
	tenantA = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	tenantB = "BBBBBBBBBBBBBBBBBBBBBBBBBB"
)

// update runs fn in a transaction that has to succeed.
func update(tb testing.TB, s *storage.Store, sc storage.Scope, fn func(*storage.Tx) error) {
	tb.Helper()
	if err := s.Update(tb.Context(), sc, fn); err != nil {
		tb.Fatal(err)
	}
}

// view runs fn in a snapshot; it has to succeed.
func view(tb testing.TB, s *storage.Store, sc storage.Scope, fn func(*storage.Tx) error) {
	tb.Helper()
	if err := s.View(tb.Context(), sc, fn); err != nil {
		tb.Fatal(err)
	}
}

func put(tb testing.TB, s *storage.Store, sc storage.Scope, ps ...person) {
	tb.Helper()
	update(tb, s, sc, func(tx *storage.Tx) error {
		for i := range ps {
			if err := people.Put(tx, &ps[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// clean has Check find nothing.
func clean(tb testing.TB, s *storage.Store) {
	tb.Helper()
	for _, f := range findings(tb, s) {
		tb.Errorf("check: %s", f)
	}
}

func findings(tb testing.TB, s *storage.Store) (all []storage.Finding) {
	tb.Helper()
	if err := s.Check(tb.Context(), func(f storage.Finding) { all = append(all, f) }, nil); err != nil {
		tb.Fatal(err)
	}
	return all
}

// list is what an index says, each entry as its key's parts behind f.
func list[R any](tb testing.TB, tx *storage.Tx, ix *storage.Index[person, R], r storage.Range, f func(storage.Entry[R]) string) string {
	tb.Helper()
	var out []string
	for e, err := range ix.Scan(tx, r) {
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, f(e))
	}
	return strings.Join(out, " ")
}

func emailOf(e storage.Entry[personRow]) string { return e.Row.Email }

func idOf(e storage.Entry[storage.Bare]) string { return e.Primary.Parts().Str() }

func TestTable(t *testing.T) {
	s := storagetest.Open(t, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	put(t, s, a, person{ID: "1", Email: "a@x", Born: 30}, person{ID: "2", Email: "b@x", Born: 40}, person{ID: "3", Email: "c@x", Born: 50})
	put(t, s, a, person{ID: "2", Email: "bb@x", Born: 60})
	put(t, s, b, person{ID: "7", Email: "a@x", Born: 10})
	view(t, s, a, func(tx *storage.Tx) error {
		for want, r := range map[string]storage.Range{
			"bb@x c@x a@x": {},
			"a@x c@x bb@x": {Reverse: true},
			"bb@x":         {Limit: 1},
			"c@x":          {Prefix: storage.Key(nil).Desc(50)},
			"c@x a@x":      {From: storage.Key(nil).Desc(50)},
			"bb@x c@x":     {To: storage.Key(nil).Desc(30)},
			"":             {From: storage.Key(nil).Desc(30), To: storage.Key(nil).Desc(50)},
		} {
			if got := list(t, tx, byBirth, r, emailOf); got != want {
				t.Errorf("by birth in %+v: %s, want %s", r, got, want)
			}
		}
		p, err := byEmail.Get(tx, storage.Key(nil).Str("bb@x"))
		if p.ID != "2" {
			t.Errorf("by email: %+v", p)
		}
		if _, err := byEmail.Get(tx, storage.Key(nil).Str("b@x")); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("by former email: %v, want ErrNotFound", err)
		}
		return err
	})
	err := s.View(t.Context(), b, func(tx *storage.Tx) error {
		for p, err := range people.Scan(tx, storage.Range{}) {
			if err != nil || p.ID != "7" {
				t.Errorf("the other tenant sees %+v, %v", p, err)
			}
		}
		_, err := people.Get(tx, storage.Key(nil).Str("1"))
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get from the other tenant: %v, want ErrNotFound", err)
	}
	clean(t, s)
}

func TestScanGoesOnAfter(t *testing.T) {
	s := storagetest.Open(t, people)
	a := storage.Within(tenantA)
	for i := range 10 {
		put(t, s, a, person{ID: strconv.Itoa(i), Email: strconv.Itoa(i), Born: uint64(i / 3)})
	}
	for _, reverse := range []bool{false, true} {
		var seen []string
		var after storage.Key
		for n := 3; n == 3; {
			view(t, s, a, func(tx *storage.Tx) error {
				n = 0
				for e, err := range byBirth.Scan(tx, storage.Range{After: after, Reverse: reverse, Limit: 3}) {
					if err != nil {
						return err
					}
					seen, after, n = append(seen, e.Row.Email), e.Key, n+1
				}
				return nil
			})
		}
		want := "9 6 7 8 3 4 5 0 1 2"
		if reverse {
			want = "2 1 0 5 4 3 8 7 6 9"
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("in pages, reverse %t: %s, want %s", reverse, got, want)
		}
	}
}

func TestUnique(t *testing.T) {
	s := storagetest.Open(t, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	put(t, s, a, person{ID: "1", Email: "a@x"}, person{ID: "2"}, person{ID: "3"})
	put(t, s, b, person{ID: "9", Email: "a@x"})
	update(t, s, a, func(tx *storage.Tx) error {
		if err := people.Put(tx, &person{ID: "2", Email: "a@x", Born: 7, Tags: []string{"new"}}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("second record with the same email: %v, want ErrExists", err)
		}
		if err := people.Insert(tx, &person{ID: "1", Email: "z@x"}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("insert under a taken key: %v, want ErrExists", err)
		}
		// The transaction goes on as if nothing had been.
		return people.Put(tx, &person{ID: "4", Email: "d@x"})
	})
	view(t, s, a, func(tx *storage.Tx) error {
		if got := list(t, tx, byTag, storage.Range{}, idOf); got != "" {
			t.Errorf("the refused record left index entries: %s", got)
		}
		p, err := people.Get(tx, storage.Key(nil).Str("2"))
		if p.Email != "" || p.Born != 0 {
			t.Errorf("the refused record was written: %+v", p)
		}
		_, gone := byEmail.Get(tx, nil)
		if !errors.Is(gone, storage.ErrNotFound) {
			t.Errorf("look-up of nothing: %v, want ErrNotFound", gone)
		}
		return err
	})
	update(t, s, a, func(tx *storage.Tx) error {
		if err := people.Delete(tx, storage.Key(nil).Str("1")); err != nil {
			return err
		}
		return people.Insert(tx, &person{ID: "5", Email: "a@x"})
	})
	clean(t, s)
}

func TestManyEntries(t *testing.T) {
	s := storagetest.Open(t, people)
	a := storage.Within(tenantA)
	tagged := func(tag string) (got string) {
		view(t, s, a, func(tx *storage.Tx) error {
			got = list(t, tx, byTag, storage.Range{Prefix: storage.Key(nil).Str(tag)}, idOf)
			return nil
		})
		return got
	}
	put(t, s, a, person{ID: "1", Tags: []string{"b", "a", "b"}}, person{ID: "2", Tags: []string{"a\x00", "b"}})
	if got := tagged("a") + "|" + tagged("b"); got != "1|1 2" {
		t.Errorf("tags a and b: %s, want 1|1 2", got)
	}
	update(t, s, a, func(tx *storage.Tx) error {
		old, err := people.Get(tx, storage.Key(nil).Str("1"))
		if err != nil {
			return err
		}
		next := old
		next.Tags = []string{"c", "a"}
		return people.Replace(tx, &old, &next)
	})
	if got := tagged("a") + "|" + tagged("b") + "|" + tagged("c"); got != "1|2|1" {
		t.Errorf("tags a, b and c: %s, want 1|2|1", got)
	}
	update(t, s, a, func(tx *storage.Tx) error {
		if err := people.Replace(tx, &person{ID: "1"}, &person{ID: "2"}); err == nil {
			t.Error("replace under another key: nil")
		}
		return people.Delete(tx, storage.Key(nil).Str("1"))
	})
	if got := tagged("a") + tagged("c"); got != "" {
		t.Errorf("entries of a deleted record: %s", got)
	}
	clean(t, s)
}

func TestRecordsAndKeys(t *testing.T) {
	s := storagetest.Open(t, people)
	a := storage.Within(tenantA)
	put(t, s, a, person{ID: "1", Born: 1}, person{ID: "2", Born: 2, Tags: []string{"x"}})
	view(t, s, a, func(tx *storage.Tx) error {
		var got []person
		for p, err := range byBirth.Records(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			got = append(got, p)
		}
		if diff := cmp.Diff([]person{{ID: "2", Born: 2, Tags: []string{"x"}}, {ID: "1", Born: 1}}, got); diff != "" {
			t.Error(diff)
		}
		var keys []string
		for k, err := range people.Keys(tx, storage.Range{}) {
			keys = append(keys, k.String(), fmt.Sprint(err))
		}
		for k, err := range byBirth.Keys(tx, storage.Range{Limit: 1}) {
			keys = append(keys, k.String(), fmt.Sprint(err))
		}
		if want := `"1" <nil> "2" <nil> ^2 "2" <nil>`; strings.Join(keys, " ") != want {
			t.Errorf("keys %q, want %s", keys, want)
		}
		return nil
	})
}

func TestEach(t *testing.T) {
	s := storagetest.Open(t, notes)
	a := storage.Within(tenantA)
	for page := range 5 {
		update(t, s, a, func(tx *storage.Tx) error {
			for i := range 100 {
				if err := notes.Put(tx, &note{Title: fmt.Sprintf("%d-%02d", page, i)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	n := 0
	err := storage.Each(t.Context(), s, a, notes, func(v *note) error {
		n++
		return s.Update(t.Context(), a, func(tx *storage.Tx) error { return notes.Delete(tx, storage.Key(nil).Str(v.Title)) })
	})
	if err != nil || n != 500 || titles(t, s, a) != "" {
		t.Errorf("%d records seen, %v, left: %s", n, err, titles(t, s, a))
	}
}

type lease struct {
	Name  string    `cbor:"1,keyasint"`
	Until time.Time `cbor:"2,keyasint"`
}

var leases = storage.NewTable(storage.Declaration[lease]{
	ID: 902, Name: "leases", Sealed: true,
	Key:     func(l *lease) storage.Key { return storage.Key(nil).Str(l.Name) },
	Expires: func(l *lease) time.Time { return l.Until },
})

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, leases)
		a := storage.Within(tenantA)
		until := time.Now().Add(time.Minute).UTC()
		update(t, s, a, func(tx *storage.Tx) error { return leases.Put(tx, &lease{"x", until}) })
		time.Sleep(time.Minute - time.Millisecond)
		view(t, s, a, func(tx *storage.Tx) error {
			l, err := leases.Get(tx, storage.Key(nil).Str("x"))
			if diff := cmp.Diff(lease{"x", until}, l); diff != "" {
				t.Error(diff)
			}
			return err
		})
		time.Sleep(2*time.Second + time.Millisecond)
		view(t, s, a, func(tx *storage.Tx) error {
			if has, err := leases.Has(tx, storage.Key(nil).Str("x")); has || err != nil {
				t.Errorf("after its time: %t, %v", has, err)
			}
			return nil
		})
		clean(t, s)
	})
}

type oldCity struct {
	ID   string `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint"`
}

type city struct {
	ID   string `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint"`
	Code string `cbor:"3,keyasint"`
}

func TestUpgradeOnRead(t *testing.T) {
	old := storage.NewTable(storage.Declaration[oldCity]{
		ID: 903, Name: "cities", Key: func(c *oldCity) storage.Key { return storage.Key(nil).Str(c.ID) },
	})
	cities := storage.NewTable(storage.Declaration[city]{
		ID: 903, Name: "cities", Key: func(c *city) storage.Key { return storage.Key(nil).Str(c.ID) },
		Schema: 2, Upgrade: []func(*city){
			func(c *city) { c.Name = strings.ToUpper(c.Name) },
			func(c *city) { c.Code = c.Name[:3] },
		},
	})
	s := storagetest.Open(t, cities)
	a := storage.Within(tenantA)
	update(t, s, a, func(tx *storage.Tx) error { return old.Put(tx, &oldCity{"1", "Bremen"}) })
	view(t, s, a, func(tx *storage.Tx) error {
		c, err := cities.Get(tx, storage.Key(nil).Str("1"))
		if diff := cmp.Diff(city{"1", "BREMEN", "BRE"}, c); diff != "" {
			t.Error(diff)
		}
		return err
	})
	update(t, s, a, func(tx *storage.Tx) error { return cities.Put(tx, &city{"2", "Ulm", "ULM"}) })
	view(t, s, a, func(tx *storage.Tx) error {
		if _, err := old.Get(tx, storage.Key(nil).Str("2")); !errors.Is(err, storage.ErrNewer) {
			t.Errorf("an older program reads it: %v, want ErrNewer", err)
		}
		return nil
	})
}

func TestSequence(t *testing.T) {
	s := storagetest.Open(t, notes)
	numbers := storage.NewSequence(904)
	next := func(sc storage.Scope) (n uint64) {
		update(t, s, sc, func(tx *storage.Tx) (err error) { n, err = numbers.Next(tx); return err })
		return n
	}
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	if x, y, z := next(a), next(a), next(b); x != 1 || y != 2 || z != 1 {
		t.Errorf("A counts %d, %d, B %d: want 1, 2, 1", x, y, z)
	}
	boom := errors.New("boom")
	if err := s.Update(t.Context(), a, func(tx *storage.Tx) error {
		_, err := numbers.Next(tx)
		return errors.Join(err, boom)
	}); !errors.Is(err, boom) {
		t.Error(err)
	}
	if n := next(a); n != 3 {
		t.Errorf("after a transaction that failed: %d, want 3", n)
	}
	if err := s.View(t.Context(), a, func(tx *storage.Tx) error { _, err := numbers.Next(tx); return err }); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("in View: %v, want ErrReadOnly", err)
	}
	clean(t, s)
}

func TestTwoTablesWithOneNumber(t *testing.T) {
	_, err := storage.Open(t.Context(), storage.Options{InMemory: true, Tables: []storage.Declared{notes, notes}})
	if err == nil {
		t.Error("Open with two tables of one number: nil")
	}
}
