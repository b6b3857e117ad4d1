package badger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	// A batch that has reached one of these takes no further function.
	fullSize  = 1200 << 10
	fullCount = 10_000
	fullTurns = 1000
	fullAge   = 25 * time.Millisecond // the first of them has waited that long

	maxKey = 60_000 // Badger's own limit is a little above
	// slow is how long a function may keep all others waiting before the log says so.
	slow = time.Second
)

// turn is one caller's stay in the committer. While it lasts, the batch is the caller's alone.
type turn struct {
	batch   *batch
	over    chan struct{} // the caller closes it: the function has run
	outcome chan error    // the committer sends whether the batch is on disk
	left    *txn          // what did not fit into the batch
}

// batch is what becomes one Badger transaction.
type batch struct {
	layer
	engine   *Engine
	stored   reader // its snapshot is nil until the first turn
	began    time.Time
	log      []*write // the records, which nobody reads back here
	bytes    int64    // of the records
	revision uint64
	turns    []*turn
}

// Update implements engine.Engine. fn runs on the caller's goroutine, at most once, when nobody else's does.
func (e *Engine) Update(ctx context.Context, fn func(engine.Txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.gate.enter(ctx); err != nil {
		return err
	}
	defer e.gate.leave()
	if err := e.Health(); err != nil {
		return err
	}
	select {
	case t := <-e.turns:
		return t.take(ctx, fn)
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closing:
		return engine.ErrClosed
	}
}

// take runs fn and waits for the batch, also if fn failed, which it may have done because of what an earlier function of
// the same batch wrote.
func (t *turn) take(ctx context.Context, fn func(engine.Txn) error) (err error) {
	defer func() {
		if failed := <-t.outcome; failed != nil {
			err = failed
		}
	}()
	return t.run(ctx, fn)
}

// run calls fn and leaves in the batch what it wrote, if it returns nil. However fn ends, the turn is over.
func (t *turn) run(ctx context.Context, fn func(engine.Txn) error) error {
	defer close(t.over)
	if err := ctx.Err(); err != nil {
		return err
	}
	x := t.batch.begin(ctx)
	if err := fn(x); err != nil {
		return err
	}
	if !t.batch.fits(x) {
		t.left = x
		return nil
	}
	t.batch.add(x)
	return nil
}

// commitAll gives out turns until the engine closes. It takes whoever waits, and commits when nobody does.
func (e *Engine) commitAll() {
	defer close(e.committed)
	b := e.newBatch()
	for {
		t := &turn{batch: b, over: make(chan struct{}), outcome: make(chan error, 1)}
		switch e.give(t) {
		case somebody:
			e.await(t)
			b.turns = append(b.turns, t)
			switch {
			case t.left != nil:
				b = e.carry(b, t)
			case b.full():
				b = e.finish(b)
			}
		case nobody:
			b = e.finish(b)
		case noMore:
			e.finish(b)
			return
		}
	}
}

// taker says what became of a turn that was offered.
type taker int

const (
	somebody taker = iota
	nobody
	noMore // the engine closes
)

// give waits for somebody who takes the turn, unless the batch has something to commit.
func (e *Engine) give(t *turn) taker {
	if len(t.batch.turns) > 0 {
		select {
		case e.turns <- t:
			return somebody
		default:
			return nobody
		}
	}
	select {
	case e.turns <- t:
		return somebody
	case <-e.closing:
		return noMore
	}
}

func (e *Engine) await(t *turn) {
	began := time.Now()
	<-t.over
	if d := time.Since(began); d > slow {
		e.log.Warn("slow transaction held up all others", "duration", d)
	}
}

// carry commits the batch and begins the next one with what did not fit. What t's function saw is then the snapshot of
// the new batch, so that it need not run again.
func (e *Engine) carry(b *batch, t *turn) *batch {
	b.turns = b.turns[:len(b.turns)-1]
	err := b.commit()
	b.answer(err)
	next := e.newBatch()
	if err != nil {
		t.outcome <- err
		return next
	}
	next.add(t.left)
	next.turns = append(next.turns, t)
	return next
}

func (e *Engine) finish(b *batch) *batch {
	b.answer(b.commit())
	return e.newBatch()
}

func (e *Engine) newBatch() *batch {
	return &batch{engine: e, revision: e.revision.Load()}
}

func (b *batch) begin(ctx context.Context) *txn {
	if b.stored.snapshot == nil {
		b.stored, b.began = b.engine.read(ctx), time.Now()
	}
	x := &txn{reader: b.stored, batch: b}
	x.ctx = ctx
	return x
}

func (b *batch) size() int64 { return b.layer.size + b.bytes }
func (b *batch) count() int  { return len(b.writes) + len(b.log) }

func (b *batch) full() bool {
	return b.size() >= fullSize || b.count() >= fullCount || len(b.turns) >= fullTurns || time.Since(b.began) >= fullAge
}

func (b *batch) fits(x *txn) bool {
	return b.size()+x.size() <= b.engine.maxSize && b.count()+x.count() <= b.engine.maxCount
}

func (b *batch) add(x *txn) {
	b.take(&x.own)
	b.revision = max(b.revision, x.past)
	if len(x.records) == 0 {
		return
	}
	b.revision++
	b.bytes += x.bytes
	for i, r := range x.records {
		b.log = append(b.log, record(b.revision, i, r))
	}
}

// commit puts the batch on disk.
func (b *batch) commit() error {
	if b.stored.snapshot != nil {
		b.stored.snapshot.Discard()
	}
	if b.count() == 0 {
		return nil
	}
	e := b.engine
	if err := e.Health(); err != nil {
		return err
	}
	if err := b.write(); err != nil {
		return e.failed(err)
	}
	if b.revision > e.revision.Load() {
		e.grow(b.revision)
	}
	return nil
}

func (b *batch) write() (err error) {
	defer recovered(&err)
	t := b.engine.db.NewTransaction(true)
	defer t.Discard()
	b.engine.gaps.write(b.writes, b.log)
	for _, w := range slices.Concat(b.writes, b.log) {
		if err := put(t, w); err != nil {
			return err
		}
	}
	return t.Commit()
}

func put(t *badger.Txn, w *write) error {
	if w.deleted {
		return t.Delete(w.key)
	}
	entry := badger.NewEntry(w.key, w.value)
	entry.ExpiresAt = w.expires
	return t.SetEntry(entry)
}

func (b *batch) answer(err error) {
	for _, t := range b.turns {
		t.outcome <- err
	}
}

// failed says what a failed commit means. When the disk did not take it, nobody knows what Badger holds in memory
// and what is on disk: no further write is safe until the files are read anew.
func (e *Engine) failed(err error) error {
	err = translate(err)
	if errors.Is(err, engine.ErrClosed) || errors.Is(err, engine.ErrTooLarge) {
		return err
	}
	broken := fmt.Errorf("%w: a commit failed, restart the node when the disk is well: %w", engine.ErrReadOnly, err)
	e.broken.CompareAndSwap(nil, &broken)
	e.log.Error("commit failed: read-only until restart", "err", err)
	return err
}
