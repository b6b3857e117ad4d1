package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/deskgate/deskgate/storage/engine"
)

// check reads the table's records and index entries in the transaction's scope, once each and in order. What the records
// want and what is there are summed up and compared; only where they differ are the entries looked up one by one.
func (t *Table[T]) check(tx *Tx, c *checker) error {
	want := make([]tally, len(t.indexes))
	for it, err := range tx.scan(t.d.ID, partRecord, Range{}, false) {
		if err != nil {
			return err
		}
		c.seen(it)
		v, err := t.checkRecord(tx, it)
		if err == nil {
			err = c.crossing(tx, t.d.ID, it.Key)
		}
		if err == nil {
			err = t.addWanted(tx, &v, want)
		}
		if err != nil {
			c.found(tx, t.d.Name, it.Key, err)
		}
	}
	for i, ix := range t.indexes {
		same, err := t.matches(tx, c, ix, want[i])
		if err == nil && !same {
			err = t.compare(tx, c, ix)
		}
		if err != nil {
			return err
		}
	}
	return t.checkParts(tx, c)
}

// tally is the same for the same entries in whatever order, and hardly ever for others.
type tally struct{ count, sum uint64 }

var tallySeed = maphash.MakeSeed()

func (t *tally) add(key, row []byte) {
	t.count++
	t.sum += maphash.Bytes(tallySeed, key)*3 + maphash.Bytes(tallySeed, row)
}

// addWanted adds a record's entries to those that its table's indexes must have.
func (t *Table[T]) addWanted(tx *Tx, v *T, want []tally) error {
	for i, ix := range t.indexes {
		es, err := ix.entries(tx, v)
		if err != nil {
			return err
		}
		for _, e := range es {
			want[i].add(e.key, e.row)
		}
	}
	return nil
}

// checkRecord decodes a record and makes sure that it stands where it belongs.
func (t *Table[T]) checkRecord(tx *Tx, it engine.Item) (T, error) {
	v, err := t.decode(tx, it.Key, it.Value)
	if err == nil && !bytes.Equal(tx.tail(it.Key), t.d.Key(&v)) {
		err = fmt.Errorf("%w: stored under another record's key", ErrCorrupt)
	}
	return v, err
}

// matches says whether an index has just the entries that are wanted.
func (t *Table[T]) matches(tx *Tx, c *checker, ix index[T], want tally) (bool, error) {
	var have tally
	same := true
	for it, err := range tx.scan(t.d.ID, ix.id(), Range{}, false) {
		if err != nil {
			return false, err
		}
		c.seen(it)
		_, row, err := ix.open(tx, it.Key, it.Value)
		if err != nil {
			same = false // damaged: compare says which
			continue
		}
		have.add(it.Key, row)
	}
	return same && have == want, nil
}

// compare finds out what is wrong with an index.
func (t *Table[T]) compare(tx *Tx, c *checker, ix index[T]) error {
	found := func(key []byte, err error) {
		c.found(tx, t.d.Name, key, fmt.Errorf("index %d: %w", ix.id(), err))
	}
	wanted, err := t.compareRecords(tx, ix, found)
	if err != nil {
		return err
	}
	there := 0
	for it, err := range tx.scan(t.d.ID, ix.id(), Range{}, false) {
		if err != nil {
			return err
		}
		_, err := t.ownerOf(tx, ix, it)
		switch {
		case err == nil:
			there++
		case !errors.Is(err, errOwner):
			found(it.Key, err)
		}
	}
	if there <= wanted {
		return nil
	}
	return t.findUnwanted(tx, ix, found)
}

// compareRecords looks up the entries of every record that can be read, and returns how many of them are there and
// readable.
func (t *Table[T]) compareRecords(tx *Tx, ix index[T], found func([]byte, error)) (wanted int, err error) {
	for it, err := range tx.scan(t.d.ID, partRecord, Range{}, false) {
		if err != nil {
			return 0, err
		}
		v, err := t.checkRecord(tx, it)
		if err != nil {
			continue // reported
		}
		es, err := ix.entries(tx, &v)
		if err != nil {
			continue // reported
		}
		for _, e := range es {
			stored, err := tx.reader.Get(e.key)
			if errors.Is(err, ErrNotFound) {
				found(it.Key, errors.New("the record's entry is missing"))
				continue
			}
			if err != nil {
				return 0, err
			}
			_, row, err := ix.open(tx, e.key, stored.Value)
			switch {
			case err != nil:
				continue // reported where it stands
			case !bytes.Equal(row, e.row):
				found(it.Key, errors.New("the entry is out of step, or another record's"))
			}
			wanted++
		}
	}
	return wanted, nil
}

// errOwner: an entry's record is there and can't be read. It is reported where it stands.
var errOwner = errors.New("damaged record")

// ownerOf is the record that an entry leads to.
func (t *Table[T]) ownerOf(tx *Tx, ix index[T], it engine.Item) (v T, err error) {
	primary, _, err := ix.open(tx, it.Key, it.Value)
	if err != nil {
		return v, err
	}
	v, err = t.Get(tx, primary)
	switch {
	case errors.Is(err, ErrNotFound):
		err = errNoRecord
	case err != nil:
		err = errOwner
	}
	return v, err
}

// findUnwanted asks the record of each entry whether it wants it.
func (t *Table[T]) findUnwanted(tx *Tx, ix index[T], found func([]byte, error)) error {
	for it, err := range tx.scan(t.d.ID, ix.id(), Range{}, false) {
		if err != nil {
			return err
		}
		v, err := t.ownerOf(tx, ix, it)
		if err != nil {
			continue // reported
		}
		es, err := ix.entries(tx, &v)
		if err != nil {
			continue // reported
		}
		wanted := false
		for _, e := range es {
			wanted = wanted || bytes.Equal(e.key, it.Key)
		}
		if !wanted {
			found(it.Key, errors.New("the record does not stand here"))
		}
	}
	return nil
}

// checkParts looks for entries of indexes that are not declared.
func (t *Table[T]) checkParts(tx *Tx, c *checker) error {
	known := map[byte]bool{}
	for _, ix := range t.indexes {
		known[ix.id()] = true
	}
	for part := byte(partRecord + 1); part < partSequence; part++ {
		if known[part] {
			continue
		}
		for it, err := range tx.scan(t.d.ID, part, Range{Limit: 1}, true) {
			if err != nil {
				return err
			}
			c.found(tx, t.d.Name, it.Key, fmt.Errorf("no such index: %d", part))
		}
	}
	return nil
}
