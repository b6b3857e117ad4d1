package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
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

// commonScript is what all pages run that somebody is signed in to.
const commonScript = "page.js"

// ownFrame is the frame of a page for whoever is signed in.
func (s *Server) ownFrame(r *http.Request, title, here string) frame {
	c, f := callerOf(r), s.frame(r, title)
	f.Here, f.Staff = here, c.Level == auth.Staff
	f.Viewer = &viewer{Name: c.Name, Email: c.Email, Verified: c.Level != auth.Asserted}
	f.who, _, _ = strings.Cut(callerNames(c), " ")
	if c.Requester() {
		f.Notices, f.Owner = s.notices(r), callerNames(c)
	}
	if back := c.session.ReturnLink; back != "" {
		f.Back = &link{URL: back, Text: f.T("Back to %s", hostOf(back))}
	}
	f.common = commonScript
	if q := r.URL.Query(); f.Staff && q.Get("done") == confirmedNotice {
		f.Confirmed, f.Ready = true, q.Get("do")
	}
	if r.Method == http.MethodGet {
		f.Address = again(r)
	}
	return f
}

// callerNames names the caller for browsers: whose drafts they keep, and whom a form was made for. A second name, if there is one, is that
// of the same person before they had confirmed their address.
func callerNames(c caller) string {
	name := func(id auth.Identity) string {
		sum := sha256.Sum256([]byte(string(c.tenant.ID) + " " + id.Actor()))
		return hex.EncodeToString(sum[:8])
	}
	if c.Level == auth.Asserted || c.Lineage == "" {
		return name(c.Identity)
	}
	return name(c.Identity) + " " + name(auth.Identity{Level: auth.Asserted, Lineage: c.Lineage})
}

// notices are what requesters should do something about.
func (s *Server) notices(r *http.Request) []notice {
	visit, in := tenant.VisitFrom(r.Context()), s.words(r)
	if callerOf(r).Level == auth.Asserted {
		if !s.doors.Confirmations.Ready() {
			return nil
		}
		return []notice{{
			Text: in.T("Your address is not confirmed yet. Confirm it with a code, and you see everything that was ever filed with it."),
			Link: link{URL: pathBelow(visit, "/auth/confirm"), Text: in.T("Confirm my address")},
		}}
	}
	n := s.claims(r)
	if n == 0 {
		return nil
	}
	text := in.T("%d requests were filed with your address before anybody had confirmed it. Are they yours?", n)
	return []notice{{Text: text, Link: link{URL: pathBelow(visit, "/auth/claim"), Text: in.T("Have a look")}}}
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
	view := &dashboardView{frame: s.ownFrame(r, "Overview", "dashboard"), Welcome: callerOf(r).tenant.Settings.WelcomeText}
	for _, section := range []struct {
		cards    *[]ticketCard
		statuses []tickets.Status
		limit    int
	}{{&view.Waiting, waitingStatuses, 20}, {&view.Open, openStatuses, 20}, {&view.Solved, doneStatuses, 5}} {
		page, err := s.own(r, tickets.Query{Status: section.statuses, Limit: section.limit})
		if err != nil {
			return err
		}
		*section.cards = cards(view.Reader, page.Tickets)
	}
	return s.render(w, r, http.StatusOK, "dashboard", view)
}

// own lists what the caller sees.
func (s *Server) own(r *http.Request, q tickets.Query) (tickets.Page, error) {
	c := callerOf(r)
	return s.desk.List(r.Context(), c.tenant, c.actor(), q)
}

func cards(in words.Reader, all []tickets.Ticket) []ticketCard {
	var shown []ticketCard
	for i := range all {
		t := &all[i]
		shown = append(shown, ticketCard{
			Number: t.Number, Title: t.Title, Status: requesterStatus(in, t.Status), Updated: t.UpdatedAt,
		})
	}
	return shown
}

// requesterStatus is a status in the requester's words.
func requesterStatus(in words.Reader, s tickets.Status) statusLabel {
	switch s {
	case tickets.StatusPending:
		return statusLabel{Key: "waiting", Text: in.T("Waiting for you")}
	case tickets.StatusOnHold:
		return statusLabel{Key: "open", Text: in.T("On hold")}
	case tickets.StatusResolved:
		return statusLabel{Key: "done", Text: in.T("Solved")}
	case tickets.StatusClosed:
		return statusLabel{Key: "done", Text: in.T("Closed")}
	case tickets.StatusNew, tickets.StatusOpen:
	}
	return statusLabel{Key: "open", Text: in.T("We are on it")}
}

// statusFor is a ticket's status in the words of whoever reads it: what waits for its requester does not wait for their colleagues.
func statusFor(in words.Reader, c caller, t *tickets.Ticket) statusLabel {
	label := requesterStatus(in, t.Status)
	if t.Status == tickets.StatusPending && !t.OwnedBy(c.actor()) {
		label.Text = in.T("Waiting for a reply")
	}
	return label
}

