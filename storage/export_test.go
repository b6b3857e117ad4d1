package storage

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// What tests have to reach below the tables for: planting damage, looking at raw bytes, moving the clock.

func (s *Store) Engine() engine.Engine { return s.engine }

func (s *Store) Sweep(ctx context.Context, now time.Time) error { return s.blobs.sweep(ctx, now) }

func (s *Store) Trim(ctx context.Context, now time.Time) error { return s.trim(ctx, now) }

func Wrap(key []byte, schema, flags byte, payload []byte) []byte {
	return wrap(key, schema, flags, payload)
}

func Unwrap(key, value []byte) (schema, flags byte, payload []byte, err error) {
	return unwrap(key, value)
}

func AppendRecord(b []byte, it engine.Item) []byte { return appendRecord(b, it) }

func ReadRecords(b []byte) ([]engine.Item, error) { return readRecords(b, nil) }

func Prefix(sc Scope) []byte { return sc.prefix(nil) }
