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
	_, err := r.change(ctx, host, func(d *Domain, now time.Time) error {
		if !d.Served() {
			return notFound(host, storage.ErrNotFound)
		}
		d.take(rep, r.rules, now)
		return nil
	})
	return err
}

// Wake is sent to when a certificate was queued. It holds one message: a reader that was busy sees it later.
func (r *Registry) Wake() <-chan struct{} { return r.queued }

// change changes a domain in one transaction, with all that follows from it.
func (r *Registry) change(ctx context.Context, host tenant.Host, fn func(*Domain, time.Time) error) (*Domain, error) {
	var before, after Domain
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		var err error
		if before, err = domainTable.Get(tx, hostKey(host)); err != nil {
			return notFound(host, err)
		}
		after = before
		if err := fn(&after, clock()); err != nil {
			return err
		}
		return r.write(tx, &before, &after)
	})
	if err != nil {
		return nil, err
	}
	if before.binding() != after.binding() {
		r.settled(ctx)
	}
	if before.Served() && !after.Served() {
		r.gone(ctx, host)
	}
	if after.Certificate.Status == CertificateQueued && after.Certificate.NextAttempt != before.Certificate.NextAttempt {
		poke(r.queued)
	}
	return &after, nil
}

func (r *Registry) write(tx *storage.Tx, before, after *Domain) error {
	if err := domainTable.Replace(tx, before, after); err != nil {
		return err
	}
	if before.binding() != after.binding() {
		if err := tenant.Bind(tx, after.binding()); err != nil {
			return err
		}
	}
	if before.Status != after.Status {
		if err := r.record(tx, after, "domain."+string(after.Status), after.Reason.String()); err != nil {
			return err
		}
	}
	if was, is := before.Certificate.Status, after.Certificate.Status; was != is && is != CertificateIssuing && is != CertificateRenewing {
		return r.record(tx, after, "certificate."+string(is), after.Certificate.Reason.String())
	}
	return nil
}
