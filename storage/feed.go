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
// error. A change may come more than once, never less. ErrTruncated: the feed no longer reaches back to after.
func (s *Store) Follow(ctx context.Context, after Revision, fn func([]Change) error) error {
	const page, poll = 256, 2 * time.Second
	for {
		grown := s.engine.Grown()
		records, err := s.engine.Log(ctx, uint64(after), page)
		if err != nil {
			return err
		}
		var changes []Change
		for _, r := range records {
			var cs []Change
			if err := decode(r.Data, &cs); err != nil {
				return fmt.Errorf("change feed: %w: %w", ErrCorrupt, err)
			}
			for _, c := range cs {
				c.Revision = Revision(r.Revision)
				changes = append(changes, c)
			}
			after = Revision(r.Revision)
		}
		if len(changes) > 0 {
			if err := fn(changes); err != nil {
				return err
			}
		}
		if len(records) == page {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		case <-time.After(poll):
		}
	}
}
