package tickets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// MaxBulk is how many tickets one call changes.
const MaxBulk = 100

// BulkAction is what a bulk call does beside changing fields.
type BulkAction string

// The actions. The empty one changes fields only.
const (
	BulkDelete  BulkAction = "delete"
	BulkRestore BulkAction = "restore"
)

// Outcome is what became of one ticket of a bulk call.
type Outcome struct {
	ID  string // as it was asked for
	Err error  // nil: done
}

// Bulked is what became of a bulk call.
type Bulked struct {
	Outcomes []Outcome // in the order of the IDs
	Replayed bool      // the call was made before; what failed then was tried again
}

// Bulk changes several tickets in the same way, or deletes or restores them, each in a transaction of its own and with the
// actor's rights on it: some may succeed where others fail. A ticket that is named twice, by ID or number, is changed once. Staff only. An action goes without a change. With c.Idempotency a
// repeated call goes on where the first one was interrupted, and changes nothing twice. c.IfVersion does not count.
func (d *Desk) Bulk(ctx context.Context, tn *tenant.Tenant, a Actor, ids []string, action BulkAction, c Change) (Bulked, error) {
	if err := c.bulk(a, ids, action); err != nil {
		return Bulked{}, err
	}
	o, done, err := d.running.begin(ctx, tn, a, "bulk", c.Idempotency)
	if err != nil {
		return Bulked{}, err
	}
	defer done()
	var b Bulked
	if o != nil {
		if b.Replayed, err = d.announce(ctx, tn, o); err != nil {
			return b, err
		}
	}
	refs, err := d.refs(ctx, tn, ids)
	if err != nil {
		return b, err
	}
	became := make(map[Ref]error, len(refs))
	for i, ref := range refs {
		err, again := became[ref]
		if !again {
			err = d.bulkOne(ctx, tn, a, ref, action, c.forOne())
			if b.Replayed && action == BulkDelete && errors.Is(err, ErrNotFound) {
				_, err = d.FindDeleted(ctx, tn, a, ref)
			}
			became[ref] = err
		}
		if err != nil && !ofTicket(err) {
			return b, err
		}
		b.Outcomes = append(b.Outcomes, Outcome{ID: ids[i], Err: err})
	}
	return b, nil
}

// refs are the tickets that ids name: two names of one ticket become the same. What names none becomes a Ref to none.
func (d *Desk) refs(ctx context.Context, tn *tenant.Tenant, ids []string) ([]Ref, error) {
	refs := make([]Ref, len(ids))
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		for i, id := range ids {
			ref, err := ParseRef(id)
			if err != nil {
				continue
			}
			t, err := load(tx, ref)
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			refs[i] = t.Ref()
		}
		return nil
	})
	return refs, err
}

// bulk checks what can be known without the tickets.
func (c *Change) bulk(a Actor, ids []string, action BulkAction) error {
	if !a.Staff() {
		return fmt.Errorf("%w: changing several tickets is for staff", ErrNotAllowed)
	}
	switch {
	case len(ids) == 0:
		return tenant.FieldErrors{"ids": {"The ids field is required."}}
	case len(ids) > MaxBulk:
		return tenant.FieldErrors{"ids": {fmt.Sprintf("The ids field must not have more than %d tickets.", MaxBulk)}}
	case action != "" && action != BulkDelete && action != BulkRestore:
		return tenant.FieldErrors{"action": {"The action field must be one of delete, restore."}}
	}
	c.IfVersion = 0
	if err := c.allowed(a); err != nil {
		return err
	}
	return c.apply(new(Ticket))
}

// announce notes that a bulk call is made, or says that it was before.
func (d *Desk) announce(ctx context.Context, tn *tenant.Tenant, o *once) (replayed bool, err error) {
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if _, replayed, err = o.earlier(tx); replayed || err != nil {
			return err
		}
		return o.keep(tx, answer{}, now())
	})
	return replayed, err
}

// forOne is the change for one ticket, with an idempotency key that counts for each ticket.
func (c *Change) forOne() Change {
	one := *c
	if c.Comment != nil {
		note := *c.Comment
		one.Comment = &note
	}
	if c.Idempotency != nil {
		key := sha256.Sum256([]byte(c.Idempotency.Key))
		one.Idempotency = &Idempotency{Key: "bulk:" + hex.EncodeToString(key[:]), Hash: c.Idempotency.Hash, Waits: c.Idempotency.Waits}
	}
	return one
}

func (d *Desk) bulkOne(ctx context.Context, tn *tenant.Tenant, a Actor, ref Ref, action BulkAction, c Change) (err error) {
	switch action {
	case BulkDelete:
		return d.Delete(ctx, tn, a, ref, 0)
	case BulkRestore:
		_, err = d.Restore(ctx, tn, a, ref)
		return err
	}
	_, err = d.Update(ctx, tn, a, ref, c)
	return err
}

// ofTicket says whether an error concerns one ticket only, so that the others can go on.
func ofTicket(err error) bool {
	if _, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return true
	}
	if _, ok := errors.AsType[*TransitionError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*MergedError](err); ok {
		return true
	}
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotAllowed) || errors.Is(err, ErrIdempotencyBusy)
}
