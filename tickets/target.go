package tickets

import (
	"iter"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Target is something that a tenant promises about its tickets.
type Target string

// The targets.
const (
	TargetFirstResponse Target = "first_response"
	TargetResolution    Target = "resolution"
)

// Clock is the time that a ticket's targets are about: it runs in business hours, and stands still while the ticket waits
// for others or is done.
type Clock struct {
	// Since is when it began to run, zero while it stands still. Used is what had run before.
	Since time.Time     `cbor:"1,keyasint,omitzero"`
	Used  time.Duration `cbor:"2,keyasint,omitempty"`
}

// NextTarget is when the next of the ticket's targets runs out, or did; zero: none runs.
func (t *Ticket) NextTarget() time.Time {
	if t.FirstResponseDue.IsZero() || !t.ResolveDue.IsZero() && t.ResolveDue.Before(t.FirstResponseDue) {
		return t.ResolveDue
	}
	return t.FirstResponseDue
}

// Overdue says whether the ticket has missed a target that runs still.
func (t *Ticket) Overdue() bool {
	end := t.NextTarget()
	return !end.IsZero() && t.shelf() == inLists && !end.After(now())
}

// dueOf is NextTarget as rows keep it.
func dueOf(t *Ticket) int64 {
	if end := t.NextTarget(); !end.IsZero() {
		return end.UnixMilli()
	}
	return 0
}

// late is the tickets that have missed a target which runs still, the longest overdue first.
type late struct{}

func (late) candidates(tx *storage.Tx, f *filter, _ *place) iter.Seq2[candidate, error] {
	r := storage.Range{To: storage.Key(nil).Time(f.overdue.Add(time.Millisecond))}
	return func(yield func(candidate, error) bool) {
		for e, err := range byTarget.Scan(tx, r) {
			var c candidate
			if err == nil {
				p := e.Key.Parts()
				_ = p.Time()
				c = candidate{updated: p.TimeDesc(), id: refOf(e.Primary).id, row: &e.Row, cost: 1}
				err = p.Err()
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// run is a target that runs, and its end.
type run struct {
	target Target
	end    time.Time
}

// running are the targets that run and were not missed yet.
func (t *Ticket) running() (all []run) {
	for _, r := range []run{{TargetFirstResponse, t.FirstResponseDue}, {TargetResolution, t.ResolveDue}} {
		if !r.end.IsZero() && !slices.Contains(t.Breached, r.target) {
			all = append(all, r)
		}
	}
	return all
}

// counts says whether the time of the targets passes for the ticket.
func (t *Ticket) counts() bool {
	return t.Status.Category() == "open" && t.shelf() == inLists && !t.Imported
}

// reckon brings the ticket's clock and the ends of its targets to what has become of it at a time. What ran out before it was
// met and had not been noticed is missed.
func (p *plan) reckon(t *Ticket, at time.Time) {
	if !p.On {
		t.Clock, t.FirstResponseDue, t.ResolveDue = Clock{}, time.Time{}, time.Time{}
		return
	}
	was := t.running()
	if since := t.Clock.Since; !t.counts() && !since.IsZero() {
		t.Clock = Clock{Used: t.Clock.Used + p.calendar.Between(since, at)}
	} else if t.counts() && since.IsZero() {
		t.Clock.Since = at
	}
	goal := p.goal(t.Priority)
	if !t.FirstResponseAt.IsZero() {
		goal.FirstResponse = 0
	}
	t.FirstResponseDue, t.ResolveDue = p.end(t.Clock, goal.FirstResponse), p.end(t.Clock, goal.Resolution)
	for _, r := range was {
		if r.end.Before(at) && !slices.ContainsFunc(t.running(), func(o run) bool { return o.target == r.target }) {
			t.Breached = append(slices.Clip(t.Breached), r.target)
		}
	}
}

// end is when a clock has run for as long as was promised; zero if it stands, or nothing was promised.
func (p *plan) end(c Clock, goal time.Duration) time.Time {
	if c.Since.IsZero() || goal == 0 {
		return time.Time{}
	}
	end, ok := p.calendar.Add(c.Since, goal-c.Used)
	if !ok {
		return time.Time{}
	}
	return end.UTC().Truncate(time.Millisecond)
}
