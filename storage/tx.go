package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// The same limits on every engine, so that a program that runs on one runs on all.
const (
	MaxKey       = 1 << 10   // bytes of one key
	MaxValue     = 512 << 10 // bytes of one value
	MaxWrites    = 1000      // writes of one transaction, index entries included
	MaxTxBytes   = 1 << 20   // bytes written by one transaction
	MaxRowsRead  = 10_000    // rows read by one transaction
	MaxTxRunning = 5 * time.Second
)

var (
	errNoScope = errors.New("transaction without a scope")
	errTxOver  = errors.New("transaction used after its function returned")
)

// Tx is a transaction confined to one scope. It is for the goroutine that got it, until its function returns. An error
// that says that a limit was passed dooms the transaction, even if its function goes on.
type Tx struct {
	store  *Store
	scope  Scope
	reader engine.Reader
	txn    engine.Txn // nil in View
	shared *txShared
}

// txShared is common to all views of one transaction.
type txShared struct {
	context   context.Context
	started   time.Time
	unlimited bool
	doom      error // why nothing works any more
	writes    int
	bytes     int
	rows      int
	keys      []scopeKey
	tenants   []string // that were written to
	changes   []Change
	committed []func()
}

func newTx(ctx context.Context, s *Store, sc Scope, r engine.Reader, t engine.Txn) *Tx {
	return &Tx{store: s, scope: sc, reader: r, txn: t, shared: &txShared{context: ctx, started: time.Now()}}
}

// Scope is what the transaction is confined to.
func (tx *Tx) Scope() Scope { return tx.scope }

// Context is what the transaction was asked for with.
func (tx *Tx) Context() context.Context { return tx.shared.context }

// Tenant narrows a node's transaction to one tenant: what is written through the result commits together with the
// rest. The reverse does not exist: it panics on a transaction that is a tenant's already.
func (tx *Tx) Tenant(id string) *Tx {
	if tx.scope != Node() {
		panic("storage: only the node's transaction can be narrowed")
	}
	return tx.in(Within(id))
}

// in is the same transaction in another scope. Only what the store keeps for itself may cross scopes by it.
func (tx *Tx) in(sc Scope) *Tx {
	other := *tx
	other.scope = sc
	return &other
}

// OnCommit has f called once, after the transaction is on disk and before Update returns. f must not fail. The hooks of
// different transactions may run in another order than that of their commits.
func (tx *Tx) OnCommit(f func()) { tx.shared.committed = append(tx.shared.committed, f) }

// Room is how many more writes, and bytes written, fit into the transaction: for work that may be left out.
func (tx *Tx) Room() (writes, bytes int) {
	return MaxWrites - tx.shared.writes, MaxTxBytes - tx.shared.bytes
}

// key builds the engine's key of a part of a table; tail is appended to k.
func (tx *Tx) key(table uint16, part byte, k, tail Key) []byte {
	b := make([]byte, 0, tx.scope.size()+tableHead+len(k)+len(tail))
	b = tx.scope.prefix(b)
	b = append(b, byte(table>>8), byte(table), part)
	return append(append(b, k...), tail...)
}

// tail is what stands behind scope, table and part in an engine's key of this transaction's scope.
func (tx *Tx) tail(key []byte) Key { return key[tx.scope.size()+tableHead:] }

// tableHead is the length of a table's number and a part's.
const tableHead = 3

func (tx *Tx) get(key []byte) (engine.Item, error) {
	if err := tx.read(1); err != nil {
		return engine.Item{}, err
	}
	return tx.reader.Get(key)
}

// read counts rows that are about to be read. The clock and the context are asked now and then only.
func (tx *Tx) read(rows int) error {
	const often = 64
	s := tx.shared
	before := s.rows / often
	s.rows += rows
	switch {
	case s.doom != nil:
	case s.unlimited:
		if before != s.rows/often {
			s.doom = s.context.Err()
		}
	case s.rows > MaxRowsRead:
		s.doom = fmt.Errorf("%w: more than %d rows read", ErrTooLarge, MaxRowsRead)
	case before != s.rows/often:
		s.doom = s.late()
	}
	return s.doom
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

// write counts one write.
func (tx *Tx) write(key, value int) error {
	if tx.txn == nil {
		return ErrReadOnly
	}
	s := tx.shared
	s.writes++
	s.bytes += key + value
	switch {
	case s.doom != nil:
	case key > MaxKey:
		s.doom = fmt.Errorf("%w: key of %d bytes", ErrTooLarge, key)
	case value > MaxValue:
		s.doom = fmt.Errorf("%w: value of %d bytes", ErrTooLarge, value)
	case s.unlimited:
	case s.writes > MaxWrites:
		s.doom = fmt.Errorf("%w: more than %d writes", ErrTooLarge, MaxWrites)
	case s.bytes > MaxTxBytes:
		s.doom = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxTxBytes)
	default:
		s.doom = s.late()
	}
	if s.doom == nil && tx.scope.kind == scopeTenant && !slices.Contains(s.tenants, tx.scope.id) {
		s.tenants = append(s.tenants, tx.scope.id)
	}
	return s.doom
}

// late is why a transaction that still has room must end nevertheless.
func (s *txShared) late() error {
	if time.Since(s.started) > MaxTxRunning {
		return fmt.Errorf("%w: running for more than %s", ErrTooLarge, MaxTxRunning)
	}
	return s.context.Err()
}

// changed notes a change of the record with the engine's key for the feed.
func (tx *Tx) changed(table uint16, key []byte, deleted bool) {
	s := tx.shared
	s.bytes += len(key)
	s.changes = append(s.changes, Change{Tenant: tx.scope.id, Table: table, Key: tx.tail(key), Deleted: deleted})
}

// end makes a transaction that somebody kept useless.
func (tx *Tx) end() { tx.shared.doom = errTxOver }

// flush writes what was gathered for the log, and refuses writes to erased scopes.
func (tx *Tx) flush() error {
	s := tx.shared
	if s.doom != nil {
		return s.doom
	}
	for _, id := range s.tenants {
		if err := tx.notErased(id); err != nil {
			return err
		}
	}
	if len(s.changes) == 0 {
		return nil
	}
	b, err := encode(s.changes)
	if err != nil {
		return err
	}
	return tx.txn.Append(b)
}
