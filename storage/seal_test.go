package storage_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

func TestSealedIsNotReadable(t *testing.T) {
	s := storagetest.Open(t, people, notes)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	secret := "a very secret address"
	update(t, s, a, func(tx *storage.Tx) error {
		if err := people.Put(tx, &person{ID: "1", Tags: []string{"key"}, Email: ""}); err != nil {
			return err
		}
		return notes.Put(tx, &note{Title: "open", Text: secret})
	})
	// The unique index would have it as its key, so it goes into the record and a covering row only.
	sealedNotes := storage.NewTable(storage.Declaration[note]{
		ID: 905, Name: "sealed notes", Sealed: true, Key: func(n *note) storage.Key { return storage.Key(nil).Str(n.Title) },
	})
	byTitle := storage.NewIndex(sealedNotes, 1,
		func(n *note) []storage.Key { return []storage.Key{storage.Key(nil).Str(n.Title)} },
		func(n *note) note { return *n })
	for _, sc := range []storage.Scope{storage.Node(), a, b} {
		update(t, s, sc, func(tx *storage.Tx) error { return sealedNotes.Put(tx, &note{Title: "t", Text: secret}) })
		view(t, s, sc, func(tx *storage.Tx) error {
			for e, err := range byTitle.Scan(tx, storage.Range{}) {
				if err != nil || e.Row.Text != secret {
					t.Errorf("covering row: %+v, %v", e, err)
				}
			}
			n, err := sealedNotes.Get(tx, storage.Key(nil).Str("t"))
			if n.Text != secret {
				t.Errorf("record: %+v", n)
			}
			return err
		})
	}
	var visible int
	for _, value := range raw(t, s) {
		if bytes.Contains(value, []byte(secret)) {
			visible++
		}
	}
	if visible != 1 {
		t.Errorf("%d values show the secret, want only the note that is not sealed", visible)
	}
}

// A sealed value belongs to its place: moved to another key or scope, or replaced by an open one, it is damaged.
func TestSealedValueStaysInItsPlace(t *testing.T) {
	s := storagetest.Open(t, people)
	a, b := storage.Within(tenantA), storage.Within(tenantB)
	put(t, s, a, person{ID: "1", Email: "1@x"}, person{ID: "2", Email: "2@x"})
	put(t, s, b, person{ID: "1", Email: "b@x"})
	record := func(sc storage.Scope, id string) []byte {
		return append(append(storage.Prefix(sc), 900>>8, 900&0xff, 0), storage.Key(nil).Str(id)...)
	}
	one, two, other := record(a, "1"), record(a, "2"), record(b, "1")
	_, _, sealed, err := storage.Unwrap(one, raw(t, s)[string(one)])
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte{0xa1, 0x01, 0x61, '1'}
	for name, planted := range map[string]struct {
		sc    storage.Scope
		key   []byte
		id    string
		flags byte
		what  []byte
	}{
		"under another key":     {a, two, "2", 1, sealed},
		"in another scope":      {b, other, "1", 1, sealed},
		"replaced by an open":   {a, one, "1", 0, plain},
		"cut short":             {a, one, "1", 1, sealed[:5]},
		"replaced by something": {a, one, "1", 1, plain},
	} {
		plant(t, s, planted.key, storage.Wrap(planted.key, 0, planted.flags, planted.what))
		err := s.View(t.Context(), planted.sc, func(tx *storage.Tx) error {
			_, err := people.Get(tx, storage.Key(nil).Str(planted.id))
			return err
		})
		if !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

func TestParseMasterKey(t *testing.T) {
	key := bytes.Repeat([]byte{7, 200}, 16)
	for _, text := range []string{
		hex.EncodeToString(key), " " + hex.EncodeToString(key) + "\n", base64.StdEncoding.EncodeToString(key) + "\r\n",
	} {
		if got, err := storage.ParseMasterKey(text); err != nil || !bytes.Equal(got, key) {
			t.Errorf("ParseMasterKey(%q) = %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "abc", hex.EncodeToString(key[:31]), hex.EncodeToString(key) + "00", strings.Repeat("x", 64)} {
		if got, err := storage.ParseMasterKey(text); !errors.Is(err, storage.ErrMasterKey) {
			t.Errorf("ParseMasterKey(%q) = %x, %v, want ErrMasterKey", text, got, err)
		}
	}
}

func TestMasterKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, storage.MasterKeyFile)
	s := onDisk(t, dir, people)
	put(t, s, storage.Within(tenantA), person{ID: "1"})
	derived := s.Derive(storage.Within(tenantA), "cookies")
	closed(t, s)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v, %v, want mode 0600", info, err)
	}
	good := read(t, path)
	write := func(text []byte, mode os.FileMode) {
		if err := errors.Join(os.WriteFile(path, text, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(name string, o storage.Options) {
		t.Helper()
		s, err := storage.Open(t.Context(), o)
		if !errors.Is(err, storage.ErrMasterKey) {
			t.Errorf("%s: %v, want ErrMasterKey", name, err)
		}
		if err == nil {
			closed(t, s)
		}
	}
	o := storage.Options{Dir: dir, MinFree: 1 << 20, Tables: []storage.Declared{people}}
	write(good[:40], 0o600)
	refused("cut short", o)
	write(good, 0o640)
	refused("readable for others", o)
	write([]byte(strings.Repeat("ab", 32)), 0o600)
	refused("another key", o)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused("no key", o)
	o.MasterKey = make([]byte, 16)
	refused("short key from options", o)
	o.MasterKey = make([]byte, 32)
	refused("wrong key from options", o)

	if o.MasterKey, err = storage.ParseMasterKey(string(good)); err != nil {
		t.Fatal(err)
	}
	s = opened(t, o)
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made although the key came from options")
	}
	if !bytes.Equal(derived, s.Derive(storage.Within(tenantA), "cookies")) {
		t.Error("a derived secret changed over a restart")
	}
	clean(t, s)
	closed(t, s)
}

// A store without its keyring is not taken for a new one.
func TestKeyringIsMissing(t *testing.T) {
	dir := t.TempDir()
	s := onDisk(t, dir, people)
	put(t, s, storage.Within(tenantA), person{ID: "1"})
	plant(t, s, place(storage.Node(), 2, 0, storage.Key(nil).Uint(0)), nil)
	closed(t, s)
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir, MinFree: 1 << 20}); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("Open without a keyring: %v, want ErrCorrupt", err)
	}
}

