package badger

import (
	"bytes"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

// cursor walks over what is stored in a range.
type cursor struct {
	reader
	rng   engine.Range
	it    *badger.Iterator // nil before the first step
	over  bool             // the rest of the range is known to be empty
	last  []byte           // the key that was met last, going forward
	item  engine.Item
	steps int
	err   error

	versions int // of the row that was met last, so far
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
	if c.it == nil {
		c.seek()
	} else {
		c.it.Next()
	}
	if c.step(); c.err == nil && !c.rng.Reverse {
		c.pass()
	}
	if c.err != nil || c.over || !c.it.Valid() {
		return false
	}
	return c.take(c.it.Item())
}

// step looks at the context now and then.
func (c *cursor) step() {
	if c.steps++; c.steps%256 == 0 {
		c.err = c.ctx.Err()
	}
}

func (c *cursor) seek() {
	// Only tables that may hold the prefix are looked at: where one level has hundreds, each costs as much as a row.
	if !c.rng.Reverse {
		// What Badger would pass over is seen as well: see pass.
		c.it = c.snapshot.NewIterator(badger.IteratorOptions{Prefix: longest(c.rng.Lo, c.rng.Hi), AllVersions: true})
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

// pass goes forward over older versions of the last row and over what is deleted, to the next row that is there.
func (c *cursor) pass() {
	var w *walk // over deleted rows
	defer func() { c.gaps.leave(w) }()
	for ; c.err == nil && !c.over && c.it.Valid(); c.step() {
		item := c.it.Item()
		key := item.Key()
		if !bytes.Equal(key, c.last) {
			c.last, c.versions = append(c.last[:0], key...), 0
			switch {
			case c.rng.Hi != nil && bytes.Compare(key, c.rng.Hi) >= 0:
				c.over = true
				c.gaps.end(w, c.rng.Hi)
				return
			case !item.IsDeletedOrExpired():
				c.gaps.end(w, key)
				return
			case item.ExpiresAt() != 0: // it is gone by the clock, which may be put back
				c.gaps.end(w, key)
				w = nil
			case w == nil:
				w = &walk{from: bytes.Clone(key), to: c.rng.Hi, snapshot: c.snapshot.ReadTs(), begun: c.begun}
			}
		}
		if !c.jump(w) {
			c.older()
		}
	}
	if c.err == nil {
		c.gaps.end(w, c.rng.Hi)
	}
}

// older goes on to what is stored behind a version. Where a row has many, those after the first ones are left out.
func (c *cursor) older() {
	if c.versions++; c.versions < fewSteps {
		c.it.Next()
		return
	}
	c.it.Seek(append(c.last, 0))
}

// jump goes on behind a gap, if one is known here.
func (c *cursor) jump(w *walk) bool {
	if w == nil {
		return false
	}
	if w.steps++; w.steps%fewSteps != 0 {
		return false
	}
	to := c.gaps.jump(w, c.last)
	if to == nil {
		return false
	}
	if c.rng.Hi != nil && bytes.Compare(to, c.rng.Hi) >= 0 {
		c.over = true
		return true
	}
	c.it.Seek(to)
	c.last = c.last[:0]
	return true
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
