package badger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

func TestDiskFull(t *testing.T) {
	const mb = 1_000_000
	var free atomic.Int64
	free.Store(1000 * mb)
	o := badger.Options{
		Dir: t.TempDir(), MinFree: 160 * mb,
		FreeSpace: func(string) (int64, error) { return free.Load(), nil },
	}
	e := open(t, o)
	ballast := filepath.Join(o.Dir, "badger", "ballast")
	check := func(now int64, writable, wantBallast bool) {
		t.Helper()
		free.Store(now)
		err := e.Update(t.Context(), func(tx engine.Txn) error { return tx.Append(nil) })
		if writable && err != nil || !writable && !errors.Is(err, engine.ErrReadOnly) {
			t.Errorf("%d MB free: Update = %v, want it to write: %t", now/mb, err, writable)
		}
		if health := e.Health(); (health == nil) != writable {
			t.Errorf("%d MB free: Health = %v", now/mb, health)
		}
		if _, err := os.Stat(ballast); (err == nil) != wantBallast {
			t.Errorf("%d MB free: ballast: %v, want it there: %t", now/mb, err, wantBallast)
		}
		if _, err := e.Log(t.Context(), 0, 1); err != nil {
			t.Errorf("%d MB free: reading: %v", now/mb, err)
		}
	}
	check(1000*mb, true, true)
	check(160*mb, true, true)
	check(159*mb, false, false)
	check(0, false, false)
	check(200*mb, false, false) // 40 MB of it are the ballast's
	check(219*mb, false, false)
	check(221*mb, true, true)
	check(10*mb, false, false)
	if err := e.Health(); err == nil || !strings.Contains(err.Error(), "10 MB free") || !strings.Contains(err.Error(), "160 MB") {
		t.Errorf("Health = %v, want the numbers", err)
	}
	wantRevision(t, e, 3)
}

func TestDiskFullAtOpen(t *testing.T) {
	const mb = 1_000_000
	free := int64(1000 * mb)
	o := badger.Options{
		Dir: t.TempDir(), MinFree: 160 * mb,
		FreeSpace: func(string) (int64, error) { return free, nil },
	}
	e, err := badger.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "kept")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// The ballast makes room for opening, though not for writing.
	free = 10 * mb
	e, err = badger.Open(o)
	if err != nil {
		t.Fatalf("Open with a ballast to let go: %v", err)
	}
	wantRevision(t, e, 1)
	if err := e.Update(t.Context(), func(tx engine.Txn) error { return tx.Append(nil) }); !errors.Is(err, engine.ErrReadOnly) {
		t.Errorf("Update = %v, want ErrReadOnly", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = badger.Open(o)
	if !errors.Is(err, engine.ErrReadOnly) || !strings.Contains(err.Error(), "10 MB free") {
		t.Errorf("Open without a ballast = %v, want ErrReadOnly with the numbers", err)
	}
	free = 200 * mb
	e, err = badger.Open(o)
	if err != nil {
		t.Fatalf("Open with space again: %v", err)
	}
	put(t, e, "more")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
