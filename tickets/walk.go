package tickets

import (
	"context"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Each calls fn with every ticket of a tenant, whatever became of it, the oldest first, in pages of a snapshot each. It is for
// what takes all of it out; fn may read more.
func (d *Desk) Each(ctx context.Context, tn *tenant.Tenant, fn func(*Ticket) error) error {
	const page = 20 // a ticket may be large
	return inPages(ctx, d.store, tn.Scope(), ticketTable, storage.Range{Reverse: true, Limit: page}, func(t *Ticket) error {
		if t.Purging {
			return nil
		}
		return fn(t)
	})
}

// EachComment calls fn with every comment of a ticket: the public ones in their order, then the internal ones.
func (d *Desk) EachComment(ctx context.Context, tn *tenant.Tenant, t *Ticket, fn func(*Comment) error) error {
	const page = 20
	return inPages(ctx, d.store, tn.Scope(), commentTable, storage.Range{Prefix: newest(nil, t.ulid()), Limit: page}, fn)
}

// EachActivity calls fn with every entry of a ticket's history, in order.
func (d *Desk) EachActivity(ctx context.Context, tn *tenant.Tenant, t *Ticket, fn func(*Activity) error) error {
	const page = 100
	return inPages(ctx, d.store, tn.Scope(), activityTable, storage.Range{Prefix: newest(nil, t.ulid()), Limit: page}, fn)
}

func inPages[T any](ctx context.Context, s *storage.Store, sc storage.Scope, table *storage.Table[T], r storage.Range, fn func(*T) error) error {
	for {
		var found []T
		err := s.View(ctx, sc, func(tx *storage.Tx) error {
			found = found[:0]
			for v, err := range table.Scan(tx, r) {
				if err != nil {
					return err
				}
				found = append(found, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range found {
			if err := fn(&found[i]); err != nil {
				return err
			}
		}
		if len(found) < r.Limit {
			return nil
		}
		r.After = table.KeyOf(&found[len(found)-1])
	}
}

// EachView calls fn with every saved view, whosever it is.
func (d *Desk) EachView(ctx context.Context, tn *tenant.Tenant, fn func(*View) error) error {
	return storage.Each(ctx, d.store, tn.Scope(), viewTable, fn)
}

// EachReply calls fn with every canned reply, whosever it is.
func (d *Desk) EachReply(ctx context.Context, tn *tenant.Tenant, fn func(*Reply) error) error {
	return storage.Each(ctx, d.store, tn.Scope(), replyTable, fn)
}
