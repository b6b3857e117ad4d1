package badger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

const mb = 1_000_000

func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(1000 * mb)
		o := badger.Options{
			Dir: t.TempDir(), MinFree: 160 * mb,
			FreeSpace: func(string) (int64, error) { return free.Load(), nil },
		}
		e := open(t, o)
		writes := func(now int64, want bool) {
			t.Helper()
			free.Store(now)
			wantWritable(t, e, want && now >= 160*mb)
			time.Sleep(3 * time.Second)
			wantWritable(t, e, want)
			if _, err := e.Log(t.Context(), 0, 1); err != nil {
				t.Errorf("%d MB free: reading: %v", now/mb, err)
			}
		}
		writes(1000*mb, true)
		writes(160*mb, true)
		writes(159*mb, false)
		writes(179*mb, false)
		free.Store(181 * mb)
		time.Sleep(3 * time.Second)
		writes(181*mb, true)
		wantBallast(t, o.Dir, true)
		// Reading goes on while the database cannot be exchanged, and the ballast goes when the disk fills up meanwhile.
		if err := e.View(t.Context(), func(engine.Reader) error {
			writes(159*mb, false)
			wantBallast(t, o.Dir, true)
			writes(1*mb, false)
			wantBallast(t, o.Dir, false)
			return nil
		}); err != nil {
			t.Error(err)
		}
		writes(219*mb, false) // 40 of it are the ballast's
		if err := e.Health(); err == nil || !strings.Contains(err.Error(), "219 MB free") || !strings.Contains(err.Error(), "160 MB") {
			t.Errorf("Health = %v, want the numbers", err)
		}
		free.Store(221 * mb)
		time.Sleep(3 * time.Second)
		writes(221*mb, true)
		wantBallast(t, o.Dir, true)
	})
}

func TestDiskFullAtOpen(t *testing.T) {
	free := int64(1000 * mb)
	o := badger.Options{
		Dir: t.TempDir(), MinFree: 160 * mb,
		FreeSpace: func(string) (int64, error) { return free, nil },
	}
	reopen := func(writable bool) {
		t.Helper()
		e, err := badger.Open(o)
		if err != nil {
			t.Fatalf("%d MB free: Open = %v", free/mb, err)
		}
		if records, err := e.Log(t.Context(), 0, 1); err != nil || len(records) != 1 {
			t.Errorf("%d MB free: reading: %d records, %v", free/mb, len(records), err)
		}
		wantWritable(t, e, writable)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	e, err := badger.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "kept")
	crashed := t.TempDir()
	copyFiles(t, o.Dir, crashed)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	free = 0
	reopen(false) // what was closed can be read without any room
	free = 1000 * mb
	reopen(true)

	// What was not closed has to be played back, which takes room: the ballast's, if there is one.
	o.Dir = crashed
	free = 10 * mb
	_, err = badger.Open(o)
	if !errors.Is(err, engine.ErrReadOnly) || !strings.Contains(err.Error(), "10 MB free") {
		t.Errorf("Open without room = %v, want ErrReadOnly with the numbers", err)
	}
	if err := os.WriteFile(filepath.Join(crashed, "badger", "ballast"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	reopen(false)
	wantBallast(t, crashed, false)
	free = 1000 * mb
	reopen(true)
	wantBallast(t, crashed, true)
}

func wantWritable(t *testing.T, e engine.Engine, want bool) {
	t.Helper()
	err := e.Update(t.Context(), func(tx engine.Txn) error { return tx.Append(nil) })
	if want && err != nil || !want && !errors.Is(err, engine.ErrReadOnly) {
		t.Errorf("Update = %v, want it to write: %t", err, want)
	}
	if health := e.Health(); (health == nil) != want {
		t.Errorf("Health = %v, want writable: %t", health, want)
	}
}

func wantBallast(t *testing.T, dir string, want bool) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "badger", "ballast")); (err == nil) != want {
		t.Errorf("ballast: %v, want it there: %t", err, want)
	}
}

// TestStoreReadOnly opens a whole store on a disk that is nearly full.
func TestStoreReadOnly(t *testing.T) {
	dir := t.TempDir()
	want := written(t, dir, false)
	s, err := storage.Open(t.Context(), storage.Options{Dir: dir, MinFree: 1 << 60, Tables: []storage.Declared{notes}})
	if err != nil {
		t.Fatal(err)
	}
	if wrong := compare(t, s, want); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	err = s.Update(t.Context(), storage.Within(tenantA), func(tx *storage.Tx) error { return notes.Put(tx, &note{ID: "new"}) })
	if !errors.Is(err, storage.ErrReadOnly) || !errors.Is(s.Health(), storage.ErrReadOnly) {
		t.Errorf("Update = %v, Health = %v, want ErrReadOnly", err, s.Health())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
