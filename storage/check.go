package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// Finding is one thing that Check found wrong.
type Finding struct {
	Tenant  string `json:"tenant,omitempty"` // the scope's id, empty for the node's
	Table   string `json:"table,omitempty"`
	Key     string `json:"key,omitempty"` // for people
	Problem string `json:"problem"`
}

// String is the finding in one line.
func (f Finding) String() string {
	out := f.Problem
	for _, part := range []string{f.Key, f.Table, f.Tenant} {
		if part != "" {
			out = part + ": " + out
		}
	}
	return out
}

// Check reads everything and reports what is damaged or out of step: page by page, while the store goes on. It returns
// an error only if it could not go on. Report and progress are called from the calling goroutine; progress may be nil.
func (s *Store) Check(ctx context.Context, report func(Finding), progress func(Progress)) error {
	c := &checker{store: s, report: report, meter: newMeter(progress)}
	if err := s.engine.Verify(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report(Finding{Problem: err.Error()})
	}
	if err := c.keys(ctx); err != nil {
		return err
	}
	if err := c.blobs(ctx); err != nil {
		return err
	}
	c.meter.done()
	return nil
}

type checker struct {
	store  *Store
	report func(Finding)
	meter  *meter
	known  Scope  // the scope that was last looked at
	dead   bool   // it is being erased
	alien  uint16 // the unknown table that was last reported in it
}

