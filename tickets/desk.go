package tickets

import (
	"context"
	"log/slog"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Config is what a desk needs.
type Config struct {
	Store *storage.Store
	// Tenants lists those whose timers Run keeps.
	Tenants func(context.Context) ([]*tenant.Tenant, error)
	// Log takes what Run has to say. Nil: nothing is said.
	Log *slog.Logger
}

// Desk is the help desk of every tenant. It is safe for concurrent use.
type Desk struct {
	store   *storage.Store
	tenants func(context.Context) ([]*tenant.Tenant, error)
	log     *slog.Logger
}

// New returns the desk that keeps its data in c.Store.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{store: c.Store, tenants: c.Tenants, log: c.Log}
}

// Tables are the tables of this package.
func Tables() []storage.Declared { panic("not yet") }

// Draft is a ticket that is to be opened.
type Draft struct {
	Title        string
	Description  string
	Priority     Priority // empty: medium
	CategoryID   string
	Tags         []string
	CustomFields map[string]any
	// Requester is whom staff opens the ticket for; nil: nobody. A requester is always the actor: then this must be nil.
	Requester *Person
	// Assignee is an agent that the caller has made sure of. For staff only, as is ExternalID, which is unique in the tenant.
	Assignee   *Person
	ExternalID string
	// Source is what the ticket came by; empty: what goes with the actor (portal, agent, api or system).
	Source      string
	Idempotency *Idempotency
}

// Idempotency has a request carried out once, however often it is sent. For 24 hours the answer of the first one is given
// again. A key belongs to the actor and the call.
type Idempotency struct {
	Key  string
	Hash [32]byte // of the request's body
}

// Opened is a ticket as it was when it was opened.
type Opened struct {
	Ticket   Ticket
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// Open files a ticket. A tenant.FieldErrors says what is wrong with the draft.
func (d *Desk) Open(ctx context.Context, tn *tenant.Tenant, a Actor, draft Draft) (Opened, error) {
	panic("not yet")
}

// Find returns a ticket, or ErrNotFound.
func (d *Desk) Find(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	panic("not yet")
}

// FindDeleted is Find for staff that finds deleted tickets, too.
func (d *Desk) FindDeleted(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	panic("not yet")
}

// Optional is a value that may be absent, null or there. It decodes itself from JSON: what is not in the document stays
// absent.
type Optional[T any] struct {
	Present bool
	Null    bool
	Value   T
}

// Set returns the Optional that has v.
func Set[T any](v T) Optional[T] { return Optional[T]{Present: true, Value: v} }

// Clear returns the Optional that is null.
func Clear[T any]() Optional[T] { return Optional[T]{Present: true, Null: true} }

// Change is what is to become different about a ticket: absent is unchanged, null is cleared. Requesters may give Status
// and Comment only.
type Change struct {
	// IfVersion is the version that the caller has seen; 0: whichever.
	IfVersion   uint64
	Title       Optional[string]
	Description Optional[string]
	Status      Optional[Status]
	Priority    Optional[Priority]
	CategoryID  Optional[string]
	// Tags replaces all tags; AddTags and RemoveTags come after it.
	Tags       Optional[[]string]
	AddTags    []string
	RemoveTags []string
	// CustomFields merges: a nil value removes its key, null removes all.
	CustomFields Optional[map[string]any]
	Requester    Optional[Person]
	Assignee     Optional[Person]
	ExternalID   Optional[string]
	Comment      *Note
}

// Updated is the ticket after a change, with the comment that came with it.
type Updated struct {
	Ticket  Ticket
	Comment *Comment
}

// Update changes a ticket. ErrNotFound, ErrNotAllowed, ErrVersionConflict, a *TransitionError or a tenant.FieldErrors say
// why nothing was changed.
func (d *Desk) Update(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, c Change) (Updated, error) {
	panic("not yet")
}

// Delete puts a ticket away for 30 days. Staff only. ifVersion as in Change.
func (d *Desk) Delete(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, ifVersion uint64) error {
	panic("not yet")
}

// Restore brings a deleted ticket back; one that is not deleted is returned as it is. Staff only.
func (d *Desk) Restore(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	panic("not yet")
}

// Counts are how many tickets the actor sees in each status, deleted ones left out.
type Counts struct {
	ByStatus map[Status]int // every status is in it
	// Unassigned and Mine are the tickets that are not done and have no assignee, or the actor. Zero for requesters.
	Unassigned int
	Mine       int
}

// Counts returns the counters of what the actor sees.
func (d *Desk) Counts(ctx context.Context, tn *tenant.Tenant, a Actor) (Counts, error) {
	panic("not yet")
}

// Run closes resolved tickets and removes deleted ones when their time has come, until ctx ends.
func (d *Desk) Run(ctx context.Context) error { panic("not yet") }
