package web

import (
	"cmp"
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// commentDocument is a comment in the API.
type commentDocument struct {
	ID          string               `json:"id"`
	Body        string               `json:"body"`
	Visibility  tickets.Visibility   `json:"visibility"`
	Author      authorDocument       `json:"author"`
	Attachments []attachmentDocument `json:"attachments"`
	CreatedAt   tenant.Moment        `json:"created_at"`
	// MergedFrom is the number of the ticket that it was written in, if that was merged.
	MergedFrom *uint64 `json:"merged_from,omitempty"`
}

// authorDocument is who wrote or did something.
type authorDocument struct {
	ID    *string `json:"id"`
	Name  string  `json:"name"`
	Email *string `json:"email"`
	Role  string  `json:"role"`
}

// support is what requesters are told instead of the names of programs and rules, which are staff's own.
const support = "Support"

// authorName is what an actor may know an author by.
func authorName(a tickets.Author, to tickets.Actor) string {
	if !to.Staff() && (a.Role == "api" || a.Role == "system") {
		return support
	}
	return cmp.Or(a.Name, support) // of a ticket that was nobody's, before it was merged
}

// author is who wrote or did something, as an actor may know them: requesters are not told the staff's addresses, nor who of them is an
// admin, nor which program it was.
func author(a tickets.Author, to tickets.Actor) authorDocument {
	d := authorDocument{ID: orNull(a.ID), Name: authorName(a, to), Email: orNull(a.Email), Role: a.Role}
	if !to.Staff() && a.Role != "requester" {
		d.Email = nil
		if d.Name != a.Name {
			d.ID = nil
		}
		if d.Role == "admin" {
			d.Role = "agent"
		}
	}
	return d
}

// comment is a comment as the API shows it to an actor. Portal is where the tenant's portal begins.
func comment(portal string, to tickets.Actor, c *tickets.Comment) commentDocument {
	d := commentDocument{
		Attachments: attachments(portal, c.Files), ID: c.ID, Body: c.Body, Visibility: c.Visibility, Author: author(c.Author, to), CreatedAt: tenant.Moment(c.CreatedAt),
	}
	if c.From != 0 {
		d.MergedFrom = &c.From
	}
	return d
}

// newComment is the body of a request that comments a ticket.
type newComment struct {
	Body          string           `json:"body"`
	Visibility    optional[string] `json:"visibility"`
	AttachmentIDs []string         `json:"attachment_ids"`
}

func (c newComment) note() tickets.Note {
	return tickets.Note{Body: c.Body, Visibility: tickets.Visibility(c.Visibility.value), Files: c.AttachmentIDs}
}

func (s *Server) listComments(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	p := queryOf(r)
	limit, cursor, read := p.limit(), p.text("cursor"), s.desk.Comments
	if p.flag("deleted") {
		read = s.desk.DeletedComments
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := read(r.Context(), c.tenant, c.actor(), ref, cursor, limit)
	if err != nil {
		return err
	}
	answer := list[commentDocument]{HasMore: page.Next != "", NextCursor: orNull(page.Next)}
	portal := s.directory.PortalURL(c.tenant)
	for i := range page.Comments {
		answer.Data = append(answer.Data, comment(portal, c.actor(), &page.Comments[i]))
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}

func (s *Server) createComment(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in newComment
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	note := in.note()
	if note.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	if err := s.mayWrite(r); err != nil {
		return err
	}
	done, err := s.desk.Comment(r.Context(), c.tenant, c.actor(), ref, note)
	if err != nil {
		return err
	}
	replayed(w, done.Replayed)
	if done.FollowUp {
		// The ticket was closed for too long: the answer is the new one that continues it.
		locate(w, r, "/api/tickets/"+done.Ticket.ID)
		return encode(w, http.StatusCreated, document(s.directory.PortalURL(c.tenant), c.actor(), &done.Ticket))
	}
	return encode(w, http.StatusCreated, comment(s.directory.PortalURL(c.tenant), c.actor(), &done.Comment))
}

// activityDocument is an entry of a ticket's history.
type activityDocument struct {
	ID         string              `json:"id"`
	Action     string              `json:"action"`
	Actor      authorDocument      `json:"actor"`
	Changes    []fieldDocument     `json:"changes"`
	CommentID  *string             `json:"comment_id"`
	Visibility *tickets.Visibility `json:"visibility,omitempty"`
	CreatedAt  tenant.Moment       `json:"created_at"`
}

type fieldDocument struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

func activity(a *tickets.Activity, to tickets.Actor) activityDocument {
	d := activityDocument{
		ID: a.ID, Action: a.Action, Actor: author(a.Actor, to), CommentID: orNull(a.CommentID), CreatedAt: tenant.Moment(a.CreatedAt),
	}
	if a.Visibility != "" {
		d.Visibility = &a.Visibility
	}
	for _, change := range a.Changes {
		d.Changes = append(d.Changes, fieldDocument{Field: change.Field, From: change.From, To: change.To})
	}
	return d
}

func (s *Server) listActivity(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	p := queryOf(r)
	limit, cursor, read := p.limit(), p.text("cursor"), s.desk.Activity
	if p.flag("deleted") {
		read = s.desk.DeletedActivity
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := read(r.Context(), c.tenant, c.actor(), ref, cursor, limit)
	if err != nil {
		return err
	}
	answer := list[activityDocument]{HasMore: page.Next != "", NextCursor: orNull(page.Next)}
	for i := range page.Activities {
		answer.Data = append(answer.Data, activity(&page.Activities[i], c.actor()))
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}
