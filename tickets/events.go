package tickets

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// ErrEventsGone says that events behind the one that was asked for are not kept any more, or that there never was such an
// event. Whoever follows them has to read everything anew and go on from the newest.
var ErrEventsGone = errors.New("the events behind that one are gone")

// Newest stands for the newest event, whichever it is.
const Newest = math.MaxUint64

// eventsKept is ErrEventsGone unless all events behind a number are there; 0 is before those that are.
func eventsKept(tx *storage.Tx, after uint64) error {
	if after == 0 {
		return nil
	}
	last, err := eventNumbers.Last(tx)
	if err != nil {
		return err
	}
	switch {
	case after > last:
		return ErrEventsGone
	case after == last:
		return nil
	}
	has, err := eventTable.Has(tx, eventKey(after+1))
	if err == nil && !has {
		return ErrEventsGone
	}
	return err
}

// eventsBehind are the events behind a number in their order, at most limit of them.
func eventsBehind(tx *storage.Tx, after uint64, limit int) ([]Event, error) {
	if err := eventsKept(tx, after); err != nil {
		return nil, err
	}
	var all []Event
	for e, err := range eventTable.Scan(tx, storage.Range{From: eventKey(after + 1), Limit: limit}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// readable are those of some events that the actor may know of, as the actor may know them.
func (d *Desk) readable(ctx context.Context, tn *tenant.Tenant, a Actor, all []Event) ([]Event, error) {
	if a.Staff() {
		return all, nil
	}
	var some []Event
	for i := range all {
		if e, public := all[i].public(); public && a.known() && e.Owner == a.owner() {
			some = append(some, e)
		}
	}
	if len(some) == 0 {
		return nil, nil
	}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		seen := some[:0:0]
		for _, e := range some {
			_, err := find(tx, a, Ref{id: parseID(ticketPrefix, e.TicketID)}, false)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			seen = append(seen, e)
		}
		some = seen
		return nil
	})
	return some, err
}

// shown are the fields of a ticket whose changes its requester is told of.
var shown = []string{"status", "title", "description", "priority", "category_id", "follow_up", "merged_into", "rating"}

// public is the event as the ticket's requester may know it, if at all: an internal comment is nothing to them, and neither
// is what staff alone sees of a ticket.
func (e Event) public() (Event, bool) {
	internal := e.Visibility == Internal
	if internal {
		e.Type, e.CommentID, e.Visibility = TicketUpdated, "", ""
	}
	e.Changes = slices.DeleteFunc(slices.Clone(e.Changes), func(c FieldChange) bool {
		return !slices.Contains(shown, c.Field) || internal && c.Field == "merged_into" // into somebody else's
	})
	if e.Actor.Role == "system" {
		e.Actor.Name = "" // the name of a rule is staff's
	}
	switch e.Type {
	case TicketCreated, TicketCommented, TicketMerged, TicketRated, TicketClaimed, TicketFollowedUp:
		return e, true
	case TicketUpdated:
		return e, len(e.Changes) > 0
	}
	return e, false
}
