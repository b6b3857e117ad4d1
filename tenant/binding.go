package tenant

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Binding ties a custom domain to a tenant that claims it: the part of a domain that the directory needs. Several tenants may
// claim one host, and one of them at most is served. Package domain writes it in the transaction that changes the domain's state.
type Binding struct {
	Host   Host `cbor:"1,keyasint"`
	Tenant ID   `cbor:"2,keyasint"`
	// Served: the proof was seen, requests for the host are answered.
	Served bool `cbor:"3,keyasint,omitempty"`
	// FitSince is when the host first held a valid certificate, zero if it never did. The tenant's first such host is its
	// primary one.
	FitSince time.Time `cbor:"4,keyasint,omitzero"`
	// FitUntil is the end of the certificate; zero: none is needed.
	FitUntil time.Time `cbor:"5,keyasint,omitzero"`
	// Drifted: it is served, but its proof is gone, so that it may be somebody else's by now. Nobody is sent there.
	Drifted bool `cbor:"6,keyasint,omitempty"`
	// Astray: it has drifted, and visitors do not arrive here any more: who asks for it gets somebody else's pages, and what those do
	// is not the tenant's doing.
	Astray bool `cbor:"7,keyasint,omitempty"`
}

func (b *Binding) fit(now time.Time, tlsOff bool) bool {
	return b.Served && !b.Drifted && (tlsOff || !b.FitSince.IsZero() && (b.FitUntil.IsZero() || now.Before(b.FitUntil)))
}

var bindingTable = storage.NewTable(storage.Declaration[Binding]{
	ID: 43, Name: "host bindings", Watched: true, // 17 had one binding a host
	Key: func(b *Binding) storage.Key { return bindingKey(b.Host, b.Tenant) },
})

func bindingKey(h Host, id ID) storage.Key { return storage.Key(nil).Str(string(h)).Str(string(id)) }

// Bind writes a binding in the node's transaction. It is for package domain.
func Bind(tx *storage.Tx, b Binding) error { return bindingTable.Put(tx, &b) }

// Unbind removes a tenant's binding to a host, and what the operator configured for the two, in the node's transaction. It is
// for package domain.
func Unbind(tx *storage.Tx, h Host, id ID) error {
	if err := setupTable.Delete(tx, setupKey(id, h)); err != nil {
		return err
	}
	return bindingTable.Delete(tx, bindingKey(h, id))
}

// holds says whether a host is one of the tenant's: a default one, or a custom domain that is served if it has to be.
func holds(tx *storage.Tx, n *Node, t *Tenant, h Host, served bool) error {
	if slices.Contains(n.TenantHosts(t.Slug), h) {
		return nil
	}
	b, err := bindingTable.Get(tx, bindingKey(h, t.ID))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("%s is no host of %s: %w", h, t.Slug, ErrNotFound)
	case err == nil && served && !b.Served:
		return FieldErrors{"primary_host": {string(h) + " is not verified yet."}}
	}
	return err
}
