package domains

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Backlog is what desks have still to hear of.
type Backlog struct {
	// Waiting are the events, of each tenant mostCounted at most.
	Waiting int
	// Oldest is since when the oldest waits; zero: none does.
	Oldest time.Time
}

const mostCounted = 1000

// Backlog counts the events of all tenants. It looks at each tenant, whether the watch works or not, which takes some microseconds each.
func (w *Watch) Backlog(ctx context.Context) (b Backlog, err error) {
	for _, t := range w.config.Directory.Tenants() {
		err = w.config.Store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
			n, oldest, err := domain.WaitingEvents(tx, mostCounted)
			if b.Waiting += n; n > 0 && (b.Oldest.IsZero() || oldest.Before(b.Oldest)) {
				b.Oldest = oldest
			}
			return err
		})
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
