package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// nodePage stands at the root of a node host. It says nothing about who is here.
func (s *Server) nodePage(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "node", &nodeView{frame: s.frame(r, "Help desk node")})
}

// home leads on: to the dashboard, or to the way in.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	_, err := s.identify(r, auth.RequesterSide)
	switch {
	case err == nil:
		return seeOther(w, visit, "/dashboard")
	case errors.Is(err, errUnauthenticated):
		return seeOther(w, visit, "/auth/sign-in")
	}
	return err
}

// private is the frame of a page for whoever is signed in.
func (s *Server) ownFrame(r *http.Request, title, here string) frame {
	c, f := callerOf(r), s.frame(r, title)
	f.Here, f.Staff = here, c.Level == auth.Staff
	f.Viewer = &viewer{Name: c.Name, Email: c.Email, Verified: c.Level != auth.Asserted}
	if c.Requester() {
		f.Notices = s.notices(r)
	}
	if back := c.session.ReturnLink; back != "" {
		f.Back = &link{URL: back, Text: "Back to " + hostOf(back)}
	}
	return f
}

// notices are what requesters should do something about.
func (s *Server) notices(r *http.Request) []notice {
	visit := tenant.VisitFrom(r.Context())
	if callerOf(r).Level == auth.Asserted {
		if !s.doors.Confirmations.Ready() {
			return nil
		}
		return []notice{{
			Text: "Your address is not confirmed yet. Confirm it with a code, and you see everything that was ever filed with it.",
			Link: link{URL: pathBelow(visit, "/auth/confirm"), Text: "Confirm my address"},
		}}
	}
	n := s.claims(r)
	if n == 0 {
		return nil
	}
	text := "A request was filed with your address before anybody had confirmed it. Is it yours?"
	if n > 1 {
		text = strconv.Itoa(n) + " requests were filed with your address before anybody had confirmed it. Are they yours?"
	}
	return []notice{{Text: text, Link: link{URL: pathBelow(visit, "/auth/claim"), Text: "Have a look"}}}
}

// hostOf is a URL's host as people know it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// The statuses that make up a requester's sections.
var (
	waitingStatuses = []tickets.Status{tickets.StatusPending}
	openStatuses    = []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusOnHold}
	doneStatuses    = []tickets.Status{tickets.StatusResolved, tickets.StatusClosed}
)

func (s *Server) dashboard(w http.ResponseWriter, r *http.Request) error {
	view := &dashboardView{frame: s.ownFrame(r, "Overview", "dashboard")}
	for _, section := range []struct {
		cards    *[]ticketCard
		statuses []tickets.Status
		limit    int
	}{{&view.Waiting, waitingStatuses, 20}, {&view.Open, openStatuses, 20}, {&view.Solved, doneStatuses, 5}} {
		page, err := s.own(r, tickets.Query{Status: section.statuses, Limit: section.limit})
		if err != nil {
			return err
		}
		*section.cards = cards(page.Tickets)
	}
	return s.render(w, r, http.StatusOK, "dashboard", view)
}

// own lists what the caller sees.
func (s *Server) own(r *http.Request, q tickets.Query) (tickets.Page, error) {
	c := callerOf(r)
	return s.desk.List(r.Context(), c.tenant, c.actor(), q)
}

func cards(all []tickets.Ticket) []ticketCard {
	var shown []ticketCard
	for i := range all {
		t := &all[i]
		shown = append(shown, ticketCard{
			Number: t.Number, Title: t.Title, Status: requesterStatus(t.Status), Updated: t.UpdatedAt,
		})
	}
	return shown
}

