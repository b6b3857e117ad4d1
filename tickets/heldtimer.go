package tickets

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// holds are the times at which replies are to be sent, the next one of each tenant.
type holds struct {
	mu   sync.Mutex
	next map[tenant.ID]expected
	wake chan struct{}
}

type expected struct {
	tenant *tenant.Tenant
	at     time.Time
}

func newHolds() *holds {
	return &holds{next: map[tenant.ID]expected{}, wake: make(chan struct{}, 1)}
}

// expect notes that a tenant has a reply to send at that time.
func (h *holds) expect(tn *tenant.Tenant, at time.Time) {
	h.mu.Lock()
	if x, ok := h.next[tn.ID]; !ok || at.Before(x.at) {
		h.next[tn.ID] = expected{tn, at}
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// due takes out the tenants that have something to send, and says how long it is to the next one.
func (h *holds) due(at time.Time, most time.Duration) (ready []*tenant.Tenant, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait = most
	for id, x := range h.next {
		if !x.at.After(at) {
			ready = append(ready, x.tenant)
			delete(h.next, id)
			continue
		}
		wait = min(wait, x.at.Sub(at))
	}
	return ready, wait
}

// RunHeld sends held replies when their time has come, to the moment, until ctx ends. What came due while nothing ran is
// sent at the start. Each goes out in the transaction that forgets it, so none is sent twice, however many run.
func (d *Desk) RunHeld(ctx context.Context) error {
	const again = time.Minute
	var looked time.Time
	for {
		if time.Since(looked) >= sweepEvery {
			looked = time.Now()
			d.expectAll(ctx)
		}
		ready, wait := d.holds.due(time.Now(), sweepEvery)
		for _, tn := range ready {
			next, err := d.sendDue(ctx, tn)
			if err != nil && ctx.Err() == nil {
				d.log.ErrorContext(ctx, "held replies wait", "tenant", tn.Slug, "error", err)
				next = time.Now().Add(again)
			}
			if !next.IsZero() {
				d.holds.expect(tn, next)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.holds.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// expectAll looks through all tenants for replies that wait.
func (d *Desk) expectAll(ctx context.Context) {
	tenants, err := d.tenants(ctx)
	if err != nil && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "held replies cannot list the tenants", "error", err)
	}
	for _, tn := range tenants {
		next, err := d.nextHeld(ctx, tn)
		if err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "held replies cannot be looked for", "tenant", tn.Slug, "error", err)
		}
		if !next.IsZero() {
			d.holds.expect(tn, next)
		}
	}
}

// nextHeld is when the first of a tenant's replies is due; zero: none waits.
func (d *Desk) nextHeld(ctx context.Context, tn *tenant.Tenant) (at time.Time, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		at = time.Time{}
		for e, err := range heldByDue.Scan(tx, storage.Range{Limit: 1}) {
			if err != nil {
				return err
			}
			p := e.Key.Parts()
			at = p.Time()
		}
		return nil
	})
	return at, err
}

// sendDue sends what is due in a tenant and says when the next one is.
func (d *Desk) sendDue(ctx context.Context, tn *tenant.Tenant) (next time.Time, err error) {
	var due []storage.Key
	upTo := storage.Key(nil).Time(time.Now().Add(1))
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		due = due[:0]
		for e, err := range heldByDue.Scan(tx, storage.Range{To: upTo, Limit: sweepPage}) {
			if err != nil {
				return err
			}
			due = append(due, e.Primary)
		}
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	var failed error
	for _, k := range due {
		failed = errors.Join(failed, d.send(ctx, tn, k))
	}
	if failed != nil {
		return time.Time{}, failed
	}
	return d.nextHeld(ctx, tn)
}

// send sends one reply, if it waits still. One that can no longer be written goes back to its author.
func (d *Desk) send(ctx context.Context, tn *tenant.Tenant, k storage.Key) error {
	err := d.releasing(ctx, tn, func(tx *storage.Tx) error {
		h, err := heldTable.Get(tx, k)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return d.release(tx, tn, &h)
	})
	if _, refused := errors.AsType[*refusedReplyError](err); refused {
		return nil
	}
	return err
}

// refusedReplyError says that a held reply can no longer be written as it is, and why.
type refusedReplyError struct {
	id    string
	key   storage.Key
	wrong tenant.FieldErrors
}

func (e *refusedReplyError) Error() string { return "a held reply is refused: " + e.wrong.Error() }
func (e *refusedReplyError) Unwrap() error { return e.wrong }

// releasing carries out a transaction that releases held replies. It returns a *refusedReplyError for one that could not be written: this
// one is its author's draft by then, and nothing else is done.
func (d *Desk) releasing(ctx context.Context, tn *tenant.Tenant, fn func(*storage.Tx) error) error {
	err := d.store.Update(ctx, tn.Scope(), fn)
	refused, ok := errors.AsType[*refusedReplyError](err)
	if !ok {
		return err
	}
	back := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		h, err := heldTable.Get(tx, refused.key)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return takeBack(tx, &h, h.TicketID, ReturnedRefused)
	})
	if back != nil {
		return back
	}
	return refused
}
