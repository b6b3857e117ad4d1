package badger_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

// FuzzOpen puts anything in the place of one of Badger's files. The engine opens or says why not; either way the process
// lives.
func FuzzOpen(f *testing.F) {
	closed, crashed := f.TempDir(), f.TempDir()
	e, err := badger.Open(badger.Options{Dir: closed, MinFree: 1})
	if err != nil {
		f.Fatal(err)
	}
	for i := range byte(5) {
		if err := e.Update(f.Context(), func(tx engine.Txn) error {
			return errors.Join(tx.Append([]byte{i}), tx.Set([]byte{1, i}, bytes.Repeat([]byte{i}, 50), time.Time{}))
		}); err != nil {
			f.Fatal(err)
		}
	}
	copyFiles(f, closed, crashed)
	if err := e.Close(); err != nil {
		f.Fatal(err)
	}
	dirs := []string{closed, closed, crashed, crashed}
	for i, ext := range []string{"MANIFEST", ".sst", ".mem", ".vlog"} {
		data, err := os.ReadFile(fileOf(f, dirs[i], ext))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), data)
		f.Add(byte(i), data[:len(data)/2])
		f.Add(byte(i), append([]byte("x"), data...))
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		i := int(which) % len(dirs)
		dir := t.TempDir()
		copyFiles(t, dirs[i], dir)
		name := fileOf(t, dir, []string{"MANIFEST", ".sst", ".mem", ".vlog"}[i])
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := badger.Open(badger.Options{Dir: dir, MinFree: 1})
		if err != nil {
			return
		}
		_ = e.View(t.Context(), func(r engine.Reader) error {
			for _, err := range r.Scan(engine.Range{}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		_ = e.Verify(t.Context())
		_ = e.Close()
	})
}

func fileOf(tb testing.TB, dir, ext string) string {
	tb.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "badger"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ext) {
			return filepath.Join(dir, "badger", f.Name())
		}
	}
	tb.Fatalf("no %s in %s", ext, dir)
	return ""
}
