package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// agentTicket shows a ticket beside the list. The word "new" in the number's place is the form for a new one.
func (s *Server) agentTicket(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("number") == "new" {
		return s.newTicketPage(w, r)
	}
	return s.renderAgentTicket(w, r, http.StatusOK, nil, nil)
}

// retry is a form of a ticket that could not be taken: what was typed, and why.
type retry struct {
	answer *answerForm
	title  fieldErrors
	props  fieldErrors
	reply  fieldErrors
}

// renderAgentTicket shows a ticket, with what was typed where that could not be taken. Mine are properties that were not
// taken.
func (s *Server) renderAgentTicket(w http.ResponseWriter, r *http.Request, status int, again *retry, mine map[string]string) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	if again == nil {
		again = &retry{}
	}
	v, err := s.consoleView(r, "")
	if err != nil {
		return err
	}
	v.Title = "#" + strconv.FormatUint(t.Number, 10) + " " + t.Title
	v.Ticket = v.ticket(&t, c)
	v.Ticket.First = v.first(r, &t)
	v.Ticket.Errors = again.title
	for i := range v.List.Rows {
		v.List.Rows[i].Current = v.List.Rows[i].Number == t.Number
	}
	for _, fill := range []func(*http.Request, *consoleView, *tickets.Ticket) error{
		s.fillKin, s.fillThread, s.fillEditor, s.fillProperties, s.fillRequester, s.fillPresent, s.fillActivity,
	} {
		if err := fill(r, v, &t); err != nil {
			return err
		}
	}
	again.show(v.Ticket)
	if f := again.answer; f != nil {
		v.Ticket.Editor.Files = s.filesField(r, f.files, again.reply)
	}
	v.Ticket.Properties.insist(mine)
	return s.render(w, r, status, "console", v)
}

// ticket is what stands in the ticket itself.
func (v *consoleView) ticket(t *tickets.Ticket, c caller) *ticketView {
	at := func(below string, pairs ...string) string { return v.Href(v.Stand.ticket(t.Number, below, pairs...)) }
	x := &ticketView{
		Number: t.Number, Version: t.Version, Subject: t.Title, Status: v.status(t.Status), Opened: t.CreatedAt, Source: t.Source,
		Path: v.Href(consoleTickets + "/" + strconv.FormatUint(t.Number, 10)), Answer: at(""), Change: at("/properties"),
		Rename: at("/title"), Draft: at("/draft"), State: at("/state"), Close: v.Href(v.Stand.at(consoleHome)),
		Merge: v.Href(consoleHome + "/merge"), Find: v.Href(findAddress(t.Number)), History: at("", "history", "1") + "#history",
		Deleted: t.Deleted(), DeletedAt: t.DeletedAt, GoneAt: t.DueAt, Done: t.Status.Category() == "done",
		Mine: t.Assignee != nil && t.Assignee.ID == c.ID, Spam: t.Spam(),
	}
	return x
}

// What of a long thread is shown at once: all of a short one, else its end, and the rest is folded.
const (
	shownUnfolded = 8
	shownAtEnd    = 5
)

// fillThread reads the messages, and what is about to become one.
func (s *Server) fillThread(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	x := v.Ticket
	if t.Deleted() {
		return nil
	}
	c := callerOf(r)
	page, err := s.desk.LastComments(r.Context(), c.tenant, c.actor(), t.Ref(), r.URL.Query().Get("before"), messagesShown)
	if err != nil {
		return err
	}
	from, err := s.origins(r, page.Comments)
	if err != nil {
		return err
	}
	var all []messageView
	for i := range page.Comments {
		m := v.message(r, &page.Comments[i])
		if m.From = from[i]; m.From != nil {
			m.From.URL = v.Href(v.Stand.ticket(m.From.Number, ""))
		}
		if t.MergedInto == "" {
			m.Split = v.Href(v.Stand.ticket(t.Number, "/split", "comment", m.ID))
			if before := r.URL.Query().Get("before"); before != "" {
				m.Split += "&before=" + url.QueryEscape(before)
			}
		}
		all = append(all, m)
	}
	if len(all) > shownUnfolded {
		x.Folded, all = all[:len(all)-shownAtEnd], all[len(all)-shownAtEnd:]
	}
	x.Shown = all
	if page.Next != "" {
		x.Earlier = v.Href(v.Stand.ticket(t.Number, "", "before", page.Next))
	}
	if len(page.Comments) > 0 && r.URL.Query().Get("before") == "" {
		x.Last = page.Comments[len(page.Comments)-1].ID
	}
	held, err := s.desk.HeldIn(r.Context(), c.tenant, c.actor(), t.Ref())
	if err != nil {
		return err
	}
	for i := range held {
		x.Pending = append(x.Pending, v.pending(&held[i], c))
	}
	return nil
}

