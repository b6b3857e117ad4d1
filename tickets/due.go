package tickets

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Waits says which rules wait for a ticket to stay as it is. Those in Ticket.Ran have run and are left out.
type Waits func(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, at time.Time) (Waiting, error)

// Waiting is what Waits says about a ticket at a time.
type Waiting struct {
	// Next is when the next rule is due that is not yet; zero: there is none.
	Next time.Time
	// Due names the rules whose time has come, for Ticket.Ran, and Do is what those of them change whose conditions hold.
	Due []string
	Do  []Automatic
}

// ranReminder is in Ticket.Ran once the requester was told that the ticket will be closed.
const ranReminder = "reminder"

// schedule brings the ticket's clock up to what has become of it, and says when the ticket changes by itself next. The index
// of that time is the queue that Run works off: an entry is there exactly as long as its reason, and goes in the transaction
// that does the work.
func (d *Desk) schedule(tx *storage.Tx, tn *tenant.Tenant, t *Ticket) error {
	p, err := d.plan(tx, tn)
	if err != nil {
		return err
	}
	at := now()
	if t.UpdatedAt.After(at) {
		at = t.UpdatedAt
	}
	p.reckon(t, at)
	t.DueAt, err = d.nextDue(tx, tn, t)
	if !t.DueAt.IsZero() && t.DueAt.Before(at) {
		t.DueAt = at // a sweep reaches back only so far
	}
	return err
}

// nextDue is when the ticket changes by itself next; zero: it does not.
func (d *Desk) nextDue(tx *storage.Tx, tn *tenant.Tenant, t *Ticket) (next time.Time, err error) {
	switch {
	case t.Moving:
		return t.UpdatedAt, nil
	case t.shelf() != inLists:
		return t.leaves(), nil
	}
	soonest := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, r := range t.running() {
		soonest(r.end)
	}
	soonest(t.closes(tn))
	soonest(t.reminds(tn))
	if d.waits != nil && !t.Imported {
		w, err := d.waits(tx, tn, t, time.Time{})
		if err != nil {
			return time.Time{}, err
		}
		soonest(w.Next)
	}
	return next, nil
}

// leaves is when a ticket that is put away is removed for good; zero: it stays.
func (t *Ticket) leaves() time.Time {
	switch t.shelf() {
	case asDeleted:
		return t.DeletedAt.Add(restorable)
	case asSpam:
		return t.SpamAt.Add(restorable)
	case inLists, asMerged:
	}
	return time.Time{}
}

// closes is when a resolved ticket is closed by itself; zero: it is none.
func (t *Ticket) closes(tn *tenant.Tenant) time.Time {
	if t.Status != StatusResolved {
		return time.Time{}
	}
	wait := tn.Settings.AutoClose()
	if wait <= 0 {
		wait = autoClose
	}
	return t.ResolvedAt.Add(wait)
}

// reminds is when the requester is told that their ticket will be closed; zero: they are not, or were.
func (t *Ticket) reminds(tn *tenant.Tenant) time.Time {
	before, closes := time.Duration(tn.Settings.AutoCloseReminderDays)*24*time.Hour, t.closes(tn)
	if before <= 0 || closes.IsZero() || t.Requester == nil || t.Imported || slices.Contains(t.Ran, ranReminder) {
		return time.Time{}
	}
	if at := closes.Add(-before); at.After(t.ResolvedAt) {
		return at
	}
	return time.Time{}
}

// expire does what is due of one ticket. Each reason is looked at again, so that nothing is done twice.
func (d *Desk) expire(ctx context.Context, tn *tenant.Tenant, r Ref, at time.Time) error {
	var remove, carry bool
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		remove, carry = false, false
		t, err := load(tx, r)
		if err != nil {
			return err
		}
		if carry = t.Moving; carry {
			return nil
		}
		if leaves := t.leaves(); !leaves.IsZero() && !leaves.After(at) {
			old := t
			remove, t.Purging = true, true
			return save(tx, &old, &t)
		}
		return d.fallDue(tx, tn, t, at)
	})
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err == nil && carry:
		return d.carry(ctx, tn, r)
	case err == nil && remove:
		return d.purge(ctx, tn, r)
	}
	return err
}

// fallDue does what is due of a ticket that stays.
func (d *Desk) fallDue(tx *storage.Tx, tn *tenant.Tenant, t Ticket, at time.Time) error {
	old := t
	if err := d.schedule(tx, tn, &t); err != nil { // the tenant may have changed a setting meanwhile
		return err
	}
	if err := save(tx, &old, &t); err != nil || t.shelf() != inLists {
		return err
	}
	if err := d.tellMissed(tx, tn, old.Breached, &old, &t, false); err != nil {
		return err
	}
	for _, step := range []func(*storage.Tx, *tenant.Tenant, *Ticket, time.Time) error{d.miss, d.wait, d.remind, d.close} {
		if err := step(tx, tn, &t, at); err != nil {
			return err
		}
	}
	return nil
}

// step writes what the node does to a ticket by itself as one change of it.
func (d *Desk) step(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, h Happening, change func(*Ticket)) error {
	old := *t
	t.Version++
	t.UpdatedAt = later(old.UpdatedAt)
	change(t)
	if err := d.schedule(tx, tn, t); err != nil {
		return err
	}
	if err := save(tx, &old, t); err != nil {
		return err
	}
	h.Event.Changes = append(h.Event.Changes, differences(&old, t)...)
	h.Before, h.After = &old, t
	return d.record(tx, tn, h)
}

// miss notes the targets that ran out.
func (d *Desk) miss(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, at time.Time) error {
	h := Happening{Event: Event{Type: TicketOverdue, Actor: System("targets").author()}}
	var missed []Target
	for _, r := range t.running() {
		if !r.end.After(at) {
			missed = append(missed, r.target)
			h.Event.Changes = append(h.Event.Changes, FieldChange{Field: "breached", To: string(r.target)})
		}
	}
	if len(missed) == 0 {
		return nil
	}
	return d.step(tx, tn, t, h, func(t *Ticket) { t.Breached = append(slices.Clip(t.Breached), missed...) })
}

// wait runs the rules that waited for the ticket to stay as it is.
func (d *Desk) wait(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, at time.Time) error {
	if d.waits == nil || t.Imported {
		return nil
	}
	w, err := d.waits(tx, tn, t, at)
	if err != nil || len(w.Due) == 0 {
		return err
	}
	old := *t
	t.Ran = append(slices.Clip(t.Ran), w.Due...)
	if err := d.schedule(tx, tn, t); err != nil {
		return err
	}
	if err := save(tx, &old, t); err != nil {
		return err
	}
	return d.Automate(tx, tn, t, w.Do)
}

// remind tells the requester that the ticket will be closed.
func (d *Desk) remind(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, at time.Time) error {
	if due := t.reminds(tn); due.IsZero() || due.After(at) {
		return nil
	}
	h := Happening{Event: Event{Type: TicketClosing, Actor: System("auto-close").author()}, Automatic: true}
	return d.step(tx, tn, t, h, func(t *Ticket) { t.Ran = append(slices.Clip(t.Ran), ranReminder) })
}

// close closes a ticket that was resolved for long enough.
func (d *Desk) close(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, at time.Time) error {
	if due := t.closes(tn); due.IsZero() || due.After(at) {
		return nil
	}
	h := Happening{Event: Event{Type: TicketUpdated, Actor: System("auto-close").author()}, Action: "closed"}
	return d.step(tx, tn, t, h, func(t *Ticket) { t.enter(StatusClosed) })
}
