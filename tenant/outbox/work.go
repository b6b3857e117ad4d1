package outbox

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/span"
)

const (
	later  = 5 * time.Second // when the store refuses to write, as with a full disk
	leeway = time.Minute     // by which a lease outlives the try: time to note how it went
)

var errNoTenant = errors.New("the tenant is not served")

// work does one thing that is due for a tenant. Each write comes back by the change feed and has the tenant looked at again.
func (c *Courier[T]) work(ctx context.Context, id tenant.ID) {
	i, err := c.claim(ctx, id)
	if err != nil {
		if c.mayRecover(ctx, id, err) {
			c.complain(ctx, id, "claim", err)
			c.agenda.note(id, time.Now().Add(later))
		}
		return
	}
	if i != nil {
		c.agenda.note(id, time.Now()) // for the next one
		c.try(ctx, id, *i)
	}
}

// try delivers an item, or tries to, and notes how it went.
func (c *Courier[T]) try(ctx context.Context, id tenant.ID, i Item[T]) {
	traced, s := c.config.Spans.Deliver(ctx, c.queue.table.Name(), i.ID, i.Cause)
	s.Number("deskgate.attempt", i.Attempts)
	if t, served := c.config.Directory.ByID(id); served {
		s.Text(span.Tenant, t.Slug)
	}
	result := c.attempt(traced, id, i)
	c.finish(traced, id, i, result)
	if d, ok := errors.AsType[delayed](result); ok && d.free {
		s.Text("deskgate.postponed", d.pause.String())
		result = nil
	}
	s.End(result)
}

// mayRecover says whether an error of the store's may be over some time.
func (c *Courier[T]) mayRecover(ctx context.Context, id tenant.ID, err error) bool {
	_, served := c.config.Directory.ByID(id)
	return served && ctx.Err() == nil && !errors.Is(err, storage.ErrClosed) && !errors.Is(err, storage.ErrErased)
}

// look says whether a tenant has an item that is due. One that will be is noted.
func (c *Courier[T]) look(ctx context.Context, sc storage.Scope) (due bool, err error) {
	err = c.config.Store.View(ctx, sc, func(tx *storage.Tx) error {
		for key, err := range c.queue.due.Keys(tx, storage.Range{Limit: 1}) {
			if err != nil {
				return err
			}
			at := key.Parts().Time()
			if due = !at.After(time.Now()); !due {
				c.agenda.note(tenant.ID(sc.ID()), at)
			}
		}
		return nil
	})
	return due, err
}

