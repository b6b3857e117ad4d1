package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/span"
)

// Config says how the items of one queue are delivered.
type Config[T any] struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Deliver delivers an item of a tenant's. Nil: it is done. An error made by Permanent: it will never work. Any other error: it is tried
	// again. It ends with its context, and runs for several items at once.
	Deliver func(ctx context.Context, t *tenant.Tenant, i Item[T]) error
	// GiveUp is called in the transaction in which an item is given up: it tells whoever has to know, and takes out of the payload what a
	// dead item must not keep. It does nothing but use the transaction. Nil: nothing happens.
	GiveUp func(tx *storage.Tx, i *Item[T], cause error) error
	// Pauses are the times between tries. When they are used up the item is given up.
	Pauses []time.Duration
	// Patience is how long one try may take. 0: a minute.
	Patience time.Duration
	// Workers is how many items are delivered at once, and TenantWorkers how many of one tenant's. 0: 8 and 2.
	Workers, TenantWorkers int
	// Keep is how long a dead item is kept. 0: 30 days.
	Keep time.Duration
	// Spans has each try traced. Nil: none is.
	Spans *span.Source
	// Log takes what nobody waits for. Nil: nothing is said.
	Log *slog.Logger
}

// Courier delivers the items of one queue. It is safe for concurrent use.
type Courier[T any] struct {
	queue   *Queue[T]
	config  Config[T]
	holder  string // this courier's name in leases
	agenda  *agenda
	counted counted
}

// NewCourier returns the courier of a queue. It delivers while it Runs.
func NewCourier[T any](q *Queue[T], c Config[T]) *Courier[T] {
	c.Patience = cmp.Or(c.Patience, time.Minute)
	c.Workers, c.TenantWorkers = cmp.Or(c.Workers, 8), cmp.Or(c.TenantWorkers, 2)
	c.Keep = cmp.Or(c.Keep, 30*24*time.Hour)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Courier[T]{queue: q, config: c, holder: rand.Text(), agenda: newAgenda(c.TenantWorkers)}
}

// permanent is an error that no further try can mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent says of a delivery's error that trying again is of no use.
func Permanent(err error) error { return permanent{err} }

// delayed is an error of a try that says when the next one may be.
type delayed struct {
	error
	pause time.Duration
	free  bool // it was no try
}

func (d delayed) Unwrap() error { return d.error }

// After says of a delivery's error that the next try is to come no sooner than after a while, as whoever is to receive the item
// has asked for.
func After(err error, pause time.Duration) error { return delayed{error: err, pause: pause} }

// Postponed says that nothing was tried, and that it is to be after a while. It does not count as a try.
func Postponed(err error, pause time.Duration) error {
	return delayed{error: err, pause: pause, free: true}
}

// goodbye is how long a delivery that has begun may go on when the node stops.
const goodbye = 10 * time.Second

// Run delivers what is there and what comes until ctx ends. What is under way then has a moment to finish; what does not is released for
// the next Run.
func (c *Courier[T]) Run(ctx context.Context) error {
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var workers errgroup.Group
	var lookout sync.WaitGroup
	workers.SetLimit(c.config.Workers)
	lookout.Go(func() { c.watch(ctx) })
	for {
		id, more := c.agenda.next(ctx)
		if !more {
			break
		}
		workers.Go(func() error {
			defer c.agenda.release(id)
			c.work(work, id)
			return nil
		})
	}
	last := time.AfterFunc(goodbye, end)
	defer last.Stop()
	lookout.Wait()
	return workers.Wait()
}

// watch notes all tenants that have items when it begins, and then follows what is written.
func (c *Courier[T]) watch(ctx context.Context) {
	const pause = time.Second
	for ctx.Err() == nil {
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, storage.ErrTruncated) {
			c.config.Log.ErrorContext(ctx, "the outbox cannot follow the store", slog.String("queue", c.queue.table.Name()), slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (c *Courier[T]) follow(ctx context.Context) error {
	from, err := c.config.Store.Revision(ctx)
	if err != nil {
		return err
	}
	for _, t := range c.config.Directory.Tenants() {
		due, err := c.look(ctx, t.Scope())
		if err != nil {
			return fmt.Errorf("tenant %s: %w", t.Slug, err)
		}
		if due {
			c.agenda.note(t.ID, time.Now())
		}
	}
	return c.config.Store.Follow(ctx, from, func(changes []storage.Change) error {
		for _, change := range changes {
			if change.Table == c.queue.table.ID() && !change.Deleted && change.Tenant != "" {
				c.agenda.note(tenant.ID(change.Tenant), time.Now())
			}
		}
		return nil
	})
}
