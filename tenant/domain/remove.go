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

// Remove takes a domain away: it is served no more when Remove returns, and only the same tenant, or somebody with a fresh
// TXT proof, can have it during the next 30 days.
func (r *Registry) Remove(ctx context.Context, host string) error {
	return r.remove(ctx, host, nil)
}

// RemoveOwn is Remove for a tenant: another's domain is tenant.ErrNotFound.
func (r *Registry) RemoveOwn(ctx context.Context, t *tenant.Tenant, host string) error {
	return r.remove(ctx, host, t)
}

func (r *Registry) remove(ctx context.Context, host string, t *tenant.Tenant) error {
	h, err := tenant.ParseHost(host)
	if err != nil {
		return fmt.Errorf("domain %s: %w", host, tenant.ErrNotFound)
	}
	var served bool
	err = r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		all, err := claims(tx, h)
		if err != nil {
			return err
		}
		d, err := choose(all, h, t)
		if err != nil {
			return err
		}
		served = d.Served()
		if err := r.tellRemoved(tx, d); err != nil {
			return err
		}
		if err := r.drop(tx, d, clock()); err != nil {
			return err
		}
		return r.record(tx, d, "domain.removed", "")
	})
	if err != nil {
		return err
	}
	r.left(ctx, h, served)
	return nil
}

// choose is the tenant's claim to a host; without a tenant the claim of who holds it, or the only one.
func choose(all []*Domain, h tenant.Host, t *tenant.Tenant) (*Domain, error) {
	if t != nil {
		all = slices.DeleteFunc(all, func(d *Domain) bool { return d.Tenant != t.ID })
	}
	switch {
	case len(all) == 0:
		return nil, notFound(h, storage.ErrNotFound)
	case len(all) > 1 && !all[0].Served():
		return nil, tenant.FieldErrors{"host": {"Several tenants claim " + string(h) + ", and none has proved it: say which tenant you mean."}}
	}
	return all[0], nil
}

// left tells that a domain is no more.
func (r *Registry) left(ctx context.Context, h tenant.Host, served bool) {
	if served {
		r.gone(ctx, h)
		return
	}
	r.settled(ctx)
}

// drop deletes a domain, and remembers it if it ever was verified.
func (r *Registry) drop(tx *storage.Tx, d *Domain, now time.Time) error {
	if !d.VerifiedAt.IsZero() {
		d.to(Removed, nil, now)
		d.sign(r.actorFor(d))
		f := former{Host: d.Host, Tenant: d.Tenant, RemovedAt: now, History: d.History, VerifiedAt: d.VerifiedAt}
		switch old, err := formerTable.Get(tx, hostKey(d.Host)); {
		case err == nil:
			f.Several, _ = old.others(d.Tenant, now)
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if err := formerTable.Put(tx, &f); err != nil {
			return err
		}
	}
	if err := tenant.Unbind(tx, d.Host, d.Tenant); err != nil {
		return err
	}
	if err := ownCertificates.Delete(tx, ownCertificateKey(string(d.Host), d.Tenant)); err != nil {
		return err
	}
	return domainTable.Delete(tx, domainKey(d.Host, d.Tenant))
}

// removeAll removes the domains of a tenant that is being deleted.
func (r *Registry) removeAll(ctx context.Context, t *tenant.Tenant) error {
	var hosts []tenant.Host
	if err := r.eachOf(ctx, t.ID, func(d *Domain) { hosts = append(hosts, d.Host) }); err != nil {
		return err
	}
	for _, h := range hosts {
		var served bool
		err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
			d, err := domainTable.Get(tx, domainKey(h, t.ID))
			if errors.Is(err, storage.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			served = d.Served()
			d.History = nil // there is nobody to read it
			return r.drop(tx, &d, clock())
		})
		if err != nil {
			return err
		}
		r.left(ctx, h, served)
	}
	return nil
}
