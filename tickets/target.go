package tickets

import (
	"iter"
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
	return !end.IsZero() && !t.Deleted() && !end.After(now())
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

func (late) order() Sort { return "" }

func (late) inOrder(Sort) bool { return false }

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
