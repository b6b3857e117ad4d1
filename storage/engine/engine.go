// Package engine is what a key-value engine has to offer so that package storage can stand on it.
//
// An engine is one ordered map of bytes to bytes with strictly serialisable transactions, and one log that grows in
// commit order. It knows nothing of scopes, tables or sealing: those are storage's. Keys that begin with the byte 0x00
// belong to the engine; storage never uses them. Every engine passes the suite in storage/storagetest.
package engine

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Errors that every engine returns, wrapped or plain. Package storage re-exports them.
var (
	ErrNotFound       = errors.New("not found")
	ErrConflict       = errors.New("conflict: try again")
	ErrTooLarge       = errors.New("transaction too large")
	ErrReadOnly       = errors.New("store is read-only")
	ErrClosed         = errors.New("store is closed")
	ErrOutcomeUnknown = errors.New("connection lost during commit: outcome unknown")
	ErrTruncated      = errors.New("change log no longer reaches back that far")
	ErrCorrupt        = errors.New("stored data is damaged")
	ErrInUse          = errors.New("data folder is in use by another process")
)

// Engine is safe for concurrent use.
type Engine interface {
	// View calls fn with one snapshot that holds everything acknowledged before the call. What fn gets
	// from it is valid only until fn returns, unless said otherwise.
	View(ctx context.Context, fn func(Reader) error) error

	// Update calls fn in a strictly serialisable transaction (no phantoms, no write skew) and returns nil only
	// when all of it is on disk. fn may be called several times, and it may panic: then nothing is written. An
	// error of fn, or any other error but ErrOutcomeUnknown, means that nothing was written. A context that ends
	// keeps fn from being called, not from being committed. fn must not call Update.
	Update(ctx context.Context, fn func(Txn) error) error

	// Log returns the records that follow revision after, in commit order, or ErrTruncated. It stops at the end of
	// the revision that brings the limit-th record: a revision is never split, so the result may be longer.
	// A record that is not what was appended is ErrCorrupt.
	Log(ctx context.Context, after uint64, limit int) ([]Record, error)

	// Revision is the revision of the newest record of the log, 0 if there never was one.
	Revision(ctx context.Context) (uint64, error)

	// Grown returns a channel that is closed when the log grows after the call. It is a hint: an engine may also
	// close it for nothing, and followers poll besides.
	Grown() <-chan struct{}

	// Trim drops all records of the log up to and with revision upTo. That may lie beyond the newest: later records
	// have greater revisions in any case, and Revision is upTo then.
	Trim(ctx context.Context, upTo uint64) error

	// Verify reads everything that the engine keeps and reports what is damaged.
	Verify(ctx context.Context) error

	// Health is nil, or says why the engine accepts no writes at the moment (it wraps ErrReadOnly then).
	Health() error

	// Run does the engine's background work until ctx ends.
	Run(ctx context.Context) error

	// Close ends the engine. Calls under way finish or return ErrClosed.
	Close() error
}

// Reader reads one snapshot. It is for the goroutine that got it.
type Reader interface {
	// Get returns the key's item or ErrNotFound. Its slices belong to the caller.
	Get(key []byte) (Item, error)
	// Scan yields the items of a range in key order. Their slices are valid until the next step only. It stops at
	// the first error. It shows what was there when it began: what the transaction writes meanwhile does not appear.
	Scan(r Range) iter.Seq2[Item, error]
}

// Txn reads and writes; it sees its own writes.
type Txn interface {
	Reader
	// Set writes a value that vanishes at expires (never, if zero): never early, at most two seconds late. The
	// engine keeps neither slice.
	Set(key, value []byte, expires time.Time) error
	// Delete removes a key; one that is not there is no error.
	Delete(key []byte) error
	// Next returns 1, 2, 3 … for one counter, without gaps over committed transactions. A counter is an ordinary key
	// whose value is what EncodeCounter makes of its last number: Get and Set read and place it, a backup carries it.
	Next(counter []byte) (uint64, error)
	// Append adds a record to the log at commit. Several in one transaction share its revision.
	Append(record []byte) error
}

// Item is one key with its value. Value is nil in a scan of keys only.
type Item struct {
	Key, Value []byte
	Expires    time.Time // zero: never
}

// Range is the keys lo ≤ key < Hi; a nil Hi is the end of the map.
type Range struct {
	Lo, Hi   []byte
	Reverse  bool
	KeysOnly bool
}

// Record is one entry of the log.
type Record struct {
	Revision uint64
	Data     []byte
}