func TestDerive(t *testing.T) {
	s := storagetest.Open(t)
	seen := map[string]bool{}
	for _, sc := range []storage.Scope{storage.Node(), storage.Within(tenantA), storage.Within(tenantB)} {
		for _, purpose := range []string{"", "a", "b", "ab"} {
			key := s.Derive(sc, purpose)
			if len(key) != 32 || seen[string(key)] || !bytes.Equal(key, s.Derive(sc, purpose)) {
				t.Errorf("Derive(%q, %q) = %x: not 32 bytes, not the same again, or another's", sc.ID(), purpose, key)
			}
			seen[string(key)] = true
		}
	}
}

func TestRotateMaster(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, storage.MasterKeyFile)
	s := onDisk(t, dir, people)
	put(t, s, storage.Within(tenantA), person{ID: "1"})
	put(t, s, storage.Node(), person{ID: "2"})
	derived := s.Derive(storage.Node(), "x")
	before := read(t, path)
	next := bytes.Repeat([]byte{9}, 32)
	if err := s.RotateMaster(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := s.RotateMaster(t.Context(), next); !errors.Is(err, storage.ErrMasterKey) {
		t.Errorf("the same key again: %v, want ErrMasterKey", err)
	}
	put(t, s, storage.Within(tenantB), person{ID: "3"})
	clean(t, s)
	closed(t, s)
	if got := strings.TrimSpace(string(read(t, path))); got != hex.EncodeToString(next) {
		t.Errorf("the file has %s", got)
	}
	old, err := storage.ParseMasterKey(string(before))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir, MinFree: 1 << 20, MasterKey: old}); !errors.Is(err, storage.ErrMasterKey) {
		t.Errorf("the old key still opens the store: %v", err)
	}
	s = onDisk(t, dir, people)
	clean(t, s)
	if !bytes.Equal(derived, s.Derive(storage.Node(), "x")) {
		t.Error("a derived secret changed with the master key")
	}
}

// However far a change of the master key got, the next start finishes it.
func TestRotateMasterInterrupted(t *testing.T) {
	const tenants = 150 // more than one batch
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	scope := func(i int) storage.Scope { return storage.Within(fmt.Sprintf("%026d", i)) }
	for _, withNew := range []bool{false, true} {
		dir := t.TempDir()
		o := storage.Options{Dir: dir, MinFree: 1 << 20, MasterKey: first, Tables: []storage.Declared{people}}
		s := opened(t, o)
		for i := range tenants {
			put(t, s, scope(i), person{ID: "1", Email: strconv.Itoa(i)})
		}
		old, next := first, second
		for steps, done := 1, false; !done; steps += 150 {
			err := s.RotateMaster(&fuse{t.Context(), steps}, next)
			done = err == nil
			closed(t, s)
			if o.MasterKey = old; withNew {
				o.MasterKey = next
			}
			if s, err = storage.Open(t.Context(), o); err != nil && !done && withNew == bytes.Equal(o.MasterKey, next) {
				o.MasterKey = old // it had not begun
				s, err = storage.Open(t.Context(), o)
			}
			if done && !withNew {
				if !errors.Is(err, storage.ErrMasterKey) {
					t.Errorf("the old key after the change: %v, want ErrMasterKey", err)
				}
				o.MasterKey = next
				s, err = storage.Open(t.Context(), o)
			}
			if err != nil {
				t.Fatalf("after %d steps: %v", steps, err)
			}
			for i := range tenants {
				view(t, s, scope(i), func(tx *storage.Tx) error {
					_, err := people.Get(tx, storage.Key(nil).Str("1"))
					return err
				})
			}
			closed(t, s)
			// Whatever it was: from here on exactly one of the two keys opens the store, and the next round begins there.
			o.MasterKey = next
			if s, err = storage.Open(t.Context(), o); errors.Is(err, storage.ErrMasterKey) {
				o.MasterKey = old
				s, err = storage.Open(t.Context(), o)
			} else {
				old, next = next, old
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		closed(t, s)
	}
}
