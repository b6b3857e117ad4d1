package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tickets"
)

// splitting is the body of a request that makes some of a ticket's comments a ticket of their own.
type splitting struct {
	CommentID  string           `json:"comment_id"`
	CommentIDs []string         `json:"comment_ids"`
	Title      string           `json:"title"`
	CategoryID optional[string] `json:"category_id"`
	Priority   optional[string] `json:"priority"`
	Tags       []string         `json:"tags"`
	AssigneeID optional[string] `json:"assignee_id"`
}

// comments are those that were named in either way.
func (in *splitting) comments() []string {
	if in.CommentID == "" {
		return in.CommentIDs
	}
	return append([]string{in.CommentID}, in.CommentIDs...)
}

// splitTicket answers with the new ticket.
func (s *Server) splitTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	from, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in splitting
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	split := tickets.Splitting{
		Comments: in.comments(), Title: in.Title, CategoryID: in.CategoryID.field(), Priority: tickets.Priority(in.Priority.value), Tags: in.Tags,
	}
	if split.Assignee, err = s.assignee(r, in.AssigneeID); err != nil {
		return err
	}
	if split.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	if split.IfVersion, err = s.ifMatch(r, from); err != nil {
		return err
	}
	opened, err := s.desk.Split(r.Context(), c.tenant, c.actor(), from, split)
	if err != nil {
		return err
	}
	return s.encodeOpened(w, r, &opened)
}
