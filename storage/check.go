package storage

import (
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

// Check reads everything and reports what is damaged or out of step, table by table, while the store goes on. It returns
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
}

// keys walks over all scopes and their tables.
func (c *checker) keys(ctx context.Context) error {
	alien := func(key []byte) {
		c.report(Finding{Key: hex.EncodeToString(key), Problem: "a key of no scope"})
	}
	for sc, err := range c.store.scopes(ctx, alien) {
		if err != nil {
			return err
		}
		if err := c.scope(ctx, sc); err != nil {
			return err
		}
	}
	return nil
}

// scope looks at one table after the other, each in a snapshot of its own.
func (c *checker) scope(ctx context.Context, sc Scope) error {
	for lo := sc.prefix(nil); lo != nil; {
		key, err := c.store.firstKey(ctx, lo)
		if err != nil {
			return err
		}
		if other, ok := scopeOf(key); !ok || other != sc {
			return nil
		}
		number := binary.BigEndian.Uint16(key[sc.size():])
		err = c.store.view(ctx, sc, true, func(tx *Tx) error {
			err := tx.notErased(sc.id)
			if errors.Is(err, ErrErased) { // Erase is not through with it
				return nil
			}
			if err != nil {
				return err
			}
			if t, declared := c.store.tables[number]; declared {
				err = t.check(tx, c)
			} else {
				err = c.unknown(tx, number)
			}
			return errors.Join(err, c.sequence(tx, number))
		})
		if err != nil {
			return err
		}
		lo = successor(key[:sc.size()+2])
	}
	return nil
}

// unknown reports records under a table's number that nobody declared, the first one for all.
func (c *checker) unknown(tx *Tx, number uint16) error {
	r := engine.Range{Lo: tx.key(number, partRecord, nil, nil), Hi: tx.key(number, partSequence, nil, nil), KeysOnly: true}
	for it, err := range tx.reader.Scan(r) {
		if err == nil {
			c.found(tx, fmt.Sprintf("table %d", number), it.Key, errors.New("no such table"))
		}
		return err
	}
	return nil
}

// sequence looks at the counter with a number, if there is one.
func (c *checker) sequence(tx *Tx, number uint16) error {
	key := tx.key(number, partSequence, nil, nil)
	it, err := tx.reader.Get(key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c.seen(it)
	if _, err := engine.DecodeCounter(key, it.Value); err != nil {
		c.found(tx, fmt.Sprintf("sequence %d", number), key, err)
	}
	return nil
}

func (c *checker) seen(it engine.Item) {
	c.meter.add(Progress{Records: 1, Bytes: int64(len(it.Key) + len(it.Value))})
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
	if tx.shared.doom != nil { // then err may say no more than that the context ended
		return
	}
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
