package tickets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
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
	ID         string      `cbor:"1,keyasint"` // "cmt_" and a ULID
	TicketID   string      `cbor:"2,keyasint"`
	Body       string      `cbor:"3,keyasint"`
	Visibility Visibility  `cbor:"4,keyasint"`
	Author     Author      `cbor:"5,keyasint"`
	CreatedAt  time.Time   `cbor:"6,keyasint"`
	Files      []file.Info `cbor:"7,keyasint,omitempty"`
	// From is the number of the ticket that the comment was written in, if that was merged into this one.
	From uint64 `cbor:"9,keyasint,omitempty"`
}

// Note is a comment that is to be written.
type Note struct {
	Body        string
	Visibility  Visibility   // empty: public
	Files       []string     // IDs of what the actor has uploaded for it
	Idempotency *Idempotency // for Comment; a Change has its own
}

// check refuses what cannot be written, and fills in the visibility. field is what the caller calls the body.
func (n *Note) check(a Actor, field string) error {
	if n.Visibility == "" {
		n.Visibility = Public
	}
	if n.Visibility == Internal && !a.Staff() {
		return fmt.Errorf("%w: internal comments are staff's", ErrNotAllowed)
	}
	c := newCheck()
	c.body(field, n.Body)
	c.visibility(strings.TrimSuffix(field, "body")+"visibility", n.Visibility)
	return c.errs.Or()
}

// Commented is what became of a Note.
type Commented struct {
	// Comment is the zero Comment if the note made a follow-up ticket.
	Comment Comment
	// Ticket is the one that the comment is in, after it.
	Ticket Ticket
	// FollowUp: the ticket was closed for too long, so that a new one was opened; the note is its description.
	FollowUp bool
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// reopens is how long after its closing a ticket is opened again by its requester's reply.
const reopens = 14 * 24 * time.Hour

// Comment adds a comment and does what goes with it: a requester's reply opens a ticket that waits or is done, staff's first
// public one opens a new ticket. A requester's reply to a ticket that was closed more than 14 days ago opens a new ticket; one to a
// ticket that was merged goes to where the thread has gone, or opens a new ticket if that is not theirs.
func (d *Desk) Comment(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, n Note) (Commented, error) {
	if !a.known() {
		return Commented{}, ErrNotFound
	}
	if err := n.check(a, "body"); err != nil {
		return Commented{}, err
	}
	o, done, err := d.running.begin(ctx, tn, a, "comment "+r.String(), n.Idempotency)
	if err != nil {
		return Commented{}, err
	}
	defer done()
	var out Commented
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		x, found, err := o.earlier(tx)
		if found || err != nil {
			out = Commented{Comment: x.Comment, Ticket: x.Ticket, FollowUp: x.FollowUp, Replayed: true}
			return err
		}
		t, err := d.findToChange(tx, tn, a, r)
		if err != nil {
			return err
		}
		if out, err = d.comment(tx, tn, a, &t, n); err != nil {
			return err
		}
		return o.keep(tx, answer{Ticket: out.Ticket, Comment: out.Comment, FollowUp: out.FollowUp}, out.Ticket.UpdatedAt)
	})
	return out, err
}

func (d *Desk) comment(tx *storage.Tx, tn *tenant.Tenant, a Actor, t *Ticket, n Note) (Commented, error) {
	t, err := leadOn(tx, a, t)
	if err != nil {
		return Commented{}, err
	}
	if !a.Staff() && (t.ClosedForGood() || t.MergedInto != "") {
		if err := a.mayOpen(tn); err != nil {
			return Commented{}, err
		}
		next, err := d.followUp(tx, tn, a, t, n)
		return Commented{Ticket: next, FollowUp: true}, err
	}
	u, err := d.change(tx, tn, a, t, &Change{Comment: &n})
	if err != nil {
		return Commented{}, err
	}
	return Commented{Comment: *u.Comment, Ticket: u.Ticket}, nil
}

// leadOn is the ticket that takes the requester's word in the place of one that was merged while they wrote. It is that one
// itself where they must not know of the other, and for staff, who are told.
func leadOn(tx *storage.Tx, a Actor, t *Ticket) (*Ticket, error) {
	if a.Staff() || t.MergedInto == "" || t.Apart {
		return t, nil
	}
	target, err := find(tx, a, Ref{id: parseID(ticketPrefix, t.MergedInto)}, false)
	if errors.Is(err, ErrNotFound) { // it is somebody else's by now, or deleted
		return t, nil
	}
	return &target, err
}

// ClosedForGood says whether not even the requester's reply opens the ticket again: it opens a new one.
func (t *Ticket) ClosedForGood() bool {
	return t.Status == StatusClosed && now().Sub(t.ClosedAt) > reopens
}

// followUp opens a ticket that continues one which is closed for good.
func (d *Desk) followUp(tx *storage.Tx, tn *tenant.Tenant, a Actor, of *Ticket, n Note) (Ticket, error) {
	t := Ticket{
		Title: of.Title, Description: n.Body, Status: StatusNew, Priority: of.Priority, CategoryID: of.CategoryID, Tags: of.Tags,
		Source: a.source(), FollowUpOf: of.ID, Version: 1,
	}
	t.ask(of.Requester)
	t.Disowned, t.OwnTags = of.Disowned, of.OwnTags
	if err := d.enrol(tx, &t); err != nil {
		return Ticket{}, err
	}
	if t.Organization != of.Organization { // the title is from there
		t.Organization = ""
	}
	var doc document
	doc.rewrite(&t)
	if err := d.insert(tx, tn, a, &t, doc, n.Files); err != nil {
		return Ticket{}, err
	}
	e := Event{Type: TicketFollowedUp, Actor: a.author(), Changes: []FieldChange{{Field: "follow_up", To: t.ID}}, CreatedAt: t.CreatedAt}
	old := *of // the closed ticket itself is not changed
	return t, d.record(tx, tn, Happening{Event: e, Before: of, After: &old})
}

// write adds the comment to the ticket, at the time of its last change.
func (d *Desk) write(tx *storage.Tx, t *Ticket, a Actor, n Note) (Comment, error) {
	c := Comment{
		ID: d.mint.next(commentPrefix, t.UpdatedAt), TicketID: t.ID, Body: n.Body, Visibility: n.Visibility,
		Author: a.author(), CreatedAt: t.UpdatedAt,
	}
	var err error
	place := file.Place{TicketID: t.ID, CommentID: c.ID, Internal: c.Visibility == Internal}
	if c.Files, err = attach(tx, a, n.Files, place); err != nil {
		return Comment{}, err
	}
	return c, commentTable.Put(tx, &c)
}
