package notify

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// Delay is how long what happens is gathered before it is told: to a ticket for its requester, to all tickets for each of the staff.
const Delay = 2 * time.Minute

// handOutAfter is the part of the delay after which staff's share of the news is handed out: long enough that what is done to a ticket in one
// go is looked at once.
const handOutAfter = 12

// Config is what a Notifier needs.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Post takes the letters. One that is not ready: nothing is written down, and nobody is told.
	Post   *mail.Post
	People People
	// Delay is how long news is gathered; 0: the constant Delay.
	Delay time.Duration
	// Log takes what Run has to say. Nil: nothing is said.
	Log *slog.Logger
}

// People says whom letters are for, in the transaction that it is given.
type People struct {
	// Requester is the requester with that ID, and whether there is one.
	Requester func(tx *storage.Tx, id string) (Reader, bool, error)
	// Staff are all members who have joined.
	Staff func(tx *storage.Tx) ([]Reader, error)
}

// Reader is somebody who gets letters.
type Reader struct {
	ID, Email, Name string
	// Language is a tag, and Zone a name of the time zone database; empty: nobody has said.
	Language, Zone string
	// Admin: a member of staff who looks after the tenant's settings.
	Admin bool
}

// Notifier finds out whom to tell what. It is safe for concurrent use.
type Notifier struct {
	store     *storage.Store
	directory *tenant.Directory
	post      *mail.Post
	people    People
	delay     time.Duration
	log       *slog.Logger
}

// New returns a notifier. It tells while it Runs.
func New(c Config) *Notifier {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Notifier{
		store: c.Store, directory: c.Directory, post: c.Post, people: c.People, delay: cmp.Or(c.Delay, Delay), log: c.Log,
	}
}

// Ready says whether anybody is told anything: the node sends mail.
func (n *Notifier) Ready() bool { return n.post.Ready() }

// Undelivered are the letters of a tenant's that were given up lately, at most so many.
func (n *Notifier) Undelivered(ctx context.Context, tn *tenant.Tenant, most int) ([]mail.Undelivered, error) {
	return n.post.Undelivered(ctx, tn, most)
}

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{digestTable, choiceTable, wishTable, tallyTable, troubleTable, roundTable, itemTable}
}
