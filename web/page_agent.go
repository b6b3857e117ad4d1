package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
	"github.com/deskgate/deskgate/web/words"
)

// agentView is one of the console's views of the tickets.
type agentView struct {
	name, text string
	query      tickets.Query
}

// agentViews are all views. The first is the one to begin with, the last has everything.
var agentViews = []agentView{
	{"inbox", words.Key("Inbox"), tickets.Query{Status: []tickets.Status{tickets.StatusNew, tickets.StatusOpen}}},
	{"mine", words.Key("Mine"), tickets.Query{
		Assignee: tickets.AssigneeMe,
		Status:   []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending, tickets.StatusOnHold},
	}},
	{"unassigned", words.Key("Unassigned"), tickets.Query{
		Assignee: tickets.AssigneeNone, Status: []tickets.Status{tickets.StatusNew, tickets.StatusOpen},
	}},
	{"waiting", words.Key("Waiting"), tickets.Query{Status: []tickets.Status{tickets.StatusPending, tickets.StatusOnHold}}},
	{"done", words.Key("Done"), tickets.Query{Status: doneStatuses}},
	{"all", words.Key("All"), tickets.Query{}},
}

func (s *Server) agentList(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	view := &agentListView{frame: s.ownFrame(r, "Tickets", "tickets"), Query: strings.TrimSpace(values.Get("q"))}
	chosen := chooseView(values.Get("view"), view.Query != "")
	for i, v := range agentViews {
		view.Views = append(view.Views, agentTab{Name: view.T(v.text), URL: view.at(r, v.name), Current: i == chosen})
	}
	query := agentViews[chosen].query
	query.Text, query.Cursor = view.Query, values.Get("cursor")
	page, err := s.own(r, query)
	if err != nil {
		return err
	}
	for i := range page.Tickets {
		view.Rows = append(view.Rows, rowOf(view.Reader, &page.Tickets[i]))
	}
	view.Next = nextPage(r, page.Next)
	return s.render(w, r, http.StatusOK, "agentlist", view)
}

// chooseView is the place of the view with that name; a search without one looks everywhere.
func chooseView(name string, search bool) int {
	chosen := slices.IndexFunc(agentViews, func(v agentView) bool { return v.name == name })
	if chosen < 0 && search {
		return len(agentViews) - 1
	}
	return max(chosen, 0)
}

// at is the address of one of the console's views.
func (v *agentListView) at(r *http.Request, name string) string {
	return r.URL.EscapedPath() + "?view=" + name
}

func rowOf(in words.Reader, t *tickets.Ticket) agentRow {
	row := agentRow{
		Number: t.Number, Title: t.Title, Status: agentStatus(in, t.Status), Priority: priorityLabel(in, t.Priority),
		Requester: in.T("nobody"), Verified: t.Assurance != tickets.Asserted, Disowned: t.Disowned, Updated: t.UpdatedAt,
	}
	if t.Requester != nil {
		row.Requester = t.Requester.Name
	}
	if t.Assignee != nil {
		row.Assignee = t.Assignee.Name
	}
	return row
}

// agentStatus is a status in the words of the team.
func agentStatus(in words.Reader, s tickets.Status) statusLabel {
	label := statusLabel{Key: s.Category(), Text: string(s)}
	switch s {
	case tickets.StatusNew:
		label.Text = in.T("New")
	case tickets.StatusOpen:
		label.Text = in.T("Open|status")
	case tickets.StatusPending:
		label.Text = in.T("Pending")
	case tickets.StatusOnHold:
		label.Text = in.T("On hold")
	case tickets.StatusResolved:
		label.Text = in.T("Resolved")
	case tickets.StatusClosed:
		label.Text = in.T("Closed")
	}
	return label
}

// priorityLabel is a priority in the words of the team.
func priorityLabel(in words.Reader, p tickets.Priority) statusLabel {
	label := statusLabel{Key: string(p), Text: string(p)}
	switch p {
	case tickets.PriorityLow:
		label.Text = in.T("Low")
	case tickets.PriorityMedium:
		label.Text = in.T("Medium")
	case tickets.PriorityHigh:
		label.Text = in.T("High")
	case tickets.PriorityUrgent:
		label.Text = in.T("Urgent")
	}
	return label
}

// answerForm is what an agent typed.
type answerForm struct {
	body             string
	internal         bool
	status, priority string
	assign           bool
	version          uint64
	key              string
	// files are stored already; wrong says what is the matter with others.
	files []file.Info
	wrong []string
}

func (s *Server) agentTicket(w http.ResponseWriter, r *http.Request) error {
	return s.renderAgentTicket(w, r, http.StatusOK, answerForm{}, nil)
}