// keys walks over all keys, one page for each snapshot.
func (c *checker) keys(ctx context.Context) error {
	const page = 500
	for lo := []byte{scopeNode}; lo != nil; {
		var next []byte
		err := c.store.view(ctx, Node(), true, func(tx *Tx) error {
			n := 0
			next = nil
			for it, err := range tx.reader.Scan(engine.Range{Lo: lo}) {
				if err != nil {
					return err
				}
				if n++; n > page {
					next = bytes.Clone(it.Key)
					return nil
				}
				if err := c.row(tx, it); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		lo = next
	}
	return nil
}

// row looks at one key. Only an error that keeps Check from going on is returned.
func (c *checker) row(tx *Tx, it engine.Item) error {
	c.meter.add(Progress{Records: 1, Bytes: int64(len(it.Key) + len(it.Value))})
	sc, ok := scopeOf(it.Key)
	if !ok {
		c.report(Finding{Key: hex.EncodeToString(it.Key), Problem: "a key of no scope"})
		return nil
	}
	narrow := tx.in(sc)
	if sc != c.known {
		err := narrow.notErased(sc.id)
		if err != nil && !errors.Is(err, ErrErased) {
			return err
		}
		c.known, c.dead, c.alien = sc, err != nil, 0
	}
	if c.dead { // Erase is not through with it
		return nil
	}
	head := it.Key[sc.size():]
	number, part := binary.BigEndian.Uint16(head), head[2]
	if part == partSequence {
		if _, err := engine.DecodeCounter(it.Key, it.Value); err != nil {
			c.found(narrow, fmt.Sprintf("sequence %d", number), it.Key, err)
		}
		return nil
	}
	t, declared := c.store.tables[number]
	if !declared {
		if c.alien != number {
			c.found(narrow, fmt.Sprintf("table %d", number), it.Key, errors.New("no such table"))
		}
		c.alien = number
		return nil
	}
	check := t.checkEntry
	if part == partRecord {
		check = t.checkRecord
	}
	err := check(narrow, it.Key, it.Value)
	if err == nil && part == partRecord {
		err = c.crossing(narrow, number, it.Key)
	}
	if ctxErr := tx.shared.context.Err(); ctxErr != nil {
		return ctxErr
	}
	if err != nil {
		c.found(narrow, t.Name(), it.Key, err)
	}
	return nil
}

// crossing looks at what the store keeps in two scopes: blob references and uses.
func (c *checker) crossing(tx *Tx, table uint16, key []byte) error {
	var other []byte
	switch table {
	case blobRefs.d.ID:
		other = useOf(tx, key)
	case blobUses.d.ID:
		p := tx.tail(key).Parts()
		sum, id := p.Bytes(), p.Str()
		sc := Node()
		if len(id) == ScopeIDSize {
			sc = Within(id)
		}
		other = tx.in(sc).key(blobRefs.d.ID, partRecord, Key(nil).Bytes(sum), nil)
		if err := tx.notErased(sc.id); errors.Is(err, ErrErased) {
			return nil // Erase is not through with it
		}
	default:
		return nil
	}
	_, err := tx.reader.Get(other)
	if errors.Is(err, ErrNotFound) {
		return errors.New("blob references and uses are out of step")
	}
	return err
}

func (c *checker) found(tx *Tx, table string, key []byte, err error) {
	c.report(Finding{Tenant: tx.scope.id, Table: table, Key: tx.tail(key).String(), Problem: err.Error()})
}

// blobs reads every blob that somebody refers to.
func (c *checker) blobs(ctx context.Context) error {
	var last string
	return Each(ctx, c.store, Node(), blobUses, func(u *blobUse) error {
		if string(u.Sum) == last {
			return nil
		}
		last = string(u.Sum)
		size, err := c.blob(ctx, u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.report(Finding{Tenant: u.Scope, Table: "blob", Key: hex.EncodeToString(u.Sum), Problem: err.Error()})
		}
		c.meter.add(Progress{Blobs: 1, Bytes: size})
		return nil
	})
}

func (c *checker) blob(ctx context.Context, u *blobUse) (int64, error) {
	if len(u.Sum) != len(Sum{}) {
		return 0, fmt.Errorf("%w: not a hash", ErrCorrupt)
	}
	f, err := c.store.blobs.Open(ctx, Sum(u.Sum))
	if err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	return size, errors.Join(err, f.Close())
}

// checkRecord decodes a record and compares its index entries with what they should be.
func (t *Table[T]) checkRecord(tx *Tx, key, value []byte) error {
	v, err := t.decode(tx, key, value)
	if err != nil {
		return err
	}
	if !bytes.Equal(tx.tail(key), t.d.Key(&v)) {
		return fmt.Errorf("%w: stored under another record's key", ErrCorrupt)
	}
	for _, ix := range t.indexes {
		if err := checkEntries(tx, ix, &v); err != nil {
			return fmt.Errorf("index %d: %w", ix.id(), err)
		}
	}
	return nil
}

func checkEntries[T any](tx *Tx, ix index[T], v *T) error {
	want, err := ix.entries(tx, v)
	if err != nil {
		return err
	}
	for _, e := range want {
		it, err := tx.reader.Get(e.key)
		if errors.Is(err, ErrNotFound) {
			return errors.New("the record's entry is missing")
		}
		if err != nil {
			return err
		}
		_, row, err := ix.open(tx, e.key, it.Value)
		if err != nil {
			return err
		}
		if !bytes.Equal(row, e.row) {
			return errors.New("the entry is out of step, or another record's")
		}
	}
	return nil
}

// checkEntry makes sure that an index entry has its record, and that the record wants it. What the entry says is compared
// when the record's turn comes.
func (t *Table[T]) checkEntry(tx *Tx, key, value []byte) error {
	part := key[tx.scope.size()+tableHead-1]
	for _, ix := range t.indexes {
		if ix.id() != part {
			continue
		}
		primary, _, err := ix.open(tx, key, value)
		if err != nil {
			return fmt.Errorf("index %d: %w", part, err)
		}
		v, err := t.Get(tx, primary)
		switch {
		case errors.Is(err, ErrNotFound):
			return fmt.Errorf("index %d: %w", part, errNoRecord)
		case errors.Is(err, ErrCorrupt): // it is reported where it stands
			return nil
		case err != nil:
			return err
		}
		want, err := ix.entries(tx, &v)
		if err != nil {
			return err
		}
		for _, e := range want {
			if bytes.Equal(e.key, key) {
				return nil
			}
		}
		return fmt.Errorf("index %d: the record does not stand here", part)
	}
	return fmt.Errorf("no such index: %d", part)
}

// meter tells somebody how far something is, but not too often.
type meter struct {
	tell func(Progress)
	sum  Progress
	last time.Time
}

func newMeter(tell func(Progress)) *meter {
	if tell == nil {
		tell = func(Progress) {}
	}
	return &meter{tell: tell, last: time.Now()}
}

func (m *meter) add(p Progress) {
	const every = 200 * time.Millisecond
	before := m.sum.Records
	m.sum.Records += p.Records
	m.sum.Bytes += p.Bytes
	m.sum.Blobs += p.Blobs
	if p.Records == 1 && before%256 != 0 { // the clock is not free
		return
	}
	if now := time.Now(); now.Sub(m.last) >= every {
		m.last = now
		m.tell(m.sum)
	}
}

func (m *meter) done() { m.tell(m.sum) }
