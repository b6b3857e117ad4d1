package storage

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"
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
	// Sealed records, and the covering rows of their indexes, are encrypted with their scope's data key. Keys are not:
	// a secret must not be part of one. A table is sealed from its first record on, or needs a migration.
	Sealed bool
	// Watched tables appear in the change feed.
	Watched bool
	// Expires, if not nil, is the time at which a record vanishes by itself, without an event; zero: never. A table with
	// it has no indexes.
	Expires func(*T) time.Time
}

// Table is a set of records of one type, in every scope. It is declared in a package variable and never changes.
type Table[T any] struct {
	d       Declaration[T]
	indexes []index[T]
}

// Declared is any table, whatever its records are.
type Declared interface {
	// ID is the table's number.
	ID() uint16
	// Name is the table's name for people.
	Name() string

	check(tx *Tx, c *checker) error
}

// A table's records and each of its indexes are a part of their own.
const (
	partRecord   = 0x00
	partSequence = 0xff
)

// NewTable declares a table. It panics on a declaration that lacks something, and on two fields with one number.
func NewTable[T any](d Declaration[T]) *Table[T] {
	if d.ID == 0 || d.Name == "" || d.Key == nil || int(d.Schema) != len(d.Upgrade) {
		panic("storage: incomplete declaration of table " + d.Name)
	}
	checkFields(d.Name, reflect.TypeFor[T]())
	return &Table[T]{d: d}
}

// ID is the table's number.
func (t *Table[T]) ID() uint16 { return t.d.ID }

// Name is the table's name for people.
func (t *Table[T]) Name() string { return t.d.Name }

func (t *Table[T]) add(ix index[T]) {
	if t.d.Expires != nil || ix.id() == partRecord || ix.id() == partSequence {
		panic("storage: index on table " + t.d.Name + ": it expires, or the index is number 0 or 255")
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
	key := tx.key(t.d.ID, partRecord, k, nil)
	it, err := tx.get(key)
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", t.d.Name, err)
	}
	return t.decode(tx, key, it.Value)
}

// Has says whether a record with key k is there.
func (t *Table[T]) Has(tx *Tx, k Key) (bool, error) {
	_, err := tx.get(tx.key(t.d.ID, partRecord, k, nil))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", t.d.Name, err)
	}
	return true, nil
}

// Insert writes a new record, or returns ErrExists: there is one with its key, or with its value of a unique index.
// After ErrExists the transaction is as it was before and may go on.
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
// value for another record; the transaction is as it was before then.
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
// be what is stored, and share nothing with v that was changed since.
func (t *Table[T]) Replace(tx *Tx, old, v *T) error {
	if !bytes.Equal(t.d.Key(old), t.d.Key(v)) {
		return fmt.Errorf("%s: replace under another key", t.d.Name)
	}
	return t.write(tx, old, v)
}

// Delete removes the record with key k; one that is not there is no error.
func (t *Table[T]) Delete(tx *Tx, k Key) error {
	key := tx.key(t.d.ID, partRecord, k, nil)
	if len(t.indexes) > 0 || t.d.Watched {
		old, err := t.Get(tx, k)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		ds, err := t.diffs(tx, &old, nil)
		if err != nil {
			return err
		}
		if err := t.reindex(tx, ds); err != nil {
			return err
		}
	}
	if t.d.Watched {
		tx.changed(t.d.ID, key, true)
	}
	return tx.delete(key)
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

// Keys yields the primary keys of a range in order, without reading the records.
func (t *Table[T]) Keys(tx *Tx, r Range) iter.Seq2[Key, error] {
	return tx.keys(t.d.ID, partRecord, r)
}

// write does all that can go wrong before it touches anything, so that a refused record leaves no traces.
func (t *Table[T]) write(tx *Tx, old, v *T) error {
	if tx.txn == nil {
		return fmt.Errorf("%s: write in View: %w", t.d.Name, ErrReadOnly)
	}
	key := tx.key(t.d.ID, partRecord, t.d.Key(v), nil)
	payload, err := encode(v)
	if err != nil {
		return fmt.Errorf("%s: %w", t.d.Name, err)
	}
	ds, err := t.diffs(tx, old, v)
	if err != nil {
		return err
	}
	value, err := t.wrap(tx, key, payload)
	if err != nil {
		return fmt.Errorf("%s: %w", t.d.Name, err)
	}
	if err := t.reindex(tx, ds); err != nil {
		return err
	}
	var expires time.Time
	if t.d.Expires != nil {
		expires = t.d.Expires(v)
	}
	if t.d.Watched {
		tx.changed(t.d.ID, key, false)
	}
	if err := tx.set(key, value, expires); err != nil {
		return fmt.Errorf("%s: %w", t.d.Name, err)
	}
	return nil
}

// wrap makes the value that is stored, sealed if the table is.
func (t *Table[T]) wrap(tx *Tx, key, payload []byte) ([]byte, error) {
	if !t.d.Sealed {
		return wrap(key, t.d.Schema, 0, payload), nil
	}
	sealed, err := tx.store.seals.seal(tx, key, payload)
	if err != nil {
		return nil, err
	}
	return wrap(key, t.d.Schema, flagSealed, sealed), nil
}

// unwrap is the opposite of wrap. What stands open in a sealed table was not written by us.
func (t *Table[T]) unwrap(tx *Tx, key, value []byte) (schema byte, payload []byte, err error) {
	schema, flags, payload, err := unwrap(key, value)
	if err != nil {
		return 0, nil, err
	}
	switch sealed := flags&flagSealed != 0; {
	case sealed:
		payload, err = tx.store.seals.open(tx, key, payload)
	case t.d.Sealed:
		err = fmt.Errorf("%w: not sealed", ErrCorrupt)
	}
	return schema, payload, err
}

func (t *Table[T]) decode(tx *Tx, key, value []byte) (v T, err error) {
	schema, payload, err := t.unwrap(tx, key, value)
	if err != nil {
		return v, fmt.Errorf("%s: %w", t.d.Name, err)
	}
	if schema > t.d.Schema {
		return v, fmt.Errorf("%s: %w: schema %d, this program knows %d", t.d.Name, ErrNewer, schema, t.d.Schema)
	}
	if err := decode(payload, &v); err != nil {
		return v, fmt.Errorf("%s: %w: %w", t.d.Name, ErrCorrupt, err)
	}
	for _, up := range t.d.Upgrade[schema:] {
		up(&v)
	}
	return v, nil
}
