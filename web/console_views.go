package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// builtInViews are the names and the icons of the views that everybody has.
var builtInViews = map[string]struct{ text, icon string }{
	"inbox":      {words.Key("Inbox"), "inbox"},
	"mine":       {words.Key("Mine|view"), "user"},
	"unassigned": {words.Key("Unassigned"), "user-off"},
	"waiting":    {words.Key("Waiting"), "waiting"},
	"overdue":    {words.Key("Overdue"), "alarm"},
	"done":       {words.Key("Done|view"), "done"},
	"all":        {words.Key("All|view"), "list"},
	"spam":       {words.Key("Spam"), "spam"},
}

// The views that a place without a name is: to begin with, and for a search, which looks everywhere.
const (
	firstView = "inbox"
	wholeView = "all"
)

// fillViews shows the views with their counts and returns what the chosen one, or the search, asks for.
func (s *Server) fillViews(r *http.Request, v *consoleView) (tickets.Query, error) {
	c := callerOf(r)
	views, err := s.desk.Views(r.Context(), c.tenant, c.actor())
	if err != nil {
		return tickets.Query{}, err
	}
	chosen := v.Stand.View
	if chosen == "" {
		chosen = firstView
		if v.Stand.Query != "" {
			chosen = wholeView
		}
	}
	var present *tickets.View
	for i := range views {
		view := &views[i]
		tab := v.tab(view)
		if tab.Current = view.ID == chosen; tab.Current {
			present, v.List.Name = view, tab.Name
		}
		v.Views = append(v.Views, tab)
	}
	if present == nil { // the view was removed, or is somebody else's: its name says nothing
		v.Views[0].Current, present, v.List.Name = true, &views[0], v.Views[0].Name
	}
	if !present.BuiltIn && (!present.Shared() || c.Role == auth.RoleAdmin) {
		v.Dropping = v.Href(consoleHome + "/views/" + present.ID)
	}
	query, problems := tickets.ParseSearch(strings.TrimSpace(present.Text + " " + v.Stand.Query))
	query.Sort = present.Sort
	v.List.Query = v.Stand.Query
	if v.Stand.Query != "" {
		v.List.Name = v.T("Search")
		v.Saving = strings.TrimSpace(present.Text + " " + v.Stand.Query)
	}
	v.explain(problems)
	return query, nil
}

// explain says above the list what of a search was not understood.
func (v *consoleView) explain(problems []tickets.Problem) {
	for _, problem := range problems {
		v.List.Problems = append(v.List.Problems, shorten(problem.Text, 60)+": "+v.Reader.Say(problem.Reason))
	}
}

// tab is a view in the list of views.
func (v *consoleView) tab(view *tickets.View) consoleTab {
	tab := consoleTab{Name: view.Name, URL: v.Href(stand{View: view.ID}.at(consoleHome)), Icon: "pin", Saved: !view.BuiltIn, Count: countOf(view)}
	if known, ok := builtInViews[view.ID]; ok && view.BuiltIn {
		tab.Name, tab.Icon = v.T(known.text), known.icon
	} else if view.Shared() {
		tab.Icon = "users"
	}
	return tab
}

// countOf is a view's count as people read it: more than 999 are many.
func countOf(view *tickets.View) string {
	const most = 999
	switch {
	case !view.Counted, view.Count == 0 && !view.More:
		return ""
	case view.Count > most:
		return strconv.Itoa(most) + "+"
	case view.More:
		return strconv.Itoa(view.Count) + "+"
	}
	return strconv.Itoa(view.Count)
}

// saveView keeps the present search as a view.
func (s *Server) saveView(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	change := tickets.ViewChange{
		Name: tickets.Set(values.Get("name")), Text: tickets.Set(values.Get("q")), Shared: tickets.Set(values.Get("shared") == "yes"),
	}
	if sort := values.Get("sort"); sort != "" {
		change.Sort = tickets.Set(tickets.Sort(sort))
	}
	view, err := s.desk.AddView(r.Context(), c.tenant, c.actor(), change)
	if wrong := explain(err); wrong != nil {
		return s.renderList(w, r, problemOf(err).Status, wrong)
	}
	if err != nil {
		return err
	}
	return seeOther(w, visitOf(r), stand{View: view.ID}.at(consoleHome, "done", "view"))
}

// dropView removes a view.
func (s *Server) dropView(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.desk.RemoveView(r.Context(), c.tenant, c.actor(), r.PathValue("id"), 0); err != nil {
		return err
	}
	return seeOther(w, visitOf(r), consoleHome+"?done=no-view")
}

// sentencesOf are all sentences about a form, in the order of its fields' names.
func sentencesOf(wrong fieldErrors) []string {
	var all []string
	for _, name := range sortedKeys(wrong) {
		all = append(all, wrong[name]...)
	}
	return all
}
