package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

// Options say how to open the engine. Only Dir is required, or InMemory.
type Options struct {
	// Dir is the folder below which the engine makes its own.
	Dir string
	// InMemory keeps nothing on disk. It works inside a synctest bubble.
	InMemory bool
	// Memory is about what the engine may take, in bytes. 0: 256 MiB, which is also enough for a million tickets.
	Memory int64
	// MinFree is the free space of the disk, in bytes, below which the engine is read-only. 0: 512 MB. Badger writes
	// in the background, also after the last Update, and dies when the disk is full meanwhile: a smaller floor is for tests
	// and for disks that nobody else writes to, and should not go below 160 MB.
	MinFree int64
	// FreeSpace tells the bytes that are free where a folder lies. Nil: the system is asked.
	FreeSpace func(dir string) (int64, error)
	// Log takes what the engine and Badger have to say. Nil: nothing is said.
	Log *slog.Logger
}

// Engine is an open Badger database. It is safe for concurrent use.
type Engine struct {
	db    *badger.DB
	dir   string
	log   *slog.Logger
	lock  *os.File // nil in memory
	space *space   // nil in memory

	turns     chan *turn
	closing   chan struct{}
	committed chan struct{} // closed when the committer has ended
	broken    atomic.Pointer[error]

	revision atomic.Uint64
	logMu    sync.Mutex
	grown    chan struct{}

	gate   sync.RWMutex
	closed bool
	calls  sync.WaitGroup
}

// Open opens the database below o.Dir, or makes it. The errors wrap engine.ErrInUse, ErrReadOnly (no space) or
// ErrCorrupt where that is the reason.
func Open(o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		log: o.Log, dir: filepath.Join(o.Dir, "badger"),
		turns: make(chan *turn), closing: make(chan struct{}), committed: make(chan struct{}), grown: make(chan struct{}),
	}
	if !o.InMemory {
		if err := e.prepare(o); err != nil {
			return nil, errors.Join(err, e.release())
		}
	}
	if err := e.start(o); err != nil {
		return nil, errors.Join(err, e.release())
	}
	go e.commitAll()
	return e, nil
}

// prepare sees to it that Badger finds nothing at which it would stumble or which it would overlook.
func (e *Engine) prepare(o Options) (err error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return err
	}
	if e.lock, err = lock(e.dir); err != nil {
		return err
	}
	if e.space, err = watch(e.dir, o); err != nil {
		return err
	}
	if err := sweep(e.dir); err != nil {
		return err
	}
	return inspect(e.dir)
}

func (e *Engine) start(o Options) (err error) {
	defer recovered(&err)
	if e.db, err = badger.Open(tuned(e.dir, o)); err != nil {
		return fmt.Errorf("open %s: %w", e.dir, err)
	}
	if err := e.findRevision(); err != nil {
		return errors.Join(err, e.db.Close())
	}
	return nil
}

func (e *Engine) release() error {
	if e.lock == nil {
		return nil
	}
	return e.lock.Close()
}

// View implements engine.Engine.
func (e *Engine) View(ctx context.Context, fn func(engine.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.calls.Done()
	snapshot := e.db.NewTransaction(false)
	defer snapshot.Discard()
	return fn(reader{ctx: ctx, snapshot: snapshot})
}

// Health implements engine.Engine.
func (e *Engine) Health() error {
	if broken := e.broken.Load(); broken != nil {
		return *broken
	}
	if e.space == nil {
		return nil
	}
	return e.space.check()
}

// Close implements engine.Engine. It waits for calls under way; those that come later, or wait for their turn, get
// ErrClosed. A second Close does nothing.
func (e *Engine) Close() error {
	e.gate.Lock()
	if e.closed {
		e.gate.Unlock()
		<-e.committed
		return nil
	}
	e.closed = true
	close(e.closing)
	e.gate.Unlock()
	<-e.committed
	e.calls.Wait()
	return errors.Join(e.shut(), e.release())
}

func (e *Engine) shut() (err error) {
	defer recovered(&err)
	return e.db.Close()
}

// enter admits a call unless the engine is closed. Whoever was admitted calls e.calls.Done.
func (e *Engine) enter() error {
	e.gate.RLock()
	defer e.gate.RUnlock()
	if e.closed {
		return engine.ErrClosed
	}
	e.calls.Add(1)
	return nil
}
