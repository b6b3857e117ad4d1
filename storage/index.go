package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Unique finds at most one record by a value. It is made by NewUnique.
type Unique[T any] struct {
	table  *Table[T]
	number byte
	key    func(*T) Key
}

// NewUnique declares that key(v) names at most one record of its scope; an empty Key leaves the record out. The number
// (1–254) is unique in the table and never used again for anything else.
func NewUnique[T any](t *Table[T], number byte, key func(*T) Key) *Unique[T] {
	u := &Unique[T]{table: t, number: number, key: key}
	t.add(u)
	return u
}

// Get returns the record that has k, or ErrNotFound.
func (u *Unique[T]) Get(tx *Tx, k Key) (T, error) {
	var none T
	key := tx.key(u.table.d.ID, u.number, k, nil)
	it, err := tx.get(key)
	if err != nil {
		return none, fmt.Errorf("%s: %w", u.table.d.Name, err)
	}
	primary, _, err := u.open(tx, key, it.Value)
	if err != nil {
		return none, fmt.Errorf("%s: %w", u.table.d.Name, err)
	}
	v, err := u.table.Get(tx, primary)
	if errors.Is(err, ErrNotFound) {
		return none, fmt.Errorf("%s: %w: %w", u.table.d.Name, ErrCorrupt, errNoRecord)
	}
	return v, err
}

// Index lists records in another order than that of their keys. Each entry carries a covering row of type R, so that a
// page of a list is one range read. It is made by NewIndex.
type Index[T, R any] struct {
	table  *Table[T]
	number byte
	keys   func(*T) []Key
	row    func(*T) R
	bare   bool
}

// NewIndex declares an index: a record has one entry for each of keys(v), which need not be unique. The number (1–254)
// is unique in the table and never used again for anything else. A change of what keys or row give for stored records
// needs a migration: see Reindex.
func NewIndex[T, R any](t *Table[T], number byte, keys func(*T) []Key, row func(*T) R) *Index[T, R] {
	var none R
	_, bare := any(none).(Bare)
	ix := &Index[T, R]{table: t, number: number, keys: keys, row: row, bare: bare}
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

// Has says whether the record with that primary key has an entry under k, which is one of what the index's keys gave.
func (ix *Index[T, R]) Has(tx *Tx, k, primary Key) (bool, error) {
	_, err := tx.get(tx.key(ix.table.d.ID, ix.number, k, primary))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", ix.table.d.Name, err)
	}
	return true, nil
}

// Keys yields the keys of a range's entries in order, without reading their rows.
func (ix *Index[T, R]) Keys(tx *Tx, r Range) iter.Seq2[Key, error] {
	return tx.keys(ix.table.d.ID, ix.number, r)
}

