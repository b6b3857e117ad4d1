package outbox

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// State is how a queue stands, for the operator.
type State struct {
	// Waiting items are still to be delivered, Running ones are on their way, Dead ones were given up lately.
	Waiting, Running, Dead int
	// Oldest is since when the oldest of those that wait does so; zero: none waits.
	Oldest time.Time
	// Delivered, Failed and GivenUp count since the node was started: items delivered, tries that failed, items given up.
	Delivered, Failed, GivenUp uint64
	// Reason is why the last try failed, and FailedAt when; zero: none did since the last delivery.
	Reason   string
	FailedAt time.Time
}

// counted is what the courier remembers of its work.
type counted struct {
	delivered, failed, givenUp atomic.Uint64

	mu       sync.Mutex
	reason   string
	failedAt time.Time
}

// deliver reports whether it is news: the try before it failed.
func (c *counted) deliver() (news bool) {
	c.delivered.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	news = c.reason != ""
	c.reason, c.failedAt = "", time.Time{}
	return news
}

// fail reports whether it is news: the try before it did not fail.
func (c *counted) fail(err error, at time.Time) (news bool) {
	c.failed.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	news = c.reason == ""
	c.reason, c.failedAt = err.Error(), at
	return news
}

func (c *counted) bury(err error, at time.Time) (news bool) {
	c.givenUp.Add(1)
	return c.fail(err, at)
}

// State counts what is in the queue. It reads at most some thousand rows of each tenant.
func (c *Courier[T]) State(ctx context.Context) (State, error) {
	s := State{
		Running: c.agenda.under(), Delivered: c.counted.delivered.Load(), Failed: c.counted.failed.Load(), GivenUp: c.counted.givenUp.Load(),
	}
	c.counted.mu.Lock()
	s.Reason, s.FailedAt = c.counted.reason, c.counted.failedAt
	c.counted.mu.Unlock()
	for _, id := range c.agenda.tenants() {
		if err := c.count(ctx, id, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (c *Courier[T]) count(ctx context.Context, id tenant.ID, s *State) error {
	const most = 5000
	return c.config.Store.View(ctx, storage.Within(string(id)), func(tx *storage.Tx) error {
		for e, err := range c.queue.due.Scan(tx, storage.Range{Limit: most}) {
			switch {
			case err != nil:
				return err
			case e.Row.Dead:
				s.Dead++
				continue
			}
			s.Waiting++
			if s.Oldest.IsZero() || e.Row.CreatedAt.Before(s.Oldest) {
				s.Oldest = e.Row.CreatedAt
			}
		}
		return nil
	})
}
