package web

import (
	"net/http"
	"strconv"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// ticketDocument is a ticket in the API.
type ticketDocument struct {
	ID                 string               `json:"id"`
	Number             uint64               `json:"number"`
	Title              string               `json:"title"`
	Description        string               `json:"description"`
	Status             tickets.Status       `json:"status"`
	StatusCategory     string               `json:"status_category"`
	Priority           tickets.Priority     `json:"priority"`
	CategoryID         *string              `json:"category_id"`
	Tags               []string             `json:"tags"`
	CustomFields       map[string]any       `json:"custom_fields"`
	Requester          *personDocument      `json:"requester"`
	RequesterAssurance *string              `json:"requester_assurance"`
	Organization       *string              `json:"organization"`
	RequesterDisowned  bool                 `json:"requester_disowned,omitzero"`
	Assignee           *personDocument      `json:"assignee"`
	Attachments        []attachmentDocument `json:"attachments"`
	ExternalID         *string              `json:"external_id"`
	Source             string               `json:"source"`
	FollowUpOf         *string              `json:"follow_up_of,omitempty"`
	Version            uint64               `json:"version"`
	URL                string               `json:"url"`
	CreatedAt          tenant.Moment        `json:"created_at"`
	UpdatedAt          tenant.Moment        `json:"updated_at"`
	FirstResponseAt    *tenant.Moment       `json:"first_response_at"`
	ResolvedAt         *tenant.Moment       `json:"resolved_at"`
	DeletedAt          *tenant.Moment       `json:"deleted_at,omitempty"`
	MergedInto         *string              `json:"merged_into,omitempty"`
	Rating             *ratingDocument      `json:"rating"`

	// What the tenant promises itself, and what staff does with tickets, is not for requesters: nil for them.
	*serviceDocument
	*staffDocument
}

// staffDocument is what only staff knows of a ticket.
type staffDocument struct {
	Spam       bool     `json:"spam"`
	MergedFrom []string `json:"merged_from"`
	SplitFrom  *string  `json:"split_from"`
	SplitInto  []string `json:"split_into"`
}

// serviceDocument is how a ticket does by the tenant's targets.
type serviceDocument struct {
	FirstResponseDueAt *tenant.Moment `json:"first_response_due_at"`
	ResolveDueAt       *tenant.Moment `json:"resolve_due_at"`
	Overdue            bool           `json:"overdue"`
	Breached           []string       `json:"breached"`
}

func serviceOf(t *tickets.Ticket) *serviceDocument {
	return &serviceDocument{
		FirstResponseDueAt: moment(t.FirstResponseDue), ResolveDueAt: moment(t.ResolveDue), Overdue: t.Overdue(), Breached: texts(t.Breached),
	}
}

// personDocument is somebody a ticket has to do with. An asserted requester has no id: they are nobody in particular.
type personDocument struct {
	ID    *string `json:"id"`
	Email *string `json:"email"`
	Name  string  `json:"name"`
}

// document is a ticket as the API shows it to an actor. Portal is where the tenant's portal begins.
func document(portal string, a tickets.Actor, t *tickets.Ticket) ticketDocument {
	d := ticketDocument{
		ID: t.ID, Number: t.Number, Title: t.Title, Description: t.Description,
		Status: t.Status, StatusCategory: t.Status.Category(), Priority: t.Priority,
		CategoryID: orNull(t.CategoryID), Tags: texts(t.TagsFor(a)), CustomFields: t.FieldsFor(a),
		Requester: personOf(t.Requester), RequesterAssurance: orNull(string(t.Assurance)), Organization: orNull(t.Organization),
		RequesterDisowned: t.Disowned, Assignee: assigneeOf(t.Assignee, a),
		Attachments: attachments(portal, t.Files),
		Source:      t.Source, FollowUpOf: orNull(t.FollowUpOf), Version: t.Version,
		URL:       portal + "/tickets/" + strconv.FormatUint(t.Number, 10),
		CreatedAt: tenant.Moment(t.CreatedAt), UpdatedAt: tenant.Moment(t.UpdatedAt),
		FirstResponseAt: moment(t.FirstResponseAt), ResolvedAt: moment(t.ResolvedAt), DeletedAt: moment(t.DeletedAt),
		Rating: ratingOf(t.Rating), MergedInto: orNull(t.MergedInto),
	}
	if a.Staff() {
		d.ExternalID = orNull(t.ExternalID)
		d.serviceDocument = serviceOf(t)
		d.staffDocument = &staffDocument{Spam: t.Spam(), MergedFrom: texts(t.MergedFrom), SplitFrom: orNull(t.SplitFrom), SplitInto: texts(t.SplitInto)}
	}
	return d
}

func personOf(p *tickets.Person) *personDocument {
	if p == nil {
		return nil
	}
	return &personDocument{ID: orNull(p.ID), Email: orNull(p.Email), Name: p.Name}
}

// assigneeOf is who works on a ticket. Their address is the staff's own affair.
func assigneeOf(p *tickets.Person, to tickets.Actor) *personDocument {
	d := personOf(p)
	if d != nil && !to.Staff() {
		d.Email = nil
	}
	return d
}

// orNull is nil for what is not there.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *Server) listTickets(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	query, problems, err := ticketQuery(queryOf(r))
	if err != nil {
		return err
	}
	page, err := s.desk.List(r.Context(), c.tenant, c.actor(), query)
	if err != nil {
		return err
	}
	answer := ticketList{
		list: list[ticketDocument]{
			Data: make([]ticketDocument, len(page.Tickets)), HasMore: page.HasMore, NextCursor: orNull(page.Next),
		},
		Problems: problemDocuments(append(problems, page.Problems...)),
	}
	portal := s.directory.PortalURL(c.tenant)
	for i := range page.Tickets {
		answer.Data[i] = document(portal, c.actor(), &page.Tickets[i])
	}
	if query.IncludesTotal {
		answer.Total = &page.Total
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}

// newTicket is the body of a request that files a ticket.
type newTicket struct {
	Title         string            `json:"title"`
	Description   string            `json:"description"`
	Priority      optional[string]  `json:"priority"`
	CategoryID    optional[string]  `json:"category_id"`
	Tags          []string          `json:"tags"`
	CustomFields  customFields      `json:"custom_fields"`
	Requester     optional[subject] `json:"requester"`
	AssigneeID    optional[string]  `json:"assignee_id"`
	AttachmentIDs []string          `json:"attachment_ids"`
	ExternalID    optional[string]  `json:"external_id"`
}

func (s *Server) createTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in newTicket
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	draft := tickets.Draft{
		Title: in.Title, Description: in.Description, Priority: tickets.Priority(in.Priority.value),
		CategoryID: in.CategoryID.value, Tags: in.Tags, CustomFields: in.CustomFields.values(), ExternalID: in.ExternalID.value,
		Files: in.AttachmentIDs,
	}
	if draft.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	if draft.Assignee, err = s.assignee(r, in.AssigneeID); err != nil {
		return err
	}
	if draft.Requester, draft.Ensure, err = s.requester(r, in.Requester); err != nil {
		return err
	}
	if err := s.mayFile(r); err != nil {
		return err
	}
	opened, err := s.desk.Open(r.Context(), c.tenant, c.actor(), draft)
	if err != nil {
		return err
	}
	return s.encodeOpened(w, r, &opened)
}

