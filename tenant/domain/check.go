package domain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/span"
)

const (
	poll        = 5 * time.Minute // at least so often the background looks for what is due
	checksALane = 32              // at once; they mostly wait for DNS
)

// Verify looks for the proof now and returns the domain as it is afterwards, as Find does. That the proof is missing is not an
// error: Status and Reason tell. A certificate that could not be had is tried for again, at most once an hour: whoever asks has
// often just put right what it failed for. tenant.ErrNotFound: nobody registered the host.
func (r *Registry) Verify(ctx context.Context, host string) (*Domain, error) {
	d, err := r.Find(ctx, host)
	if err != nil {
		return nil, err
	}
	if err := r.look(ctx, d.Host, func(*Domain) bool { return true }); err != nil {
		return nil, err
	}
	return r.Find(ctx, host)
}

// VerifyOwn is Verify for a tenant: another's domain is tenant.ErrNotFound.
func (r *Registry) VerifyOwn(ctx context.Context, t *tenant.Tenant, host string) (*Domain, error) {
	d, err := r.FindOwn(ctx, t, host)
	if err != nil {
		return nil, err
	}
	if err := r.within(t).look(ctx, d.Host, of(t)); err != nil {
		return nil, err
	}
	return r.FindOwn(ctx, t, host)
}

// look checks the claims to a host that are asked for.
func (r *Registry) look(ctx context.Context, host tenant.Host, asked func(*Domain) bool) error {
	if err := r.check(ctx, host, asked); err != nil {
		return err
	}
	_, err := r.change(ctx, host, func(d *Domain, now time.Time) (bool, error) {
		if asked(d) {
			d.hasten(now)
		}
		return asked(d), nil
	})
	return err
}

// check asks DNS about a host, outside of any transaction, and settles what was found: for the claims that are asked for or due,
// and for all if the host changes hands by it.
func (r *Registry) check(ctx context.Context, host tenant.Host, asked func(*Domain) bool) (err error) {
	ctx, s := r.options.Spans.Begin(ctx, "check domain")
	defer func() { s.End(err) }()
	s.Text(span.Host, string(host))
	c, err := r.contest(ctx, host)
	if err != nil {
		return err
	}
	if r.options.Resolver == nil {
		c.silent(errNoResolver)
	} else {
		r.investigate(ctx, c)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	outcome := c.outcome()
	s.Text("deskgate.domain.proof", outcome)
	r.counted(outcome)
	began := time.Now()
	_, err = r.changeAll(ctx, host, func(all []*Domain, now time.Time) ([]*Domain, error) {
		return c.settle(all, r.rules, now, func(d *Domain) bool { return asked(d) || !d.NextCheck.After(began) }), nil
	})
	return err
}

// Run checks domains in the background until ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	background := r.As("system")
	if err := background.adapt(ctx); err != nil && ctx.Err() == nil {
		r.options.Log.ErrorContext(ctx, "domains of another TLS mode", slog.Any("error", err))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var room [lanes]chan struct{}
	for lane := range room {
		room[lane] = make(chan struct{}, checksALane)
	}
	for {
		next := time.Now().Add(poll)
		for lane := range room {
			if at := background.dispatch(ctx, lane, room[lane], &wg); at.Before(next) {
				next = at
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.hurry:
		case <-time.After(time.Until(next)):
		}
	}
}

// dispatch begins as many due checks of a lane as there is room for, and says when the next one after these is due. Those that
// DNS does not answer have a lane of their own.
func (r *Registry) dispatch(ctx context.Context, lane int, room chan struct{}, wg *sync.WaitGroup) (next time.Time) {
	due, next, err := r.due(ctx, lane)
	if err != nil && ctx.Err() == nil {
		r.options.Log.ErrorContext(ctx, "domain checks", slog.Any("error", err))
	}
	for _, h := range due {
		if !r.begin(h) {
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			r.end(h)
			return next
		}
		wg.Go(func() {
			err := r.check(ctx, h, func(*Domain) bool { return false })
			r.end(h)
			<-room
			switch {
			case err == nil:
				poke(r.hurry) // there is room for another, and a new time
			case ctx.Err() == nil && !errors.Is(err, tenant.ErrNotFound):
				r.options.Log.WarnContext(ctx, "domain check", slog.String("host", string(h)), slog.Any("error", err))
			}
		})
	}
	return next
}

// begin notes that a check is under way; false: it is already.
func (r *Registry) begin(h tenant.Host) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checking[h] {
		return false
	}
	r.checking[h] = true
	return true
}

func (r *Registry) end(h tenant.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checking, h)
}

// due lists hosts of a lane whose check is due, some more than fit in at once, and when the one after them is.
func (r *Registry) due(ctx context.Context, lane int) (hosts []tenant.Host, next time.Time, err error) {
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		now := time.Now()
		hosts, next = nil, now.Add(poll)
		rg := storage.Range{Prefix: storage.Key(nil).Uint(uint64(lane)), Limit: 2*checksALane + 1}
		for e, err := range dueChecks.Scan(tx, rg) {
			if err != nil {
				return err
			}
			parts := e.Key.Parts()
			parts.Uint()
			if at := parts.Time(); at.After(now) {
				next = at
				break
			}
			hosts = append(hosts, tenant.Host(e.Primary.Parts().Str()))
		}
		return nil
	})
	return hosts, next, err
}

// adapt brings domains in line with the node's TLS mode, should that have changed since the last start.
func (r *Registry) adapt(ctx context.Context) error {
	odd := map[tenant.Host]bool{}
	err := storage.Each(ctx, r.store, storage.Node(), domainTable, func(d *Domain) error {
		after := *d
		if after.adapt(r.rules, clock()); after.Status != d.Status || after.Certificate.Status != d.Certificate.Status {
			odd[d.Host] = true
		}
		return nil
	})
	for h := range odd {
		_, e := r.change(ctx, h, func(d *Domain, now time.Time) (bool, error) {
			d.adapt(r.rules, now)
			return true, nil
		})
		err = errors.Join(err, e)
	}
	return err
}

func (d *Domain) adapt(r rules, now time.Time) {
	switch {
	case r.tlsOff && d.Status == Verified:
		d.to(Active, d.Reason, now)
	case !r.tlsOff && d.Served() && d.Certificate.Status == CertificateNone:
		if d.Status == Active {
			d.to(Verified, d.Reason, now)
		}
		d.queue(now)
	}
}
