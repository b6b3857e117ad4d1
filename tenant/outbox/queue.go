package outbox

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/span"
)

// ErrExpired is why an item was given up that was no longer wanted when its turn came.
var ErrExpired = errors.New("it came too late to be of use")

// Item is one thing to deliver.
type Item[T any] struct {
	// ID is the same at each try: who receives the item tells by it whether it was there before.
	ID        string    `cbor:"1,keyasint"`
	CreatedAt time.Time `cbor:"2,keyasint"`
	// Expires is when nobody wants the item any more; zero: never.
	Expires time.Time `cbor:"3,keyasint,omitzero"`
	// NextAt is when there is something to do: to try, to take over from a node that went away with its lease, and for a dead item to
	// be forgotten.
	NextAt time.Time `cbor:"4,keyasint"`
	// Attempts are those that were begun.
	Attempts int `cbor:"5,keyasint"`
	// Holder is the courier that is delivering the item until NextAt; empty: none.
	Holder string `cbor:"6,keyasint,omitempty"`
	// Reason is why the last attempt failed.
	Reason string `cbor:"7,keyasint,omitempty"`
	// DeadAt is when the item was given up; zero: it was not.
	DeadAt  time.Time `cbor:"8,keyasint,omitzero"`
	Payload T         `cbor:"9,keyasint"`
	// Cause is the trace of what put the item in, if it had one: see span.Cause.
	Cause string `cbor:"10,keyasint,omitempty"`
}

// Dead says whether the item was given up.
func (i *Item[T]) Dead() bool { return !i.DeadAt.IsZero() }

// Queue holds the items of one kind in every tenant's scope, sealed. It is declared in a package variable.
type Queue[T any] struct {
	table *storage.Table[Item[T]]
	due   *storage.Index[Item[T], waiting]
}

// waiting is what the order of the items says of one without opening it.
type waiting struct {
	CreatedAt time.Time `cbor:"1,keyasint"`
	Dead      bool      `cbor:"2,keyasint,omitempty"`
}

// NewQueue declares a queue. The number is a table's, unique in the program.
func NewQueue[T any](id uint16, name string) *Queue[T] {
	t := storage.NewTable(storage.Declaration[Item[T]]{
		ID: id, Name: name, Sealed: true, Watched: true,
		Key: func(i *Item[T]) storage.Key { return itemKey(i.ID) },
	})
	return &Queue[T]{table: t, due: storage.NewIndex(t, 1,
		func(i *Item[T]) []storage.Key { return []storage.Key{storage.Key(nil).Time(i.NextAt)} },
		func(i *Item[T]) waiting { return waiting{CreatedAt: i.CreatedAt, Dead: i.Dead()} })}
}

func itemKey(id string) storage.Key { return storage.Key(nil).Str(id) }

// Table is the queue's table, for the program's list of them.
func (q *Queue[T]) Table() storage.Declared { return q.table }

// Get returns an item that is in the queue, dead ones too, or storage.ErrNotFound.
func (q *Queue[T]) Get(tx *storage.Tx, id string) (Item[T], error) {
	return q.table.Get(tx, itemKey(id))
}

// Put adds an item in a tenant's transaction and returns its ID: it is delivered if the transaction is committed. Expires is when
// nobody wants it any more; zero: never.
//
//nolint:contextcheck // the transaction has the caller's
func (q *Queue[T]) Put(tx *storage.Tx, payload T, expires time.Time) (string, error) {
	at := time.Now().UTC()
	i := Item[T]{ID: rand.Text(), CreatedAt: at, Expires: expires, NextAt: at, Payload: payload, Cause: span.Cause(tx.Context())}
	return i.ID, q.table.Insert(tx, &i)
}

// Withdraw takes an item out of the queue that waits for its next try. False: it is due, being delivered, dead, or not there.
func (q *Queue[T]) Withdraw(tx *storage.Tx, id string) (bool, error) {
	i, err := q.table.Get(tx, itemKey(id))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil || i.Holder != "" || i.Dead() || !i.NextAt.After(time.Now()) {
		return false, err
	}
	return true, q.table.Delete(tx, itemKey(id))
}

// Dead are the items that were given up lately, the last one first, at most so many.
func (q *Queue[T]) Dead(tx *storage.Tx, most int) (all []Item[T], err error) {
	// They are kept for much longer than any pause lasts, and so are the last of what is due.
	for e, err := range q.due.Scan(tx, storage.Range{Reverse: true, Limit: most}) {
		if err != nil {
			return nil, err
		}
		if !e.Row.Dead {
			break
		}
		i, err := q.table.Get(tx, e.Primary)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}
