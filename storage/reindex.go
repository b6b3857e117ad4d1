package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/storage/engine"
)

// Reindex makes a table's index entries anew in every scope, as its declaration says: for a Migration that follows a
// change of an index, and to mend what Check found while nobody else uses the store. It works in batches and may be
// interrupted and repeated. ErrExists: two records claim one place in a unique index.
func Reindex[T any](ctx context.Context, s *Store, t *Table[T]) error {
	for sc, err := range s.scopes(ctx, ignored) {
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

// dropEntries deletes all entries. Reading is done outside of the transactions that delete, which keeps them short.
func (t *Table[T]) dropEntries(ctx context.Context, s *Store, sc Scope) error {
	var keys [][]byte
	for lo := []byte{}; lo != nil; {
		err := s.view(ctx, sc, true, func(tx *Tx) (err error) {
			keys, lo, err = t.someEntries(tx, lo)
			return err
		})
		if err != nil {
			return err
		}
		err = s.Update(ctx, sc, func(tx *Tx) error {
			for _, key := range keys {
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

// someEntries are as many of the engine's keys of entries, from lo on, as one transaction can delete. Next is where the
// rest begins, nil if there is none.
func (t *Table[T]) someEntries(tx *Tx, lo []byte) (keys [][]byte, next []byte, err error) {
	r := engine.Range{
		Lo: larger(lo, tx.key(t.d.ID, partRecord+1, nil, nil)), Hi: tx.key(t.d.ID, partSequence, nil, nil), KeysOnly: true,
	}
	for it, err := range tx.reader.Scan(r) {
		if err != nil {
			return nil, nil, err
		}
		key := bytes.Clone(it.Key)
		if len(keys) == MaxWrites {
			return keys, key, nil
		}
		keys = append(keys, key)
	}
	return keys, nil, nil
}

// makeEntries writes the entries of all records.
func (t *Table[T]) makeEntries(ctx context.Context, s *Store, sc Scope) error {
	var after, last Key
	for more := true; more; after = last {
		err := s.Update(ctx, sc, func(tx *Tx) (err error) {
			last, more, err = t.makeSome(tx, after)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// makeSome writes the entries of as many records behind a key as fit into a transaction. More says that it stopped at
// last, and that the rest begins behind it.
func (t *Table[T]) makeSome(tx *Tx, after Key) (last Key, more bool, err error) {
	const page = 100
	n := 0
	for v, err := range t.Scan(tx, Range{After: after, Limit: page}) {
		if err != nil {
			return nil, false, err
		}
		ds, err := t.diffs(tx, nil, &v)
		if err != nil {
			return nil, false, err
		}
		if err := t.reindex(tx, ds); err != nil {
			return nil, false, err
		}
		last = t.d.Key(&v)
		if n++; n == page || tx.shared.writes > MaxWrites/2 {
			return last, true, nil
		}
	}
	return nil, false, nil
}
