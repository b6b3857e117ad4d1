package storage

import (
	"context"
	"io"
	"time"
)

// Manifest says what a backup holds. It stands at the backup's end.
type Manifest struct {
	Created   time.Time `cbor:"1,keyasint" json:"created"`
	Schema    int       `cbor:"2,keyasint" json:"schema"`
	MasterKey string    `cbor:"3,keyasint" json:"master_key"` // the id of the master key that it needs, in hex
	Revision  Revision  `cbor:"4,keyasint" json:"revision"`
	Records   int64     `cbor:"5,keyasint" json:"records"`
	Bytes     int64     `cbor:"6,keyasint" json:"bytes"` // of keys and values, not compressed
	Blobs     int64     `cbor:"7,keyasint" json:"blobs"`
	BlobBytes int64     `cbor:"8,keyasint" json:"blob_bytes"`
	LostBlobs int64     `cbor:"9,keyasint,omitempty" json:"lost_blobs"` // missing or damaged when the backup was made
	SHA256    string    `cbor:"10,keyasint" json:"sha256"`              // of all that stands before the manifest
}

// Progress says how far Backup, Restore or Check are.
type Progress struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	Blobs   int64 `json:"blobs"`
}

// Backup writes one snapshot of the whole store, blobs included, while the store goes on. Progress, which may be nil, is
// called from the calling goroutine a few times a second. What is sealed stays sealed: restoring needs the same
// master key, which is not in the backup.
func (s *Store) Backup(ctx context.Context, w io.Writer, progress func(Progress)) (Manifest, error) {
	panic("not yet")
}

// Restore makes a store in o.Dir from a backup. The folder may hold the master key, and must not hold anything else. A
// truncated or damaged backup is an error, and leaves no store behind.
func Restore(ctx context.Context, o Options, r io.Reader, progress func(Progress)) (Manifest, error) {
	panic("not yet")
}
