package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Sum names a blob by the SHA-256 of its bytes.
type Sum [sha256.Size]byte

// String is the sum in hex.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads what String gave.
func ParseSum(s string) (Sum, error) {
	var sum Sum
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%q is not the SHA-256 of a blob", s)
	}
	copy(sum[:], b)
	return sum, nil
}

// Blobs keeps large values, such as attachments, beside the store: immutable, named by their hash, shared by all
// scopes, counted per scope. It is safe for concurrent use.
type Blobs struct{}

// Blobs is the store's room for large values.
func (s *Store) Blobs() *Blobs { panic("not yet") }

// Put keeps what r yields, at most limit bytes (ErrTooLarge), and returns its name and size when it is on disk. It is
// removed after a day unless a reference is made to it.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (Sum, int64, error) {
	panic("not yet")
}

// Open returns a blob's bytes after it has made sure that they are what was put, or ErrNotFound, or ErrCorrupt. The
// caller closes it.
func (b *Blobs) Open(ctx context.Context, sum Sum) (io.ReadSeekCloser, error) { panic("not yet") }

// Ref counts one more reference from the transaction's scope. The blob must have been Put within the last hours, or have
// another reference.
func (b *Blobs) Ref(tx *Tx, sum Sum) error { panic("not yet") }

// Unref counts one reference less; a blob without any is removed after a day. ErrNotFound: the scope has none.
func (b *Blobs) Unref(tx *Tx, sum Sum) error { panic("not yet") }
