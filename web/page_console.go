package web

import (
	"crypto/rand"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// agentList shows the tickets of a view or of a search.
func (s *Server) agentList(w http.ResponseWriter, r *http.Request) error {
	return s.renderList(w, r, http.StatusOK, nil)
}

// renderList shows the list of the place, and what is wrong with a form above it.
func (s *Server) renderList(w http.ResponseWriter, r *http.Request, status int, wrong fieldErrors) error {
	v, err := s.consoleView(r, "")
	if err != nil {
		return err
	}
	v.Title = v.List.Name
	if len(v.List.Rows) == 0 && v.List.Query == "" && callerOf(r).Role == auth.RoleAdmin {
		v.Setup = v.Href(startPath)
	}
	v.List.Problems = append(v.List.Problems, v.Say(sentencesOf(wrong))...)
	return s.render(w, r, status, "console", v)
}

// rowOf is a ticket in a list.
func (v *consoleView) rowOf(t *tickets.Ticket, c caller) rowView {
	row := rowView{
		Number: t.Number, Version: t.Version, Title: t.Title, URL: v.Href(v.Stand.ticket(t.Number, "")), Snippet: snippet(t.Description),
		Status: v.status(t.Status), Fresh: t.Status == tickets.StatusNew,
		Requester: v.T("nobody"), Verified: t.Assurance != tickets.Asserted, Disowned: t.Disowned, Updated: t.UpdatedAt, Overdue: t.Overdue(),
		Offers: strings.Join(offers(t, c.actor()), " "),
	}
	if t.Priority != tickets.PriorityMedium {
		row.Priority, row.PriorityT = string(t.Priority), v.T(priorityWords[t.Priority])
	}
	if t.Requester != nil {
		row.Requester = t.Requester.Name
	} else if t.ByNode() {
		row.Requester = tickets.NodeName
	}
	if t.Assignee != nil {
		row.Assignee, row.Mine = t.Assignee.Name, t.Assignee.ID == c.ID
	}
	return row
}

// status is a ticket's status in the reader's language.
func (v *consoleView) status(s tickets.Status) statusLabel {
	return agentStatus(v.Reader, s)
}

// sorts are the orders of the console's lists, the usual one first.
var sorts = []struct {
	sort tickets.Sort
	text string
}{
	{tickets.UpdatedDesc, words.Key("Latest change")},
	{tickets.UpdatedAsc, words.Key("Longest unchanged")},
	{tickets.CreatedDesc, words.Key("Newest")},
	{tickets.CreatedAsc, words.Key("Oldest")},
}

// fillList reads the tickets of the place.
func (s *Server) fillList(r *http.Request, v *consoleView) error {
	c := callerOf(r)
	query, err := s.fillViews(r, v)
	if err != nil {
		return err
	}
	for _, o := range sorts {
		chosen := string(o.sort) == v.Stand.Sort
		if chosen {
			query.Sort = o.sort
		}
		v.List.Sorts = append(v.List.Sorts, option{Value: string(o.sort), Text: v.T(o.text), Selected: chosen})
	}
	query.Cursor = v.Stand.Cursor
	page, err := s.desk.List(r.Context(), c.tenant, c.actor(), query)
	if err != nil {
		return err
	}
	v.explain(page.Problems)
	for i := range page.Tickets {
		v.List.Rows = append(v.List.Rows, v.rowOf(&page.Tickets[i], c))
	}
	if page.Next != "" {
		next := v.Stand
		next.Cursor = page.Next
		v.List.Next = v.Href(next.at(consoleHome))
	}
	if v.Stand.Cursor != "" {
		first := v.Stand
		first.Cursor = ""
		v.List.First = v.Href(first.at(consoleHome))
	}
	return s.fillBulk(r, v)
}

// fillBulk fills the bar for many tickets at once.
func (s *Server) fillBulk(r *http.Request, v *consoleView) (err error) {
	v.List.Assignees, err = s.assignees(r, v.Reader, nil)
	if err != nil {
		return err
	}
	for i := range v.List.Assignees {
		v.List.Assignees[i].Selected = false
	}
	v.List.Assignees[0].Value = tickets.AssigneeNone
	if v.List.Categories, err = s.categoryOptions(r, v.Reader, ""); err != nil {
		return err
	}
	v.List.Categories, v.List.Key = v.List.Categories[1:], rand.Text()
	v.List.Priorities = priorities(v.Reader, "")
	v.fillOffers()
	return nil
}

// shorten cuts a text to so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
