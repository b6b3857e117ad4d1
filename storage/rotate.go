package storage

import (
	"context"
	"errors"
	"fmt"
)

// RotateMaster makes key the store's master key and wraps all data keys anew; the data itself stays as it is.
// Interrupted, it is finished at the next start, for which either key will do. The master key's file, if there is one,
// is replaced. A key that came from Options stays the caller's to replace: the old one opens the store no more.
func (s *Store) RotateMaster(ctx context.Context, key []byte) error {
	next, err := newMaster(key)
	if err != nil {
		return err
	}
	s.seals.add(next)
	err = s.Update(ctx, Node(), func(tx *Tx) error {
		ring, err := keyrings.Get(tx, onlyKey())
		if err != nil {
			return err
		}
		if ring.Rotation != nil {
			return errors.New("another change of the master key is under way")
		}
		if ring.Master == next.id {
			return fmt.Errorf("%w %s is in use already", ErrMasterKey, next.id)
		}
		old, err := s.seals.master(ring.Master)
		if err != nil {
			return err
		}
		ring.Rotation = &rotation{
			Old:         old.id,
			OldUnderNew: next.wrap("old master key", old.key),
			NewUnderOld: old.wrap("new master key", next.key),
		}
		ring.Master, ring.Root = next.id, next.wrap(whatRoot, s.seals.root)
		return keyrings.Put(tx, &ring)
	})
	if err != nil {
		return fmt.Errorf("change master key: %w", err)
	}
	return s.finishRotation(ctx)
}

// finishRotation goes on where a rotation stands, if there is one. Its steps may be repeated; only the last one takes
// away the way from the old key to the new.
func (s *Store) finishRotation(ctx context.Context) error {
	ring, _, err := s.readKeyring(ctx)
	if err != nil || ring.Rotation == nil {
		return err
	}
	m, err := s.seals.master(ring.Master)
	if err != nil {
		return err
	}
	if err := s.rewrap(ctx, m); err != nil {
		return fmt.Errorf("change master key: %w", err)
	}
	if s.seals.file != "" {
		if err := writeMasterKey(s.seals.file, m.key); err != nil {
			return fmt.Errorf("change master key: %w", err)
		}
	}
	err = s.Update(ctx, Node(), func(tx *Tx) error {
		ring, err := keyrings.Get(tx, onlyKey())
		if err != nil {
			return err
		}
		ring.Rotation = nil
		return keyrings.Put(tx, &ring)
	})
	if err != nil {
		return fmt.Errorf("change master key: %w", err)
	}
	s.seals.only(m.id)
	return nil
}

// rewrap wraps every data key with m.
func (s *Store) rewrap(ctx context.Context, m *master) error {
	const batch = 100
	var scopes []Scope
	for sc, err := range s.scopes(ctx, ignored) {
		if err != nil {
			return err
		}
		if scopes = append(scopes, sc); len(scopes) < batch {
			continue
		}
		if err := s.rewrapScopes(ctx, m, scopes); err != nil {
			return err
		}
		scopes = scopes[:0]
	}
	return s.rewrapScopes(ctx, m, scopes)
}

func (s *Store) rewrapScopes(ctx context.Context, m *master, scopes []Scope) error {
	return s.Update(ctx, Node(), func(tx *Tx) error {
		for _, sc := range scopes {
			narrow := tx.in(sc)
			rec, err := dataKeys.Get(narrow, onlyKey())
			if errors.Is(err, ErrNotFound) || err == nil && rec.Master == m.id {
				continue
			}
			if err != nil {
				return err
			}
			old, err := s.seals.master(rec.Master)
			if err != nil {
				return err
			}
			key, err := old.unwrap(whatScope(sc), rec.Wrapped)
			if err != nil {
				return err
			}
			rec = dataKey{Master: m.id, Wrapped: m.wrap(whatScope(sc), key)}
			if err := dataKeys.Put(narrow, &rec); err != nil {
				return err
			}
		}
		return nil
	})
}