// first is the ticket's description as agents see it.
func (v *consoleView) first(r *http.Request, t *tickets.Ticket) messageView {
	m := messageView{message: first(r, t)}
	if t.ByNode() {
		m.Author, m.Staff, m.Role = tickets.NodeName, false, v.T("automatic")
	}
	return m
}

// message is a comment as agents see it.
func (v *consoleView) message(r *http.Request, comment *tickets.Comment) messageView {
	m := messageView{message: next(r, comment)}
	switch comment.Author.Role {
	case "api":
		m.Role = v.T("API")
	case "system":
		if comment.Author.Name != "" { // else somebody of the team opened a ticket for nobody
			m.Role = v.T("automatic")
		}
	}
	return m
}

// pending is a reply that is not sent yet.
func (v *consoleView) pending(h *tickets.Held, c caller) messageView {
	m := messageView{
		message: message{ID: h.ID, Author: h.Author.Name, At: h.HeldAt, Body: markdown(h.Body), Staff: true, Own: h.Author.ID == c.ID},
		Due:     h.DueAt,
	}
	if m.Own {
		m.Held = h.ID
	}
	return m
}

// fillEditor fills the form for replies and notes with the agent's draft.
func (s *Server) fillEditor(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	e := &v.Ticket.Editor
	if t.Deleted() {
		return nil
	}
	c := callerOf(r)
	draft, err := s.desk.DraftReply(r.Context(), c.tenant, c.actor(), t.Ref())
	if err != nil && !errors.Is(err, tickets.ErrNotFound) {
		return err
	}
	e.Body, e.Internal, e.Saved, e.Key = draft.Body, draft.Internal, draft.SavedAt, rand.Text()
	if why := returnedSays[draft.Returned]; why != "" {
		e.Returned = v.T(why)
	}
	e.Statuses = []option{{Text: v.T("Leave %s", v.status(t.Status).Text)}}
	if t.Status == tickets.StatusNew { // which it does not stay
		e.Statuses[0].Text = v.T("Open with the reply")
	}
	for _, status := range c.actor().Moves(t.Status) {
		e.Statuses = append(e.Statuses, option{
			Value: string(status), Text: v.status(status).Text, Selected: status == draft.Status,
		})
	}
	e.Tags = strings.Join(draft.Tags, ",")
	files, err := s.desk.Uploads(r.Context(), c.tenant, c.actor(), draft.Files)
	if err != nil {
		return err
	}
	e.Files = s.filesField(r, files, nil)
	replies, err := s.desk.Replies(r.Context(), c.tenant, c.actor())
	for _, reply := range replies {
		e.Replies = append(e.Replies, option{Value: reply.ID, Text: reply.Name})
	}
	return err
}

// returnedSays are the reasons why a reply came back.
var returnedSays = map[tickets.Returned]string{
	tickets.ReturnedDeleted:   words.Key("This reply was not sent: the ticket was deleted meanwhile."),
	tickets.ReturnedMerged:    words.Key("This reply was not sent: its ticket was merged into this one meanwhile. Check that it still fits."),
	tickets.ReturnedSpam:      words.Key("This reply was not sent: the ticket was marked as spam meanwhile."),
	tickets.ReturnedRequester: words.Key("This reply was not sent: the ticket is somebody else's since."),
	tickets.ReturnedRefused:   words.Key("This reply was not sent: it could no longer be written as it is."),
}

// show puts what was typed back into the forms.
func (again *retry) show(x *ticketView) {
	x.Editor.Errors, x.Properties.Errors = again.reply, again.props
	f := again.answer
	if f == nil {
		return
	}
	x.Editor.Body, x.Editor.Internal = f.body, f.internal
	for i := range x.Editor.Statuses {
		o := &x.Editor.Statuses[i]
		o.Selected = o.Value == string(f.status)
	}
}

