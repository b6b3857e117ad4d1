package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// ErrErased means that the scope was erased: nothing is written to it any more.
var ErrErased = errors.New("scope was erased")

// tombstone stands in the node's scope for ever, so that no straggler writes to a scope that is gone.
type tombstone struct {
	Scope    string    `cbor:"1,keyasint"`
	At       time.Time `cbor:"2,keyasint"`
	Finished bool      `cbor:"3,keyasint,omitempty"`
}

var tombstones = NewTable(Declaration[tombstone]{
	ID: 4, Name: "tombstone", Key: func(t *tombstone) Key { return Key(nil).Str(t.Scope) },
})

// notErased is nil for the node's scope and for those that live.
func (tx *Tx) notErased(id string) error {
	if id == "" {
		return nil
	}
	_, err := tx.reader.Get(tx.in(Node()).key(tombstones.d.ID, partRecord, Key(nil).Str(id), nil))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w", id, ErrErased)
	}
	return err
}

// Erase destroys the tenant's data key, refuses all further writes to its scope with ErrErased, and deletes everything
// in it, batch by batch. If it is interrupted, calling it again or Run finishes it. Backups keep what they have.
func (s *Store) Erase(ctx context.Context, sc Scope) error {
	if sc.kind != scopeTenant {
		return errors.New("storage: only a tenant's scope can be erased")
	}
	if err := s.bury(ctx, sc); err != nil {
		return fmt.Errorf("erase %s: %w", sc.id, err)
	}
	if err := s.empty(ctx, sc); err != nil {
		return fmt.Errorf("erase %s: %w", sc.id, err)
	}
	err := s.Update(ctx, Node(), func(tx *Tx) error {
		t, err := tombstones.Get(tx, Key(nil).Str(sc.id))
		if err != nil {
			return err
		}
		t.Finished = true
		return tombstones.Put(tx, &t)
	})
	if err != nil {
		return fmt.Errorf("erase %s: %w", sc.id, err)
	}
	return nil
}

// bury destroys the key and closes the scope. It writes past the check for tombstones.
func (s *Store) bury(ctx context.Context, sc Scope) error {
	var rec dataKey
	err := s.Update(ctx, Node(), func(tx *Tx) error {
		has, err := tombstones.Has(tx, Key(nil).Str(sc.id))
		if err != nil || has {
			return err
		}
		if rec, err = dataKeys.Get(tx.in(sc), onlyKey()); err == nil {
			err = tx.txn.Delete(tx.in(sc).key(dataKeys.d.ID, partRecord, onlyKey(), nil))
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		return tombstones.Put(tx, &tombstone{Scope: sc.id, At: time.Now().UTC().Truncate(time.Millisecond)})
	})
	s.seals.forget(rec)
	return err
}

// empty deletes everything in a scope that takes no writes any more. Reading is done outside of the transactions that
// delete, which keeps them short.
func (s *Store) empty(ctx context.Context, sc Scope) error {
	const batch = MaxWrites / 2 // a blob's reference is two writes
	lo := sc.prefix(nil)
	hi := successor(lo)
	for {
		var keys [][]byte
		err := s.engine.View(ctx, func(r engine.Reader) error {
			for it, err := range r.Scan(engine.Range{Lo: lo, Hi: hi, KeysOnly: true}) {
				if err != nil {
					return err
				}
				if keys = append(keys, append([]byte(nil), it.Key...)); len(keys) == batch {
					break
				}
			}
			return nil
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := s.deleteKeys(ctx, sc, keys); err != nil {
			return err
		}
		lo = append(keys[len(keys)-1], 0)
	}
}

func (s *Store) deleteKeys(ctx context.Context, sc Scope, keys [][]byte) error {
	return s.engine.Update(ctx, func(t engine.Txn) error {
		tx := newTx(ctx, s, sc, t, t)
		for _, key := range keys {
			if use := useOf(tx, key); use != nil {
				if err := t.Delete(use); err != nil {
					return err
				}
			}
			if err := t.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// finishErasures goes on with what was interrupted.
func (s *Store) finishErasures(ctx context.Context) error {
	return Each(ctx, s, Node(), tombstones, func(t *tombstone) error {
		if t.Finished {
			return nil
		}
		return s.Erase(ctx, Within(t.Scope))
	})
}
