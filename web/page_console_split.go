package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// splitView asks which messages of a ticket become a ticket of their own, and what that one is called.
type splitView struct {
	frame

	Number       uint64
	Subject      string
	Action, Back string
	Parts        []partView
	Form         splitForm
	Categories   []option
	// Known: the ticket has a requester, who gets the new ticket too.
	Known  bool
	Errors fieldErrors
}

// partView is one message of the ticket.
type partView struct {
	ID, Author, Text string
	At               time.Time
	Internal, Chosen bool
}

// splitForm is what the agent chose.
type splitForm struct {
	Comments             []string
	Title, Category, Key string
}

// splitPage asks about the message that the address names. Others can be chosen with it.
func (s *Server) splitPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderSplit(w, r, http.StatusOK, splitForm{Comments: r.URL.Query()["comment"], Key: rand.Text()}, nil)
}

func (s *Server) renderSplit(w http.ResponseWriter, r *http.Request, status int, form splitForm, wrong fieldErrors) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	page, err := s.desk.LastComments(r.Context(), c.tenant, c.actor(), ref, r.URL.Query().Get("before"), messagesShown)
	if err != nil {
		return err
	}
	v := &splitView{frame: s.ownFrame(r, "", "tickets"), Number: t.Number, Subject: t.Title, Form: form, Known: t.Requester != nil, Errors: wrong}
	v.Title, v.mount = v.T("Split off a ticket"), strings.TrimSuffix(pathBelow(visitOf(r), "/"), "/")
	at, before := standOf(r), r.URL.Query().Get("before")
	v.Back, v.Action = v.Href(at.ticket(t.Number, "")), v.Href(at.ticket(t.Number, "/split", "before", before))
	for i := range page.Comments {
		v.Parts = append(v.Parts, partOf(&page.Comments[i], form.Comments))
	}
	if status == http.StatusOK {
		v.Form.Title, v.Form.Category = v.suggestion(&t), t.CategoryID
	}
	if v.Categories, err = s.categoryOptions(r, v.Reader, v.Form.Category); err != nil {
		return err
	}
	return s.render(w, r, status, "split", v)
}

func partOf(c *tickets.Comment, chosen []string) partView {
	return partView{
		ID: c.ID, Author: cmp.Or(c.Author.Name, c.Author.Email), Text: snippet(c.Body), At: c.CreatedAt,
		Internal: c.Visibility == tickets.Internal, Chosen: slices.Contains(chosen, c.ID),
	}
}

// suggestion is a title for the new ticket: how the first chosen message begins, unless its requester must not read that.
func (v *splitView) suggestion(t *tickets.Ticket) string {
	const most = 60
	for _, p := range v.Parts {
		if p.Chosen && !p.Internal && p.Text != "" {
			return shorten(p.Text, most)
		}
	}
	return t.Title
}

// agentSplit makes the chosen messages a ticket of their own.
func (s *Server) agentSplit(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	form := splitForm{Comments: values["comment"], Title: values.Get("title"), Category: values.Get("category"), Key: values.Get("key")}
	c := callerOf(r)
	opened, err := s.desk.Split(r.Context(), c.tenant, c.actor(), ref, tickets.Splitting{
		Comments: form.Comments, Title: form.Title, CategoryID: tickets.Set(form.Category),
		Idempotency: once(form.Key, append([]string{form.Title, form.Category}, form.Comments...)...),
	})
	if wrong := explain(err); wrong != nil {
		return s.renderSplit(w, r, problemOf(err).Status, form, wrong)
	}
	if err != nil {
		return err
	}
	return toTicket(w, r, opened.Ticket.Number, "", "done", "split")
}
