package storage

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// Declaration says once what a table of records of type T is.
type Declaration[T any] struct {
	// ID is the table's number, unique in the program and never used again for anything else.
	// 1–15 storage, 16–63 tenant, 64–127 auth, 128–191 tickets, 192–223 proxy.
	ID uint16
	// Name is for people.
	Name string
	// Key is a record's primary key.
	Key func(*T) Key
	// Schema is the number of T's present shape. A record that was written with a smaller one is run through
	// Upgrade[its number], Upgrade[its number+1] … when it is read. Adding a field needs no new number.
	Schema  byte
	Upgrade []func(*T)
	// Sealed records are encrypted with their scope's data key.
	Sealed bool
	// Watched tables appear in the change feed.
	Watched bool
	// Expires, if not nil, is the time at which a record vanishes by itself, without an event. A table with it has
	// no indexes.
	Expires func(*T) time.Time
}

// Table is a set of records of one type, in every scope. It is declared in a package variable and never changes.
type Table[T any] struct {
	d       Declaration[T]
	indexes []index[T]
}

// Declared is any table, whatever its records are.
type Declared interface {
	ID() uint16
	Name() string
	check(tx *Tx, report func(key []byte, err error)) error
}

// index is what a table keeps up beside its records.
type index[T any] interface {
	id() byte
	unique() bool
	entries(v *T) ([]entry, error)
}

type entry struct {
	key Key
	row []byte
}

const partRecord = 0x00

// NewTable declares a table.
func NewTable[T any](d Declaration[T]) *Table[T] {
	if d.ID == 0 || d.Name == "" || d.Key == nil || int(d.Schema) != len(d.Upgrade) {
		panic("storage: incomplete declaration of table " + d.Name)
	}
	return &Table[T]{d: d}
}

// ID is the table's number.
func (t *Table[T]) ID() uint16 { return t.d.ID }

// Name is the table's name for people.
func (t *Table[T]) Name() string { return t.d.Name }

func (t *Table[T]) add(ix index[T]) {
	if t.d.Expires != nil || ix.id() == partRecord {
		panic("storage: index on table " + t.d.Name + ": it expires, or the index is number 0")
	}
	for _, other := range t.indexes {
		if other.id() == ix.id() {
			panic("storage: two indexes of table " + t.d.Name + " have one number")
		}
	}
	t.indexes = append(t.indexes, ix)
}

// Get returns the record with key k, or ErrNotFound.
func (t *Table[T]) Get(tx *Tx, k Key) (T, error) {
	var v T
	key := tx.key(t.d.ID, partRecord, k)
	it, err := tx.get(key)
	if err != nil {
		return v, fmt.Errorf("%s: %w", t.d.Name, err)
	}
	return t.decode(tx, key, it.Value)
}

