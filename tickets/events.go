package tickets

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

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

// EventQuery selects events. The zero EventQuery is all that are kept.
type EventQuery struct {
	// After is the number of the event behind which the page begins.
	After uint64
	// Types are those that are wanted; none: all.
	Types []EventType
	// Ticket is the only ticket whose events are wanted, if it is not the zero Ref.
	Ticket       Ref
	CreatedAfter time.Time
	Limit        int
}

// EventPage is a part of the events, the oldest first. A page may be short, and even empty, and have more behind it: Next is
// the number behind which they are.
type EventPage struct {
	Events  []Event
	HasMore bool
	Next    uint64
}

// maxEventRows is how many events are looked at for one page.
const maxEventRows = 5000

// Events lists events that the actor may know of. ErrEventsGone: not all behind q.After are kept. At most 100 at once; limit
// 0: 25.
func (d *Desk) Events(ctx context.Context, tn *tenant.Tenant, a Actor, q EventQuery) (EventPage, error) {
	if err := q.check(); err != nil {
		return EventPage{}, err
	}
	limit := clampLimit(q.Limit)
	var page EventPage
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		page = EventPage{Events: []Event{}, Next: q.After}
		if err := eventsKept(tx, q.After); err != nil {
			return err
		}
		if err := q.resolve(tx, a); errors.Is(err, ErrNotFound) {
			return nil // a ticket that is not there has no events
		} else if err != nil {
			return err
		}
		return q.fill(tx, a, &page, limit)
	})
	return page, err
}

// fill reads a page.
func (q *EventQuery) fill(tx *storage.Tx, a Actor, page *EventPage, limit int) error {
	from, err := q.begin(tx)
	if err != nil {
		return err
	}
	rows := 0
	for e, err := range eventTable.Scan(tx, storage.Range{From: eventKey(from), Limit: maxEventRows + 1}) {
		if err != nil {
			return err
		}
		if rows++; len(page.Events) == limit || rows > maxEventRows {
			page.HasMore = true
			return nil
		}
		page.Next = e.Seq
		e, ok, err := seen(tx, a, e)
		if err != nil {
			return err
		}
		if ok && q.selects(&e) {
			page.Events = append(page.Events, e)
		}
	}
	return nil
}

func (q *EventQuery) check() error {
	for _, t := range q.Types {
		if !slices.Contains(EventTypes(), t) {
			return &QueryError{Param: "type", Reason: fmt.Sprintf("%q is no type of events.", t)}
		}
	}
	return nil
}

// resolve finds the ticket that is asked for, as far as the actor may know of it.
func (q *EventQuery) resolve(tx *storage.Tx, a Actor) error {
	if q.Ticket.number == 0 {
		return nil
	}
	t, err := find(tx, a, q.Ticket, true)
	if err == nil {
		q.Ticket = t.Ref()
	}
	return err
}

// begin is the number of the first event that may be wanted: the one behind After or the first of its time, which is found
// by halving as events stand in the order of their times, but for a moment.
func (q *EventQuery) begin(tx *storage.Tx) (uint64, error) {
	const moment = time.Minute
	lo := q.After + 1
	if q.CreatedAfter.IsZero() {
		return lo, nil
	}
	last, err := eventNumbers.Last(tx)
	if err != nil {
		return 0, err
	}
	wanted := q.CreatedAfter.Add(-moment)
	for hi := last + 1; lo < hi; {
		mid := lo + (hi-lo)/2
		e, err := eventTable.Get(tx, eventKey(mid))
		switch {
		case errors.Is(err, storage.ErrNotFound): // it is kept no more
			lo = mid + 1
		case err != nil:
			return 0, err
		case e.CreatedAt.After(wanted):
			hi = mid
		default:
			lo = mid + 1
		}
	}
	return lo, nil
}

func (q *EventQuery) selects(e *Event) bool {
	return (len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) &&
		(q.Ticket == (Ref{}) || e.TicketID == q.Ticket.String()) &&
		(q.CreatedAfter.IsZero() || e.CreatedAt.After(q.CreatedAfter))
}

// readable are those of some events that the actor may know of, as the actor may know them.
func (d *Desk) readable(ctx context.Context, tn *tenant.Tenant, a Actor, all []Event) ([]Event, error) {
	if a.Staff() {
		return all, nil
	}
	if !slices.ContainsFunc(all, func(e Event) bool { return e.Owner == a.owner() }) {
		return nil, nil
	}
	var some []Event
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		some = nil
		for _, e := range all {
			e, ok, err := seen(tx, a, e)
			if err != nil {
				return err
			}
			if ok {
				some = append(some, e)
			}
		}
		return nil
	})
	return some, err
}

// seen is an event as the actor may know it, if at all. Of a requester's tickets these are the events since it is theirs,
// as long as it is.
func seen(tx *storage.Tx, a Actor, e Event) (Event, bool, error) {
	if a.Staff() {
		return e, true, nil
	}
	if !a.known() || e.Owner != a.owner() {
		return e, false, nil
	}
	e, public := e.public()
	if !public {
		return e, false, nil
	}
	_, err := find(tx, a, Ref{id: parseID(ticketPrefix, e.TicketID)}, false)
	if errors.Is(err, ErrNotFound) {
		return e, false, nil
	}
	return e, err == nil, err
}

// shown are the fields of a ticket whose changes its requester is told of.
var shown = []string{"status", "title", "description", "priority", "category_id", "follow_up", "merged_into", "split_into", "rating"}

// public is the event as the ticket's requester may know it, if at all: an internal comment is nothing to them, and neither
// is what staff alone sees of a ticket.
func (e Event) public() (Event, bool) {
	internal := e.Visibility == Internal
	if internal {
		e.Type, e.CommentID, e.Visibility = TicketUpdated, "", ""
	}
	e.Changes = slices.DeleteFunc(slices.Clone(e.Changes), func(c FieldChange) bool {
		return !slices.Contains(shown, c.Field) || internal && (c.Field == "merged_into" || c.Field == "split_into") // into what is not theirs
	})
	if e.Actor.Role == "system" {
		e.Actor.Name = "" // the name of a rule is staff's
	}
	switch e.Type {
	case TicketCreated, TicketCommented, TicketMerged, TicketSplit, TicketRated, TicketClaimed, TicketFollowedUp:
		return e, true
	case TicketUpdated:
		return e, len(e.Changes) > 0
	}
	return e, false
}

// TrimEvents removes the oldest events of a tenant beyond so many. Those that are too old go by themselves.
func (d *Desk) TrimEvents(ctx context.Context, tn *tenant.Tenant, keep uint64) error {
	for n := purgePage; n == purgePage; {
		err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			last, err := eventNumbers.Last(tx)
			if n = 0; err != nil || last <= keep {
				return err
			}
			n, err = dropEvents(tx, last-keep)
			return err
		})
		if err != nil {
			return fmt.Errorf("trim events: %w", err)
		}
	}
	return nil
}

// dropEvents removes at most purgePage of the events up to a number, and says how many.
func dropEvents(tx *storage.Tx, upTo uint64) (int, error) {
	var old []storage.Key
	for k, err := range eventTable.Keys(tx, storage.Range{To: eventKey(upTo + 1), Limit: purgePage}) {
		if err != nil {
			return 0, err
		}
		old = append(old, k)
	}
	for _, k := range old {
		if err := eventTable.Delete(tx, k); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}
