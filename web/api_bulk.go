package web

import (
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// bulkChange is the body of a request that changes several tickets.
type bulkChange struct {
	IDs        []ticketRef          `json:"ids"`
	Set        bulkFields           `json:"set"`
	AddTags    []string             `json:"add_tags"`
	RemoveTags []string             `json:"remove_tags"`
	Comment    optional[newComment] `json:"comment"`
	Action     optional[string]     `json:"action"`
}

// bulkFields are what many tickets can be given at once.
type bulkFields struct {
	Status       optional[tickets.Status] `json:"status"`
	Priority     optional[string]         `json:"priority"`
	CategoryID   optional[string]         `json:"category_id"`
	Tags         optional[[]string]       `json:"tags"`
	CustomFields optional[customFields]   `json:"custom_fields"`
	AssigneeID   optional[string]         `json:"assignee_id"`
	Spam         optional[bool]           `json:"spam"`
}

// bulkResult is what became of one of the tickets.
type bulkResult struct {
	ID     string              `json:"id"`
	Status int                 `json:"status"`
	Code   string              `json:"code,omitempty"`
	Error  string              `json:"error,omitempty"`
	Errors map[string][]string `json:"errors,omitempty"`
}

func (in *bulkChange) change() ticketChange {
	return ticketChange{
		Status: in.Set.Status, Priority: in.Set.Priority, CategoryID: in.Set.CategoryID, Tags: in.Set.Tags,
		AddTags: in.AddTags, RemoveTags: in.RemoveTags, CustomFields: in.Set.CustomFields, AssigneeID: in.Set.AssigneeID,
		Spam: in.Set.Spam, Comment: in.Comment,
	}
}

// empty says whether there is nothing to be changed.
func (in *bulkChange) empty() bool {
	f := &in.Set
	return !f.Status.present && !f.Priority.present && !f.CategoryID.present && !f.Tags.present && !f.CustomFields.present &&
		!f.AssigneeID.present && !f.Spam.present && len(in.AddTags)+len(in.RemoveTags) == 0 && !in.Comment.given()
}

// missing says what a change lacks that changes nothing.
func (in *bulkChange) missing() map[string][]string {
	lacks := map[string][]string{"set": {"There is nothing to change."}}
	if len(in.IDs) == 0 {
		lacks["ids"] = []string{"The ids field is required."}
	}
	return lacks
}

func (s *Server) changeTickets(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in bulkChange
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	switch action := tickets.BulkAction(in.Action.value); {
	case action != "" && !in.empty():
		return invalid(map[string][]string{"action": {"An action goes without anything else to change."}})
	case action == "" && in.empty():
		return invalid(in.missing())
	case action != "" && !c.May(auth.TicketsDelete):
		return auth.ErrInsufficientScope
	case in.Comment.given() && len(in.Comment.value.AttachmentIDs) > 0:
		return invalid(map[string][]string{"comment.attachment_ids": {"An attachment belongs to one ticket."}})
	}
	change, err := s.change(r, in.change())
	if err != nil {
		return err
	}
	if change.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	done, err := s.desk.Bulk(r.Context(), c.tenant, c.actor(), texts(in.IDs), tickets.BulkAction(in.Action.value), change)
	if err != nil {
		return err
	}
	replayed(w, done.Replayed)
	results := make([]bulkResult, len(done.Outcomes))
	for i, o := range done.Outcomes {
		results[i] = bulkResult{ID: o.ID, Status: http.StatusOK}
		if o.Err != nil {
			p := problemOf(o.Err)
			results[i] = bulkResult{ID: o.ID, Status: p.Status, Code: p.Code, Error: p.Explanation, Errors: p.Fields}
		}
	}
	return encode(w, http.StatusOK, map[string][]bulkResult{"results": results})
}
