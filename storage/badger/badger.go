// Package badger is the default engine: an embedded Badger database with one committer.
package badger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

// Options say how to open the engine.
type Options struct {
	Dir      string
	InMemory bool
	Memory   int64
	Log      *slog.Logger
}

// Engine is an open Badger database.
type Engine struct {
	db    *badger.DB
	mu    sync.Mutex
	rev   uint64
	grown chan struct{}
}

var logPrefix = []byte{0, 'L'}

// Open opens or makes the database in o.Dir.
func Open(o Options) (*Engine, error) {
	opt := badger.DefaultOptions(filepath.Join(o.Dir, "badger")).WithLogger(nil).WithSyncWrites(true).WithMetricsEnabled(false).
		WithMemTableSize(16 << 20).WithNumMemtables(2).WithBlockCacheSize(32 << 20).WithIndexCacheSize(16 << 20).WithDetectConflicts(false)
	if o.InMemory {
		opt = opt.WithDir("").WithValueDir("").WithInMemory(true).WithNumCompactors(0).WithSyncWrites(false).WithMemTableSize(64 << 20).WithNumMemtables(16)
	}
	db, err := badger.Open(opt)
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, grown: make(chan struct{})}
	err = e.db.View(func(t *badger.Txn) error {
		for it, err := range (reader{t}).Scan(engine.Range{Lo: logPrefix, Hi: []byte{0, 'M'}, Reverse: true}) {
			if err != nil {
				return err
			}
			e.rev = binary.BigEndian.Uint64(it.Key[2:])
			break
		}
		return nil
	})
	return e, err
}

func (e *Engine) View(_ context.Context, fn func(engine.Reader) error) error {
	return e.db.View(func(t *badger.Txn) error { return fn(reader{t}) })
}

func (e *Engine) Update(ctx context.Context, fn func(engine.Txn) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := e.db.NewTransaction(true)
	defer t.Discard()
	w := &txn{reader: reader{t}}
	if err := fn(w); err != nil {
		return err
	}
	for i, r := range w.log {
		k := binary.BigEndian.AppendUint64(bytes.Clone(logPrefix), e.rev+1)
		if err := t.Set(append(k, byte(i)), r); err != nil {
			return err
		}
	}
	if err := t.Commit(); err != nil {
		if errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrBlockedWrites) {
			return engine.ErrClosed
		}
		return err
	}
	if len(w.log) > 0 {
		e.rev++
		close(e.grown)
		e.grown = make(chan struct{})
	}
	return nil
}

func (e *Engine) Log(_ context.Context, after uint64, limit int) (out []engine.Record, err error) {
	err = e.db.View(func(t *badger.Txn) error {
		lo := binary.BigEndian.AppendUint64(bytes.Clone(logPrefix), after+1)
		for it, err := range (reader{t}).Scan(engine.Range{Lo: lo, Hi: []byte{0, 'M'}}) {
			if err != nil {
				return err
			}
			out = append(out, engine.Record{Revision: binary.BigEndian.Uint64(it.Key[2:]), Data: bytes.Clone(it.Value)})
			if len(out) == limit {
				break
			}
		}
		return nil
	})
	return out, err
}

func (e *Engine) Revision(context.Context) (uint64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rev, nil
}

func (e *Engine) Grown() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.grown
}
func (e *Engine) Trim(context.Context, uint64) error { return nil }
func (e *Engine) Verify(context.Context) error       { return e.db.VerifyChecksum() }
func (e *Engine) Health() error                      { return nil }
func (e *Engine) Run(ctx context.Context) error      { <-ctx.Done(); return nil }
func (e *Engine) Close() error                       { return e.db.Close() }

type reader struct{ t *badger.Txn }

func (r reader) Get(key []byte) (engine.Item, error) {
	it, err := r.t.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return engine.Item{}, engine.ErrNotFound
	}
	if err != nil {
		return engine.Item{}, err
	}
	v, err := it.ValueCopy(nil)
	return engine.Item{Key: key, Value: v, Expires: expires(it)}, err
}

func expires(it *badger.Item) time.Time {
	if it.ExpiresAt() == 0 {
		return time.Time{}
	}
	return time.Unix(int64(it.ExpiresAt()), 0)
}

func (r reader) Scan(g engine.Range) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues, o.Reverse = false, g.Reverse
		it := r.t.NewIterator(o)
		defer it.Close()
		if g.Reverse {
			it.Seek(g.Hi)
			if it.Valid() && bytes.Compare(it.Item().Key(), g.Hi) >= 0 {
				it.Next()
			}
		} else {
			it.Seek(g.Lo)
		}
		for ; it.Valid(); it.Next() {
			k := it.Item().Key()
			if bytes.Compare(k, g.Lo) < 0 || g.Hi != nil && bytes.Compare(k, g.Hi) >= 0 {
				return
			}
			x := engine.Item{Key: it.Item().KeyCopy(nil), Expires: expires(it.Item())}
			var err error
			if !g.KeysOnly {
				x.Value, err = it.Item().ValueCopy(nil)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

type txn struct {
	reader
	log [][]byte
}

func (w *txn) Set(k, v []byte, exp time.Time) error {
	e := badger.NewEntry(k, v)
	if !exp.IsZero() {
		e.ExpiresAt = uint64(exp.Unix() + 1)
	}
	return w.t.SetEntry(e)
}
func (w *txn) Delete(k []byte) error { return w.t.Delete(k) }
func (w *txn) Next(k []byte) (uint64, error) {
	it, err := w.Get(k)
	var n uint64
	if err == nil {
		n = binary.BigEndian.Uint64(it.Value)
	} else if !errors.Is(err, engine.ErrNotFound) {
		return 0, err
	}
	n++
	return n, w.t.Set(k, binary.BigEndian.AppendUint64(nil, n))
}
func (w *txn) Append(r []byte) error { w.log = append(w.log, r); return nil }
