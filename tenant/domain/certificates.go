package domain

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// DueCertificates returns at most limit domains whose certificate is to be obtained or renewed by now, fair between tenants:
// in turn one of each, those that wait longest first. First attempts and renewals go before what failed already.
func (r *Registry) DueCertificates(ctx context.Context, now time.Time, limit int) ([]*Domain, error) {
	due := []*Domain{}
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		due = due[:0]
		for class := range uint64(attemptClasses) {
			keys, err := fair(tx, class, now, limit-len(due))
			if err != nil {
				return err
			}
			for _, k := range keys {
				d, err := domainTable.Get(tx, k)
				if err != nil {
					return err
				}
				due = append(due, &d)
			}
		}
		return nil
	})
	return due, err
}

// fair picks due domains of one class, in turn one of each tenant.
func fair(tx *storage.Tx, class uint64, now time.Time, limit int) ([]storage.Key, error) {
	const enough = 3000 // rows that are looked at, of 10,000 that a transaction may read
	waiting := map[tenant.ID][]storage.Key{}
	var order []tenant.ID
	rg := storage.Range{
		Prefix: storage.Key(nil).Uint(class), To: storage.Key(nil).Uint(class).Time(now.Add(1)), Limit: enough,
	}
	for e, err := range dueCertificates.Scan(tx, rg) {
		if err != nil {
			return nil, err
		}
		if waiting[e.Row.Tenant] == nil {
			order = append(order, e.Row.Tenant)
		}
		waiting[e.Row.Tenant] = append(waiting[e.Row.Tenant], e.Primary)
	}
	var picked []storage.Key
	for turn := 0; len(order) > 0; turn++ {
		var more []tenant.ID
		for _, id := range order {
			if len(picked) == limit {
				return picked, nil
			}
			if keys := waiting[id]; turn < len(keys) {
				picked, more = append(picked, keys[turn]), append(more, id)
			}
		}
		order = more
	}
	return picked, nil
}

// ReportCertificate notes how it stands with a host's certificate. With a valid one a verified domain becomes active.
// tenant.ErrNotFound: the domain was removed or suspended meanwhile.
func (r *Registry) ReportCertificate(ctx context.Context, host tenant.Host, rep Report) error {
	system := r.As("system")
	_, err := system.change(ctx, host, func(d *Domain, now time.Time) (bool, error) {
		if d.Served() {
			d.take(rep, system.rules, now)
		}
		return d.Served(), nil
	})
	return err
}

// EachCertificate calls fn with how it stands with the certificates of all domains that are served.
func (r *Registry) EachCertificate(ctx context.Context, fn func(tenant.Host, Certificate) error) error {
	return storage.Each(ctx, r.store, storage.Node(), domainTable, func(d *Domain) error {
		if !d.Served() {
			return nil
		}
		return fn(d.Host, d.Certificate)
	})
}

// Wake is sent to when a certificate was queued. It holds one message: a reader that was busy sees it later.
func (r *Registry) Wake() <-chan struct{} { return r.queued }