// Has says whether a record with key k is there.
func (t *Table[T]) Has(tx *Tx, k Key) (bool, error) {
	_, err := tx.get(tx.key(t.d.ID, partRecord, k))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Insert writes a new record, or returns ErrExists.
func (t *Table[T]) Insert(tx *Tx, v *T) error {
	has, err := t.Has(tx, t.d.Key(v))
	if err != nil {
		return err
	}
	if has {
		return fmt.Errorf("%s: %w", t.d.Name, ErrExists)
	}
	return t.write(tx, nil, v)
}

// Put writes a record, in the place of the one with the same key if there is one. ErrExists: a unique index has its
// value for another record.
func (t *Table[T]) Put(tx *Tx, v *T) error {
	if len(t.indexes) == 0 {
		return t.write(tx, nil, v)
	}
	old, err := t.Get(tx, t.d.Key(v))
	if errors.Is(err, ErrNotFound) {
		return t.write(tx, nil, v)
	}
	if err != nil {
		return err
	}
	return t.write(tx, &old, v)
}

// Replace is Put for a caller that has just read the record in this transaction: it spares the second reading. Old must
// be what is stored.
func (t *Table[T]) Replace(tx *Tx, old, v *T) error {
	if !bytes.Equal(t.d.Key(old), t.d.Key(v)) {
		return fmt.Errorf("%s: replace under another key", t.d.Name)
	}
	return t.write(tx, old, v)
}

// Delete removes the record with key k; one that is not there is no error.
func (t *Table[T]) Delete(tx *Tx, k Key) error {
	if len(t.indexes) > 0 {
		old, err := t.Get(tx, k)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.reindex(tx, &old, nil); err != nil {
			return err
		}
	}
	if t.d.Watched {
		tx.changed(t.d.ID, k, true)
	}
	return tx.delete(tx.key(t.d.ID, partRecord, k))
}

// Scan yields the records of a range in the order of their keys. It stops at the first error.
func (t *Table[T]) Scan(tx *Tx, r Range) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for it, err := range tx.scan(t.d.ID, partRecord, r, false) {
			var v T
			if err == nil {
				v, err = t.decode(tx, it.Key, it.Value)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

func (t *Table[T]) write(tx *Tx, old, v *T) error {
	k := t.d.Key(v)
	if err := t.reindex(tx, old, v); err != nil {
		return err
	}
	payload, err := encode(v)
	if err != nil {
		return fmt.Errorf("%s: %w", t.d.Name, err)
	}
	key := tx.key(t.d.ID, partRecord, k)
	var flags byte
	if t.d.Sealed {
		flags |= flagSealed
		if payload, err = tx.store.seals.seal(tx, key, payload); err != nil {
			return fmt.Errorf("%s: %w", t.d.Name, err)
		}
	}
	var expires time.Time
	if t.d.Expires != nil {
		expires = t.d.Expires(v)
	}
	if t.d.Watched {
		tx.changed(t.d.ID, k, false)
	}
	return tx.set(key, wrap(key, t.d.Schema, flags, payload), expires)
}

func (t *Table[T]) decode(tx *Tx, key, value []byte) (v T, err error) {
	schema, flags, payload, err := unwrap(key, value)
	if err != nil {
		return v, fmt.Errorf("%s: %w", t.d.Name, err)
	}
	if flags&flagSealed != 0 {
		if payload, err = tx.store.seals.open(tx, key, payload); err != nil {
			return v, fmt.Errorf("%s: %w", t.d.Name, err)
		}
	}
	if err := decode(payload, &v); err != nil {
		return v, fmt.Errorf("%s: %w: %w", t.d.Name, ErrCorrupt, err)
	}
	if schema > t.d.Schema {
		return v, fmt.Errorf("%s: record of schema %d was written by a newer deskgate", t.d.Name, schema)
	}
	for _, up := range t.d.Upgrade[schema:] {
		up(&v)
	}
	return v, nil
}

// reindex brings the index entries from those of old to those of v; nil is no record.
func (t *Table[T]) reindex(tx *Tx, old, v *T) error {
	for _, ix := range t.indexes {
		before, err := entriesOf(ix, old)
		if err != nil {
			return err
		}
		after, err := entriesOf(ix, v)
		if err != nil {
			return err
		}
		for k := range before {
			if _, stays := after[k]; !stays {
				if err := tx.delete(tx.key(t.d.ID, ix.id(), Key(k))); err != nil {
					return err
				}
			}
		}
		for k, row := range after {
			if was, there := before[k]; there && bytes.Equal(was, row) {
				continue
			} else if err := t.addEntry(tx, ix, Key(k), row, there); err != nil {
				return err
			}
		}
	}
	return nil
}

func entriesOf[T any](ix index[T], v *T) (map[string][]byte, error) {
	if v == nil {
		return nil, nil
	}
	es, err := ix.entries(v)
	m := make(map[string][]byte, len(es))
	for _, e := range es {
		m[string(e.key)] = e.row
	}
	return m, err
}

func (t *Table[T]) addEntry(tx *Tx, ix index[T], k Key, row []byte, ours bool) error {
	key := tx.key(t.d.ID, ix.id(), k)
	if ix.unique() && !ours {
		_, err := tx.get(key)
		if err == nil {
			return fmt.Errorf("%s: %w", t.d.Name, ErrExists)
		}
		if !errors.Is(err, engine.ErrNotFound) {
			return err
		}
	}
	return tx.set(key, wrap(key, 0, 0, row), time.Time{})
}
