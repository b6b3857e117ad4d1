package badger

import (
	"bytes"
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

// cursor walks over what is stored in a range.
type cursor struct {
	reader
	rng  engine.Range
	it   *badger.Iterator // nil before the first step
	item engine.Item
	rows int
	err  error
}

func (r reader) cursor(g engine.Range) *cursor { return &cursor{reader: r, rng: g} }

// next moves to the next item, or says that there is none: the end, or err.
func (c *cursor) next() (more bool) {
	defer func() {
		if c.err != nil {
			more = false
		}
	}()
	defer recovered(&c.err)
	if c.rows++; c.rows%256 == 0 && c.ctx.Err() != nil {
		c.err = c.ctx.Err()
		return false
	}
	if c.it == nil {
		c.seek()
	} else {
		c.it.Next()
	}
	if !c.it.Valid() {
		return false
	}
	return c.take(c.it.Item())
}

func (c *cursor) seek() {
	// Only tables that may hold the prefix are looked at: where one level has hundreds, each costs as much as a row.
	if !c.rng.Reverse {
		c.it = c.snapshot.NewIterator(badger.IteratorOptions{Prefix: longest(c.rng.Lo, c.rng.Hi)})
		c.it.Seek(c.rng.Lo)
		return
	}
	// The iterator has to find Hi, too, and ends at what has not its prefix.
	c.it = c.snapshot.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: common(c.rng.Lo, c.rng.Hi)})
	c.it.Seek(c.rng.Hi)
	if c.it.Valid() && c.rng.Hi != nil && bytes.Compare(c.it.Item().Key(), c.rng.Hi) >= 0 {
		c.it.Next()
	}
}

func (c *cursor) take(found *badger.Item) bool {
	key := found.Key()
	if !holds(c.rng, key) {
		return false
	}
	c.item = engine.Item{Key: key, Expires: moment(found.ExpiresAt())}
	if !c.rng.KeysOnly {
		c.err = translate(found.Value(func(v []byte) error { c.item.Value = v; return nil }))
	}
	return c.err == nil
}

func (c *cursor) close() {
	if c.it != nil {
		c.it.Close()
	}
}

// holds says whether key lies in the range.
func holds(g engine.Range, key []byte) bool {
	return bytes.Compare(key, g.Lo) >= 0 && (g.Hi == nil || bytes.Compare(key, g.Hi) < 0)
}

// longest is the longest prefix that all keys of a range have.
func longest(lo, hi []byte) []byte {
	n := len(common(lo, hi))
	if n == len(lo) || n != len(hi)-1 || lo[n]+1 != hi[n] {
		return lo[:n]
	}
	// The range ends where lo's next byte would have to grow, and one of 0xff cannot.
	for n++; n < len(lo) && lo[n] == 0xff; {
		n++
	}
	return lo[:n]
}

// common is the longest prefix of both ends of a range.
func common(lo, hi []byte) []byte {
	n := 0
	for n < len(lo) && n < len(hi) && lo[n] == hi[n] {
		n++
	}
	return lo[:n]
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
