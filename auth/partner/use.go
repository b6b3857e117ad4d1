package partner

import (
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Use is what may be used one single time. The zero Use may be used always.
type Use struct {
	once string
	ends time.Time
}

// Once says whether the use can be used up.
func (u Use) Once() bool { return u.once != "" }

// spent remembers a nonce or a token that was used.
type spent struct {
	Once      string    `cbor:"1,keyasint"`
	ExpiresAt time.Time `cbor:"2,keyasint"`
}

var spentUses = storage.NewTable(storage.Declaration[spent]{
	ID: 71, Name: "spent proofs",
	Key:     func(s *spent) storage.Key { return storage.Key(nil).Str(s.Once) },
	Expires: func(s *spent) time.Time { return s.ExpiresAt },
})

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{spentUses} }

// Unspent says ErrReplayed of what was used. Only Spend decides who is first; this is for the counts: what every visitor can
// send again must not use up what the partner's key may do.
func (v *Verifier) Unspent(ctx context.Context, t *tenant.Tenant, u Use) error {
	if !u.Once() {
		return nil
	}
	return v.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		gone, err := spentUses.Has(tx, storage.Key(nil).Str(u.once))
		if gone && err == nil {
			return ErrReplayed
		}
		return err
	})
}

// Spend records in the tenant's transaction that the use is used up, or returns ErrReplayed. Of any number at once one gets
// past it.
func (u Use) Spend(tx *storage.Tx) error {
	if !u.Once() {
		return nil
	}
	err := spentUses.Insert(tx, &spent{Once: u.once, ExpiresAt: u.ends.UTC()})
	if errors.Is(err, storage.ErrExists) {
		return ErrReplayed
	}
	return err
}
