package storage

import (
	"errors"

	"github.com/deskgate/deskgate/storage/engine"
)

// Sequence counts 1, 2, 3 … per scope, without gaps over committed transactions.
type Sequence struct{ id uint16 }

// NewSequence declares a sequence. Its number is from the same range as the tables' and unique among them.
func NewSequence(id uint16) Sequence { return Sequence{id: id} }

// Next returns the scope's next number.
func (s Sequence) Next(tx *Tx) (uint64, error) {
	key := tx.key(s.id, partSequence, nil, nil)
	if err := tx.write(len(key), 16); err != nil {
		return 0, err
	}
	return tx.txn.Next(key)
}

// Last returns the number that Next returned last, 0 if it never returned one.
func (s Sequence) Last(tx *Tx) (uint64, error) {
	key := tx.key(s.id, partSequence, nil, nil)
	it, err := tx.get(key)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return engine.DecodeCounter(key, it.Value)
}
