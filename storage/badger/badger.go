package badger

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

// Folder is where all files of the engine are, below the data folder.
const Folder = "badger"

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
	dir    string
	log    *slog.Logger
	tuning badger.Options
	lock   *os.File // nil in memory
	space  *space   // nil in memory

	// Only keep changes these two, while the gate is shut.
	db       *badger.DB
	readOnly bool
	gate     gate
	close    sync.Once

	turns     chan *turn
	closing   chan struct{}
	kept      chan struct{} // closed when keep has ended
	committed chan struct{} // closed when the committer has ended
	maxSize   int64         // of a Badger transaction
	maxCount  int
	broken    atomic.Pointer[error]

	gaps     gaps
	revision atomic.Uint64
	logMu    sync.Mutex
	grown    chan struct{}
}

// Open opens the database below o.Dir, or makes it. The errors wrap engine.ErrInUse, ErrReadOnly (no space) or
// ErrCorrupt where that is the reason.
func Open(o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		log: o.Log, dir: filepath.Join(o.Dir, Folder),
		turns: make(chan *turn), closing: make(chan struct{}), kept: make(chan struct{}), committed: make(chan struct{}),
		grown: make(chan struct{}),
	}
	e.tuning = tuned(e.dir, o)
	if err := e.start(o); err != nil {
		return nil, errors.Join(err, e.release())
	}
	go e.commitAll()
	if o.InMemory {
		close(e.kept)
	} else {
		go e.keep()
	}
	return e, nil
}

func (e *Engine) start(o Options) error {
	open := e.open
	if !o.InMemory {
		open = e.openFirst
		if err := e.prepare(o); err != nil {
			return err
		}
	}
	if err := open(); err != nil {
		return err
	}
	e.maxSize, e.maxCount = e.db.MaxBatchSize()-4<<10, int(e.db.MaxBatchCount())-16
	if err := e.findRevision(); err != nil {
		return errors.Join(err, e.shut())
	}
	return nil
}

// prepare sees to it that Badger finds nothing at which it would stumble or which it would overlook.
func (e *Engine) prepare(o Options) (err error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return err
	}
	if e.lock, err = lock(e.dir); err != nil {
		return err
	}
	e.space = watch(e.dir, o)
	if err := sweep(e.dir); err != nil {
		return err
	}
	return inspect(e.dir)
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
	if err := e.gate.enter(ctx); err != nil {
		return err
	}
	defer e.gate.leave()
	r := e.read(ctx)
	defer r.snapshot.Discard()
	return fn(r)
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
func (e *Engine) Close() (err error) {
	e.gate.refuse(engine.ErrClosed)
	e.close.Do(func() {
		close(e.closing)
		<-e.kept
		<-e.committed
		<-e.gate.emptied()
		err = errors.Join(e.shut(), e.release())
	})
	return err
}
