package rule

import (
	"context"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// Trial is what a rule would do to a ticket as it is now.
type Trial struct {
	// Fits: the conditions hold. Holds says so for each of them.
	Fits  bool
	Holds []bool
	// Do is what it would do.
	Do []tickets.Automatic
}

// Try says what a rule would do to a ticket, and does nothing. The occasion is taken for granted, and the last word of the
// kind that the rule waits for is not known.
func (e *Engine) Try(ctx context.Context, tn *tenant.Tenant, r Rule, t *tickets.Ticket) (Trial, error) {
	var trial Trial
	err := e.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		s := e.scene(tx, tn, t)
		trial.Fits, trial.Holds = r.fits(s)
		if trial.Do = nil; trial.Fits {
			trial.Do, err = e.act(tx, tn, &r, s, false)
		}
		return err
	})
	return trial, err
}
