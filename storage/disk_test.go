package storage_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/engine"
)

// onDisk opens a store in dir. It is closed when the test ends, or before.
func onDisk(tb testing.TB, dir string, tables ...storage.Declared) *storage.Store {
	tb.Helper()
	return opened(tb, storage.Options{Dir: dir, MinFree: 1 << 20, Tables: tables})
}

func opened(tb testing.TB, o storage.Options) *storage.Store {
	tb.Helper()
	s, err := storage.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func closed(tb testing.TB, s *storage.Store) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

// raw is everything that the engine keeps for the store, key by key.
func raw(tb testing.TB, s *storage.Store) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	err := s.Engine().View(tb.Context(), func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: []byte{1}}) {
			if err != nil {
				return err
			}
			all[string(it.Key)] = bytes.Clone(it.Value)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// plant writes below the tables; a nil value deletes.
func plant(tb testing.TB, s *storage.Store, key, value []byte) {
	tb.Helper()
	err := s.Engine().Update(tb.Context(), func(t engine.Txn) error {
		if value == nil {
			return t.Delete(key)
		}
		return t.Set(key, value, never)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// fuse is a context that ends when it was asked a number of times: it interrupts work at every place in turn.
type fuse struct {
	context.Context
	left int
}

func (f *fuse) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

func read(tb testing.TB, path ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
