package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
)

const rulesPath = "/agent/settings/rules"

func (s *Server) rulesPage(w http.ResponseWriter, r *http.Request) error {
	all, err := s.rules.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	view := &rulesView{frame: s.settingsFrame(r, "Rules", rulesPath), Done: s.noticeOf(r), Full: len(all) >= rule.MaxRules}
	for i := range all {
		view.Rules = append(view.Rules, ruleRow{
			ID: all[i].ID, Name: all[i].Name, Enabled: all[i].Enabled, Sentence: names.sentence(&all[i]), First: i == 0, Last: i == len(all)-1,
		})
	}
	return s.render(w, r, http.StatusOK, "rules", view)
}

// orderRule takes the buttons beside a rule in the list.
func (s *Server) orderRule(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c, id := callerOf(r), r.PathValue("id")
	all, err := s.rules.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(x rule.Rule) bool { return x.ID == id }) + 1
	switch do := values.Get("do"); do {
	case "up":
		err = s.rules.Move(r.Context(), c.tenant, id, at-1)
	case "down":
		err = s.rules.Move(r.Context(), c.tenant, id, at+1)
	case "on", "off":
		_, err = s.rules.Change(r.Context(), c.tenant, id, func(x *rule.Rule) { x.Enabled = do == "on" })
	case "delete":
		err = s.rules.Remove(r.Context(), c.tenant, id)
	default:
		return malformed("There is no such button.")
	}
	if err != nil {
		return err
	}
	return done(w, r, rulesPath, "saved")
}

// rulePage is the form for one rule, and what the rule would do to a ticket. The rule named "new" is a new one.
func (s *Server) rulePage(w http.ResponseWriter, r *http.Request) error {
	one, err := s.ruleOf(r)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	view := s.ruleView(r, &one, names)
	if ticket := strings.TrimPrefix(strings.TrimSpace(r.URL.Query().Get("ticket")), "#"); ticket != "" && one.ID != "" {
		view.Ticket = ticket
		trial, err := s.try(r, one, ticket)
		if err != nil {
			view.Errors = fieldErrors{"ticket": {"There is no such ticket."}}
		} else {
			view.Trial = names.trial(&one, trial)
		}
	}
	return s.render(w, r, http.StatusOK, "rule", view)
}

func (s *Server) ruleOf(r *http.Request) (rule.Rule, error) {
	if id := r.PathValue("id"); id != "new" {
		return s.rules.Find(r.Context(), callerOf(r).tenant, id)
	}
	return rule.Rule{Enabled: true, When: rule.Created}, nil
}

func (s *Server) saveRule(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	one, err := s.ruleOf(r)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	names.read(&one, values)
	c := callerOf(r)
	if one.ID == "" {
		_, err = s.rules.Add(r.Context(), c.tenant, one)
	} else {
		_, err = s.rules.Change(r.Context(), c.tenant, one.ID, func(x *rule.Rule) { *x = one })
	}
	if wrong := sentences(err); wrong != nil {
		view := s.ruleView(r, &one, names)
		view.Errors = wrong
		return s.render(w, r, http.StatusUnprocessableEntity, "rule", view)
	}
	if err != nil {
		return err
	}
	return done(w, r, rulesPath, "saved")
}

// spareRows is how many empty rows the form offers beyond those that are filled in.
const spareRows = 2

func (s *Server) ruleView(r *http.Request, one *rule.Rule, names *ruleNames) *ruleView {
	title := "New rule"
	if one.ID != "" {
		title = one.Name
	}
	v := &ruleView{
		frame: s.settingsFrame(r, title, rulesPath), ID: cmp.Or(one.ID, "new"), New: one.ID == "", Name: one.Name, Enabled: one.Enabled,
		Hours: cmp.Or(one.Hours, 48), Any: one.Any, Suggestions: names.suggestions(),
		Whens: options(names, rule.Whens(), one.When, false), Statuses: options(names, tickets.Statuses()[:5], tickets.Status(cmp.Or(one.Status, "pending")), false),
	}
	for i := range min(len(one.If)+spareRows, rule.MaxConditions) {
		var c rule.Condition
		if i < len(one.If) {
			c = one.If[i]
		}
		v.Conditions = append(v.Conditions, conditionRow{
			Number: i + 1, Fields: options(names, rule.Fields(), c.Field, true), Ops: options(names, allOps, c.Op, false), Name: c.Name, Value: names.show(string(c.Field), c.Value),
		})
	}
	for i := range min(len(one.Then)+spareRows, rule.MaxActions) {
		var x rule.Action
		if i < len(one.Then) {
			x = one.Then[i]
		}
		v.Actions = append(v.Actions, actionRow{
			Number: i + 1, Dos: options(names, rule.Dos(), x.Do, true), Value: names.show(string(x.Do), x.Value), Text: x.Text,
		})
	}
	return v
}

var allOps = []rule.Op{rule.Is, rule.IsNot, rule.Contains, rule.ContainsNot}

// read takes the form into a rule. Rows without a choice are left out.
func (n *ruleNames) read(one *rule.Rule, values url.Values) {
	one.Name, one.Enabled, one.Any = values.Get("name"), values.Get("enabled") == "true", values.Get("match") == "any"
	one.When, one.Status = rule.When(values.Get("when")), values.Get("status")
	one.Hours, _ = strconv.Atoi(values.Get("hours")) // what is no number is refused as 0 is
	one.If, one.Then = nil, nil
	for i := 1; i <= rule.MaxConditions; i++ {
		row := strconv.Itoa(i)
		field := values.Get("field" + row)
		if field == "" {
			continue
		}
		c := rule.Condition{Field: rule.Field(field), Op: rule.Op(values.Get("op" + row)), Name: strings.TrimSpace(values.Get("custom" + row))}
		if c.Field != rule.Custom {
			c.Name = ""
		}
		if ops := c.Field.Ops(); len(ops) > 0 && !slices.Contains(ops, c.Op) { // "is" for a text means that it has the words
			c.Op = nearest(c.Op, ops)
		}
		c.Value = n.mean(field, values.Get("value"+row))
		one.If = append(one.If, c)
	}
	for i := 1; i <= rule.MaxActions; i++ {
		row := strconv.Itoa(i)
		do := values.Get("do" + row)
		if do == "" {
			continue
		}
		one.Then = append(one.Then, rule.Action{Do: rule.Do(do), Value: n.mean(do, values.Get("with"+row)), Text: values.Get("text" + row)})
	}
}

// nearest is the comparison that a field has for one that it has not, with the same sense.
func nearest(op rule.Op, ops []rule.Op) rule.Op {
	other := map[rule.Op]rule.Op{rule.Is: rule.Contains, rule.IsNot: rule.ContainsNot, rule.Contains: rule.Is, rule.ContainsNot: rule.IsNot}[op]
	if slices.Contains(ops, other) {
		return other
	}
	return op
}