// Records yields the records of a range in the index's order.
func (ix *Index[T, R]) Records(tx *Tx, r Range) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for e, err := range ix.Scan(tx, r) {
			var v T
			if err == nil {
				v, err = ix.table.Get(tx, e.Primary)
			}
			if errors.Is(err, ErrNotFound) {
				err = fmt.Errorf("%s: %w: %w", ix.table.d.Name, ErrCorrupt, errNoRecord)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

func (ix *Index[T, R]) decode(tx *Tx, key, value []byte) (e Entry[R], err error) {
	primary, row, err := ix.open(tx, key, value)
	if err != nil {
		return e, fmt.Errorf("%s: %w", ix.table.d.Name, err)
	}
	e.Key = slices.Clone(tx.tail(key))
	e.Primary = e.Key[len(e.Key)-len(primary):]
	if ix.bare {
		return e, nil
	}
	_, w := binary.Uvarint(row)
	if err := decode(row[w:], &e.Row); err != nil {
		return e, fmt.Errorf("%s: %w: %w", ix.table.d.Name, ErrCorrupt, err)
	}
	return e, nil
}

var errNoRecord = errors.New("index entry without its record")

// index is what a table keeps up beside its records.
type index[T any] interface {
	id() byte
	unique() bool
	// entries are those that v must have, in the order of their keys, no two alike.
	entries(tx *Tx, v *T) ([]entry, error)
	// open takes a stored entry apart. What it returns points into key and value.
	open(tx *Tx, key, value []byte) (primary Key, row []byte, err error)
}

// entry is one row of an index: the engine's key and what is wrapped under it.
type entry struct{ key, row []byte }

func (u *Unique[T]) id() byte     { return u.number }
func (u *Unique[T]) unique() bool { return true }

func (u *Unique[T]) entries(tx *Tx, v *T) ([]entry, error) {
	k := u.key(v)
	if len(k) == 0 {
		return nil, nil
	}
	return []entry{{key: tx.key(u.table.d.ID, u.number, k, nil), row: u.table.d.Key(v)}}, nil
}

func (u *Unique[T]) open(_ *Tx, key, value []byte) (Key, []byte, error) {
	_, _, payload, err := unwrap(key, value)
	return payload, payload, err
}

func (ix *Index[T, R]) id() byte     { return ix.number }
func (ix *Index[T, R]) unique() bool { return false }

func (ix *Index[T, R]) entries(tx *Tx, v *T) ([]entry, error) {
	keys := ix.keys(v)
	if len(keys) == 0 {
		return nil, nil
	}
	primary := ix.table.d.Key(v)
	row := binary.AppendUvarint(nil, uint64(len(primary)))
	if !ix.bare {
		b, err := encode(ix.row(v))
		if err != nil {
			return nil, fmt.Errorf("%s: covering row: %w", ix.table.d.Name, err)
		}
		row = append(row, b...)
	}
	es := make([]entry, len(keys))
	for i, k := range keys {
		es[i] = entry{key: tx.key(ix.table.d.ID, ix.number, k, primary), row: row}
	}
	if len(es) == 1 {
		return es, nil
	}
	slices.SortFunc(es, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	return slices.CompactFunc(es, func(a, b entry) bool { return bytes.Equal(a.key, b.key) }), nil
}

func (ix *Index[T, R]) open(tx *Tx, key, value []byte) (Key, []byte, error) {
	_, row, err := ix.table.unwrap(tx, key, value)
	if err != nil {
		return nil, nil, err
	}
	tail := tx.tail(key)
	n, w := binary.Uvarint(row)
	if w <= 0 || n > uint64(len(tail)) {
		return nil, nil, fmt.Errorf("%w: index entry", ErrCorrupt)
	}
	return tail[uint64(len(tail))-n:], row, nil
}

// diff is what one index has to change.
type diff[T any] struct {
	index         index[T]
	before, after []entry
}

// diffs compares the entries of old with those of v (nil: no record), and makes sure that v takes no other record's
// place in a unique index.
func (t *Table[T]) diffs(tx *Tx, old, v *T) ([]diff[T], error) {
	if len(t.indexes) == 0 {
		return nil, nil
	}
	ds := make([]diff[T], len(t.indexes))
	for i, ix := range t.indexes {
		d := diff[T]{index: ix}
		var err error
		if old != nil {
			if d.before, err = ix.entries(tx, old); err != nil {
				return nil, err
			}
		}
		if v != nil {
			if d.after, err = ix.entries(tx, v); err != nil {
				return nil, err
			}
		}
		if err := t.free(tx, d); err != nil {
			return nil, err
		}
		ds[i] = d
	}
	return ds, nil
}

func (t *Table[T]) free(tx *Tx, d diff[T]) error {
	if !d.index.unique() || len(d.after) == 0 {
		return nil
	}
	if len(d.before) > 0 && bytes.Equal(d.before[0].key, d.after[0].key) {
		return nil
	}
	_, err := tx.get(d.after[0].key)
	switch {
	case err == nil:
		return fmt.Errorf("%s: index %d: %w", t.d.Name, d.index.id(), ErrExists)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return fmt.Errorf("%s: %w", t.d.Name, err)
}

// reindex brings the index entries from before to after. Both are in order, so one walk finds what differs.
func (t *Table[T]) reindex(tx *Tx, ds []diff[T]) error {
	for _, d := range ds {
		before, after := d.before, d.after
		for len(before)+len(after) > 0 {
			var err error
			switch order := compareHeads(before, after); {
			case order < 0:
				err, before = tx.delete(before[0].key), before[1:]
			case order > 0:
				err, after = t.setEntry(tx, d.index, after[0]), after[1:]
			default:
				if !bytes.Equal(before[0].row, after[0].row) {
					err = t.setEntry(tx, d.index, after[0])
				}
				before, after = before[1:], after[1:]
			}
			if err != nil {
				return fmt.Errorf("%s: %w", t.d.Name, err)
			}
		}
	}
	return nil
}

// compareHeads says which of two sorted lists has the smaller first key; an empty one counts as infinite.
func compareHeads(a, b []entry) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return bytes.Compare(a[0].key, b[0].key)
}

func (t *Table[T]) setEntry(tx *Tx, ix index[T], e entry) error {
	if ix.unique() { // it holds a key, and keys are never sealed
		return tx.set(e.key, wrap(e.key, 0, 0, e.row), time.Time{})
	}
	value, err := t.wrap(tx, e.key, e.row)
	if err != nil {
		return err
	}
	return tx.set(e.key, value, time.Time{})
}
