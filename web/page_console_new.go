package web

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tickets"
)

// newTicketPage is the form for a ticket that an agent opens for somebody who called, say.
func (s *Server) newTicketPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderNewTicket(w, r, http.StatusOK, newTicketForm{Key: rand.Text(), Priority: string(tickets.PriorityMedium), Assignee: callerOf(r).ID}, nil)
}

func (s *Server) renderNewTicket(w http.ResponseWriter, r *http.Request, status int, form newTicketForm, wrong fieldErrors) error {
	v := &newTicketView{frame: s.ownFrame(r, "", "tickets"), Form: form, Files: s.filesField(r, form.files, wrong), Errors: wrong}
	v.Picks = true
	v.Title, v.mount = v.T("New ticket"), strings.TrimSuffix(pathBelow(visitOf(r), "/"), "/")
	v.Action, v.Back = v.Href(standOf(r).at(consoleTickets)), v.Href(standOf(r).at(consoleHome))
	var err error
	if v.Categories, err = s.categoryOptions(r, v.Reader, form.Category); err != nil {
		return err
	}
	v.Priorities = priorities(v.Reader, tickets.Priority(form.Priority))
	var assigned *tickets.Person
	if form.Assignee != "" {
		assigned = &tickets.Person{ID: form.Assignee}
	}
	if v.Assignees, err = s.assignees(r, v.Reader, assigned); err != nil {
		return err
	}
	return s.render(w, r, status, "newticket", v)
}

// agentOpen opens a ticket for somebody.
func (s *Server) agentOpen(w http.ResponseWriter, r *http.Request) error {
	values, err := s.readMessage(w, r)
	if err != nil {
		return err
	}
	form := newTicketForm{
		Title: values.Get("title"), Description: values.Get("description"), Category: values.Get("category"),
		Priority: values.Get("priority"), Assignee: values.Get("assignee"), Tags: values.Get("tags"),
		Email: strings.TrimSpace(values.Get("email")), Name: strings.TrimSpace(values.Get("name")), Key: values.Get("key"),
		files: values.files,
	}
	if values.wrong != nil {
		return s.renderNewTicket(w, r, http.StatusUnprocessableEntity, form, fieldErrors{"files": values.wrong})
	}
	t, err := s.openFor(r, form)
	if wrong := explain(err); wrong != nil {
		return s.renderNewTicket(w, r, problemOf(err).Status, form, wrong)
	}
	if err != nil {
		return err
	}
	return toTicket(w, r, t.Number, "", "done", "created")
}

func (s *Server) openFor(r *http.Request, form newTicketForm) (*tickets.Ticket, error) {
	draft := tickets.Draft{
		Title: form.Title, Description: form.Description, CategoryID: form.Category, Priority: tickets.Priority(form.Priority),
		Tags: splitTags(form.Tags), Files: idsOf(form.files),
		Idempotency: once(form.Key, form.Title, form.Description, form.Email, form.Name, form.Category, form.Priority, form.Assignee, form.Tags, contentOf(form.files)),
	}
	var err error
	if draft.Assignee, err = s.member(r, form.Assignee); err != nil {
		return nil, err
	}
	if form.Email != "" || form.Name != "" {
		whom := subject{subjectFields: subjectFields{Email: form.Email, Name: form.Name}}
		if draft.Ensure, err = whom.finder(); err != nil {
			return nil, err
		}
	}
	c := callerOf(r)
	opened, err := s.desk.Open(r.Context(), c.tenant, c.actor(), draft)
	return &opened.Ticket, err
}
