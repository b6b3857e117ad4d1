package storage

import "context"

// Observer hears of a transaction before it begins and, by what it returns, of its end: how often its function ran, and with what the
// transaction failed. It returns nil where it wants to hear no more.
type Observer func(ctx context.Context, write bool) (ended func(runs int, err error))

// Observe has an observer hear of all transactions that begin from now on.
func (s *Store) Observe(o Observer) { s.observer.Store(&o) }

// observed tells the observer, if there is one. Nil: nobody wants to hear of the end.
func (s *Store) observed(ctx context.Context, write bool) func(runs int, err error) {
	if o := s.observer.Load(); o != nil {
		return (*o)(ctx, write)
	}
	return nil
}
