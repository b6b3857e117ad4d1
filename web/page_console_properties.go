package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// customField is what the names of the custom fields begin with in the form of properties.
const customField = "field."

// propertiesOf are a ticket's properties as the form has them, by the names of its fields.
func propertiesOf(t *tickets.Ticket) map[string]string {
	p := map[string]string{
		"status": string(t.Status), "priority": string(t.Priority), "category": t.CategoryID, "assignee": "", "tags": strings.Join(t.Tags, ", "),
	}
	if t.Assignee != nil {
		p["assignee"] = t.Assignee.ID
	}
	for name, value := range t.CustomFields {
		p[customField+name] = fmt.Sprint(value)
	}
	return p
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// edit is what an agent did to a form of properties: what the form showed, and what it is to be. A property that stands in
// none of both is left alone.
type edit struct {
	was, mine map[string]string
	// theirs are the properties where the agent wants what a colleague has made of them.
	theirs map[string]bool
	// version is the ticket's that the form showed.
	version uint64
}

// readEdit reads the form: the values, what they were ("was."), and what the agent chose where a colleague was faster
// ("choose."). A new custom field has its name and its value in two fields of their own.
func readEdit(values url.Values) edit {
	e := edit{was: map[string]string{}, mine: map[string]string{}, theirs: map[string]bool{}}
	for name := range values {
		value := values.Get(name)
		if rest, ok := strings.CutPrefix(name, "was."); ok {
			e.was[rest] = value
		} else if rest, ok := strings.CutPrefix(name, "choose."); ok {
			e.theirs[rest] = value == "theirs"
		} else if property(name) {
			e.mine[name] = strings.TrimSpace(value)
		}
	}
	if name := strings.TrimSpace(values.Get("new_name")); name != "" {
		e.mine[customField+name] = strings.TrimSpace(values.Get("new_value"))
	}
	e.version, _ = strconv.ParseUint(values.Get("version"), 10, 64)
	return e
}

func property(name string) bool {
	return slices.Contains([]string{"status", "priority", "category", "assignee", "tags"}, name) ||
		strings.HasPrefix(name, customField) && len(name) > len(customField)
}

// wanted are the properties that the agent changed, and still wants so.
func (e *edit) wanted() map[string]string {
	wanted := map[string]string{}
	for name, value := range e.mine {
		if was, shown := e.was[name]; (!shown || was != value) && !e.theirs[name] {
			wanted[name] = value
		}
	}
	return wanted
}

// clashes are the properties that a colleague has changed since to something else than the agent wants. Tags never clash:
// what each added and removed goes together.
func (e *edit) clashes(now map[string]string) []string {
	var names []string
	for name, value := range e.wanted() {
		was, shown := e.was[name]
		if shown && name != "tags" && now[name] != was && now[name] != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// agentProperties takes the form of a ticket's properties. What a colleague has changed meanwhile stays, unless both have
// changed the same: then the agent is asked.
func (s *Server) agentProperties(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	e := readEdit(values)
	switch values.Get("do") {
	case "mine":
		e.mine["assignee"] = callerOf(r).ID
	case "resolve":
		e.mine["status"] = string(tickets.StatusResolved)
	}
	const tries = 3 // in case that somebody is faster each time
	for range tries {
		t, err := s.ticketOf(r)
		if err != nil {
			return err
		}
		now := propertiesOf(t)
		if e.version != t.Version {
			if names := e.clashes(now); len(names) > 0 {
				return s.renderClash(w, r, t, e, names)
			}
		}
		err = s.saveEdit(r, t, e, now)
		if errors.Is(err, tickets.ErrVersionConflict) {
			continue
		}
		if sentence := explain(err); sentence != nil {
			return s.renderAgentTicket(w, r, problemOf(err).Status, &retry{props: sentence}, e.mine)
		}
		if err != nil {
			return err
		}
		return toTicket(w, r, t.Number, "", e.done(t.Number, now)...)
	}
	return tickets.ErrVersionConflict
}

// done is what the page is to say after the edit of a ticket whose properties were these.
func (e *edit) done(n uint64, before map[string]string) []string {
	pairs := []string{"done", "saved"}
	if len(e.wanted()) == 0 && len(e.theirs) > 0 {
		pairs[1] = "theirs"
	}
	if status := e.wanted()["status"]; status != "" && status != before["status"] {
		pairs = append(pairs, turned, strconv.FormatUint(n, 10))
	}
	return pairs
}

// saveEdit changes the ticket as the agent wants.
func (s *Server) saveEdit(r *http.Request, t *tickets.Ticket, e edit, now map[string]string) error {
	change := tickets.Change{IfVersion: t.Version}
	fields := map[string]any{}
	for name, value := range e.wanted() {
		if now[name] == value && name != "tags" {
			continue
		}
		switch name {
		case "status":
			change.Status = tickets.Set(tickets.Status(value))
		case "priority":
			change.Priority = tickets.Set(tickets.Priority(value))
		case "category":
			change.CategoryID = tickets.Set(value)
		case "assignee":
			p, err := s.member(r, value)
			if err != nil {
				return err
			}
			change.Assignee = orClear(p)
		case "tags":
			change.AddTags, change.RemoveTags = tagChanges(e.was["tags"], value)
		default:
			field := strings.TrimPrefix(name, customField)
			fields[field] = likeBefore(t.CustomFields[field], value)
		}
	}
	if len(fields) > 0 {
		change.CustomFields = tickets.Set(fields)
	}
	c := callerOf(r)
	_, err := s.desk.Update(r.Context(), c.tenant, c.actor(), t.Ref(), change)
	return err
}

// orClear is nobody for nil.
func orClear(p *tickets.Person) tickets.Optional[tickets.Person] {
	if p == nil {
		return tickets.Clear[tickets.Person]()
	}
	return tickets.Set(*p)
}

// splitTags are the tags in a text, one more than a ticket can have at most: there are commas between them.
func splitTags(text string) []string {
	var all []string
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" && len(all) <= tickets.MaxTags && !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	return all
}

// tagChanges are the tags that were added to a text, and those that were taken out of it.
func tagChanges(was, is string) (added, removed []string) {
	before, after := splitTags(was), splitTags(is)
	added = slices.DeleteFunc(slices.Clone(after), func(tag string) bool { return slices.Contains(before, tag) })
	removed = slices.DeleteFunc(slices.Clone(before), func(tag string) bool { return slices.Contains(after, tag) })
	return added, removed
}

// likeBefore is a custom field's value as the kind of value that it was: a number stays one as long as it can be read as one.
// Empty is no value.
func likeBefore(was any, text string) any {
	if text == "" {
		return nil
	}
	switch was.(type) {
	case bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case int64, uint64, float64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return text
}

// renderClash asks which of two changes is to stand.
func (s *Server) renderClash(w http.ResponseWriter, r *http.Request, t *tickets.Ticket, e edit, names []string) error {
	v := s.conflict(r, t, words.Key("Changed at the same time"))
	v.Action = v.Href(standOf(r).ticket(t.Number, "/properties"))
	c := callerOf(r)
	last, err := s.desk.LastActivity(r.Context(), c.tenant, c.actor(), t.Ref(), "", 1)
	if err != nil {
		return err
	}
	for _, a := range last.Activities {
		v.Who, v.Since = cmp.Or(a.Actor.Name, a.Actor.Email, v.T("Somebody")), a.CreatedAt
	}
	now, wanted := propertiesOf(t), e.wanted()
	for _, name := range names {
		shown, err := s.shownValues(r, v, name, e.was[name], now[name], wanted[name])
		if err != nil {
			return err
		}
		v.Fields = append(v.Fields, clashView{
			Name: name, Label: v.label(name), Base: shown[0], Theirs: shown[1], Mine: shown[2], TheirsRaw: now[name], MineRaw: wanted[name],
		})
	}
	for _, name := range sortedKeys(wanted) {
		if slices.Contains(names, name) {
			continue
		}
		v.Kept = append(v.Kept, fieldView{v.label(name), wanted[name]})
		v.Hidden = append(v.Hidden, fieldView{name, wanted[name]})
		if was, shown := e.was[name]; shown {
			v.Hidden = append(v.Hidden, fieldView{"was." + name, was})
		}
	}
	return s.render(w, r, http.StatusConflict, "conflict", v)
}

// label is the name of a property in the reader's language.
func (v *conflictView) label(name string) string {
	if field, ok := strings.CutPrefix(name, customField); ok {
		return field
	}
	return v.T(propertyWords[name])
}

// shownValues are values of a property as people read them.
func (s *Server) shownValues(r *http.Request, v *conflictView, name string, values ...string) ([]string, error) {
	shown := slices.Clone(values)
	var choices []option
	var err error
	switch name {
	case "status":
		for i, value := range values {
			shown[i] = v.T(statusWords[tickets.Status(value)])
		}
	case "priority":
		choices = priorities(v.Reader, "")
	case "assignee":
		choices, err = s.assignees(r, v.Reader, nil)
	case "category":
		var names map[string]string
		names, err = s.namesOf(r)
		for id, text := range names {
			choices = append(choices, option{Value: id, Text: text})
		}
	}
	for i, value := range values {
		for _, o := range choices {
			if o.Value == value {
				shown[i] = o.Text
			}
		}
		shown[i] = cmp.Or(shown[i], v.T("none"))
	}
	return shown, err
}

// agentTitle gives a ticket another title.
func (s *Server) agentTitle(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	return s.retitle(w, r, values)
}

// retitle gives the ticket another title, unless somebody else has done so since it was shown.
func (s *Server) retitle(w http.ResponseWriter, r *http.Request, values url.Values) error {
	t, err := s.ticketOf(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	title := strings.TrimSpace(values.Get("title"))
	if was := values.Get("was.title"); t.Title != was && t.Title != title {
		v := s.conflict(r, t, words.Key("Changed at the same time"))
		v.Action = v.Href(standOf(r).ticket(t.Number, "/title"))
		v.Fields = []clashView{{Name: "title", Label: v.T("Title"), Base: was, Theirs: t.Title, Mine: title, TheirsRaw: t.Title, MineRaw: title}}
		if values.Get("choose.title") == "theirs" {
			return toTicket(w, r, t.Number, "", "done", "theirs")
		}
		return s.render(w, r, http.StatusConflict, "conflict", v)
	}
	if values.Get("choose.title") == "theirs" {
		return toTicket(w, r, t.Number, "", "done", "theirs")
	}
	_, err = s.desk.Update(r.Context(), c.tenant, c.actor(), t.Ref(), tickets.Change{Title: tickets.Set(title), IfVersion: t.Version})
	if errors.Is(err, tickets.ErrVersionConflict) { // just now; perhaps it was not the title
		return s.retitle(w, r, values)
	}
	if sentence := explain(err); sentence != nil {
		return s.renderAgentTicket(w, r, problemOf(err).Status, &retry{title: sentence}, nil)
	}
	if err != nil {
		return err
	}
	return toTicket(w, r, t.Number, "", "done", "saved")
}

// visitOf is the visit that a request is part of.
func visitOf(r *http.Request) *tenant.Visit { return tenant.VisitFrom(r.Context()) }
