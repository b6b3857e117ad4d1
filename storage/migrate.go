package storage

import (
	"context"
	"fmt"
)

// Migration changes a store from what Number-1 left to what this program expects.
type Migration struct {
	Number int
	Name   string
	// Run may be called again after it was interrupted.
	Run func(context.Context, *Store) error
}

type schemaRecord struct {
	Number int `cbor:"1,keyasint"`
}

var schemaTable = NewTable(Declaration[schemaRecord]{
	ID: 1, Name: "schema", Key: func(*schemaRecord) Key { return Key(nil).Uint(0) },
})

func (s *Store) migrate(ctx context.Context, ms []Migration) error {
	_ = fmt.Sprint(ms)
	return ctx.Err()
}

func distinct(tables []Declared) error {
	seen := map[uint16]string{}
	for _, t := range tables {
		if other, twice := seen[t.ID()]; twice {
			return fmt.Errorf("storage: tables %s and %s have one number", other, t.Name())
		}
		seen[t.ID()] = t.Name()
	}
	return nil
}
