package transfer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// AtOnce is how many tenants' imports are worked on at once. Of each tenant it is one.
const AtOnce = 4

// crew are the imports that are being worked on, of a tenant each. It is used by one goroutine.
type crew struct {
	transfers *Transfers
	busy      map[tenant.ID]bool
	// tired are the tenants whose last import stopped short: they have their turn with the next tick.
	tired map[tenant.ID]bool
	// turns says when each tenant had its last turn, so that whoever has many imports lets others go before.
	turns map[tenant.ID]int
	turn  int
	ended chan ending
}

// ending is the end of some work for a tenant.
type ending struct {
	id  tenant.ID
	err error
}

// Run works on what is to be done until ctx ends: on one import of each tenant at a time. What a crash interrupts goes on where it was.
func (t *Transfers) Run(ctx context.Context) error {
	const every = time.Minute
	tick := time.NewTicker(every)
	defer tick.Stop()
	c := &crew{
		transfers: t, busy: map[tenant.ID]bool{}, tired: map[tenant.ID]bool{}, turns: map[tenant.ID]int{}, ended: make(chan ending, AtOnce),
	}
	for {
		c.begin(ctx)
		select {
		case <-ctx.Done():
			for range len(c.busy) {
				<-c.ended
			}
			return nil
		case <-t.wake:
		case <-tick.C:
			clear(c.tired)
		case e := <-c.ended:
			delete(c.busy, e.id)
			if e.err != nil {
				c.tired[e.id] = true
			}
		}
	}
}

// begin begins what can be begun.
func (c *crew) begin(ctx context.Context) {
	t := c.transfers
	tenants, err := t.config.Tenants(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.log.ErrorContext(ctx, "imports cannot list the tenants", slog.Any("error", err))
		}
		return
	}
	tenants = slices.Clone(tenants)
	slices.SortStableFunc(tenants, func(a, b *tenant.Tenant) int { return c.turns[a.ID] - c.turns[b.ID] })
	for _, tn := range tenants {
		if len(c.busy) == AtOnce || ctx.Err() != nil {
			return
		}
		if c.busy[tn.ID] || c.tired[tn.ID] {
			continue
		}
		j, some, err := t.pending(ctx, tn)
		if c.report(ctx, tn, err) || !some {
			continue
		}
		c.turn++
		c.busy[tn.ID], c.turns[tn.ID] = true, c.turn
		go func() {
			err := t.work(ctx, tn, &j)
			c.report(ctx, tn, err)
			c.ended <- ending{tn.ID, err}
		}()
	}
}

// report says whether something went wrong, and says so in the log.
func (c *crew) report(ctx context.Context, tn *tenant.Tenant, err error) bool {
	if err != nil && ctx.Err() == nil {
		c.transfers.log.ErrorContext(ctx, "an import stopped short", slog.String("tenant", tn.Slug), slog.Any("error", err))
	}
	return err != nil
}

// pending is the oldest of a tenant's imports that there is something to be done about. Those that nobody wants any more are removed.
func (t *Transfers) pending(ctx context.Context, tn *tenant.Tenant) (oldest Job, some bool, err error) {
	jobs, err := t.Jobs(ctx, tn)
	for i := range jobs { // the newest first
		j := &jobs[i]
		age := time.Since(j.CreatedAt)
		switch {
		case j.Active():
			oldest, some = *j, true
		case age > keptFor, j.State == Checked && age > waitsFor:
			err = errors.Join(err, t.Remove(ctx, tn, j.ID))
		}
	}
	return oldest, some, err
}
