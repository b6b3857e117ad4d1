package domain

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// step is what one change makes of one domain.
type step struct{ before, after *Domain }

// change calls fn for each claim to a host, first for the one that is served, in one transaction, and stores those for which fn
// says that it changed something, with all that follows from it. It returns these as they are then; tenant.ErrNotFound: there
// are none.
func (r *Registry) change(ctx context.Context, host tenant.Host, fn func(*Domain, time.Time) (bool, error)) ([]*Domain, error) {
	return r.changeAll(ctx, host, func(all []*Domain, now time.Time) (changed []*Domain, err error) {
		for _, d := range all {
			switch touched, err := fn(d, now); {
			case err != nil:
				return nil, err
			case touched:
				changed = append(changed, d)
			}
		}
		return changed, nil
	})
}

// changeAll is change with a function that sees all claims at once and returns those that it changed, in the order in which
// they are to be stored.
func (r *Registry) changeAll(
	ctx context.Context, host tenant.Host, fn func([]*Domain, time.Time) ([]*Domain, error),
) ([]*Domain, error) {
	var steps []step
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		steps = steps[:0]
		all, err := claims(tx, host)
		if err != nil {
			return err
		}
		before := map[tenant.ID]*Domain{}
		for _, d := range all {
			before[d.Tenant] = new(*d)
		}
		changed, err := fn(all, clock())
		if err != nil {
			return err
		}
		for _, d := range changed {
			steps = append(steps, step{before[d.Tenant], d})
		}
		for _, s := range steps {
			s.after.sign(r.actorFor(s.after))
			if err := r.write(tx, s.before, s.after); err != nil {
				return err
			}
		}
		if len(steps) == 0 {
			return notFound(host, storage.ErrNotFound)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.committed(ctx, host, steps), nil
}

// committed tells those who have to know of changes that are stored.
func (r *Registry) committed(ctx context.Context, host tenant.Host, steps []step) (changed []*Domain) {
	var bound, lost, queued bool
	for _, s := range steps {
		changed = append(changed, s.after)
		bound = bound || s.before.binding() != s.after.binding()
		lost = lost || s.before.Served() && !s.after.Served()
		c := &s.after.Certificate
		queued = queued || c.Status == CertificateQueued && c.NextAttempt != s.before.Certificate.NextAttempt
	}
	if bound {
		r.settled(ctx)
	}
	if lost { // to nobody or to another tenant, who gets a certificate of its own
		r.gone(ctx, host)
	}
	if queued {
		poke(r.queued)
	}
	return changed
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
	if err := r.tell(tx, before, after); err != nil {
		return err
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
