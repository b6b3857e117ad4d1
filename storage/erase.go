package storage

import (
	"context"
	"errors"
)

// ErrErased: the scope was erased; nothing is written to it any more.
var ErrErased = errors.New("scope was erased")

// Erase destroys the scope's data key, refuses all further writes to the scope with ErrErased, and deletes everything
// in it, batch by batch. If it is interrupted, calling it again or Run finishes it.
func (s *Store) Erase(ctx context.Context, sc Scope) error { panic("not yet") }
