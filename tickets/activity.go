package tickets

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Activity is one entry of a ticket's history.
type Activity struct {
	ID       string `cbor:"1,keyasint"` // "act_" and a ULID
	TicketID string `cbor:"2,keyasint"`
	// Action is created, updated, commented, deleted, restored, closed (by itself) or followed_up.
	Action  string        `cbor:"3,keyasint"`
	Actor   Author        `cbor:"4,keyasint"`
	Changes []FieldChange `cbor:"5,keyasint,omitempty"`
	// CommentID and Visibility are those of the comment that came with it.
	CommentID  string     `cbor:"6,keyasint,omitempty"`
	Visibility Visibility `cbor:"7,keyasint,omitempty"`
	CreatedAt  time.Time  `cbor:"8,keyasint"`
}

// FieldChange is what one field of a ticket was and became, as people read it. Long texts are not repeated.
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

// Activity lists what happened to a ticket, from a cursor on. Staff only. At most 100 at once; limit 0: 25.
func (d *Desk) Activity(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (ActivityPage, error) {
	panic("not yet")
}
