package tickets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// ErrTooLate says that what was to be taken back is not the actor's, is too long ago, or was followed by something else.
var ErrTooLate = errors.New("it is too late to take this back")

// grace is how much later than UndoFor a request to take something back may come: it has its way to go.
const grace = 5 * time.Second

// Turn is a change of a ticket's status that its author can take back until then.
type Turn struct {
	From, To Status
	Until    time.Time
}

// LastTurn is how the actor has just changed the ticket's status, or ErrTooLate. What came with a public reply cannot be taken back, for the
// reply cannot, and a ticket that was opened again is closed by hand.
func (d *Desk) LastTurn(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Turn, error) {
	var turn Turn
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := find(tx, a, r, false)
		if err == nil {
			turn, err = lastTurn(tx, a, &t)
		}
		return err
	})
	return turn, err
}

// lastTurn reads the ticket's history from its end.
func lastTurn(tx *storage.Tx, a Actor, t *Ticket) (Turn, error) {
	const few = 10 // entries: rules may have done something since
	if !a.agent() {
		return Turn{}, fmt.Errorf("%w: only agents take changes back", ErrNotAllowed)
	}
	if now().Sub(t.StatusSince) > UndoFor+grace || t.frozen() != nil {
		return Turn{}, ErrTooLate
	}
	for x, err := range activityTable.Scan(tx, storage.Range{Prefix: newest(nil, t.ulid()), Reverse: true, Limit: few}) {
		if err != nil {
			return Turn{}, err
		}
		for _, c := range x.Changes {
			if c.Field != "status" {
				continue
			}
			turn := Turn{From: Status(c.From), To: Status(c.To), Until: x.CreatedAt.Add(UndoFor)}
			if x.Actor.ID != a.person.ID || turn.To != t.Status || turn.From.done() || x.CommentID != "" && x.Visibility != Internal {
				return Turn{}, ErrTooLate
			}
			return turn, nil
		}
	}
	return Turn{}, ErrTooLate
}

// TakeBack gives the ticket the status that it had before the actor has just changed it. Errors are those of LastTurn. Letters about
// the change have not gone out yet, and don't; programs are told of both changes.
func (d *Desk) TakeBack(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Updated, error) {
	var u Updated
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := find(tx, a, r, false)
		if err != nil {
			return err
		}
		turn, err := lastTurn(tx, a, &t)
		if err != nil {
			return err
		}
		u, err = d.change(tx, tn, a, &t, &Change{Status: Set(turn.From), back: true})
		return err
	})
	return u, err
}
