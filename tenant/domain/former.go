package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// former is what is remembered of a verified domain that was removed.
type former struct {
	Host      tenant.Host `cbor:"1,keyasint"`
	Tenant    tenant.ID   `cbor:"2,keyasint"` // who had it last
	RemovedAt time.Time   `cbor:"3,keyasint"`
	// Several tenants had it.
	Several bool `cbor:"4,keyasint,omitempty"`
	// History is what happened to it until then, VerifiedAt when its proof was seen first: for who had it last.
	History    []Transition `cbor:"5,keyasint,omitempty"`
	VerifiedAt time.Time    `cbor:"6,keyasint,omitzero"`
}

// others says whether somebody else than the tenant ever had the host, and whether that was so lately that only a TXT record
// proves that it changed hands.
func (f *former) others(id tenant.ID, now time.Time) (ever, lately bool) {
	if f.Tenant == id {
		return f.Several, false
	}
	return true, now.Before(f.keptUntil())
}

func (f *former) keptUntil() time.Time { return f.RemovedAt.Add(quarantine) }

// domain is the domain as its tenant sees it until then.
func (f *former) domain() *Domain {
	return &Domain{
		Host: f.Host, Tenant: f.Tenant, Status: Removed, Since: f.RemovedAt, VerifiedAt: f.VerifiedAt, History: f.History,
		KeptUntil: f.keptUntil(), Certificate: Certificate{Status: CertificateNone},
	}
}

// kept says whether a domain is still kept for who had it last: not for ever, not if they have added it again, nor if somebody
// else has proved that it is theirs.
func (f *former) kept(tx *storage.Tx, now time.Time) (bool, error) {
	if !now.Before(f.keptUntil()) {
		return false, nil
	}
	all, err := claims(tx, f.Host)
	return !slices.ContainsFunc(all, func(d *Domain) bool { return d.Tenant == f.Tenant || d.Served() }), err
}

// mostRemoved is how many removed domains of a tenant are listed.
const mostRemoved = 100

// ListRemoved returns the domains that were taken away from a tenant and are kept for it in quarantine, the last one first; with
// a nil tenant those of all.
func (r *Registry) ListRemoved(ctx context.Context, t *tenant.Tenant) ([]*Domain, error) {
	var had []*former
	var err error
	if t == nil {
		had, err = r.formerOfAll(ctx)
	} else {
		had, err = r.formerOf(ctx, t)
	}
	found := []*Domain{}
	for _, f := range had {
		d, e := r.recall(ctx, f)
		switch {
		case errors.Is(e, tenant.ErrNotFound):
		case e != nil:
			return nil, e
		default:
			found = append(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b *Domain) int { return b.Since.Compare(a.Since) })
	return found, err
}

// formerOf is what a tenant had until lately.
func (r *Registry) formerOf(ctx context.Context, t *tenant.Tenant) (had []*former, err error) {
	prefix := storage.Key(nil).Str(string(t.ID))
	lately := storage.Range{Prefix: prefix, From: slices.Clone(prefix).Time(clock().Add(-quarantine)), Reverse: true, Limit: mostRemoved}
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		had = had[:0]
		for f, err := range formerByTenant.Records(tx, lately) {
			if err != nil {
				return err
			}
			had = append(had, &f)
		}
		return nil
	})
	return had, err
}

func (r *Registry) formerOfAll(ctx context.Context) (had []*former, err error) {
	now := clock()
	err = storage.Each(ctx, r.store, storage.Node(), formerTable, func(f *former) error {
		if now.Before(f.keptUntil()) {
			had = append(had, new(*f))
		}
		return nil
	})
	return had, err
}

// recall is the domain of a former one, tenant.ErrNotFound if it is not kept.
func (r *Registry) recall(ctx context.Context, f *former) (*Domain, error) {
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		kept, err := f.kept(tx, clock())
		if err == nil && !kept {
			err = storage.ErrNotFound
		}
		return notFound(f.Host, err)
	})
	if err != nil {
		return nil, err
	}
	owner, err := r.tenants.ByID(ctx, f.Tenant)
	if err != nil {
		return nil, err
	}
	d := f.domain()
	d.Slug = owner.Slug
	return d, nil
}

// FindRemoved is a domain that was taken away from a tenant and is kept for it in quarantine; with a nil tenant whosoever it was.
// tenant.ErrNotFound: there is none.
func (r *Registry) FindRemoved(ctx context.Context, t *tenant.Tenant, host string) (*Domain, error) {
	h, err := tenant.ParseHost(host)
	if err != nil {
		return nil, fmt.Errorf("domain %s: %w", host, tenant.ErrNotFound)
	}
	var f former
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		var err error
		if f, err = formerTable.Get(tx, hostKey(h)); err == nil && t != nil && f.Tenant != t.ID {
			err = storage.ErrNotFound
		}
		return notFound(h, err)
	})
	if err != nil {
		return nil, err
	}
	return r.recall(ctx, &f)
}

// Claims returns all tenants' domains of a host, that of its holder first; at the end, one that was taken away from a tenant and is
// kept for it. tenant.ErrNotFound: there are none.
func (r *Registry) Claims(ctx context.Context, host string) ([]*Domain, error) {
	h, err := tenant.ParseHost(host)
	if err != nil {
		return nil, fmt.Errorf("domain %s: %w", host, tenant.ErrNotFound)
	}
	var all []*Domain
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		var err error
		all, err = claims(tx, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	found := []*Domain{}
	for _, d := range all {
		switch d, err := r.describe(ctx, d); {
		case errors.Is(err, tenant.ErrNotFound): // its tenant is being deleted
		case err != nil:
			return nil, err
		default:
			found = append(found, d)
		}
	}
	switch d, err := r.FindRemoved(ctx, nil, host); {
	case err == nil:
		found = append(found, d)
	case !errors.Is(err, tenant.ErrNotFound):
		return nil, err
	}
	if len(found) == 0 {
		return nil, notFound(h, storage.ErrNotFound)
	}
	return found, nil
}
