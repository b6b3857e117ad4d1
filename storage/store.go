package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	ErrCorrupt = engine.ErrCorrupt
	// ErrInUse: another process has the data folder open.
	ErrInUse = engine.ErrInUse
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
	// MinFree is the free disk space, in bytes, below which the store is read-only. 0: 512 MB.
	MinFree int64
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
	blobs  *Blobs
	tables map[uint16]Declared
	log    *slog.Logger

	reads, writes latency
	observer      atomic.Pointer[Observer]
}

// ownTables are those that the store keeps for itself.
func ownTables() []Declared {
	return []Declared{schemaTable, keyrings, dataKeys, tombstones, feedMarks, blobRefs, blobUses}
}

// Open opens the store, making it if nothing is there. Whoever opens it has to Close it. ErrMasterKey, ErrNewer: the
// data is not for this key, or not for this program.
func Open(ctx context.Context, o Options) (*Store, error) {
	latest, err := newest(o.Migrations)
	if err != nil {
		return nil, err
	}
	if err := prepareDir(o); err != nil {
		return nil, err
	}
	s, err := openEngine(o) //nolint:contextcheck // an engine is not opened half-way
	if err != nil {
		return nil, err
	}
	if err := s.unlock(ctx, o, latest); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.migrate(ctx, o.Migrations); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Exists says whether a data folder has a store in it, or what is left of one that was being restored: Open would make a new
// one in any other.
func Exists(dir string) bool {
	for _, name := range []string{badger.Folder, blobsDir, restoringDir} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// prepareDir makes the data folder, and refuses one in which a restore was not finished.
func prepareDir(o Options) error {
	if o.InMemory {
		return nil
	}
	if o.Dir == "" {
		return errors.New("storage: no data folder was given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	half := filepath.Join(o.Dir, restoringDir)
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a restore into %s was not finished: restore again, or remove %s", o.Dir, half)
	}
	return nil
}

// openEngine opens the engine and what needs no keys.
func openEngine(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tables := map[uint16]Declared{}
	for _, t := range append(ownTables(), o.Tables...) {
		if other, twice := tables[t.ID()]; twice {
			return nil, fmt.Errorf("storage: tables %s and %s have one number", other.Name(), t.Name())
		}
		tables[t.ID()] = t
	}
	name, _, _ := strings.Cut(o.URL, ":")
	if name != "" && name != "badger" {
		return nil, fmt.Errorf("storage engine %q is not known, use %q", name, "badger:")
	}
	e, err := badger.Open(badger.Options{Dir: o.Dir, InMemory: o.InMemory, Memory: o.Memory, MinFree: o.MinFree, Log: o.Log})
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, tables: tables, log: o.Log}
	s.blobs = &Blobs{shelf: newShelf(o), store: s, idle: map[Sum]time.Time{}}
	s.blobs.dropped = s.blobs.purge
	return s, nil
}

// unlock opens the keyring, making it in a new store, and finishes a change of the master key.
func (s *Store) unlock(ctx context.Context, o Options, latest int) error {
	ring, fresh, err := s.readKeyring(ctx)
	if err != nil {
		return err
	}
	m, file, err := loadMaster(o, fresh)
	if err != nil {
		return err
	}
	if fresh {
		ring = *newKeyring(m)
		err := s.Update(ctx, Node(), func(tx *Tx) error {
			return errors.Join(keyrings.Put(tx, &ring), schemaTable.Put(tx, &schemaRecord{Number: latest}))
		})
		if err != nil {
			return err
		}
	}
	if s.seals, err = openSeals(ring, m, file); err != nil {
		return err
	}
	return s.finishRotation(ctx)
}

// View calls fn with a transaction that reads one snapshot of the scope. The snapshot holds everything that was
// acknowledged before the call.
func (s *Store) View(ctx context.Context, sc Scope, fn func(*Tx) error) error {
	return s.view(ctx, sc, false, fn)
}

// view is View, for the store's own walks also without the limits that all others have.
func (s *Store) view(ctx context.Context, sc Scope, unlimited bool, fn func(*Tx) error) error {
	if sc == (Scope{}) {
		return errNoScope
	}
	ended := s.observed(ctx, false)
	begin, own := time.Now(), false
	err := s.engine.View(ctx, func(r engine.Reader) error {
		tx := newTx(ctx, s, sc, r, nil)
		tx.shared.unlimited = unlimited
		defer tx.end()
		err := fn(tx)
		own = err != nil
		if own {
			return err
		}
		return tx.shared.doom
	})
	s.reads.note(time.Since(begin), err != nil && !own)
	if ended != nil {
		ended(1, err)
	}
	return err
}

// Update calls fn with a transaction that reads and writes the scope, and returns nil only when everything is on
// disk. fn may run several times and must do nothing but use the transaction. Any error but ErrOutcomeUnknown means that
// nothing was written.
func (s *Store) Update(ctx context.Context, sc Scope, fn func(*Tx) error) error {
	if sc == (Scope{}) {
		return errNoScope
	}
	var seen struct { // in one piece, as all of it is kept for the engine
		committed []func()
		own       bool // the last error was fn's
		runs      int
	}
	ended, begin := s.observed(ctx, true), time.Now()
	err := s.engine.Update(ctx, func(t engine.Txn) error {
		seen.runs++
		tx := newTx(ctx, s, sc, t, t)
		defer tx.end()
		err := fn(tx)
		if seen.own = err != nil; seen.own {
			return err
		}
		seen.committed = tx.shared.committed
		return tx.flush()
	})
	s.writes.note(time.Since(begin), err != nil && !seen.own)
	if ended != nil {
		ended(seen.runs, err)
	}
	if err != nil {
		return err
	}
	for _, f := range seen.committed {
		f()
	}
	return nil
}

// Health is nil, or says why the store takes no writes at the moment.
func (s *Store) Health() error { return s.engine.Health() }

// Run does the store's background work until ctx ends: the engine's own, shortening the change feed, removing blobs that
// nobody refers to, finishing what an interrupted Erase left.
func (s *Store) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.engine.Run(ctx) })
	g.Go(func() error { return s.chores(ctx) })
	return g.Wait()
}

// chores tries each chore at once and then again after its time. What fails is logged, and tried again.
func (s *Store) chores(ctx context.Context) error {
	s.chore(ctx, "finish erasures", s.finishErasures)
	for {
		now := time.Now()
		s.chore(ctx, "shorten the change feed", func(ctx context.Context) error { return s.trim(ctx, now) })
		s.chore(ctx, "remove unused blobs", func(ctx context.Context) error { return s.blobs.sweep(ctx, now) })
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(choreEvery):
		}
	}
}

const choreEvery = time.Hour

func (s *Store) chore(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "background work of the store went wrong", slog.String("work", what), slog.Any("error", err))
	}
}

// Close ends the store.
func (s *Store) Close() error { return s.engine.Close() }
