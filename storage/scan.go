package storage

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/deskgate/deskgate/storage/engine"
)

// Range selects rows of a table or an index by their keys. The zero Range is all.
type Range struct {
	// Prefix: only keys that begin with it.
	Prefix Key
	// From is the first key and To the first one that is no longer wanted, both whole keys (not below Prefix).
	From, To Key
	// After continues a scan behind this key, in the scan's own direction: an Entry's Key, or a record's.
	After Key
	// Reverse goes from the last to the first.
	Reverse bool
	// Limit ends the scan after that many rows; 0: at the transaction's own limit.
	Limit int
}

// engine is the range of the engine's keys.
func (r Range) engine(tx *Tx, table uint16, part byte, keysOnly bool) engine.Range {
	er := engine.Range{Lo: tx.key(table, part, r.Prefix, nil), Reverse: r.Reverse, KeysOnly: keysOnly}
	er.Hi = successor(er.Lo)
	if r.From != nil {
		er.Lo = larger(er.Lo, tx.key(table, part, r.From, nil))
	}
	if r.To != nil {
		er.Hi = smaller(er.Hi, tx.key(table, part, r.To, nil))
	}
	if r.After == nil {
		return er
	}
	if r.Reverse {
		er.Hi = smaller(er.Hi, tx.key(table, part, r.After, nil))
	} else {
		er.Lo = larger(er.Lo, tx.key(table, part, r.After, Key{0}))
	}
	return er
}

func (tx *Tx) scan(table uint16, part byte, r Range, keysOnly bool) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		er, n := r.engine(tx, table, part, keysOnly), 0
		if bytes.Compare(er.Lo, er.Hi) >= 0 {
			return
		}
		for it, err := range tx.reader.Scan(er) {
			if err == nil {
				err = tx.read(1)
			}
			if !yield(it, err) || err != nil {
				return
			}
			if n++; r.Limit > 0 && n == r.Limit {
				return
			}
		}
	}
}

func (tx *Tx) keys(table uint16, part byte, r Range) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		for it, err := range tx.scan(table, part, r, true) {
			var k Key
			if err == nil {
				k = slices.Clone(tx.tail(it.Key))
			}
			if !yield(k, err) || err != nil {
				return
			}
		}
	}
}

func larger(a, b []byte) []byte {
	if string(a) > string(b) {
		return a
	}
	return b
}

func smaller(a, b []byte) []byte {
	if string(a) < string(b) {
		return a
	}
	return b
}

// successor is the smallest key that is greater than every key that begins with p. A scope's prefix begins with a small
// byte, so there always is one.
func successor(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			s := slices.Clone(p[:i+1])
			s[i]++
			return s
		}
	}
	return nil
}

// Each calls fn for every record of a table in a scope, however many there are, in pages of a snapshot each: a record
// that is written meanwhile may or may not be seen. fn runs outside of any transaction and may open its own; it stops at
// the first error.
func Each[T any](ctx context.Context, s *Store, sc Scope, t *Table[T], fn func(*T) error) error {
	const page = 200
	var after Key
	for {
		var vs []T
		err := s.View(ctx, sc, func(tx *Tx) error {
			vs = vs[:0]
			for v, err := range t.Scan(tx, Range{After: after, Limit: page}) {
				if err != nil {
					return err
				}
				vs = append(vs, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range vs {
			if err := fn(&vs[i]); err != nil {
				return err
			}
		}
		if len(vs) < page {
			return nil
		}
		after = t.d.Key(&vs[page-1])
	}
}

// Survey calls fn with the keys of an index's entries in a range, in order and in one snapshot, however many there are: as nothing else is
// read, some millions a second. fn runs inside a transaction, opens none of its own, and keeps no key.
func (ix *Index[T, R]) Survey(ctx context.Context, s *Store, sc Scope, r Range, fn func(Key)) error {
	return s.view(ctx, sc, true, func(tx *Tx) error {
		for it, err := range tx.scan(ix.table.d.ID, ix.number, r, true) {
			if err != nil {
				return err
			}
			fn(tx.tail(it.Key))
		}
		return nil
	})
}
