package badger_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
)

type note struct {
	ID   string `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
}

var notes = storage.NewTable(storage.Declaration[note]{
	ID: 900, Name: "note", Key: func(n *note) storage.Key { return storage.Key(nil).Str(n.ID) },
})

const (
	tenantA = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	tenantB = "BBBBBBBBBBBBBBBBBBBBBBBBBB"
)

// TestFlippedBitAtRest flips one bit at a time in the files of a store that is not open. What is in tables, or was
// acknowledged before the last transaction of a write-ahead log, is either right afterwards or an error, never wrong and
// never gone. The last transaction of a log may be gone: it looks as if a crash had cut it off.
func TestFlippedBitAtRest(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{".sst", ".mem", ".vlog"} {
		t.Run(ext[1:], func(t *testing.T) {
			dir := t.TempDir()
			written := written(t, dir, ext == ".mem")
			refused := 0
			for range 20 {
				flip(t, dir, ext, func() {
					s, err := openNotes(t, dir)
					if err != nil {
						refused++
						return
					}
					if wrong := compare(t, s, written); len(wrong) > 0 {
						t.Errorf("%q", wrong)
					}
					if err := s.Close(); err != nil {
						t.Log(err)
					}
				})
			}
			t.Logf("%d of 20 flips refused at open", refused)
		})
	}
}

// TestFlippedBitUnderway flips bits in the tables of an open store: no read is ever wrong, and Check finds each.
func TestFlippedBitUnderway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	written := written(t, dir, false)
	s, err := openNotes(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for range 25 {
		flip(t, dir, ".sst", func() {
			for _, wrong := range compare(t, s, written) {
				if !strings.HasPrefix(wrong, "gone") {
					t.Error(wrong)
				}
				hidden++
			}
			found := 0
			err := s.Check(t.Context(), func(storage.Finding) { found++ }, nil)
			if err == nil && found == 0 {
				t.Error("Check found nothing")
			}
		})
	}
	t.Logf("%d reads missed something until Check found it", hidden)
	if wrong := compare(t, s, written); len(wrong) > 0 {
		t.Errorf("after all was put right: %q", wrong)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// written makes a store with notes of two tenants and returns them. The files are those of a store that was closed, or
// that is cut off with all in its log.
func written(t *testing.T, dir string, cutOff bool) map[string]string {
	t.Helper()
	live := t.TempDir()
	s, err := openNotes(t, live)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	put := func(from, to int) {
		for _, tenant := range []string{tenantA, tenantB} {
			if err := s.Update(t.Context(), storage.Within(tenant), func(tx *storage.Tx) error {
				for i := from; i < to; i++ {
					n := note{ID: strconv.Itoa(i), Text: strings.Repeat(tenant[:1]+fmt.Sprint(i, "-"), 20)}
					want[tenant+n.ID] = n.Text
					if err := notes.Put(tx, &n); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for at := 0; at < 500; at += 50 {
		put(at, at+50)
	}
	if cutOff {
		// The last transactions of the log say nothing that anybody compares.
		for range 2 {
			if err := s.Update(t.Context(), storage.Within(tenantB), func(tx *storage.Tx) error {
				return notes.Put(tx, &note{ID: "last"})
			}); err != nil {
				t.Fatal(err)
			}
		}
		copyFiles(t, live, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !cutOff {
		copyFiles(t, live, dir)
	}
	return want
}

func openNotes(t *testing.T, dir string) (*storage.Store, error) {
	t.Helper()
	return storage.Open(t.Context(), storage.Options{Dir: dir, Tables: []storage.Declared{notes}})
}

// compare reads all notes in both ways and tells what is wrong or gone. A scan that fails has told that something is gone.
func compare(t *testing.T, s *storage.Store, want map[string]string) (wrong []string) {
	t.Helper()
	for _, tenant := range []string{tenantA, tenantB} {
		seen := map[string]bool{}
		failed := false
		err := s.View(t.Context(), storage.Within(tenant), func(tx *storage.Tx) error {
			for n, err := range notes.Scan(tx, storage.Range{}) {
				if err != nil {
					failed = true
					return err
				}
				seen[tenant+n.ID] = true
				if n.ID != "last" && n.Text != want[tenant+n.ID] {
					wrong = append(wrong, fmt.Sprintf("wrong in scan: %s %.20q", n.ID, n.Text))
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("scan: %v, want ErrCorrupt", err)
		}
		for _, k := range slices.Sorted(maps.Keys(want)) {
			id, mine := strings.CutPrefix(k, tenant)
			if !mine {
				continue
			}
			if !failed && !seen[k] {
				wrong = append(wrong, "gone from scan: "+k)
			}
			if w := compareOne(t, s, tenant, id, want[k]); w != "" {
				wrong = append(wrong, w)
			}
		}
	}
	return wrong
}

func compareOne(t *testing.T, s *storage.Store, tenant, id, want string) (wrong string) {
	t.Helper()
	err := s.View(t.Context(), storage.Within(tenant), func(tx *storage.Tx) error {
		n, err := notes.Get(tx, storage.Key(nil).Str(id))
		if err == nil && (n.ID != id || n.Text != want) {
			wrong = fmt.Sprintf("wrong: %s %.20q", n.ID, n.Text)
		}
		return err
	})
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return "gone: " + tenant + id
	case err != nil && !errors.Is(err, storage.ErrCorrupt):
		t.Errorf("get: %v, want ErrCorrupt", err)
	}
	return wrong
}

// flip changes one random bit in a file that ends in ext, among the bytes that are used, for as long as do runs, and then
// puts the folder back to what it was.
func flip(t *testing.T, dir, ext string, do func()) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "badger", "*"+ext))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s file in %s: %v", ext, dir, err)
	}
	name := files[rand.IntN(len(files))]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	used := len(strings.TrimRight(string(data), "\x00"))
	if ext == ".sst" {
		used = len(data)
	}
	at, bit := rand.IntN(used), byte(1)<<rand.IntN(8)
	if ext == ".mem" && at >= lastOf(data[:used]) {
		return
	}
	if ext != ".sst" { // opening changes these
		kept := t.TempDir()
		copyFiles(t, dir, kept)
		defer func() {
			if err := os.RemoveAll(filepath.Join(dir, "badger")); err != nil {
				t.Fatal(err)
			}
			copyFiles(t, kept, dir)
		}()
	}
	put := func(b byte) {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte{b}, int64(at))
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	put(data[at] ^ bit)
	do()
	if ext == ".sst" {
		put(data[at])
	}
	if t.Failed() {
		t.Fatalf("bit %08b of byte %d of %s, %d bytes", bit, at, name, used)
	}
}

// lastOf is where the last two transactions of a write-ahead log begin, or a little before.
func lastOf(journal []byte) int {
	const end = "!badger!txn"
	last := strings.LastIndex(string(journal), end)
	return strings.LastIndex(string(journal[:strings.LastIndex(string(journal[:last]), end)]), end)
}

func copyFiles(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Join(to, "badger"), 0o700); err != nil {
		tb.Fatal(err)
	}
	for _, pattern := range []string{"*", "badger/*"} {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			tb.Fatal(err)
		}
		for _, name := range files {
			info, err := os.Stat(name)
			if err != nil {
				tb.Fatal(err)
			}
			if info.IsDir() || info.Name() == "ballast" {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				tb.Fatal(err)
			}
			rel, err := filepath.Rel(from, name)
			if err != nil {
				tb.Fatal(err)
			}
			// The empty rest of what is mapped into memory is left out.
			data = append([]byte(strings.TrimRight(string(data), "\x00")), 0, 0, 0, 0)
			if len(data) > int(info.Size()) {
				data = data[:info.Size()]
			}
			if err := os.WriteFile(filepath.Join(to, rel), data, 0o600); err != nil {
				tb.Fatal(err)
			}
		}
	}
}