// claim leases the item of the tenant's that is due first; nil: none is. It also buries an item that came too late, and forgets one
// that was dead for long.
func (c *Courier[T]) claim(ctx context.Context, id tenant.ID) (claimed *Item[T], err error) {
	sc := storage.Within(string(id))
	if due, err := c.look(ctx, sc); err != nil || !due {
		return nil, err
	}
	err = c.config.Store.Update(ctx, sc, func(tx *storage.Tx) error {
		claimed = nil
		now := time.Now().UTC()
		first, err := c.first(tx)
		switch {
		case err != nil || first == nil || first.NextAt.After(now):
			return err
		case first.Dead():
			tx.OnCommit(func() { c.agenda.note(id, now) }) // for the next one: what is deleted does not come back by the feed
			return c.queue.table.Delete(tx, itemKey(first.ID))
		case !first.Expires.IsZero() && !now.Before(first.Expires):
			return c.bury(tx, first, ErrExpired)
		}
		first.Holder = c.holder
		first.Attempts++
		first.NextAt = now.Add(c.config.Patience + leeway)
		claimed = first
		return c.queue.table.Put(tx, first)
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// first is the item that is due first, nil if there is none.
func (c *Courier[T]) first(tx *storage.Tx) (*Item[T], error) {
	for i, err := range c.queue.due.Records(tx, storage.Range{Limit: 1}) {
		return &i, err
	}
	return nil, nil //nolint:nilnil // its caller alone asks
}

// attempt tries to deliver once.
func (c *Courier[T]) attempt(ctx context.Context, id tenant.ID, i Item[T]) error {
	ctx, stop := context.WithTimeout(ctx, c.config.Patience)
	defer stop()
	t, served := c.config.Directory.ByID(id)
	if !served {
		return errNoTenant
	}
	return c.config.Deliver(ctx, t, i)
}

// finish notes how the attempt went. That has to succeed also when the node is about to stop: an item that was delivered and not
// noted is delivered again.
func (c *Courier[T]) finish(ctx context.Context, id tenant.ID, i Item[T], result error) {
	const tries, pause, patience = 10, time.Second, 5 * time.Second
	stopped := ctx.Err() != nil
	for range tries {
		bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
		err := c.settle(bounded, id, i, result, stopped)
		stop()
		if err == nil || !c.mayRecover(context.WithoutCancel(ctx), id, err) {
			return
		}
		c.complain(ctx, id, "settle", err)
		<-time.After(pause)
	}
}

// settle writes how the attempt went, unless somebody else has the item by now.
func (c *Courier[T]) settle(ctx context.Context, id tenant.ID, i Item[T], result error, stopped bool) error {
	return c.config.Store.Update(ctx, storage.Within(string(id)), func(tx *storage.Tx) error {
		now := time.Now().UTC()
		held, err := c.queue.table.Get(tx, itemKey(i.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil || held.Holder != c.holder || held.Attempts != i.Attempts {
			return err
		}
		if result == nil {
			tx.OnCommit(func() { c.tell(c.counted.deliver(), id, nil) })
			return c.queue.table.Delete(tx, itemKey(i.ID))
		}
		held.Holder = ""
		if stopped {
			held.Attempts--
			held.NextAt = now
			return c.queue.table.Put(tx, &held)
		}
		if d, ok := errors.AsType[delayed](result); ok && d.free {
			held.Attempts--
			held.NextAt = now.Add(d.pause)
			return c.queue.table.Put(tx, &held)
		}
		held.Reason = result.Error()
		next, again := c.again(&held, result, now)
		if !again {
			return c.bury(tx, &held, result)
		}
		held.NextAt = next
		tx.OnCommit(func() { c.tell(c.counted.fail(result, now), id, result) })
		return c.queue.table.Put(tx, &held)
	})
}

// again says when an item is tried again, if at all.
func (c *Courier[T]) again(i *Item[T], result error, now time.Time) (time.Time, bool) {
	var p permanent
	if errors.As(result, &p) || i.Attempts > len(c.config.Pauses) {
		return now, false
	}
	pause := c.config.Pauses[max(i.Attempts, 1)-1]
	if d, ok := errors.AsType[delayed](result); ok {
		pause = max(pause, d.pause)
	}
	next := now.Add(pause + rand.N(pause/5+1)) //nolint:gosec // chance only spreads the load
	return next, i.Expires.IsZero() || next.Before(i.Expires)
}

// bury gives an item up.
func (c *Courier[T]) bury(tx *storage.Tx, i *Item[T], cause error) error {
	i.DeadAt = time.Now().UTC()
	i.NextAt = i.DeadAt.Add(c.config.Keep)
	i.Holder, i.Reason = "", cause.Error()
	if c.config.GiveUp != nil {
		if err := c.config.GiveUp(tx, i, cause); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { c.tell(c.counted.bury(cause, i.DeadAt), tenant.ID(tx.Scope().ID()), cause) })
	return c.queue.table.Put(tx, i)
}

// tell has the log say when deliveries begin to fail, and when they succeed again. What lies between is counted.
func (c *Courier[T]) tell(news bool, id tenant.ID, err error) {
	log := c.config.Log.With(slog.String("queue", c.queue.table.Name()), slog.String("tenant_id", string(id)))
	switch {
	case !news:
	case err != nil:
		log.Warn("deliveries begin to fail", slog.Any("error", err))
	default:
		log.Info("deliveries succeed again")
	}
}

func (c *Courier[T]) complain(ctx context.Context, id tenant.ID, work string, err error) {
	c.config.Log.WarnContext(ctx, "the outbox cannot use the store", slog.String("queue", c.queue.table.Name()),
		slog.String("work", work), slog.String("tenant_id", string(id)), slog.Any("error", err))
}