// fillProperties fills the form of the ticket's properties.
func (s *Server) fillProperties(r *http.Request, v *consoleView, t *tickets.Ticket) (err error) {
	p, c := &v.Ticket.Properties, callerOf(r)
	p.Statuses = []option{{Value: string(t.Status), Text: v.status(t.Status).Text, Selected: true}}
	for _, status := range c.actor().Moves(t.Status) {
		p.Statuses = append(p.Statuses, option{Value: string(status), Text: v.status(status).Text})
	}
	p.Priorities = priorities(v.Reader, t.Priority)
	if p.Assignees, err = s.assignees(r, v.Reader, t.Assignee); err != nil {
		return err
	}
	if p.Categories, err = s.categoryOptions(r, v.Reader, t.CategoryID); err != nil {
		return err
	}
	for _, due := range []struct {
		text string
		at   time.Time
	}{{words.Key("First reply due"), t.FirstResponseDue}, {words.Key("Solution due"), t.ResolveDue}} {
		if !due.at.IsZero() {
			p.Due = append(p.Due, dueView{Text: v.T(due.text), At: due.at, Late: due.at.Before(time.Now())})
		}
	}
	if t.Rating != nil {
		p.Stars, p.Said = t.Rating.Stars, t.Rating.Comment
	}
	was := propertiesOf(t)
	p.Tags = was["tags"]
	for _, name := range sortedKeys(was) {
		if field, ok := strings.CutPrefix(name, customField); ok {
			p.Fields = append(p.Fields, fieldView{Name: field, Value: was[name]})
		}
		p.Was = append(p.Was, fieldView{Name: name, Value: was[name]})
	}
	return nil
}

// insist shows what an agent typed into the properties and could not be taken.
func (p *propertiesView) insist(mine map[string]string) {
	if mine == nil {
		return
	}
	for name, all := range map[string][]option{
		"status": p.Statuses, "priority": p.Priorities, "assignee": p.Assignees, "category": p.Categories,
	} {
		for i := range all {
			all[i].Selected = all[i].Value == mine[name]
		}
	}
	p.Tags = mine["tags"]
	for i := range p.Fields {
		p.Fields[i].Value = mine[customField+p.Fields[i].Name]
	}
}

// categoryOptions are the choices of a select of categories: the active ones, and the present one.
func (s *Server) categoryOptions(r *http.Request, rd words.Reader, present string) ([]option, error) {
	c := callerOf(r)
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return nil, err
	}
	choices := []option{{Value: "", Text: rd.T("none"), Selected: present == ""}}
	for _, one := range all {
		if one.Active || one.ID == present {
			choices = append(choices, option{Value: one.ID, Text: one.Name, Selected: one.ID == present})
		}
	}
	return choices, nil
}

// otherTickets is how many of the requester's other tickets stand beside one.
const otherTickets = 5

// fillRequester says who asks, and what else they have asked for.
func (s *Server) fillRequester(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	panel := &v.Ticket.Requester
	if panel.Nobody = t.Requester == nil; panel.Nobody {
		return nil
	}
	c := callerOf(r)
	panel.Name, panel.Email, panel.ExternalID = t.Requester.Name, t.Requester.Email, t.Requester.ExternalID
	if panel.Organization = t.Organization; panel.Organization != "" {
		q := tickets.Query{Organization: panel.Organization}
		panel.Colleagues = v.Href(stand{Query: q.String()}.at(consoleHome))
	}
	panel.Verified, panel.Disowned = t.Assurance != tickets.Asserted, t.Disowned
	trouble, _, err := s.notifier.Trouble(r.Context(), c.tenant, t.Requester.Email)
	if err != nil {
		return err
	}
	panel.Unreachable = trouble.Reason
	if t.Requester.ID == "" {
		return nil
	}
	if user, err := s.doors.Users.Find(r.Context(), c.tenant, t.Requester.ID); err == nil {
		panel.Name, panel.Email = cmp.Or(user.Name, panel.Name), cmp.Or(user.Email, panel.Email)
		panel.ExternalID = cmp.Or(user.ExternalID, panel.ExternalID)
		if user.Organization != t.Organization {
			panel.Now = user.Organization
		}
		panel.Proven = panel.Verified && !user.VouchedAt.IsZero()
	} else if !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	panel.All = v.Href(stand{Query: "from:" + panel.Email}.at(consoleHome))
	page, err := s.desk.List(r.Context(), c.tenant, c.actor(), tickets.Query{RequesterID: t.Requester.ID, Limit: otherTickets + 1})
	if err != nil {
		return err
	}
	for i := range page.Tickets {
		if page.Tickets[i].Number != t.Number && len(v.Ticket.Other) < otherTickets {
			v.Ticket.Other = append(v.Ticket.Other, v.rowOf(&page.Tickets[i], c))
		}
	}
	return nil
}

