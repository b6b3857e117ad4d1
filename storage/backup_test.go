package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/engine"
)

var numbers = storage.NewSequence(910)

// furnished is a store on disk with something of everything in it, and the options that open it.
func furnished(t *testing.T) (*storage.Store, storage.Options) {
	t.Helper()
	o := storage.Options{
		Dir: t.TempDir(), MinFree: 1 << 20, MasterKey: bytes.Repeat([]byte{5}, 32), Tables: []storage.Declared{people, notes, leases},
	}
	s := opened(t, o)
	for i, sc := range []storage.Scope{storage.Within(tenantA), storage.Within(tenantB), storage.Node()} {
		fill(t, s, 50+i, sc)
		ref(t, s, sc, putBlob(t, s, "blob of "+sc.ID()))
		update(t, s, sc, func(tx *storage.Tx) error {
			for range 3 + i {
				if _, err := numbers.Next(tx); err != nil {
					return err
				}
			}
			return errors.Join(
				leases.Put(tx, &lease{"long", time.Now().Add(time.Hour)}),
				notes.Put(tx, &note{Title: "large", Text: strings.Repeat("large ", 50_000)}),
			)
		})
	}
	return s, o
}

func backedUp(t *testing.T, s *storage.Store) ([]byte, storage.Manifest) {
	t.Helper()
	var out bytes.Buffer
	m, err := s.Backup(t.Context(), &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), m
}

func TestBackupAndRestore(t *testing.T) {
	s, o := furnished(t)
	want := raw(t, s)
	revision, err := s.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var saved, loaded storage.Progress
	m, err := s.Backup(t.Context(), &out, func(p storage.Progress) { saved = p })
	if err != nil {
		t.Fatal(err)
	}
	if m.Records != int64(len(want)) || m.Blobs != 4 || m.LostBlobs+m.Damaged != 0 || m.Revision != revision || len(m.SHA256) != 64 {
		t.Errorf("manifest %+v, want %d records, 4 blobs, revision %d", m, len(want), revision)
	}
	derived := s.Derive(storage.Node(), "x")

	o.Dir = filepath.Join(t.TempDir(), "new", "folder")
	got, err := storage.Restore(t.Context(), o, &out, func(p storage.Progress) { loaded = p })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("the restored manifest differs: %s", diff)
	}
	whole := storage.Progress{Records: m.Records, Bytes: m.Bytes, Blobs: m.Blobs}
	if saved != whole || loaded != whole {
		t.Errorf("progress ends at %+v and %+v, want %+v", saved, loaded, whole)
	}
	r := opened(t, o)
	if diff := cmp.Diff(want, raw(t, r)); diff != "" {
		t.Errorf("the restored store differs: %s", diff)
	}
	clean(t, r)
	if !bytes.Equal(derived, r.Derive(storage.Node(), "x")) {
		t.Error("derived secrets differ")
	}
	update(t, r, storage.Within(tenantB), func(tx *storage.Tx) error {
		n, err := numbers.Next(tx)
		if n != 5 {
			t.Errorf("the sequence goes on at %d, want 5", n)
		}
		return err
	})
	if err := r.Follow(t.Context(), revision, func([]storage.Change) error { return nil }); !errors.Is(err, storage.ErrTruncated) {
		t.Errorf("a follower of the old store: %v, want ErrTruncated", err)
	}
	put(t, r, storage.Node(), person{ID: "new"})
	if now, err := r.Revision(t.Context()); err != nil || now <= revision+1_000_000 {
		t.Errorf("the feed goes on at %d, %v, want far behind %d", now, err, revision)
	}
	if s, err := storage.Restore(t.Context(), o, bytes.NewReader(nil), nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restore over a store: %+v, %v", s, err)
	}
}

// A backup carries when each record ends.
func TestBackupKeepsExpiry(t *testing.T) {
	s, o := furnished(t)
	saved, _ := backedUp(t, s)
	o.Dir = t.TempDir()
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); err != nil {
		t.Fatal(err)
	}
	before, after := expiries(t, s), expiries(t, opened(t, o))
	if len(before) != 3 || len(after) != len(before) {
		t.Fatalf("%d records end in the restored store, %d in the old one, want 3", len(after), len(before))
	}
	for i, at := range before {
		if late := after[i].Sub(at); late < 0 || late > time.Second {
			t.Errorf("record %d ends %s later than in the old store", i, late)
		}
	}
}

