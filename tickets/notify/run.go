package notify

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// agenda says when there is something to tell in which tenant. What it forgets is found again in the store.
type agenda map[tenant.ID]time.Time

// first is when the first tenant has something to tell, an hour from now at the latest.
func (a agenda) first() time.Time {
	const longest = time.Hour
	at := time.Now().Add(longest)
	for _, due := range a {
		if due.Before(at) {
			at = due
		}
	}
	return at
}

// Run tells what is due until ctx ends, and what came due while nothing ran at the start.
func (n *Notifier) Run(ctx context.Context) error {
	if !n.Ready() {
		return nil
	}
	changed := make(chan []tenant.ID)
	var watching errgroup.Group
	watching.Go(func() error {
		n.lookOut(ctx, changed)
		return nil
	})
	due := agenda{}
	for {
		timer := time.NewTimer(time.Until(due.first()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return watching.Wait()
		case tenants := <-changed:
			n.look(ctx, due, tenants)
		case <-timer.C:
			n.tell(ctx, due)
		}
		timer.Stop()
	}
}

// lookOut names all tenants when it begins, and then those whose tickets have news.
func (n *Notifier) lookOut(ctx context.Context, changed chan<- []tenant.ID) {
	const pause = time.Second
	for ctx.Err() == nil {
		err := n.follow(ctx, changed)
		if ctx.Err() == nil && !errors.Is(err, storage.ErrTruncated) {
			n.log.ErrorContext(ctx, "notifications cannot follow the store", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (n *Notifier) follow(ctx context.Context, changed chan<- []tenant.ID) error {
	from, err := n.store.Revision(ctx)
	if err != nil {
		return err
	}
	var all []tenant.ID
	for _, t := range n.directory.Tenants() {
		all = append(all, t.ID)
	}
	if err := hand(ctx, changed, all); err != nil {
		return err
	}
	return n.store.Follow(ctx, from, func(changes []storage.Change) error {
		var some []tenant.ID
		for _, c := range changes {
			if id := tenant.ID(c.Tenant); (c.Table == digestTable.ID() || c.Table == roundTable.ID()) && !c.Deleted && (len(some) == 0 || some[len(some)-1] != id) {
				some = append(some, id)
			}
		}
		return hand(ctx, changed, some)
	})
}

func hand(ctx context.Context, changed chan<- []tenant.ID, some []tenant.ID) error {
	if len(some) == 0 {
		return nil
	}
	select {
	case changed <- some:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again is when a tenant is looked at once more that something went wrong with.
const again = 10 * time.Second

// look notes when some tenants have something to tell.
func (n *Notifier) look(ctx context.Context, due agenda, tenants []tenant.ID) {
	for _, id := range tenants {
		at, err := n.earliest(ctx, id)
		switch {
		case err != nil:
			n.complain(ctx, id, err)
			due[id] = time.Now().Add(again)
		case at.IsZero():
			delete(due, id)
		default:
			due[id] = at
		}
	}
}

// complain has the log say what went wrong with a tenant that is served.
func (n *Notifier) complain(ctx context.Context, id tenant.ID, err error) {
	if _, served := n.directory.ByID(id); served && ctx.Err() == nil {
		n.log.WarnContext(ctx, "notifications stopped short", slog.String("tenant_id", string(id)), slog.Any("error", err))
	}
}

// earliest is when something is due in a tenant for the first time; zero: nothing waits.
func (n *Notifier) earliest(ctx context.Context, id tenant.ID) (at time.Time, err error) {
	t, served := n.directory.ByID(id)
	if !served {
		return at, nil
	}
	err = n.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		at = time.Time{}
		first := storage.Range{Limit: 1}
		for _, keys := range []iter.Seq2[storage.Key, error]{digestsByDue.Keys(tx, first), roundsByDue.Keys(tx, first)} {
			for key, err := range keys {
				if err != nil {
					return err
				}
				if due := key.Parts().Time(); at.IsZero() || due.Before(at) {
					at = due
				}
			}
		}
		return nil
	})
	return at, err
}

// tell tells what is due in all tenants.
func (n *Notifier) tell(ctx context.Context, due agenda) {
	now := time.Now()
	for id, at := range due {
		if at.After(now) {
			continue
		}
		if t, served := n.directory.ByID(id); served {
			if err := n.tellAll(ctx, t); err != nil {
				n.complain(ctx, id, err)
				due[id] = time.Now().Add(again)
				continue
			}
		}
		n.look(ctx, due, []tenant.ID{id})
	}
}

// tellAll tells what is due in one tenant: what staff has to be told of is handed out first, so that it is in one letter.
func (n *Notifier) tellAll(ctx context.Context, t *tenant.Tenant) error {
	return errors.Join(
		inTurn(ctx, n.store, t, digestsByDue, n.flush),
		inTurn(ctx, n.store, t, roundsByDue, n.tellRound),
	)
}

// inTurn does what is due by an index, several rows at once: their transactions are put on disk together.
func inTurn[T any](
	ctx context.Context, s *storage.Store, t *tenant.Tenant, by *storage.Index[T, storage.Bare], do func(context.Context, *tenant.Tenant, storage.Key) error,
) error {
	const page, atOnce = 100, 8
	for count := page; count == page; {
		var keys []storage.Key
		err := s.View(ctx, t.Scope(), func(tx *storage.Tx) error {
			keys = keys[:0]
			for e, err := range by.Scan(tx, storage.Range{To: storage.Key(nil).Time(time.Now().Add(1)), Limit: page}) {
				if err != nil {
					return err
				}
				keys = append(keys, e.Primary)
			}
			return nil
		})
		if err != nil {
			return err
		}
		var telling errgroup.Group
		telling.SetLimit(atOnce)
		for _, key := range keys {
			telling.Go(func() error { return do(ctx, t, key) })
		}
		if err := telling.Wait(); err != nil {
			return err
		}
		count = len(keys)
	}
	return nil
}
