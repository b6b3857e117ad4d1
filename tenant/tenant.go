package tenant

import (
	"time"

	"github.com/deskgate/deskgate/storage"
)

// ID names a tenant for ever: 26 opaque bytes. The slug may be given to somebody else after a deletion, the ID never.
type ID string

// Tenant is a customer of the operator, as it was at one moment. It is never changed: Registry makes a new one.
type Tenant struct {
	ID        ID        `cbor:"1,keyasint"`
	Slug      string    `cbor:"2,keyasint"`
	Name      string    `cbor:"3,keyasint"`
	CreatedAt time.Time `cbor:"4,keyasint"`
	UpdatedAt time.Time `cbor:"5,keyasint"`
	Settings  Settings  `cbor:"6,keyasint"`
	// Label is the random part of the tenant's own CNAME target, {label}.t.{node host}.
	Label string `cbor:"7,keyasint"`
	// DeletedAt is set while a deletion is under way: the tenant is served no more.
	DeletedAt time.Time `cbor:"8,keyasint,omitzero"`
}

// Scope is the part of the store that belongs to this tenant.
func (t *Tenant) Scope() storage.Scope { return storage.Within(string(t.ID)) }