// encodeOpened answers with a new ticket.
func (s *Server) encodeOpened(w http.ResponseWriter, r *http.Request, o *tickets.Opened) error {
	c := callerOf(r)
	replayed(w, o.Replayed)
	locate(w, r, "/api/tickets/"+o.Ticket.ID)
	w.Header().Set("ETag", etag(o.Ticket.Version))
	return encode(w, http.StatusCreated, document(s.directory.PortalURL(c.tenant), c.actor(), &o.Ticket))
}

func (s *Server) showTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	p := queryOf(r)
	find := s.desk.Find
	if p.flag("deleted") {
		find = s.desk.FindDeleted
	}
	if err := p.err(); err != nil {
		return err
	}
	t, err := find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	return s.encodeTicket(w, r, c.tenant, &t)
}

// encodeTicket answers with a ticket, or says that the caller has it already.
func (s *Server) encodeTicket(w http.ResponseWriter, r *http.Request, tn *tenant.Tenant, t *tickets.Ticket) error {
	h := w.Header()
	h.Set("ETag", etag(t.Version))
	h.Set("Cache-Control", "private, no-cache")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if known := r.Header.Get("If-None-Match"); known != "" && tagged(known, t.Version) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return encode(w, http.StatusOK, document(s.directory.PortalURL(tn), callerOf(r).actor(), t))
}

func (s *Server) deleteTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	version, err := s.ifMatch(r, ref)
	if err != nil {
		return err
	}
	if err := s.desk.Delete(r.Context(), c.tenant, c.actor(), ref, version); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) restoreTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	t, err := s.desk.Restore(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	return s.encodeTicket(w, r, c.tenant, &t)
}