func (s *Server) renderAgentTicket(w http.ResponseWriter, r *http.Request, status int, form answerForm, wrong fieldErrors) error {
	c := callerOf(r)
	t, messages, err := s.thread(r, "/agent")
	if err != nil {
		return err
	}
	view := &agentTicketView{
		frame: s.ownFrame(r, t.Title, "tickets"), Number: t.Number, Subject: t.Title, Version: t.Version,
		Category: s.categoryName(r, t.CategoryID), Tags: t.Tags,
		Verified: t.Assurance != tickets.Asserted, Disowned: t.Disowned, Opened: t.CreatedAt, Messages: messages,
		Files: s.filesField(r, form.files, wrong),
		Reply: form.body, Internal: form.internal, Assign: form.assign, Errors: wrong, Key: rand.Text(),
	}
	view.Status, view.Priority, view.Requester = agentStatus(view.Reader, t.Status), priorityLabel(view.Reader, t.Priority), view.T("nobody")
	if t.Requester != nil {
		view.Requester, view.RequesterEmail = t.Requester.Name, t.Requester.Email
	}
	if t.Assignee != nil {
		view.Assignee, view.Mine = t.Assignee.Name, t.Assignee.ID == c.ID
	}
	for _, status := range append([]tickets.Status{t.Status}, c.actor().Moves(t.Status)...) {
		view.Statuses = append(view.Statuses, option{
			Value: string(status), Text: agentStatus(view.Reader, status).Text, Selected: string(status) == form.status,
		})
	}
	for _, priority := range tickets.Priorities() {
		view.Priorities = append(view.Priorities, option{
			Value: string(priority), Text: priorityLabel(view.Reader, priority).Text, Selected: string(priority) == cmp.Or(form.priority, string(t.Priority)),
		})
	}
	return s.render(w, r, status, "agentticket", view)
}

// agentAnswer takes the form below a ticket: an answer, a change, or both at once.
func (s *Server) agentAnswer(w http.ResponseWriter, r *http.Request) error {
	form, err := s.readAnswer(w, r)
	if err != nil {
		return err
	}
	if form.wrong != nil {
		return s.renderAgentTicket(w, r, http.StatusUnprocessableEntity, form, fieldErrors{"files": form.wrong})
	}
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	change, changes := form.change(&t, c)
	if changes {
		_, err = s.desk.Update(r.Context(), c.tenant, c.actor(), ref, change)
	}
	if sentence := explain(err); sentence != nil {
		return s.renderAgentTicket(w, r, problemOf(err).Status, form, sentence)
	}
	if err != nil {
		return err
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), "/agent/tickets/"+strconv.FormatUint(t.Number, 10))
}

func (s *Server) readAnswer(w http.ResponseWriter, r *http.Request) (answerForm, error) {
	values, err := s.readMessage(w, r)
	if err != nil {
		return answerForm{}, err
	}
	form := answerForm{
		body: values.Get("body"), internal: values.Get("visibility") == string(tickets.Internal),
		status: values.Get("status"), priority: values.Get("priority"), assign: values.Get("assign") == "me",
		key: values.Get("key"), files: values.files, wrong: values.wrong,
	}
	if version := values.Get("version"); version != "" {
		if form.version, err = strconv.ParseUint(version, 10, 64); err != nil {
			return form, malformed("The version is not a number.")
		}
	}
	return form, nil
}

// change is what the form says that is not so already, and whether there is anything.
func (f answerForm) change(t *tickets.Ticket, c caller) (tickets.Change, bool) {
	change, changes := tickets.Change{IfVersion: f.version, Idempotency: f.once()}, false
	if f.status != "" && f.status != string(t.Status) {
		change.Status, changes = tickets.Set(tickets.Status(f.status)), true
	}
	if f.priority != "" && f.priority != string(t.Priority) {
		change.Priority, changes = tickets.Set(tickets.Priority(f.priority)), true
	}
	if f.assign {
		change.Assignee, changes = tickets.Set(c.actor().Person()), true
	}
	if strings.TrimSpace(f.body) != "" || len(f.files) > 0 {
		note := &tickets.Note{Body: f.body, Visibility: tickets.Public, Files: idsOf(f.files)}
		if f.internal {
			note.Visibility = tickets.Internal
		}
		change.Comment, changes = note, true
	}
	return change, changes
}

func (f answerForm) once() *tickets.Idempotency {
	return once(f.key, f.body, f.status, f.priority, strconv.FormatBool(f.internal), strconv.FormatBool(f.assign),
		strconv.FormatUint(f.version, 10), contentOf(f.files))
}

// explain is what to say beside the form about an error that the agent can do something about; nil for all others.
func explain(err error) fieldErrors {
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return fieldErrors(wrong)
	}
	if _, ok := errors.AsType[*tickets.TransitionError](err); ok {
		return fieldErrors{"status": {problemOf(err).Explanation}}
	}
	if errors.Is(err, tickets.ErrVersionConflict) {
		return fieldErrors{"form": {"Somebody has changed this ticket meanwhile. Look at it again, then save once more."}}
	}
	return nil
}
