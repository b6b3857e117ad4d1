package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

// Errors of the store. Callers test for them with errors.Is.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = engine.ErrNotFound
	// ErrExists: a record with this key, or with the same value of a unique index, is there already.
	ErrExists = errors.New("exists already")
	// ErrTooLarge: a key, a value or the whole transaction is larger than every engine can take.
	ErrTooLarge = engine.ErrTooLarge
	// ErrReadOnly: the store takes no writes; Health says why. Also: a write inside View.
	ErrReadOnly = engine.ErrReadOnly
	// ErrClosed: the store was closed.
	ErrClosed = engine.ErrClosed
	// ErrOutcomeUnknown: the connection to a remote engine broke during the commit.
	ErrOutcomeUnknown = engine.ErrOutcomeUnknown
	// ErrTruncated: the change feed no longer reaches back to the revision asked for: rebuild, then follow.
	ErrTruncated = engine.ErrTruncated
	// ErrCorrupt: what is stored under a key is not what was written there.
	ErrCorrupt = errors.New("stored data is damaged")
)

// Options say how to open a store. The zero value of each field is usable but for Dir (or InMemory).
type Options struct {
	// URL names the engine: "badger:" (the default) keeps the data in Dir.
	URL string
	// Dir is the node's data folder. It is made if it is not there.
	Dir string
	// InMemory keeps nothing on disk. For tests.
	InMemory bool
	// MasterKey seals the tenants' data keys: 32 bytes. Empty: Dir/master.key, made at the first start.
	MasterKey []byte
	// Memory bounds what the engine keeps in memory, in bytes. 0: 256 MiB.
	Memory int64
	// Tables are all tables of the program: Check and migrations walk over them.
	Tables []Declared
	// Migrations bring an older store up to date, in ascending order of their numbers.
	Migrations []Migration
	// Log takes what the store has to say. Nil: nothing is said.
	Log *slog.Logger
}

// Store is one open store. It is safe for concurrent use.
type Store struct {
	engine engine.Engine
	seals  *seals
	tables []Declared
	log    *slog.Logger
}

// Open opens the store, making it if nothing is there. Whoever opens it has to Close it.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := distinct(o.Tables); err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(o.URL, ":")
	if name != "" && name != "badger" {
		return nil, fmt.Errorf("storage engine %q is not known: use badger:", name)
	}
	master, err := masterKey(o)
	if err != nil {
		return nil, err
	}
	e, err := badger.Open(badger.Options{Dir: o.Dir, InMemory: o.InMemory, Memory: o.Memory, Log: o.Log})
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, seals: newSeals(master), tables: o.Tables, log: o.Log}
	if err := s.migrate(ctx, o.Migrations); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// View calls fn with a transaction that reads one snapshot of the scope. The snapshot holds everything that was
// acknowledged before the call.
func (s *Store) View(ctx context.Context, sc Scope, fn func(*Tx) error) error {
	return s.engine.View(ctx, func(r engine.Reader) error {
		return fn(newTx(s, sc, r, nil))
	})
}

// Update calls fn with a transaction that reads and writes the scope, and returns nil only when everything is on
// disk. fn may run several times and must do nothing but use the transaction. Any error but ErrOutcomeUnknown means that
// nothing was written.
func (s *Store) Update(ctx context.Context, sc Scope, fn func(*Tx) error) error {
	var last *Tx
	err := s.engine.Update(ctx, func(t engine.Txn) error {
		last = newTx(s, sc, t, t)
		if err := fn(last); err != nil {
			return err
		}
		return last.flush()
	})
	if err != nil {
		return err
	}
	for _, f := range last.shared.committed {
		f()
	}
	return nil
}

// Health is nil, or says why the store takes no writes at the moment.
func (s *Store) Health() error { return s.engine.Health() }

// Run does the store's background work until ctx ends.
func (s *Store) Run(ctx context.Context) error { return s.engine.Run(ctx) }

// Close ends the store.
func (s *Store) Close() error { return s.engine.Close() }
