package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// place is the engine's key of a part of a table.
func place(sc storage.Scope, table uint16, part byte, k storage.Key) []byte {
	return append(append(storage.Prefix(sc), byte(table>>8), byte(table), part), k...)
}

func TestCheck(t *testing.T) {
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	str := func(s string) storage.Key { return storage.Key(nil).Str(s) }
	flip := func(s *storage.Store, key []byte) {
		value := bytes.Clone(raw(t, s)[string(key)])
		value[len(value)/2] ^= 4
		plant(t, s, key, value)
	}
	for name, tc := range map[string]struct {
		harm func(s *storage.Store)
		want []string // a part of each finding, in the order of the keys
	}{
		"nothing": {func(*storage.Store) {}, nil},
		"flipped bit": {
			func(s *storage.Store) { flip(s, place(b, 900, 0, str("1"))) },
			[]string{tenantB + `: people: "1": people: stored data is damaged`},
		},
		"flipped bit in an index": {
			func(s *storage.Store) { flip(s, place(a, 900, 2, storage.Key(nil).Desc(1).Str("1"))) },
			[]string{`^1 "1": index 2: stored data is damaged`},
		},
		"entry without record": {
			func(s *storage.Store) { plant(t, s, place(a, 900, 0, str("1")), nil) },
			[]string{
				`"1@A": index 1: index entry without its record`, `^1 "1": index 2: index entry without its record`,
				`"x" "1": index 3: index entry without its record`, `"y" "1": index 3: index entry without its record`,
			},
		},
		"record without entry": {
			func(s *storage.Store) { plant(t, s, place(a, 900, 3, str("x").Str("1")), nil) },
			[]string{`"1": index 3: the record's entry is missing`},
		},
		"entry of another record": {
			func(s *storage.Store) {
				key := place(a, 900, 1, str("1@A"))
				plant(t, s, key, storage.Wrap(key, 0, 0, str("2")))
			},
			[]string{`"1": index 1: the entry is out of step, or another record's`},
		},
		"entry that nobody wants": {
			func(s *storage.Store) {
				key := place(a, 900, 1, str("9@A"))
				plant(t, s, key, storage.Wrap(key, 0, 0, str("1")))
			},
			[]string{`"9@A": index 1: the record does not stand here`},
		},
		"unknown index": {
			func(s *storage.Store) {
				key := place(a, 900, 77, str("1"))
				plant(t, s, key, storage.Wrap(key, 0, 0, nil))
			},
			[]string{`no such index: 77`},
		},
		"unknown tables": {
			func(s *storage.Store) {
				for i := range 5 {
					key := place(a, 999, 0, str(strconv.Itoa(i)))
					plant(t, s, key, storage.Wrap(key, 0, 0, nil))
				}
				plant(t, s, place(b, 998, 0, nil), []byte("x"))
			},
			[]string{tenantA + `: table 999: "0": no such table`, tenantB + `: table 998: no such table`},
		},
		"record under another's key": {
			func(s *storage.Store) {
				key := place(a, 901, 0, str("2"))
				plant(t, s, key, storage.Wrap(key, 0, 0, []byte{0xa1, 0x01, 0x61, '1'}))
			},
			[]string{`notes: "2": stored data is damaged: stored under another record's key`},
		},
		"data key gone": {
			func(s *storage.Store) { plant(t, s, place(b, 3, 0, storage.Key(nil).Uint(0)), nil) },
			[]string{`people: "1": people: stored data is damaged: its scope has no data key`, `"2"`, `index 2`, `index 2`, `index 3`, `index 3`},
		},
		"counter": {
			func(s *storage.Store) { plant(t, s, place(a, 904, 255, nil), []byte("12345678")) },
			[]string{`sequence 904: stored data is damaged`},
		},
		"no scope": {
			func(s *storage.Store) { plant(t, s, []byte{3, 1}, []byte("x")) },
			[]string{`0301: a key of no scope`},
		},
		"blob use without reference": {
			func(s *storage.Store) {
				for key := range raw(t, s) {
					if strings.HasPrefix(key, string(place(a, 6, 0, nil))) {
						plant(t, s, []byte(key), nil)
					}
				}
			},
			[]string{`blob use`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := storagetest.Open(t, people, notes)
			for _, sc := range []storage.Scope{a, b} {
				put(t, s, sc,
					person{ID: "1", Email: "1@" + sc.ID()[:1], Born: 1, Tags: []string{"x", "y"}}, person{ID: "2", Born: 2})
				update(t, s, sc, func(tx *storage.Tx) error {
					_, err := storage.NewSequence(904).Next(tx)
					return err
				})
				ref(t, s, sc, putBlob(t, s, "blob"))
			}
			tc.harm(s)
			got := findings(t, s)
			for i, f := range got {
				if i >= len(tc.want) || !strings.Contains(f.String(), tc.want[i]) {
					t.Errorf("finding %d: %s, want %q", i, f, tc.want[min(i, len(tc.want)):])
				}
			}
			if len(got) < len(tc.want) {
				t.Errorf("%d findings, want %d: %q", len(got), len(tc.want), tc.want)
			}
		})
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	s := storagetest.Open(t, people)
	fill(t, s, 300, storage.Within(tenantA), storage.Within(tenantB))
	for steps := 0; ; steps++ {
		err := s.Check(&fuse{t.Context(), steps}, func(f storage.Finding) { t.Errorf("after %d steps: %s", steps, f) }, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d steps: %v, want Canceled", steps, err)
		}
	}
}

// Check works while others write, and sees each page in one state.
func TestCheckUnderLoad(t *testing.T) {
	s := storagetest.Open(t, people, notes)
	a := storage.Within(tenantA)
	for i := range 20 {
		update(t, s, a, func(tx *storage.Tx) error {
			for j := range 100 {
				if err := notes.Put(tx, &note{Title: fmt.Sprint(i, j)}); err != nil {
					return err
				}
			}
			return people.Put(tx, &person{ID: strconv.Itoa(i)})
		})
	}
	stop, stopped := make(chan bool), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := s.Update(t.Context(), a, func(tx *storage.Tx) error {
				id := strconv.Itoa(i % 20)
				if i%3 == 0 {
					return people.Delete(tx, storage.Key(nil).Str(id))
				}
				return people.Put(tx, &person{ID: id, Email: strconv.Itoa(i), Born: uint64(i), Tags: []string{strconv.Itoa(i % 7)}})
			}); err != nil {
				stopped <- err
				return
			}
		}
	}()
	var last storage.Progress
	for range 10 {
		clean(t, s)
	}
	if err := s.Check(t.Context(), func(storage.Finding) {}, func(p storage.Progress) { last = p }); err != nil {
		t.Error(err)
	}
	if last.Records < 2000 || last.Bytes < 2000*30 {
		t.Errorf("progress at the end: %+v", last)
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
