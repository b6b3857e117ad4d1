package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// KeyOf is the primary key of a record.
func (t *Table[T]) KeyOf(v *T) Key { return t.d.Key(v) }

// Find says where in the store one of the words stands, in upper or lower case: in keys, in the values below them with what is
// sealed in the open, in the change feed and in blobs. It reads everything, and is the proof that something was erased.
func (s *Store) Find(ctx context.Context, words ...string) ([]string, error) {
	f := &finder{store: s}
	for _, w := range words {
		f.words = append(f.words, bytes.ToLower([]byte(w)))
	}
	if err := f.keys(ctx); err != nil {
		return nil, err
	}
	if err := f.feed(ctx); err != nil {
		return nil, err
	}
	return f.places, f.blobs()
}

type finder struct {
	store  *Store
	words  [][]byte
	places []string
}

func (f *finder) look(where string, texts ...[]byte) {
	for _, w := range f.words {
		has := func(text []byte) bool { return bytes.Contains(bytes.ToLower(text), w) }
		if slices.ContainsFunc(texts, has) {
			f.places = append(f.places, fmt.Sprintf("%s: %s", where, w))
		}
	}
}

func (f *finder) keys(ctx context.Context) error {
	for sc, err := range f.store.scopes(ctx, ignored) {
		if err != nil {
			return err
		}
		err := f.store.view(ctx, sc, true, func(tx *Tx) error {
			lo := sc.prefix(nil)
			for it, err := range tx.reader.Scan(engine.Range{Lo: lo, Hi: successor(lo)}) {
				if err != nil {
					return err
				}
				text, err := f.open(tx, it)
				if err != nil {
					return err
				}
				f.look(f.place(tx, it.Key), tx.tail(it.Key), text)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// open is what stands below a key, with what is sealed in the open. A sequence's counter is what it is.
func (f *finder) open(tx *Tx, it engine.Item) ([]byte, error) {
	_, flags, payload, err := unwrap(it.Key, it.Value)
	if err != nil {
		return it.Value, nil //nolint:nilerr // an entry of a unique index, or a counter
	}
	if flags&flagSealed == 0 {
		return payload, nil
	}
	return tx.store.seals.open(tx, it.Key, payload)
}

func (f *finder) place(tx *Tx, key []byte) string {
	at := key[tx.scope.size():]
	number := binary.BigEndian.Uint16(at)
	name := fmt.Sprintf("table %d", number)
	if t, known := f.store.tables[number]; known {
		name = t.Name()
	}
	return fmt.Sprintf("%s, part %d, %s", name, at[2], tx.tail(key))
}

func (f *finder) feed(ctx context.Context) error {
	const page = 1000
	mark, err := f.store.engine.Revision(ctx)
	if err != nil {
		return err
	}
	for after := uint64(0); after < mark; {
		records, err := f.store.engine.Log(ctx, after, page)
		if errors.Is(err, ErrTruncated) { // its beginning is gone
			after++
			continue
		}
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			f.look(fmt.Sprintf("change feed, %d", r.Revision), r.Data)
			after = r.Revision
		}
	}
	return nil
}

func (f *finder) blobs() error {
	return f.store.blobs.shelf.each(func(sum Sum, _ time.Time) error {
		b, err := f.store.blobs.shelf.open(sum)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(b)
		f.look("blob "+sum.String(), data)
		return errors.Join(err, b.Close())
	})
}
