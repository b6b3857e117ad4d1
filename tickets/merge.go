package tickets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Merging says how one ticket is merged into another.
type Merging struct {
	IfVersion uint64 // of the ticket that is merged; 0: whichever
	// Apart merges tickets of different requesters: each of them sees no more than before.
	Apart       bool
	Idempotency *Idempotency
}

// Merged is the ticket that another one was merged into.
type Merged struct {
	Ticket   Ticket
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// maxMerged is how many tickets may have been merged into one.
const maxMerged = 50

// Merge puts a ticket's thread into another ticket, which it returns. Staff only. What is left is a closed stub that
// points to it and is never changed again: see MergedError. The description becomes a comment; comments keep their authors,
// times and visibility, unless the requesters differ: then all of them are internal in the other ticket, and the stub keeps
// its own for its requester. ErrRequestersDiffer: the tickets are different people's, and Apart was not said. A
// tenant.FieldErrors says what is wrong with the target.
func (d *Desk) Merge(ctx context.Context, tn *tenant.Tenant, a Actor, from, into Ref, m Merging) (Merged, error) {
	if !a.Staff() {
		return Merged{}, d.refuse(ctx, tn, a, from)
	}
	o, done, err := d.running.begin(ctx, tn, a, "merge "+from.String(), m.Idempotency)
	if err != nil {
		return Merged{}, err
	}
	defer done()
	var out Merged
	var source Ref
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		x, found, err := o.earlier(tx)
		if found || err != nil {
			out = Merged{Ticket: x.Ticket, Replayed: true}
			return err
		}
		s, target, err := mergeable(tx, a, from, into, m)
		if err != nil {
			return err
		}
		source = s.Ref()
		t, err := d.merge(tx, tn, a, s, target)
		if err != nil {
			return err
		}
		out = Merged{Ticket: t}
		return o.keep(tx, answer{Ticket: t}, t.UpdatedAt)
	})
	if err != nil || out.Replayed {
		return out, err
	}
	return out, d.carry(ctx, tn, source)
}

// refuse is what somebody gets who may not work on a ticket: whether it is there is said to those only who see it.
func (d *Desk) refuse(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) error {
	if _, err := d.Find(ctx, tn, a, r); err != nil {
		return err
	}
	return fmt.Errorf("%w: this is for staff", ErrNotAllowed)
}

// mergeable reads both tickets and says why the one cannot be merged into the other.
func mergeable(tx *storage.Tx, a Actor, from, into Ref, m Merging) (s, t Ticket, err error) {
	wrong := func(sentence string) error { return tenant.FieldErrors{"into": {sentence}} }
	if s, err = find(tx, a, from, false); err != nil {
		return s, t, err
	}
	if err = s.frozen(); err != nil {
		return s, t, err
	}
	t, err = find(tx, a, into, false)
	switch {
	case errors.Is(err, ErrNotFound):
		return s, t, wrong("There is no ticket with this id.")
	case err != nil:
		return s, t, err
	case s.ID == t.ID:
		return s, t, wrong("A ticket can't be merged into itself.")
	case t.MergedInto != "":
		return s, t, wrong("This ticket was merged itself.")
	case s.Spam() || t.Spam():
		return s, t, wrong("Spam can't be merged.")
	case len(s.MergedFrom)+len(t.MergedFrom) >= maxMerged:
		return s, t, wrong("No more than " + strconv.Itoa(maxMerged) + " tickets can be merged into one.")
	case m.IfVersion != 0 && m.IfVersion != s.Version:
		return s, t, ErrVersionConflict
	case s.owner() != t.owner() && !m.Apart:
		return s, t, ErrRequestersDiffer
	}
	return s, t, nil
}

// merge makes one ticket a stub that points to the other, and has carry bring its thread over.
func (d *Desk) merge(tx *storage.Tx, tn *tenant.Tenant, a Actor, s, t Ticket) (Ticket, error) {
	stub, target := s, t
	stub.MergedInto, stub.Apart, stub.Moving, stub.MergedFrom = t.ID, s.owner() != t.owner(), true, nil
	stub.Version++
	stub.UpdatedAt = later(s.UpdatedAt)
	stub.enter(StatusClosed)
	if err := d.schedule(tx, tn, &stub); err != nil {
		return target, err
	}
	target.MergedFrom = append(append(slices.Clone(t.MergedFrom), s.MergedFrom...), s.ID)
	target.Tags = unite(t.Tags, s.Tags)
	if !stub.Apart && s.Organization != t.Organization { // neither is to read what was the other's
		target.Organization = ""
	}
	target.Version++
	target.UpdatedAt = later(t.UpdatedAt)
	if err := d.schedule(tx, tn, &target); err != nil {
		return target, err
	}
	if err := save(tx, &s, &stub); err != nil {
		return target, err
	}
	if err := save(tx, &t, &target); err != nil {
		return target, err
	}
	if err := reword(tx, &t, &target, nil); err != nil {
		return target, err
	}
	if err := repoint(tx, s.MergedFrom, &target); err != nil {
		return target, err
	}
	if err := d.recordMerge(tx, tn, a, &s, &stub, FieldChange{Field: "merged_into", To: target.label()}, stub.Apart); err != nil {
		return target, err
	}
	return target, d.recordMerge(tx, tn, a, &t, &target, FieldChange{Field: "merged_from", To: stub.label()}, stub.Apart)
}

// recordMerge says in one of the tickets that were merged what became of it. Requesters who are apart are not told.
func (d *Desk) recordMerge(tx *storage.Tx, tn *tenant.Tenant, a Actor, old, t *Ticket, link FieldChange, apart bool) error {
	e := Event{Type: TicketMerged, Actor: a.author(), Changes: append(differences(old, t), link)}
	if apart {
		e.Visibility = Internal
	}
	// No rule brings a stub back to life.
	return d.record(tx, tn, Happening{Event: e, Before: old, After: t, Automatic: t.MergedInto != ""})
}

// label is a ticket's number as people write it.
func (t *Ticket) label() string { return "#" + strconv.FormatUint(t.Number, 10) }

// unite adds tags to others, as far as there is room.
func unite(tags, more []string) []string {
	all := slices.Clone(tags)
	for _, tag := range more {
		if len(all) < MaxTags && !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	slices.Sort(all)
	return all
}

// repoint has the stubs of a ticket that was merged point to where it went.
func repoint(tx *storage.Tx, stubs []string, target *Ticket) error {
	for _, id := range stubs {
		old, err := ticketTable.Get(tx, newest(nil, parseID(ticketPrefix, id)))
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		stub := old
		stub.MergedInto, stub.Apart = target.ID, old.Apart || old.owner() != target.owner()
		if err := save(tx, &old, &stub); err != nil {
			return err
		}
	}
	return nil
}

// MergedError says that a ticket was merged into another and is not changed any more.
type MergedError struct{ Into string } // the other ticket's ID

// Error names the other ticket.
func (e *MergedError) Error() string { return "the ticket was merged into " + e.Into }

// frozen is a *MergedError for a ticket that was merged.
func (t *Ticket) frozen() error {
	if t.MergedInto == "" {
		return nil
	}
	return &MergedError{Into: t.MergedInto}
}

// unchangeable is why a ticket that was merged takes no changes. Its requester does not learn of a ticket that is not theirs.
func (t *Ticket) unchangeable(a Actor) error {
	if t.MergedInto != "" && t.Apart && !a.Staff() {
		return &TransitionError{From: StatusClosed, To: StatusOpen}
	}
	return t.frozen()
}
