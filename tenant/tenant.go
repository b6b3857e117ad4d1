package tenant

import (
	"errors"
	"fmt"
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

var (
	tenantTable = storage.NewTable(storage.Declaration[Tenant]{
		ID: 16, Name: "tenants", Watched: true,
		Key: func(t *Tenant) storage.Key { return storage.Key(nil).Str(string(t.ID)) },
	})
	tenantBySlug = storage.NewUnique(tenantTable, 1, func(t *Tenant) storage.Key { return storage.Key(nil).Str(t.Slug) })
)

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{tenantTable, bindingTable, keyTable, setupTable, auditTable, logoTable}
}

// find reads a tenant in the node's transaction. One that is being deleted is not there any more.
func find(tx *storage.Tx, id ID) (*Tenant, error) {
	t, err := tenantTable.Get(tx, storage.Key(nil).Str(string(id)))
	return living(t, err, "tenant "+string(id))
}

func findSlug(tx *storage.Tx, slug string) (*Tenant, error) {
	t, err := tenantBySlug.Get(tx, storage.Key(nil).Str(slug))
	return living(t, err, "tenant "+slug)
}

func living(t Tenant, err error, what string) (*Tenant, error) {
	if errors.Is(err, storage.ErrNotFound) || err == nil && !t.DeletedAt.IsZero() {
		return nil, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	t.Settings = t.Settings.withDefaults()
	return &t, nil
}