// expiries are when the records end that do.
func expiries(t *testing.T, s *storage.Store) (all []time.Time) {
	t.Helper()
	err := s.Engine().View(t.Context(), func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: []byte{1}}) {
			if err != nil {
				return err
			}
			if !it.Expires.IsZero() {
				all = append(all, it.Expires)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever happens to a backup's bytes, nothing of it counts as restored.
func TestDamagedBackup(t *testing.T) {
	s, o := furnished(t)
	good, _ := backedUp(t, s)
	key := o.MasterKey
	refused := func(name string, b []byte) {
		t.Helper()
		o.Dir = t.TempDir()
		_, err := storage.Restore(t.Context(), o, bytes.NewReader(b), nil)
		if err == nil {
			t.Errorf("%s: restored", name)
		}
		if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
	for i := 0; i < len(good); i += len(good)/10 + 1 {
		refused(fmt.Sprint("cut at ", i), good[:i])
		b := bytes.Clone(good)
		b[i] ^= 1
		refused(fmt.Sprint("flipped bit at ", i), b)
	}
	for i := 1; i < 16; i += 5 {
		refused(fmt.Sprint("cut before the end by ", i), good[:len(good)-i])
	}
	refused("something behind it", append(bytes.Clone(good), 0))
	refused("twice", append(bytes.Clone(good), good...))
	refused("something else", []byte("PK\x03\x04 and more that is no backup"))
	o.MasterKey = make([]byte, 32)
	refused("for another key", good)
	o.MasterKey = nil
	refused("for no key", good)
	o.MasterKey = key
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(good), nil); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func FuzzBackupRecords(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), int64(0), []byte{1, 'k', 1, 'v', 0})
	f.Add([]byte{}, []byte{}, int64(1_800_000_000_000), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, key, value []byte, ms int64, wild []byte) {
		want := engine.Item{Key: key, Value: value}
		if ms > 0 {
			want.Expires = time.UnixMilli(ms)
		}
		b := storage.AppendRecord(storage.AppendRecord(nil, want), engine.Item{Key: value, Value: key})
		items, err := storage.ReadRecords(b)
		if err != nil || len(items) != 2 || !bytes.Equal(items[0].Key, key) || !bytes.Equal(items[1].Value, key) ||
			!bytes.Equal(items[0].Value, value) || !items[0].Expires.Equal(want.Expires) {
			t.Errorf("%+v came back as %+v, %v", want, items, err)
		}
		if items, err := storage.ReadRecords(wild); err == nil { // and no panic, and nothing made up
			n := 0
			for _, it := range items {
				n += len(it.Key) + len(it.Value)
			}
			if n > len(wild) {
				t.Errorf("%x has %d bytes of records", wild, n)
			}
		}
	})
}

func TestRestoreNeedsTheKey(t *testing.T) {
	dir := t.TempDir()
	s := onDisk(t, dir, people)
	put(t, s, storage.Node(), person{ID: "1"})
	saved, _ := backedUp(t, s)
	o := storage.Options{Dir: t.TempDir(), MinFree: 1 << 20, Tables: []storage.Declared{people}}
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); !errors.Is(err, storage.ErrMasterKey) {
		t.Errorf("without a key: %v, want ErrMasterKey", err)
	}
	other := bytes.Repeat([]byte{3}, 32)
	o.MasterKey = other
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); !errors.Is(err, storage.ErrMasterKey) {
		t.Errorf("with another key: %v, want ErrMasterKey", err)
	}
	o.MasterKey = nil
	key := read(t, dir, storage.MasterKeyFile)
	if bytes.Contains(saved, key[:16]) {
		t.Error("the backup has the master key")
	}
	if err := os.WriteFile(filepath.Join(o.Dir, storage.MasterKeyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); err != nil {
		t.Fatal(err)
	}
	clean(t, opened(t, o))

	var ran []int
	newer := storage.Options{Dir: t.TempDir(), MinFree: 1 << 20, MasterKey: other, Migrations: migrations(2, 0, &ran)}
	saved, _ = backedUp(t, opened(t, newer))
	newer.Dir, newer.Migrations = t.TempDir(), newer.Migrations[:1]
	if _, err := storage.Restore(t.Context(), newer, bytes.NewReader(saved), nil); !errors.Is(err, storage.ErrNewer) {
		t.Errorf("into an older program: %v, want ErrNewer", err)
	}
}