// requesterStatus is a status in the requester's words.
func requesterStatus(s tickets.Status) statusLabel {
	switch s {
	case tickets.StatusPending:
		return statusLabel{Key: "waiting", Text: "Waiting for you"}
	case tickets.StatusOnHold:
		return statusLabel{Key: "open", Text: "On hold"}
	case tickets.StatusResolved:
		return statusLabel{Key: "done", Text: "Solved"}
	case tickets.StatusClosed:
		return statusLabel{Key: "done", Text: "Closed"}
	case tickets.StatusNew, tickets.StatusOpen:
	}
	return statusLabel{Key: "open", Text: "We are on it"}
}

// shows are the filters of the requester's list.
var shows = []struct {
	option
	statuses []tickets.Status
}{
	{option{Value: "all", Text: "All"}, nil},
	{option{Value: "open", Text: "Not solved yet"}, append(waitingStatuses[:1:1], openStatuses...)},
	{option{Value: "solved", Text: "Solved"}, doneStatuses},
}

func (s *Server) ticketsPage(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	view := &ticketsView{frame: s.ownFrame(r, "My requests", "tickets"), Query: strings.TrimSpace(values.Get("q"))}
	query := tickets.Query{Text: view.Query, Cursor: values.Get("cursor")}
	for _, show := range shows {
		show.Selected = show.Value == values.Get("show")
		if show.Selected {
			query.Status = show.statuses
		}
		view.Shows = append(view.Shows, show.option)
	}
	page, err := s.own(r, query)
	if err != nil {
		return err
	}
	view.Cards = cards(page.Tickets)
	view.Next = nextPage(r, page.Next)
	return s.render(w, r, http.StatusOK, "tickets", view)
}

// nextPage is the address of the next part of a list, or empty.
func nextPage(r *http.Request, cursor string) string {
	if cursor == "" {
		return ""
	}
	query := r.URL.Query()
	query.Set("cursor", cursor)
	return r.URL.EscapedPath() + "?" + query.Encode()
}

// createPage shows the form for a new request.
func (s *Server) createPage(w http.ResponseWriter, r *http.Request) error {
	form := createForm{Category: r.URL.Query().Get("category_id"), Key: rand.Text()}
	return s.renderCreate(w, r, http.StatusOK, form, nil)
}

func (s *Server) renderCreate(w http.ResponseWriter, r *http.Request, status int, form createForm, wrong fieldErrors) error {
	c := callerOf(r)
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	view := &createView{frame: s.ownFrame(r, "New request", "create"), Form: form, Errors: wrong}
	view.Confirms = c.Level == auth.Asserted && c.tenant.Settings.Unsigned == tenant.UnsignedConfirm
	view.Codes = s.doors.Confirmations.Ready()
	if view.Confirms {
		view.Notices = nil // one is enough
	}
	for _, category := range all {
		view.Categories = append(view.Categories, option{
			Value: category.ID, Text: category.Name, Selected: category.ID == form.Category,
		})
	}
	return s.render(w, r, status, "create", view)
}

// fileTicket takes the form for a new request.
func (s *Server) fileTicket(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	return s.file(w, r, createForm{
		Title: values.Get("title"), Description: values.Get("description"), Category: values.Get("category_id"),
		Key: values.Get("key"),
	})
}

// file files a request. Where the tenant wants the address confirmed first, the request waits for the code.
func (s *Server) file(w http.ResponseWriter, r *http.Request, form createForm) error {
	c := callerOf(r)
	opened, err := s.desk.Open(r.Context(), c.tenant, c.actor(), tickets.Draft{
		Title: form.Title, Description: form.Description, CategoryID: form.Category,
		Idempotency: once(form.Key, form.Title, form.Description, form.Category),
	})
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return s.renderCreate(w, r, http.StatusUnprocessableEntity, form, fieldErrors(wrong))
	}
	if errors.Is(err, tickets.ErrConfirmationRequired) {
		return s.renderConfirm(w, r, http.StatusForbidden, confirmForm{draft: form}, nil)
	}
	if err != nil {
		return err
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), ticketPath(opened.Ticket.Number))
}

func ticketPath(number uint64) string { return "/tickets/" + strconv.FormatUint(number, 10) }
