// Package storagetest opens throw-away stores for tests, and holds the suite that every storage engine has to pass.
package storagetest

import (
	"testing"

	"github.com/deskgate/deskgate/storage"
)

// Open returns a new in-memory store that is closed when the test ends. It works inside a synctest bubble.
func Open(tb testing.TB, tables ...storage.Declared) *storage.Store {
	tb.Helper()
	s, err := storage.Open(tb.Context(), storage.Options{InMemory: true, Tables: tables})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
		s = nil // package testing keeps this function until the last parallel test has ended
	})
	return s
}
