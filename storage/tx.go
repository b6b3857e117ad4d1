package storage

import (
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// The same limits on every engine, so that a program that runs on one runs on all.
const (
	MaxKey       = 1 << 10   // bytes of one key
	MaxValue     = 512 << 10 // bytes of one value
	MaxWrites    = 1000      // writes of one transaction
	MaxTxBytes   = 1 << 20   // bytes written by one transaction
	MaxRowsRead  = 10_000    // rows read by one transaction
	MaxTxRunning = 5 * time.Second
)

// Tx is a transaction confined to one scope. It is for the goroutine that got it, until its function returns.
type Tx struct {
	store  *Store
	scope  Scope
	reader engine.Reader
	txn    engine.Txn // nil in View
	shared *txShared
}

// txShared is common to all views of one transaction.
type txShared struct {
	started   time.Time
	writes    int
	bytes     int
	rows      int
	changes   []Change
	committed []func()
}

func newTx(s *Store, sc Scope, r engine.Reader, t engine.Txn) *Tx {
	return &Tx{store: s, scope: sc, reader: r, txn: t, shared: &txShared{started: time.Now()}}
}

// Scope is what the transaction is confined to.
func (tx *Tx) Scope() Scope { return tx.scope }

// Tenant narrows a node's transaction to one tenant: what is written through the result commits together with the
// rest. The reverse does not exist: it panics on a transaction that is a tenant's already.
func (tx *Tx) Tenant(id string) *Tx {
	if tx.scope != Node() {
		panic("storage: only the node's transaction can be narrowed")
	}
	narrow := *tx
	narrow.scope = Within(id)
	return &narrow
}

// OnCommit has f called once, after the transaction is on disk. f must not fail.
func (tx *Tx) OnCommit(f func()) { tx.shared.committed = append(tx.shared.committed, f) }

// key builds the engine's key of a part of a table.
func (tx *Tx) key(table uint16, part byte, k Key) []byte {
	b := make([]byte, 0, 1+len(tx.scope.id)+3+len(k))
	b = tx.scope.prefix(b)
	b = append(b, byte(table>>8), byte(table), part)
	return append(b, k...)
}

func (tx *Tx) get(key []byte) (engine.Item, error) {
	if err := tx.read(1); err != nil {
		return engine.Item{}, err
	}
	return tx.reader.Get(key)
}

func (tx *Tx) read(rows int) error {
	tx.shared.rows += rows
	if tx.shared.rows > MaxRowsRead {
		return fmt.Errorf("%w: more than %d rows read", ErrTooLarge, MaxRowsRead)
	}
	return nil
}

func (tx *Tx) set(key, value []byte, expires time.Time) error {
	if err := tx.write(len(key), len(value)); err != nil {
		return err
	}
	return tx.txn.Set(key, value, expires)
}

func (tx *Tx) delete(key []byte) error {
	if err := tx.write(len(key), 0); err != nil {
		return err
	}
	return tx.txn.Delete(key)
}

func (tx *Tx) write(key, value int) error {
	s := tx.shared
	s.writes++
	s.bytes += key + value
	switch {
	case tx.txn == nil:
		return ErrReadOnly
	case tx.scope == Scope{}:
		return fmt.Errorf("write without a scope: %w", ErrReadOnly)
	case key > MaxKey:
		return fmt.Errorf("%w: key of %d bytes", ErrTooLarge, key)
	case value > MaxValue:
		return fmt.Errorf("%w: value of %d bytes", ErrTooLarge, value)
	case s.writes > MaxWrites:
		return fmt.Errorf("%w: more than %d writes", ErrTooLarge, MaxWrites)
	case s.bytes > MaxTxBytes:
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxTxBytes)
	case time.Since(s.started) > MaxTxRunning:
		return fmt.Errorf("%w: running for more than %s", ErrTooLarge, MaxTxRunning)
	}
	return nil
}

func (tx *Tx) changed(table uint16, k Key, deleted bool) {
	tx.shared.changes = append(tx.shared.changes, Change{Tenant: tx.scope.id, Table: table, Key: k, Deleted: deleted})
}

// flush writes what the transaction gathered for the log.
func (tx *Tx) flush() error {
	if len(tx.shared.changes) == 0 {
		return nil
	}
	b, err := encode(tx.shared.changes)
	if err != nil {
		return err
	}
	return tx.txn.Append(b)
}
