package erasure_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// line is a record of a room; some name a former address.
type line struct {
	N     uint64 `cbor:"1,keyasint"`
	Owner string `cbor:"2,keyasint,omitempty"`
	Email string `cbor:"3,keyasint,omitempty"`
	Text  string `cbor:"4,keyasint,omitempty"`
}

var (
	first  = lines(900, "first lines")
	second = lines(901, "second lines")
)

func lines(id uint16, name string) *storage.Table[line] {
	return storage.NewTable(storage.Declaration[line]{
		ID: id, Name: name, Key: func(l *line) storage.Key { return storage.Key(nil).Uint(l.N) },
	})
}

var errCrash = errors.New("crash")

// rooms are the answers of the two tables. What is learnt in the second one has to be looked for in the first one again; crash,
// if not nil, is asked before each record is touched.
func rooms(crash func() error) []erasure.Answer {
	forget := func(_ *storage.Tx, p *erasure.Person, l *line) (erasure.Verdict, error) {
		if err := crash(); err != nil {
			return erasure.Keep, err
		}
		p.Scrub(l)
		return erasure.Put, nil
	}
	about := func(p *erasure.Person, l *line) bool {
		if l.Owner != "" && l.Owner == p.ID {
			p.Learn(l.Email, "", "")
		}
		return p.In(l.Email) || p.In(l.Text)
	}
	return []erasure.Answer{erasure.Each(first, about, forget), erasure.Each(second, about, forget)}
}

func filled(t *testing.T) (*storage.Store, storage.Scope, storage.Scope) {
	t.Helper()
	s := storagetest.Open(t, append(erasure.Tables(), first, second)...)
	a, b := storage.Within("aaaaaaaaaaaaaaaaaaaaaaaaaa"), storage.Within("bbbbbbbbbbbbbbbbbbbbbbbbbb")
	for _, sc := range []storage.Scope{a, b} {
		for n := range uint64(1200) {
			l := line{N: n, Text: "line " + strconv.FormatUint(n, 10)}
			switch n % 100 {
			case 7:
				l.Text += " of zoe@example.com"
			case 8:
				l.Text += " of zoe@former.example"
			}
			err := s.Update(t.Context(), sc, func(tx *storage.Tx) error {
				return errors.Join(first.Put(tx, &l), second.Put(tx, &line{N: n, Owner: "usr_" + strconv.FormatUint(n%3, 10), Email: "zoe@former.example"}))
			})
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 { // one record tells of the former address
				continue
			}
			if err := s.Update(t.Context(), sc, func(tx *storage.Tx) error { return second.Put(tx, &line{N: n}) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, a, b
}

// left are the traces in a scope.
func left(t *testing.T, s *storage.Store, sc storage.Scope) int {
	t.Helper()
	n := 0
	p := erasure.Person{Emails: []string{"zoe@example.com", "zoe@former.example"}}
	for _, table := range []*storage.Table[line]{first, second} {
		err := storage.Each(t.Context(), s, sc, table, func(l *line) error {
			if p.Mentioned(l) {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestGoesOnAfterACrash stops an erasure at each of its steps and has another node, as after a restart, end it.
func TestGoesOnAfterACrash(t *testing.T) {
	for _, at := range []int{1, 2, 13, 20, 25} {
		s, a, b := filled(t)
		if left(t, s, a) != 25 || left(t, s, b) != 25 {
			t.Fatalf("there are %d traces at first, want 25", left(t, s, a))
		}
		told, touched := []bool{}, 0
		config := erasure.Config{
			Store: s, Scopes: func(context.Context) ([]storage.Scope, error) { return []storage.Scope{a, b}, nil },
			Tell: func(_ *storage.Tx, e erasure.Erasure) error { told = append(told, e.Finished()); return nil },
			Answers: rooms(func() error {
				if touched++; touched >= at {
					return errCrash
				}
				return nil
			}),
		}
		zoe := erasure.Person{ID: "usr_0", Emails: []string{"zoe@example.com"}}
		if _, err := erasure.New(config).Erase(t.Context(), a, zoe, "operator"); !errors.Is(err, errCrash) {
			t.Fatalf("Erase = %v, want a crash", err)
		}
		config.Answers = rooms(func() error { return nil })
		again := erasure.New(config)
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- again.Run(ctx) }()
		for finished := false; !finished; {
			e, err := again.Find(t.Context(), a, "usr_0")
			if err != nil {
				t.Fatal(err)
			}
			if finished = e.Finished(); finished && len(e.Person.Emails) > 0 {
				t.Errorf("the erasure keeps %q", e.Person.Emails)
			}
			<-time.After(time.Millisecond)
		}
		stop()
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		if n := left(t, s, a); n != 0 {
			t.Errorf("after a crash at %d, %d traces are left", at, n)
		}
		if n := left(t, s, b); n != 25 {
			t.Errorf("the other tenant has %d of 25", n)
		}
		if len(told) != 2 || told[0] || !told[1] {
			t.Errorf("told %v, want the beginning and the end", told)
		}
		e, err := again.Erase(t.Context(), a, erasure.Person{ID: "usr_0"}, "somebody else")
		if err != nil || !e.Finished() || e.By != "operator" {
			t.Errorf("a second time: %+v, %v", e, err)
		}
		if _, err := again.Find(t.Context(), b, "usr_0"); !errors.Is(err, erasure.ErrNotFound) {
			t.Errorf("the other tenant knows of it: %v", err)
		}
	}
}
