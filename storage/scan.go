package storage

import (
	"context"
	"iter"

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

func (tx *Tx) scan(table uint16, part byte, r Range, keysOnly bool) iter.Seq2[engine.Item, error] {
	er := engine.Range{Lo: tx.key(table, part, r.Prefix), Reverse: r.Reverse, KeysOnly: keysOnly}
	er.Hi = successor(er.Lo)
	if r.From != nil {
		er.Lo = larger(er.Lo, tx.key(table, part, r.From))
	}
	if r.To != nil {
		er.Hi = smaller(er.Hi, tx.key(table, part, r.To))
	}
	if r.After != nil {
		after := tx.key(table, part, r.After)
		if r.Reverse {
			er.Hi = smaller(er.Hi, after)
		} else {
			er.Lo = larger(er.Lo, append(after, 0))
		}
	}
	return func(yield func(engine.Item, error) bool) {
		n := 0
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
			s := append([]byte(nil), p[:i+1]...)
			s[i]++
			return s
		}
	}
	return nil
}

// Each calls fn for every record of a table in a scope, however many there are, in pages of a snapshot each: a record
// that is written meanwhile may or may not be seen.
func Each[T any](ctx context.Context, s *Store, sc Scope, t *Table[T], fn func(*T) error) error {
	const page = 1000
	var after Key
	for {
		n := 0
		err := s.View(ctx, sc, func(tx *Tx) error {
			n = 0
			for v, err := range t.Scan(tx, Range{After: after, Limit: page}) {
				if err != nil {
					return err
				}
				if err := fn(&v); err != nil {
					return err
				}
				n, after = n+1, t.d.Key(&v)
			}
			return nil
		})
		if err != nil || n < page {
			return err
		}
	}
}
