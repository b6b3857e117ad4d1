package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/storage/engine"
)

// Reindex brings a table's index entries in every scope to what its declaration says: for a Migration that follows a
// change of an index, and to mend what Check found. It works in batches and may be interrupted and repeated. ErrExists:
// two records claim one place in a unique index.
func Reindex[T any](ctx context.Context, s *Store, t *Table[T]) error {
	for sc, err := range s.scopes(ctx) {
		if err == nil {
			err = t.dropEntries(ctx, s, sc)
		}
		if err == nil {
			err = t.makeEntries(ctx, s, sc)
		}
		if err != nil && !errors.Is(err, ErrErased) {
			return fmt.Errorf("reindex %s: %w", t.d.Name, err)
		}
	}
	return nil
}

// dropEntries deletes the entries that no record wants.
func (t *Table[T]) dropEntries(ctx context.Context, s *Store, sc Scope) error {
	for lo := []byte{}; lo != nil; {
		var bad [][]byte
		err := s.view(ctx, sc, true, func(tx *Tx) (err error) {
			bad, lo, err = t.badEntries(tx, lo)
			return err
		})
		if err != nil {
			return err
		}
		err = s.Update(ctx, sc, func(tx *Tx) error {
			for _, key := range bad {
				if err := tx.delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// badEntries looks through one page of entries from the engine's key lo on. It returns the keys of those that no record
// wants, and where the next page begins: nil behind the last one.
func (t *Table[T]) badEntries(tx *Tx, lo []byte) (bad [][]byte, next []byte, err error) {
	const page = 500
	r := engine.Range{Lo: larger(lo, tx.key(t.d.ID, partRecord+1, nil, nil)), Hi: tx.key(t.d.ID, partSequence, nil, nil)}
	n := 0
	for it, err := range tx.reader.Scan(r) {
		if err != nil {
			return nil, nil, err
		}
		key := bytes.Clone(it.Key)
		if n++; n > page {
			return bad, key, nil
		}
		if t.checkEntry(tx, key, it.Value) != nil {
			bad = append(bad, key)
		}
		if tx.shared.doom != nil {
			return nil, nil, tx.shared.doom
		}
	}
	return bad, nil, nil
}

// makeEntries writes the entries that are missing or out of step.
func (t *Table[T]) makeEntries(ctx context.Context, s *Store, sc Scope) error {
	var after, last Key
	for more := true; more; after = last {
		err := s.Update(ctx, sc, func(tx *Tx) (err error) {
			last, more, err = t.mendPage(tx, after)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mendPage mends the entries of as many records behind a key as fit into a transaction. More says that it stopped at
// last, and that the rest begins behind it.
func (t *Table[T]) mendPage(tx *Tx, after Key) (last Key, more bool, err error) {
	const page = 100
	n := 0
	for v, err := range t.Scan(tx, Range{After: after, Limit: page}) {
		if err == nil {
			err = t.mend(tx, &v)
		}
		if err != nil {
			return nil, false, err
		}
		last = t.d.Key(&v)
		if n++; n == page || tx.shared.writes > MaxWrites/2 {
			return last, true, nil
		}
	}
	return nil, false, nil
}

func (t *Table[T]) mend(tx *Tx, v *T) error {
	for _, ix := range t.indexes {
		es, err := ix.entries(tx, v)
		if err != nil {
			return err
		}
		for _, e := range es {
			stored, err := t.stands(tx, ix, e)
			if err == nil && !stored {
				err = t.setEntry(tx, ix, e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// stands says whether an entry is stored as it should be.
func (t *Table[T]) stands(tx *Tx, ix index[T], e entry) (bool, error) {
	it, err := tx.get(e.key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, row, err := ix.open(tx, e.key, it.Value)
	switch {
	case err != nil:
		return false, nil //nolint:nilerr // damaged: it is written again
	case string(row) == string(e.row):
		return true, nil
	case ix.unique():
		return false, ErrExists
	}
	return false, nil
}
