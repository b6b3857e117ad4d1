package badger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

// reader reads one snapshot.
type reader struct {
	ctx      context.Context
	snapshot *badger.Txn
	gaps     *gaps
	begun    uint64 // commits, before the snapshot was taken
}

// read is a reader of a new snapshot, which its caller discards.
func (e *Engine) read(ctx context.Context) reader {
	begun := e.gaps.begun.Load() // before the snapshot
	return reader{ctx: ctx, snapshot: e.db.NewTransaction(false), gaps: &e.gaps, begun: begun}
}

// Get implements engine.Reader.
func (r reader) Get(key []byte) (item engine.Item, err error) {
	defer recovered(&err)
	found, err := r.snapshot.Get(key)
	if err != nil {
		return engine.Item{}, translate(err)
	}
	item = engine.Item{Key: key, Expires: moment(found.ExpiresAt())}
	// The item was made for this call and its value is inline: the slice is nobody else's.
	err = found.Value(func(v []byte) error { item.Value = v; return nil })
	return item, translate(err)
}

// Scan implements engine.Reader.
func (r reader) Scan(g engine.Range) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		c := r.cursor(g)
		defer c.close()
		for c.next() {
			if !yield(c.item, nil) {
				return
			}
		}
		if c.err != nil {
			yield(engine.Item{}, c.err)
		}
	}
}

// moment is Badger's expiry as a time. Badger counts whole seconds.
func moment(expiresAt uint64) time.Time {
	if expiresAt == 0 {
		return time.Time{}
	}
	return time.Unix(int64(expiresAt), 0)
}

// expiry is a time as Badger's expiry: the next whole second, so that nothing vanishes early.
func expiry(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return uint64(max(s, 1))
}

func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badger.ErrKeyNotFound):
		return engine.ErrNotFound
	case errors.Is(err, badger.ErrDBClosed), errors.Is(err, badger.ErrBlockedWrites):
		return engine.ErrClosed
	case errors.Is(err, badger.ErrTxnTooBig):
		return engine.ErrTooLarge
	default:
		return err
	}
}

// recovered turns a panic of Badger's, which is how it meets damaged files, into an error.
func recovered(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if closed, ok := p.(error); ok && errors.Is(closed, badger.ErrDBClosed) {
		*err = engine.ErrClosed
		return
	}
	line, _, _ := strings.Cut(strings.TrimSpace(fmt.Sprint(p)), "\n")
	*err = fmt.Errorf("%w: badger gave up: %s", engine.ErrCorrupt, line)
}
