package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// Unique finds at most one record by a value. It is made by NewUnique.
type Unique[T any] struct {
	table  *Table[T]
	number byte
	key    func(*T) Key
}

// NewUnique declares that key(v) names at most one record of its scope; a nil Key leaves the record out. The number is
// unique in the table and never used again for anything else.
func NewUnique[T any](t *Table[T], number byte, key func(*T) Key) *Unique[T] {
	u := &Unique[T]{table: t, number: number, key: key}
	t.add(u)
	return u
}

// Get returns the record that has k, or ErrNotFound.
func (u *Unique[T]) Get(tx *Tx, k Key) (T, error) {
	var none T
	key := tx.key(u.table.d.ID, u.number, k)
	it, err := tx.get(key)
	if err != nil {
		return none, fmt.Errorf("%s: %w", u.table.d.Name, err)
	}
	_, _, primary, err := unwrap(key, it.Value)
	if err != nil {
		return none, fmt.Errorf("%s: %w", u.table.d.Name, err)
	}
	v, err := u.table.Get(tx, primary)
	if errors.Is(err, ErrNotFound) {
		return none, fmt.Errorf("%s: %w: index without its record", u.table.d.Name, ErrCorrupt)
	}
	return v, err
}

func (u *Unique[T]) id() byte     { return u.number }
func (u *Unique[T]) unique() bool { return true }

func (u *Unique[T]) entries(v *T) ([]entry, error) {
	k := u.key(v)
	if k == nil {
		return nil, nil
	}
	return []entry{{key: k, row: u.table.d.Key(v)}}, nil
}

// Index lists records in another order than that of their keys. Each entry carries a covering row of type R, so that a
// page of a list is one range read. It is made by NewIndex.
type Index[T, R any] struct {
	table  *Table[T]
	number byte
	keys   func(*T) []Key
	row    func(*T) R
}

// NewIndex declares an index: a record has one entry for each of keys(v), which need not be unique. The number is
// unique in the table and never used again for anything else. A change of what row gives for stored records needs a
// migration.
func NewIndex[T, R any](t *Table[T], number byte, keys func(*T) []Key, row func(*T) R) *Index[T, R] {
	ix := &Index[T, R]{table: t, number: number, keys: keys, row: row}
	t.add(ix)
	return ix
}

// Bare is the row of an index that covers nothing.
type Bare struct{}

// Entry is one row of an index.
type Entry[R any] struct {
	// Key is the entry's place: what the index's keys gave, followed by the primary key. As Range.After it continues a scan.
	Key Key
	// Primary is the record's primary key.
	Primary Key
	Row     R
}

// Scan yields the entries of a range in order. It stops at the first error.
func (ix *Index[T, R]) Scan(tx *Tx, r Range) iter.Seq2[Entry[R], error] {
	return func(yield func(Entry[R], error) bool) {
		for it, err := range tx.scan(ix.table.d.ID, ix.number, r, false) {
			var e Entry[R]
			if err == nil {
				e, err = ix.decode(tx, it.Key, it.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Records yields the records of a range in the index's order.
func (ix *Index[T, R]) Records(tx *Tx, r Range) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for e, err := range ix.Scan(tx, r) {
			var v T
			if err == nil {
				v, err = ix.table.Get(tx, e.Primary)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

func (ix *Index[T, R]) id() byte     { return ix.number }
func (ix *Index[T, R]) unique() bool { return false }

func (ix *Index[T, R]) entries(v *T) ([]entry, error) {
	keys := ix.keys(v)
	if len(keys) == 0 {
		return nil, nil
	}
	primary := ix.table.d.Key(v)
	row := binary.AppendUvarint(nil, uint64(len(primary)))
	r := ix.row(v)
	if _, bare := any(r).(Bare); !bare {
		b, err := encode(r)
		if err != nil {
			return nil, fmt.Errorf("%s: covering row: %w", ix.table.d.Name, err)
		}
		row = append(row, b...)
	}
	out := make([]entry, len(keys))
	for i, k := range keys {
		out[i] = entry{key: append(k[:len(k):len(k)], primary...), row: row}
	}
	return out, nil
}

func (ix *Index[T, R]) decode(tx *Tx, key, value []byte) (e Entry[R], err error) {
	_, _, payload, err := unwrap(key, value)
	if err != nil {
		return e, fmt.Errorf("%s: %w", ix.table.d.Name, err)
	}
	n, w := binary.Uvarint(payload)
	tail := key[len(tx.key(ix.table.d.ID, ix.number, nil)):]
	if w <= 0 || n > uint64(len(tail)) {
		return e, fmt.Errorf("%s: %w: index entry", ix.table.d.Name, ErrCorrupt)
	}
	e.Key = append(Key(nil), tail...)
	e.Primary = e.Key[len(e.Key)-int(n):]
	if _, bare := any(e.Row).(Bare); bare {
		return e, nil
	}
	if err := decode(payload[w:], &e.Row); err != nil {
		return e, fmt.Errorf("%s: %w: %w", ix.table.d.Name, ErrCorrupt, err)
	}
	return e, nil
}
