package tickets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// restorable is how long a deleted ticket, and one that is spam, can be brought back.
	restorable = 30 * 24 * time.Hour
	// autoClose is how long a resolved ticket waits where the tenant's settings do not say.
	autoClose = 7 * 24 * time.Hour
)

// Delete puts a ticket away for 30 days. Staff only. ifVersion as in Change.
func (d *Desk) Delete(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, ifVersion uint64) error {
	_, err := d.put(ctx, tn, a, r, func(t *Ticket) (EventType, error) {
		if t.Deleted() {
			return "", ErrNotFound
		}
		if ifVersion != 0 && ifVersion != t.Version {
			return "", ErrVersionConflict
		}
		t.DeletedAt = later(t.UpdatedAt)
		return TicketDeleted, nil
	})
	return err
}

// Restore brings a deleted ticket back; one that is not deleted is returned as it is. Staff only. A tenant.FieldErrors:
// another ticket has its external ID by now.
func (d *Desk) Restore(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	return d.put(ctx, tn, a, r, func(t *Ticket) (EventType, error) {
		if !t.Deleted() {
			return "", nil
		}
		t.DeletedAt = time.Time{}
		return TicketRestored, nil
	})
}

// put changes whether a ticket is there. fn names what it did; "" is nothing.
func (d *Desk) put(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, fn func(*Ticket) (EventType, error)) (Ticket, error) {
	var t Ticket
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		old, err := find(tx, a, r, true)
		if err != nil {
			return err
		}
		if !a.Staff() {
			return fmt.Errorf("%w: deleting is for staff", ErrNotAllowed)
		}
		if err := old.frozen(); err != nil {
			return err
		}
		t = old
		what, err := fn(&t)
		if err != nil || what == "" {
			return err
		}
		if err := keepCategory(tx, &t); err != nil {
			return err
		}
		t.Version++
		t.UpdatedAt = later(old.UpdatedAt)
		if err := d.schedule(tx, tn, &t); err != nil {
			return err
		}
		if err := save(tx, &old, &t); err != nil {
			return err
		}
		return d.record(tx, tn, Happening{Event: Event{Type: what, Actor: a.author()}, Before: &old, After: &t})
	})
	return t, err
}

// keepCategory takes a category away that was removed while the ticket was, or lay in the spam.
func keepCategory(tx *storage.Tx, t *Ticket) error {
	if t.CategoryID == "" {
		return nil
	}
	has, err := categoryTable.Has(tx, storage.Key(nil).Str(t.CategoryID))
	if err == nil && !has {
		t.CategoryID = ""
	}
	return err
}

const (
	sweepEvery = time.Minute
	// sweepOverlap is how far a sweep reaches back behind the last one, for what was due already when it was written.
	sweepOverlap = 10 * time.Minute
	sweepPage    = 200
)

// Run does what happens to tickets by the passing of time, until ctx ends: it notes missed targets, runs rules that waited,
// closes resolved tickets and removes deleted ones. What came due while
// nothing ran is done at the start. Each is one transaction that looks again, so nothing is done twice, however many run.
func (d *Desk) Run(ctx context.Context) error {
	swept := make(map[tenant.ID]time.Time)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		tenants, err := d.tenants(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "tickets' timers cannot list the tenants", "error", err)
		}
		for _, tn := range tenants {
			at := now()
			if err := d.catchUp(ctx, tn); err != nil && ctx.Err() == nil {
				d.log.ErrorContext(ctx, "tickets' times cannot follow the settings", "tenant", tn.Slug, "error", err)
			}
			if err := errors.Join(d.sweep(ctx, tn, swept[tn.ID], at), d.files.Sweep(ctx, tn, at)); err == nil {
				swept[tn.ID] = at.Add(-sweepOverlap)
			} else if ctx.Err() == nil {
				d.log.ErrorContext(ctx, "tickets' timers stopped short", "tenant", tn.Slug, "error", err)
			}
			if err := d.TrimEvents(ctx, tn, EventSize); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "old events stay", "tenant", tn.Slug, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep does what came due in a tenant after a time and up to another.
func (d *Desk) sweep(ctx context.Context, tn *tenant.Tenant, after, upTo time.Time) error {
	r := storage.Range{From: storage.Key(nil).Time(after), To: storage.Key(nil).Time(upTo.Add(1)), Limit: sweepPage}
	var failed error
	for {
		var due []Ref
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
			due = due[:0]
			for e, err := range byDue.Scan(tx, r) {
				if err != nil {
					return err
				}
				due = append(due, refOf(e.Primary))
				r.After = e.Key
			}
			return nil
		})
		if err != nil {
			return err
		}
		one, err := d.expireAll(ctx, tn, due, upTo)
		if err != nil {
			return err
		}
		failed = cmp.Or(failed, one)
		if len(due) < sweepPage {
			return errors.Join(failed, d.forgetDrafts(ctx, tn, upTo))
		}
	}
}

// expireAll does what is due of some tickets. failed is what one of them cannot do, which must not keep the others waiting; err is
// what none of them can.
func (d *Desk) expireAll(ctx context.Context, tn *tenant.Tenant, due []Ref, upTo time.Time) (failed, err error) {
	for _, ref := range due {
		err := d.expire(ctx, tn, ref, upTo)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || errors.Is(err, storage.ErrReadOnly) || errors.Is(err, storage.ErrClosed) {
			return failed, err
		}
		d.log.ErrorContext(ctx, "a ticket's timer cannot go off", "tenant", tn.Slug, "ticket", ref.String(), "error", err)
		if !errors.Is(err, storage.ErrCorrupt) { // which a later round does not mend
			failed = cmp.Or(failed, err)
		}
	}
	return failed, nil
}

// purge removes a ticket for good with all that belongs to it, in several transactions, the ticket last: what was
// interrupted is due still.
func (d *Desk) purge(ctx context.Context, tn *tenant.Tenant, r Ref) error {
	k := newest(nil, r.id)
	clearFiles := func(tx *storage.Tx, _ storage.Key) (int, error) {
		return d.files.RemoveOf(tx, ticketPrefix+r.id.String(), purgePage)
	}
	for _, sweep := range []func(*storage.Tx, storage.Key) (int, error){
		clearFiles, clearBelow(commentTable), clearBelow(activityTable), clearBelow(heldTable), clearBelow(draftTable),
	} {
		for n := purgePage; n == purgePage; {
			err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
				n, err = sweep(tx, k)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		if err := documentTable.Delete(tx, k); err != nil {
			return err
		}
		return ticketTable.Delete(tx, k)
	})
}

const purgePage = 100

// clearBelow deletes at most purgePage of a table's records below a key and says how many.
func clearBelow[T any](table *storage.Table[T]) func(*storage.Tx, storage.Key) (int, error) {
	return func(tx *storage.Tx, below storage.Key) (int, error) {
		var keys []storage.Key
		for k, err := range table.Keys(tx, storage.Range{Prefix: below, Limit: purgePage}) {
			if err != nil {
				return 0, err
			}
			keys = append(keys, k)
		}
		for _, k := range keys {
			if err := table.Delete(tx, k); err != nil {
				return 0, err
			}
		}
		return len(keys), nil
	}
}
