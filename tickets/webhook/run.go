package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// Run delivers what is to be delivered, and forgets old deliveries, until ctx ends.
func (h *Hooks) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.courier.Run(ctx) })
	g.Go(func() error { h.trimAll(ctx); return nil })
	return g.Wait()
}

// Forgets is what the tables of this package do about a requester who is to be forgotten: what is still to be said about them is not,
// and of what receivers answered to messages that are not kept any more, as they may have sent them back, nothing stays.
func (h *Hooks) Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Each(messageTable, aboutMessage, forgetMessage),
		erasure.Each(deliveryTable, aboutDelivery, forgetDelivery),
		erasure.Never(hookTable, "the tenant's own"),
		erasure.Never(queue.Table(), "it names messages"),
		erasure.Never(subscriptionTable, "the tenant's own"),
	}
}

// State is how the queue stands.
func (h *Hooks) State(ctx context.Context) (outbox.State, error) { return h.courier.State(ctx) }

// trimAll removes the oldest deliveries of webhooks that have too many, now and then.
func (h *Hooks) trimAll(ctx context.Context) {
	const pause = time.Hour
	for {
		for _, tn := range h.config.Directory.Tenants() {
			if err := h.Trim(ctx, tn, MaxDeliveries); err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrErased) {
				h.config.Log.WarnContext(ctx, "old deliveries of webhooks stay", slog.String("tenant", tn.Slug), slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Trim removes the oldest deliveries of each of a tenant's webhooks beyond so many.
func (h *Hooks) Trim(ctx context.Context, tn *tenant.Tenant, keep int) error {
	all, err := h.List(ctx, tn)
	if err != nil {
		return err
	}
	for i := range all {
		if err := h.trim(ctx, tn, all[i].ID, keep); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hooks) trim(ctx context.Context, tn *tenant.Tenant, hook string, keep int) error {
	var last storage.Key
	n := 0
	err := h.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		n = 0
		for k, err := range deliveryTable.Keys(tx, storage.Range{Prefix: deliveriesOf(hook), Limit: keep}) {
			if err != nil {
				return err
			}
			n, last = n+1, k
		}
		return nil
	})
	if err != nil || n < keep {
		return err
	}
	const page = 500
	for n = page; n == page; {
		err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			n, err = drop(tx, storage.Range{Prefix: deliveriesOf(hook), After: last, Limit: page})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// drop removes the deliveries of a range and says how many they were.
func drop(tx *storage.Tx, r storage.Range) (int, error) {
	var old []storage.Key
	for k, err := range deliveryTable.Keys(tx, r) {
		if err != nil {
			return 0, err
		}
		old = append(old, k)
	}
	for _, k := range old {
		if err := deliveryTable.Delete(tx, k); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// slow remembers receivers that keep us waiting without success, so that messages to them do not hold up those to others.
type slow struct {
	mu  sync.Mutex
	all map[string]lag // by webhook
}

type lag struct {
	times int
	until time.Time
}

func newSlow() *slow { return &slow{all: map[string]lag{}} }

const (
	// slowly is how long a try takes that holds up others.
	slowly = 5 * time.Second
	// slowTimes is how many of them there may be in a row, and slowPause how long the receiver is left alone after that.
	slowTimes = 3
	slowPause = time.Minute
)

// wait is how long a receiver is to be left alone; 0: not at all.
func (s *slow) wait(hook string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.all[hook].until)
}

// forget has a receiver tried again at once.
func (s *slow) forget(hook string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, hook)
}

// note counts a try.
func (s *slow) note(hook string, ok bool, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok || took < slowly {
		delete(s.all, hook)
		return
	}
	l := s.all[hook]
	if l.times++; l.times >= slowTimes {
		l.until = time.Now().Add(slowPause)
	}
	s.all[hook] = l
}
