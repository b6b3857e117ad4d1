package tickets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// Config is what a desk needs.
type Config struct {
	Store *storage.Store
	// Tenants lists those whose timers Run keeps.
	Tenants func(context.Context) ([]*tenant.Tenant, error)
	// Followers are told of everything that happens, in this order.
	Followers []Follower
	// Rules are asked about everything that happens but for what they did themselves. Nil: there are none.
	Rules Rules
	// Waits are the rules that are asked when time has passed. Nil: there are none.
	Waits Waits
	// Agents lists the tenant's staff, so that a search finds whom a name means. Nil: only IDs of agents are known.
	Agents func(context.Context, *tenant.Tenant) ([]Person, error)
	// Organizations says which organization a user belongs to, in a transaction of the tenant's; empty: none. Nil: nobody belongs to
	// any.
	Organizations func(tx *storage.Tx, user string) (string, error)
	// Log takes what Run has to say. Nil: nothing is said.
	Log *slog.Logger
}

// Desk is the help desk of every tenant. It is safe for concurrent use.
type Desk struct {
	store   *storage.Store
	files   *file.Store
	tenants func(context.Context) ([]*tenant.Tenant, error)
	agents  func(context.Context, *tenant.Tenant) ([]Person, error)
	// Live tells whoever watches what happens.
	Live *Live

	organizations func(*storage.Tx, string) (string, error)

	followers []Follower
	rules     Rules
	waits     Waits
	plans     plans
	log       *slog.Logger
	mint      *mint
	running   running
	reach     reach
	holds     *holds

	viewCounts viewCounts
}

// New returns the desk that keeps its data in c.Store.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{
		store: c.Store, files: file.New(c.Store), tenants: c.Tenants, agents: c.Agents, Live: newLive(c.Store, c.Log),
		organizations: c.Organizations, followers: c.Followers, rules: c.Rules, waits: c.Waits, log: c.Log,
		mint: newMint(), reach: reach{rowsAtOnce, sortable}, holds: newHolds(),
	}
}

// Find returns a ticket that the actor may read, or ErrNotFound.
func (d *Desk) Find(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	return d.view(ctx, tn, a, r, false)
}

// FindDeleted is Find that gives staff deleted tickets, too.
func (d *Desk) FindDeleted(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	return d.view(ctx, tn, a, r, true)
}

func (d *Desk) view(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, deleted bool) (Ticket, error) {
	var t Ticket
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		t, err = d.findToRead(tx, tn, a, r, deleted)
		return err
	})
	return t.shownTo(a), err
}

// find returns the ticket if it is the actor's, or the actor is staff, with deleted also one that staff may restore.
func find(tx *storage.Tx, a Actor, r Ref, deleted bool) (Ticket, error) {
	t, err := load(tx, r)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Ticket{}, ErrNotFound
	case err != nil:
		return Ticket{}, err
	case !a.sees(&t), t.Purging, t.Deleted() && (!deleted || !a.Staff()):
		return Ticket{}, ErrNotFound
	}
	return t, nil
}

func load(tx *storage.Tx, r Ref) (Ticket, error) {
	if r.number != 0 {
		return byNumber.Get(tx, storage.Key(nil).Uint(r.number))
	}
	return ticketTable.Get(tx, newest(nil, r.id))
}

// save writes what has become of a ticket, nil being one that was not there, with its counters.
func save(tx *storage.Tx, old, t *Ticket) error {
	var err error
	if old == nil {
		err = ticketTable.Insert(tx, t)
	} else {
		err = ticketTable.Replace(tx, old, t)
	}
	if errors.Is(err, storage.ErrExists) && t.ExternalID != "" {
		return tenant.FieldErrors{"external_id": {"The external id has already been taken."}}
	}
	if err != nil {
		return fmt.Errorf("save ticket %d: %w", t.Number, err)
	}
	return count(tx, old, t)
}