// fillPresent says who else looks at the ticket.
func (s *Server) fillPresent(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	if t.Deleted() {
		return nil
	}
	c := callerOf(r)
	others, err := s.desk.Present(r.Context(), c.tenant, c.actor(), t.Ref())
	v.Ticket.Present = presentSentence(v.Reader, others)
	return err
}

// presentSentence names who else looks at a ticket, and who of them writes.
func presentSentence(rd words.Reader, others []tickets.Presence) string {
	var all []string
	for i := range others {
		name := shorten(cmp.Or(others[i].Name, rd.T("A colleague")), 40)
		if others[i].Writes() {
			all = append(all, rd.T("%s is replying", name))
		} else {
			all = append(all, rd.T("%s is looking at this", name))
		}
	}
	return strings.Join(all, " · ")
}

// activityShown is how many entries of the history a page shows.
const activityShown = 100

// fillActivity reads the ticket's history if it was asked for.
func (s *Server) fillActivity(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	if r.URL.Query().Get("history") == "" || t.Deleted() {
		return nil
	}
	c, from := callerOf(r), r.URL.Query().Get("history")
	if from == "1" {
		from = ""
	}
	page, err := s.desk.LastActivity(r.Context(), c.tenant, c.actor(), t.Ref(), from, activityShown)
	if err != nil {
		return err
	}
	names, err := s.namesOf(r)
	if err != nil {
		return err
	}
	for i := range page.Activities {
		v.Ticket.Activity = append(v.Ticket.Activity, v.activity(&page.Activities[i], names))
	}
	if page.Next != "" {
		v.Ticket.OlderActivity = v.Href(v.Stand.ticket(t.Number, "", "history", page.Next)) + "#history"
	}
	return nil
}

// namesOf are the names of categories by their IDs.
func (s *Server) namesOf(r *http.Request) (map[string]string, error) {
	c := callerOf(r)
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	names := map[string]string{}
	for _, one := range all {
		names[one.ID] = one.Name
	}
	return names, err
}

// actionWords say what happened.
var actionWords = map[string]string{
	"created":     words.Key("opened the ticket"),
	"updated":     words.Key("changed the ticket"),
	"commented":   words.Key("wrote"),
	"deleted":     words.Key("deleted the ticket"),
	"restored":    words.Key("restored the ticket"),
	"merged":      words.Key("merged tickets"),
	"split":       words.Key("split off messages"),
	"rated":       words.Key("rated the help"),
	"claimed":     words.Key("says that the ticket is theirs"),
	"disowned":    words.Key("says that the ticket is not theirs"),
	"overdue":     words.Key("noticed that the ticket is overdue"),
	"followed_up": words.Key("continued in another ticket"),
	"closed":      words.Key("closed the ticket"),
}

// activity is an entry of the history in the reader's words.
func (v *consoleView) activity(a *tickets.Activity, names map[string]string) activityView {
	x := activityView{Who: cmp.Or(a.Actor.Name, a.Actor.Email, v.T("Somebody")), At: a.CreatedAt, What: a.Action}
	if says, ok := actionWords[a.Action]; ok {
		x.What = v.T(says)
	}
	if a.Action == "commented" && a.Visibility == tickets.Internal {
		x.What = v.T("wrote a note")
	}
	for _, change := range a.Changes {
		x.Changes = append(x.Changes, v.fieldChange(change, names))
	}
	return x
}

// propertyWords are the names of a ticket's properties.
var propertyWords = map[string]string{
	"status": words.Key("Status"), "priority": words.Key("Priority"), "category": words.Key("Category"), "category_id": words.Key("Category"),
	"assignee": words.Key("Assignee"), "tags": words.Key("Tags"), "title": words.Key("Title"), "requester": words.Key("Requester"),
	"description": words.Key("Description"), "custom_fields": words.Key("Fields"), "external_id": words.Key("External ID"),
}

// fieldChange is one change of a property in the reader's words.
func (v *consoleView) fieldChange(x tickets.FieldChange, names map[string]string) string {
	name := x.Field
	if says, ok := propertyWords[x.Field]; ok {
		name = v.T(says)
	}
	if x.From == "" && x.To == "" {
		return name
	}
	show := func(value string) string {
		switch x.Field {
		case "status":
			if _, known := statusWords[tickets.Status(value)]; known {
				return v.status(tickets.Status(value)).Text
			}
		case "priority":
			if says, known := priorityWords[tickets.Priority(value)]; known {
				return v.T(says)
			}
		case "category_id":
			return cmp.Or(names[value], value, "–")
		}
		return cmp.Or(shorten(value, 80), "–")
	}
	return name + ": " + show(x.From) + " → " + show(x.To)
}
