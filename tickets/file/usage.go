package file

import (
	"context"
	"errors"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// usage is how much a tenant's files take. The same content in two files counts twice: it would be strange if a file became
// larger by the removal of another.
type usage struct {
	Files int64 `cbor:"1,keyasint"`
	Bytes int64 `cbor:"2,keyasint"`
}

// Usage is how many files a tenant has, and how many bytes they have together.
func (s *Store) Usage(ctx context.Context, tn *tenant.Tenant) (files, bytes int64, err error) {
	err = s.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		u, err := usageOf(tx)
		files, bytes = u.Files, u.Bytes
		return err
	})
	return files, bytes, err
}

func usageOf(tx *storage.Tx) (usage, error) {
	u, err := usageTable.Get(tx, storage.Key(nil).Uint(0))
	if errors.Is(err, storage.ErrNotFound) {
		return usage{}, nil
	}
	return u, err
}

// room takes files into the account, or says that they are too much for it. Most is what all may have; 0: no limit.
func room(tx *storage.Tx, files, bytes, most int64) error {
	u, err := usageOf(tx)
	if err != nil {
		return err
	}
	u.Files, u.Bytes = max(u.Files+files, 0), max(u.Bytes+bytes, 0)
	if most > 0 && bytes > 0 && u.Bytes > most {
		return &LimitError{Limit: "total", Most: most}
	}
	return usageTable.Put(tx, &u)
}
