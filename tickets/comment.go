package tickets

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Visibility says who may read a comment.
type Visibility string

// The visibilities.
const (
	Public   Visibility = "public"
	Internal Visibility = "internal" // staff and tokens only
)

// Comment is a message in a ticket. It is never changed.
type Comment struct {
	ID         string     `cbor:"1,keyasint"` // "cmt_" and a ULID
	TicketID   string     `cbor:"2,keyasint"`
	Body       string     `cbor:"3,keyasint"`
	Visibility Visibility `cbor:"4,keyasint"`
	Author     Author     `cbor:"5,keyasint"`
	CreatedAt  time.Time  `cbor:"6,keyasint"`
}

// Note is a comment that is to be written.
type Note struct {
	Body        string
	Visibility  Visibility // empty: public
	Idempotency *Idempotency
}

// Commented is what became of a Note.
type Commented struct {
	Comment Comment
	// Ticket is the one that the comment is in, after it.
	Ticket Ticket
	// FollowUp: the ticket that was commented was closed for too long, so that a new one was opened; the comment's body is its
	// description, and there is no Comment.
	FollowUp bool
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// Comment adds a comment and does what goes with it: a requester's reply opens a ticket that waits or is done, staff's first
// public one opens a new ticket.
func (d *Desk) Comment(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, n Note) (Commented, error) {
	panic("not yet")
}

// CommentPage is a part of a ticket's comments, oldest first. Next is empty on the last page.
type CommentPage struct {
	Comments []Comment
	Next     string
}

// Comments lists the comments that the actor may read, from a cursor on. At most 100 at once; limit 0: 25.
func (d *Desk) Comments(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (CommentPage, error) {
	panic("not yet")
}