// A restore that was killed leaves a folder that nobody takes for a store.
func TestRestoreInterrupted(t *testing.T) {
	s, o := furnished(t)
	saved, _ := backedUp(t, s)
	o.Dir = t.TempDir()
	half := filepath.Join(o.Dir, "restoring")
	if err := errors.Join(os.Mkdir(half, 0o700), os.WriteFile(filepath.Join(half, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Errorf("open what is half restored: %v", err)
	}
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); err != nil {
		t.Fatal(err)
	}
	clean(t, opened(t, o))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Dir = t.TempDir()
	if _, err := storage.Restore(ctx, o, bytes.NewReader(saved), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v, want Canceled", err)
	}
}

// What is damaged or lost already does not keep the rest from being saved.
func TestBackupOfDamagedStore(t *testing.T) {
	s, o := furnished(t)
	key := place(storage.Within(tenantA), 901, 0, storage.Key(nil).Str("large"))
	plant(t, s, key, []byte("not what it was"))
	for _, hit := range []string{"blob of " + tenantA, "blob of " + tenantB} {
		sum := putBlob(t, s, hit).String()
		path := filepath.Join(o.Dir, "blobs", sum[:2], sum[2:4], sum)
		err := os.Remove(path)
		if hit == "blob of "+tenantB {
			err = os.WriteFile(path, []byte("x"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	before := findings(t, s)
	saved, m := backedUp(t, s)
	if m.Damaged != 1 || m.LostBlobs != 2 || m.Blobs != 2 || len(before) != 3 {
		t.Errorf("manifest %+v, findings %v: want 1 damaged record, 2 lost blobs, 2 whole ones", m, before)
	}
	o.Dir = t.TempDir()
	if _, err := storage.Restore(t.Context(), o, bytes.NewReader(saved), nil); err != nil {
		t.Fatal(err)
	}
	if after := findings(t, opened(t, o)); len(after) != 3 {
		t.Errorf("findings in the restored store: %v, want the same three", after)
	}
}

// A backup is one moment of the store, however long it takes and whatever is written meanwhile.
func TestBackupUnderLoad(t *testing.T) {
	s, o := furnished(t)
	stop, stopped := make(chan bool), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			// Both tenants get the same number in one transaction.
			if err := s.Update(t.Context(), storage.Node(), func(tx *storage.Tx) error {
				p := person{ID: "both", Email: fmt.Sprint("b", i), Born: uint64(i), Tags: []string{strconv.Itoa(i % 9)}}
				return errors.Join(
					people.Put(tx.Tenant(tenantA), &p), people.Put(tx.Tenant(tenantB), &p),
					notes.Put(tx, &note{Title: strconv.Itoa(i), Text: strings.Repeat("x", 1000)}),
				)
			}); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 3 {
		from, to := io.Pipe()
		go func() {
			_, err := s.Backup(t.Context(), to, nil)
			to.CloseWithError(err)
		}()
		o.Dir = t.TempDir()
		if _, err := storage.Restore(t.Context(), o, from, nil); err != nil {
			t.Fatal(err)
		}
		r := opened(t, o)
		clean(t, r)
		born := map[uint64]bool{}
		for _, sc := range []storage.Scope{storage.Within(tenantA), storage.Within(tenantB)} {
			view(t, r, sc, func(tx *storage.Tx) error {
				p, err := people.Get(tx, storage.Key(nil).Str("both"))
				born[p.Born] = true
				if errors.Is(err, storage.ErrNotFound) {
					return nil
				}
				return err
			})
		}
		if len(born) != 1 {
			t.Errorf("the two tenants are from different moments: %v", slices.Collect(maps.Keys(born)))
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
