package storage

import (
	"context"
	"fmt"
	"time"
)

// Revision is a place in the change feed. 0 is before the first change.
type Revision uint64

// Change says that a record of a watched table was written or deleted. It does not carry the record: read it.
type Change struct {
	Revision Revision `cbor:"-"`
	Tenant   string   `cbor:"1,keyasint,omitempty"` // the scope's id, empty for the node's
	Table    uint16   `cbor:"2,keyasint"`
	Key      Key      `cbor:"3,keyasint"`
	Deleted  bool     `cbor:"4,keyasint,omitempty"`
}

// Revision is that of the newest change. Whoever builds something from the store takes it before the first read and
// follows from there.
func (s *Store) Revision(ctx context.Context) (Revision, error) {
	r, err := s.engine.Revision(ctx)
	return Revision(r), err
}

// Follow calls fn with all changes behind after, in commit order, and waits for more until ctx ends or fn returns an
// error, which it returns. A change may come more than once, never less; those of one transaction come in one call.
// ErrTruncated: the feed no longer reaches back to after, or never got there: rebuild, then follow from Revision.
func (s *Store) Follow(ctx context.Context, after Revision, fn func([]Change) error) error {
	const page, poll = 256, 2 * time.Second
	newest, err := s.Revision(ctx)
	if err != nil {
		return err
	}
	if after > newest {
		return fmt.Errorf("follow from %d, newest is %d: %w", after, newest, ErrTruncated)
	}
	for {
		grown := s.engine.Grown()
		changes, last, n, err := s.changes(ctx, after, page)
		if err != nil {
			return err
		}
		after = last
		if len(changes) > 0 {
			if err := fn(changes); err != nil {
				return err
			}
		}
		if n >= page {
			continue
		}
		wait := time.NewTimer(poll)
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-grown:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// changes reads at most limit records of the log and says how many they were and where the last one stands.
func (s *Store) changes(ctx context.Context, after Revision, limit int) (all []Change, last Revision, n int, err error) {
	records, err := s.engine.Log(ctx, uint64(after), limit)
	if err != nil {
		return nil, after, 0, err
	}
	for _, r := range records {
		var cs []Change
		if err := decode(r.Data, &cs); err != nil {
			return nil, after, 0, fmt.Errorf("change %d: %w: %w", r.Revision, ErrCorrupt, err)
		}
		for i := range cs {
			cs[i].Revision = Revision(r.Revision)
		}
		all, after = append(all, cs...), Revision(r.Revision)
	}
	return all, after, len(records), nil
}

// The feed reaches back a week, but for at most a million transactions.
const (
	feedAge  = 7 * 24 * time.Hour
	feedSize = 1_000_000
)

// feedMark says which revision was the newest at a time. It is written as the feed goes, so that the feed's age can be
// told without reading it.
type feedMark struct {
	At       time.Time `cbor:"1,keyasint"`
	Revision Revision  `cbor:"2,keyasint"`
}

var feedMarks = NewTable(Declaration[feedMark]{
	ID: 5, Name: "feed mark", Key: func(m *feedMark) Key { return Key(nil).Uint(uint64(m.Revision)) },
})

// trim sets a mark and drops what is too old or too much.
func (s *Store) trim(ctx context.Context, now time.Time) error {
	newest, err := s.Revision(ctx)
	if err != nil || newest == 0 {
		return err
	}
	var upTo Revision
	err = s.Update(ctx, Node(), func(tx *Tx) error {
		passed, err := passedMarks(tx, newest, now)
		if err != nil {
			return err
		}
		if upTo = 0; newest > feedSize {
			upTo = newest - feedSize
		}
		for _, m := range passed {
			upTo = max(upTo, m.Revision)
			if err := feedMarks.Delete(tx, feedMarks.d.Key(&m)); err != nil {
				return err
			}
		}
		mark := feedMark{At: now.UTC().Truncate(time.Second), Revision: newest}
		if has, err := feedMarks.Has(tx, feedMarks.d.Key(&mark)); err != nil || has || newest <= upTo {
			return err
		}
		return feedMarks.Put(tx, &mark)
	})
	if err != nil || upTo == 0 {
		return err
	}
	return s.engine.Trim(ctx, uint64(upTo))
}

// passedMarks are those up to which the feed may be dropped, in order.
func passedMarks(tx *Tx, newest Revision, now time.Time) (passed []feedMark, err error) {
	for m, err := range feedMarks.Scan(tx, Range{}) {
		if err != nil {
			return nil, err
		}
		if now.Sub(m.At) > feedAge || m.Revision+feedSize <= newest {
			passed = append(passed, m)
		}
	}
	return passed, nil
}
