package tickets

import (
	"context"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Activity is one entry of a ticket's history.
type Activity struct {
	ID       string `cbor:"1,keyasint"` // "act_" and a ULID
	TicketID string `cbor:"2,keyasint"`
	// Action is created, updated, commented, deleted, restored, merged, split, closed (by itself), followed_up, claimed or disowned
	// (by the owner of the requester's address), rated (by the requester), overdue, closing,
	// notified or emitted (by a rule), or left_out (what a rule could not do).
	Action  string        `cbor:"3,keyasint"`
	Actor   Author        `cbor:"4,keyasint"`
	Changes []FieldChange `cbor:"5,keyasint,omitempty"`
	// CommentID and Visibility are those of the comment that came with it.
	CommentID  string     `cbor:"6,keyasint,omitempty"`
	Visibility Visibility `cbor:"7,keyasint,omitempty"`
	CreatedAt  time.Time  `cbor:"8,keyasint"`
}

// FieldChange is what one field of a ticket was and became, as people read it. Description and custom fields are named only.
type FieldChange struct {
	Field string `cbor:"1,keyasint"`
	From  string `cbor:"2,keyasint,omitempty"`
	To    string `cbor:"3,keyasint,omitempty"`
}

// ActivityPage is a part of a ticket's history, oldest first. Next is empty on the last page.
type ActivityPage struct {
	Activities []Activity
	Next       string
}

// Activity lists what happened to a ticket, from a cursor on. Staff only. At most 100 at once; limit
// 0: 25.
func (d *Desk) Activity(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (ActivityPage, error) {
	return d.activity(ctx, tn, a, r, cursor, limit, reading{})
}

// DeletedActivity is Activity that has that of deleted tickets, too.
func (d *Desk) DeletedActivity(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (ActivityPage, error) {
	return d.activity(ctx, tn, a, r, cursor, limit, reading{deleted: true})
}

// LastActivity is Activity from the end: the newest first.
func (d *Desk) LastActivity(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (ActivityPage, error) {
	return d.activity(ctx, tn, a, r, cursor, limit, reading{back: true})
}

func (d *Desk) activity(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int, how reading) (ActivityPage, error) {
	limit = clampLimit(limit)
	var page ActivityPage
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := find(tx, a, r, how.deleted)
		if err != nil {
			return err
		}
		if !a.Staff() {
			return fmt.Errorf("%w: the history is staff's", ErrNotAllowed)
		}
		page = ActivityPage{Activities: []Activity{}}
		below := newest(nil, t.ulid())
		list := threadOf("activity", t.ID)
		if how.back {
			list = threadOf("last activity", t.ID)
		}
		from, err := openCursor(cursor, list)
		if err != nil {
			return err
		}
		entries := behind(below, from, limit+1)
		entries.Reverse = how.back
		for x, err := range activityTable.Scan(tx, entries) {
			if err != nil {
				return err
			}
			if len(page.Activities) == limit {
				page.Next = place{id: parseID(activityPrefix, page.Activities[limit-1].ID)}.seal(list)
				break
			}
			page.Activities = append(page.Activities, x)
		}
		return nil
	})
	return page, err
}
