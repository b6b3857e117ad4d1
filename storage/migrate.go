package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// ErrNewer means that the store, or a record, was written by a newer program than this one.
var ErrNewer = errors.New("written by a newer deskgate")

// Migration changes a store from what Number-1 left to what this program expects. Numbers begin at 1; a new store starts
// behind the last one.
type Migration struct {
	Number int
	Name   string
	// Run may be called again after it was interrupted. It works in as many transactions as it needs; nobody else uses
	// the store meanwhile.
	Run func(context.Context, *Store) error
}

type schemaRecord struct {
	Number int `cbor:"1,keyasint"`
}

var schemaTable = NewTable(Declaration[schemaRecord]{
	ID: 1, Name: "schema", Key: func(*schemaRecord) Key { return onlyKey() },
})

// newest is the number that a store has when all migrations are done.
func newest(ms []Migration) (int, error) {
	for i, m := range ms {
		if m.Number != i+1 || m.Run == nil {
			return 0, fmt.Errorf("storage: migration %q has number %d, want %d and a function", m.Name, m.Number, i+1)
		}
	}
	return len(ms), nil
}

// migrate runs what the store lacks, and refuses a store that is ahead of this program.
func (s *Store) migrate(ctx context.Context, ms []Migration) error {
	at, err := s.schema(ctx)
	if err != nil {
		return err
	}
	if at > len(ms) {
		return fmt.Errorf("%w: the store is at schema %d, this program knows %d: use the newer program", ErrNewer, at, len(ms))
	}
	for _, m := range ms[at:] {
		s.log.InfoContext(ctx, "migrating the store", slog.Int("number", m.Number), slog.String("name", m.Name))
		if err := m.Run(ctx, s); err != nil {
			return fmt.Errorf("migration %d, %s: %w", m.Number, m.Name, err)
		}
		err := s.Update(ctx, Node(), func(tx *Tx) error {
			return schemaTable.Put(tx, &schemaRecord{Number: m.Number})
		})
		if err != nil {
			return fmt.Errorf("migration %d, %s: %w", m.Number, m.Name, err)
		}
	}
	return nil
}

func (s *Store) schema(ctx context.Context) (number int, err error) {
	err = s.View(ctx, Node(), func(tx *Tx) error {
		r, err := schemaTable.Get(tx, onlyKey())
		number = r.Number
		return err
	})
	return number, err
}
