package badger

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// txn is one function's view of the world: the snapshot, what the batch wrote before it, and what it writes itself.
type txn struct {
	reader
	batch   *batch
	own     layer
	records [][]byte
	bytes   int64  // of the records
	past    uint64 // the log's revisions go on behind it
}

// Get implements engine.Reader.
func (t *txn) Get(key []byte) (engine.Item, error) {
	w := t.own.get(key)
	if w == nil {
		w = t.batch.get(key)
	}
	switch {
	case w == nil:
		return t.reader.Get(key)
	case w.hidden():
		return engine.Item{}, engine.ErrNotFound
	default:
		it := w.item()
		it.Key, it.Value = key, bytes.Clone(it.Value)
		return it, nil
	}
}

// Scan implements engine.Reader.
func (t *txn) Scan(g engine.Range) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		m := overlay{stored: t.cursor(g), used: true, pending: merged(&t.batch.layer, &t.own, g)}
		defer m.stored.close()
		for m.next() {
			if !yield(m.item, nil) {
				return
			}
		}
		if m.stored.err != nil {
			yield(engine.Item{}, m.stored.err)
		}
	}
}

// overlay walks over what is stored in a range and what is pending there, the pending write's word last.
type overlay struct {
	stored  *cursor
	more    bool // stored has an item
	used    bool // that item is done with
	pending []*write
	item    engine.Item
}

// next moves to the next item, or says that there is none: the end, or stored.err.
func (o *overlay) next() bool {
	for {
		if o.used {
			o.more, o.used = o.stored.next(), false
		}
		if o.stored.err != nil || !o.more && len(o.pending) == 0 {
			return false
		}
		order := o.order()
		if order < 0 {
			o.item, o.used = o.stored.item, true
			return true
		}
		w := o.pending[0]
		o.pending, o.used = o.pending[1:], order == 0
		if !w.hidden() {
			o.item = w.item()
			if o.stored.rng.KeysOnly {
				o.item.Value = nil
			}
			return true
		}
	}
}

// order compares the places of the stored item and the pending write in the scan.
func (o *overlay) order() int {
	switch {
	case !o.more:
		return 1
	case len(o.pending) == 0:
		return -1
	}
	c := bytes.Compare(o.stored.item.Key, o.pending[0].key)
	if o.stored.rng.Reverse {
		return -c
	}
	return c
}

// Set implements engine.Txn.
func (t *txn) Set(key, value []byte, expires time.Time) error {
	if len(value) >= valueThreshold {
		return fmt.Errorf("%w: value of %d bytes", engine.ErrTooLarge, len(value))
	}
	kv := make([]byte, len(key)+len(value))
	copy(kv[copy(kv, key):], value)
	return t.put(&write{key: kv[:len(key):len(key)], value: kv[len(key):], expires: expiry(expires)})
}

// Delete implements engine.Txn.
func (t *txn) Delete(key []byte) error {
	return t.put(&write{key: bytes.Clone(key), deleted: true})
}

// Next implements engine.Txn.
func (t *txn) Next(counter []byte) (uint64, error) {
	var n uint64
	it, err := t.Get(counter)
	if err == nil {
		n, err = engine.DecodeCounter(counter, it.Value)
	}
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return 0, err
	}
	n++
	return n, t.Set(counter, engine.EncodeCounter(counter, n), time.Time{})
}

// Append implements engine.Txn.
func (t *txn) Append(record []byte) error {
	if len(record) >= valueThreshold-recordOverhead || len(t.records) == maxRecords {
		return fmt.Errorf("%w: record of %d bytes after %d others", engine.ErrTooLarge, len(record), len(t.records))
	}
	t.records = append(t.records, bytes.Clone(record))
	t.bytes += int64(len(record) + recordOverhead)
	return t.checkSize()
}

func (t *txn) put(w *write) error {
	if len(w.key) == 0 || len(w.key) > maxKey {
		return fmt.Errorf("%w: key of %d bytes", engine.ErrTooLarge, len(w.key))
	}
	t.own.put(w)
	return t.checkSize()
}

func (t *txn) checkSize() error {
	if t.size() > t.batch.engine.maxSize || t.count() > t.batch.engine.maxCount {
		return fmt.Errorf("%w: %d writes of %d bytes", engine.ErrTooLarge, t.count(), t.size())
	}
	return nil
}

func (t *txn) size() int64 { return t.own.size + t.bytes }
func (t *txn) count() int  { return len(t.own.writes) + len(t.records) }