// shows are the filters of the requester's list.
var shows = []show{
	{"all", words.Key("All"), nil},
	{"open", words.Key("Not solved yet"), append(waitingStatuses[:1:1], openStatuses...)},
	{"solved", words.Key("Solved"), doneStatuses},
}

type show struct {
	name, text string
	statuses   []tickets.Status
}

// address is that of the list's beginning, for whose requests, what is shown and what is looked for.
func address(r *http.Request, of, show, text string) string {
	query := url.Values{}
	for name, value := range map[string]string{"of": of, "show": show, "q": text} {
		if value != "" && value != shows[0].name {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + query.Encode()
}

// ofOrganization is what the address of the list of the requester's whole organization says, in the field "of".
const ofOrganization = "organization"

func (s *Server) ticketsPage(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	view := &ticketsView{frame: s.ownFrame(r, "My requests", "tickets"), Query: strings.TrimSpace(values.Get("q"))}
	query := tickets.Query{Text: view.Query, Cursor: values.Get("cursor")}
	company, err := s.desk.Organization(r.Context(), callerOf(r).tenant, callerOf(r).actor())
	if err != nil {
		return err
	}
	if view.Company = company != "" && values.Get("of") == ofOrganization; view.Company {
		view.ScopeName, query.OrganizationIs, view.Title = ofOrganization, company, view.T("My organization’s requests")
		// Of so many, words are soon found among those that somebody has touched of late.
		query.Sort = tickets.UpdatedDesc
	}
	chosen := max(slices.IndexFunc(shows, func(o show) bool { return o.name == values.Get("show") }), 0)
	query.Status = shows[chosen].statuses
	for i, o := range shows {
		view.Shows = append(view.Shows, option{Value: address(r, view.ScopeName, o.name, view.Query), Text: view.T(o.text), Selected: i == chosen})
	}
	if chosen > 0 {
		view.Show = shows[chosen].name
	}
	if company != "" {
		view.Scopes = []option{
			{Value: address(r, "", view.Show, view.Query), Text: view.T("Mine|requests"), Selected: !view.Company},
			{Value: address(r, ofOrganization, view.Show, view.Query), Text: company, Selected: view.Company},
		}
	}
	page, err := s.own(r, query)
	if err != nil {
		return err
	}
	view.Cards = cards(view.Reader, page.Tickets)
	for i := range view.Cards {
		if t := &page.Tickets[i]; view.Company {
			view.Cards[i].Of = t.Requester.Name
			view.Cards[i].Status = statusFor(view.Reader, callerOf(r), t)
		}
	}
	view.Next = nextPage(r, page.Next)
	if query.Cursor != "" {
		view.Newest = address(r, view.ScopeName, view.Show, view.Query)
	}
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
	view := &createView{
		frame: s.ownFrame(r, "New request", "create"), Form: form, Files: s.filesField(r, form.Files, wrong), Errors: wrong,
	}
	view.Confirms = c.Level == auth.Asserted && c.tenant.Settings.Unsigned == tenant.UnsignedConfirm
	view.Codes = s.doors.Confirmations.Ready()
	if view.ReadBy, err = s.desk.Organization(r.Context(), c.tenant, c.actor()); err != nil {
		return err
	}
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
	in, err := s.readMessage(w, r)
	if err != nil {
		return err
	}
	form := createForm{
		Title: in.Get("title"), Description: in.Get("description"), Category: in.Get("category_id"), Key: in.Get("key"), Files: in.files,
	}
	if in.wrong != nil {
		return s.renderCreate(w, r, http.StatusUnprocessableEntity, form, fieldErrors{"files": in.wrong})
	}
	return s.file(w, r, form)
}

// file files a request. Where the tenant wants the address confirmed first, the request waits for the code.
func (s *Server) file(w http.ResponseWriter, r *http.Request, form createForm) error {
	if err := s.mayFile(r); err != nil {
		if sentence, often := s.tooMuch(w, r, err); often {
			return s.renderCreate(w, r, http.StatusTooManyRequests, form, fieldErrors{"description": {sentence}})
		}
		return err
	}
	c := callerOf(r)
	opened, err := s.desk.Open(r.Context(), c.tenant, c.actor(), tickets.Draft{
		Title: form.Title, Description: form.Description, CategoryID: form.Category, Files: idsOf(form.Files),
		Idempotency: once(form.Key, form.Title, form.Description, form.Category, contentOf(form.Files)),
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
	promiseReceipt(w, opened.Ticket.Number)
	return seeOther(w, tenant.VisitFrom(r.Context()), ticketPath(opened.Ticket.Number))
}

// TicketPage says where in a tenant's portal the ticket with a number is.
func TicketPage(d *tenant.Directory) func(*tenant.Tenant, uint64) string {
	return func(tn *tenant.Tenant, number uint64) string { return d.PortalURL(tn) + ticketPath(number) }
}

func ticketPath(number uint64) string { return "/tickets/" + strconv.FormatUint(number, 10) }
