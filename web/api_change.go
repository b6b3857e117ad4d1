package web

import (
	number "encoding/json"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/tickets"
)

// ticketChange is the body of a request that changes a ticket.
type ticketChange struct {
	Title        optional[string]         `json:"title"`
	Description  optional[string]         `json:"description"`
	Status       optional[tickets.Status] `json:"status"`
	Priority     optional[string]         `json:"priority"`
	CategoryID   optional[string]         `json:"category_id"`
	Tags         optional[[]string]       `json:"tags"`
	AddTags      []string                 `json:"add_tags"`
	RemoveTags   []string                 `json:"remove_tags"`
	CustomFields optional[customFields]   `json:"custom_fields"`
	Requester    optional[subject]        `json:"requester"`
	AssigneeID   optional[string]         `json:"assignee_id"`
	ExternalID   optional[string]         `json:"external_id"`
	Organization optional[string]         `json:"organization"`
	Spam         optional[bool]           `json:"spam"`
	Comment      optional[newComment]     `json:"comment"`
}

func (s *Server) changeTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in ticketChange
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	change, err := s.change(r, in)
	if err != nil {
		return err
	}
	if change.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	if change.IfVersion, err = s.ifMatch(r, ref); err != nil {
		return err
	}
	if change.Comment != nil {
		if err := s.mayWrite(r); err != nil {
			return err
		}
	}
	updated, err := s.desk.Update(r.Context(), c.tenant, c.actor(), ref, change)
	if err != nil {
		return err
	}
	replayed(w, updated.Replayed)
	return s.encodeTicket(w, r, c.tenant, &updated.Ticket)
}

// customFields are a ticket's own fields as they were written, so that no digit of a number gets lost.
type customFields map[string]jsontext.Value

func (f customFields) values() map[string]any {
	if f == nil {
		return nil
	}
	values := make(map[string]any, len(f))
	for name, value := range f {
		switch value.Kind() {
		case 'n':
			values[name] = nil
		case '0':
			values[name] = number.Number(value)
		case '"':
			text, _ := scalar(value)
			values[name] = text
		case 't', 'f':
			values[name] = value.Kind() == 't'
		default:
			// Not a plain value: the help desk says so.
			values[name] = value
		}
	}
	return values
}

func (s *Server) change(r *http.Request, in ticketChange) (tickets.Change, error) {
	change := tickets.Change{
		Title: in.Title.field(), Description: in.Description.field(), Status: in.Status.field(),
		CategoryID: in.CategoryID.field(), Tags: in.Tags.field(), AddTags: in.AddTags, RemoveTags: in.RemoveTags,
		ExternalID: in.ExternalID.field(), Organization: in.Organization.field(), Spam: in.Spam.field(),
		CustomFields: tickets.Optional[map[string]any]{
			Present: in.CustomFields.present, Null: in.CustomFields.null, Value: in.CustomFields.value.values(),
		},
		Priority: tickets.Optional[tickets.Priority]{
			Present: in.Priority.present, Null: in.Priority.null, Value: tickets.Priority(in.Priority.value),
		},
		Assignee:  tickets.Optional[tickets.Person]{Present: in.AssigneeID.present, Null: in.AssigneeID.null || in.AssigneeID.value == ""},
		Requester: tickets.Optional[tickets.Person]{Present: in.Requester.present, Null: in.Requester.null || in.Requester.value.none},
	}
	agent, err := s.assignee(r, in.AssigneeID)
	if err != nil {
		return change, err
	}
	if agent != nil {
		change.Assignee = tickets.Set(*agent)
	}
	requester, ensure, err := s.requester(r, in.Requester)
	if err != nil {
		return change, err
	}
	change.Ensure = ensure
	if requester != nil {
		change.Requester = tickets.Set(*requester)
	}
	if in.Comment.given() {
		note := in.Comment.value.note()
		change.Comment = &note
	}
	return change, nil
}
