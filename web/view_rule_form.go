package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
)

// ruleView is the form for a rule.
type ruleView struct {
	frame

	ID, Name        string
	Version         int64
	New, Enabled    bool
	Whens, Statuses []option
	Hours           int
	Any             bool
	// Conditions and Actions are the rows of the form; the spare ones are what a script makes more of: an empty row, and what fits each
	// choice in it.
	Conditions, SpareConditions []conditionRow
	Actions, SpareActions       []actionRow
	// MaxConditions and MaxActions are how many there may be.
	MaxConditions, MaxActions int
	// Tags are suggested where one may be typed.
	Tags []string
	// Ticket is the one that the rule is tried on, Trial what it would do; nil: it was not tried.
	Ticket string
	Trial  *ruleTrial
	Errors fieldErrors
	// Theirs is the rule as somebody has saved it meanwhile, as a sentence.
	Theirs string
}

// conditionRow is a condition with what fits its field.
type conditionRow struct {
	Number      int
	Field       string
	Fields, Ops []option
	Name        string
	fitting
}

// actionRow is an action with what fits what it does.
type actionRow struct {
	Number   int
	Do       string
	Dos      []option
	Text     string
	HasValue bool
	HasText  bool
	fitting
}

// fitting is how a value is given: one of the choices or, without any, as text.
type fitting struct {
	Value   string
	Choices []option
	// Tag: the text is a tag.
	Tag bool
}

// fit is the way to give a value of a field or an action.
func (n *ruleNames) fit(of, value string) fitting {
	f := fitting{Value: value, Tag: slices.Contains([]string{"tag", "add_tag", "remove_tag"}, of)}
	if f.Choices = n.choices(of); len(f.Choices) == 0 {
		return f
	}
	at := slices.IndexFunc(f.Choices, func(o option) bool { return o.Value == value })
	switch {
	case at >= 0:
		f.Choices[at].Selected = true
	case value != "": // it was there once
		f.Choices = append(f.Choices, option{Value: value, Text: n.T("%s (not there any more)", value), Selected: true})
	default:
		f.Choices = append([]option{{Text: "–", Selected: true}}, f.Choices...)
	}
	return f
}

// condition is the row of a condition, empty if it has no field.
func (n *ruleNames) conditionRow(number int, c rule.Condition) conditionRow {
	return conditionRow{
		Number: number, Field: string(c.Field), Fields: options(n, rule.Fields(), c.Field, true), Name: c.Name,
		Ops: options(n, c.Field.Ops(), c.Op, false), fitting: n.fit(string(c.Field), c.Value),
	}
}

// actionRow is the row of an action, empty if it does nothing.
func (n *ruleNames) actionRow(number int, x rule.Action) actionRow {
	return actionRow{
		Number: number, Do: string(x.Do), Dos: options(n, rule.Dos(), x.Do, true), Text: x.Text, fitting: n.fit(string(x.Do), x.Value),
		HasValue: !slices.Contains([]rule.Do{"", rule.AssignNext, rule.Note, rule.Reply}, x.Do),
		HasText:  slices.Contains([]rule.Do{rule.Note, rule.Reply, rule.Notify}, x.Do),
	}
}

// fill puts the rule's rows into the form, and as many empty ones behind them.
func (v *ruleView) fill(n *ruleNames, one *rule.Rule, moreIf, moreThen int) {
	v.MaxConditions, v.MaxActions = rule.MaxConditions, rule.MaxActions
	for i := range one.If {
		v.Conditions = append(v.Conditions, n.conditionRow(i+1, one.If[i]))
	}
	for range min(moreIf, rule.MaxConditions-len(one.If)) {
		v.Conditions = append(v.Conditions, n.conditionRow(len(v.Conditions)+1, rule.Condition{}))
	}
	for i := range one.Then {
		v.Actions = append(v.Actions, n.actionRow(i+1, one.Then[i]))
	}
	for range min(max(moreThen, 1-len(one.Then)), rule.MaxActions-len(one.Then)) {
		v.Actions = append(v.Actions, n.actionRow(len(v.Actions)+1, rule.Action{}))
	}
	v.SpareConditions = append(v.SpareConditions, n.conditionRow(0, rule.Condition{}))
	for _, field := range rule.Fields() {
		v.SpareConditions = append(v.SpareConditions, n.conditionRow(0, rule.Condition{Field: field}))
	}
	v.SpareActions = append(v.SpareActions, n.actionRow(0, rule.Action{}))
	for _, do := range rule.Dos() {
		v.SpareActions = append(v.SpareActions, n.actionRow(0, rule.Action{Do: do}))
	}
}

// read takes the form into a rule. Rows without a choice are left out. Unfit says that a value was given for another field or action than
// the chosen one: without a script, the form learns only now what fits.
func (n *ruleNames) read(one *rule.Rule, values url.Values) (unfit bool) {
	one.Name, one.Enabled, one.Any = values.Get("name"), values.Get("enabled") == "true", values.Get("match") == "any"
	one.When, one.Status = rule.When(values.Get("when")), values.Get("status")
	one.Hours, _ = strconv.Atoi(values.Get("hours")) // what is no number is refused as 0 is
	one.If, one.Then = nil, nil
	dropped := values.Get("do")
	for i := range max(rule.MaxConditions, rule.MaxActions) {
		row := strconv.Itoa(i + 1)
		if field := values.Get("field" + row); field != "" && dropped != "drop-if-"+row && i < rule.MaxConditions {
			c, fits := n.readCondition(rule.Field(field), row, values)
			one.If, unfit = append(one.If, c), unfit || !fits
		}
		if do := values.Get("do" + row); do != "" && dropped != "drop-then-"+row && i < rule.MaxActions {
			x := rule.Action{Do: rule.Do(do), Text: values.Get("text" + row)}
			fits := fitsChoice(values, "did"+row, do)
			if fits {
				x.Value = n.mean(do, values.Get("with"+row))
			}
			one.Then, unfit = append(one.Then, x), unfit || !fits
		}
	}
	return unfit
}

// readCondition takes a row of the form. Not fits: its value was given for another field.
func (n *ruleNames) readCondition(field rule.Field, row string, values url.Values) (c rule.Condition, fits bool) {
	c = rule.Condition{Field: field, Op: rule.Op(values.Get("op" + row))}
	if field == rule.Custom {
		c.Name = strings.TrimSpace(values.Get("custom" + row))
	}
	if ops := field.Ops(); len(ops) > 0 && !slices.Contains(ops, c.Op) { // "is" for a text means that it has the words
		c.Op = nearest(c.Op, ops)
	}
	if fits = fitsChoice(values, "shown"+row, string(field)); fits {
		c.Value = n.mean(string(field), values.Get("value"+row))
	}
	return c, fits
}

// fitsChoice says whether a row was shown for what is chosen in it. A form that does not say so is believed.
func fitsChoice(values url.Values, shown, chosen string) bool {
	all := values[shown]
	return len(all) == 0 || all[0] == chosen
}

// nearest is the comparison that a field has for one that it has not, with the same sense.
func nearest(op rule.Op, ops []rule.Op) rule.Op {
	other := map[rule.Op]rule.Op{rule.Is: rule.Contains, rule.IsNot: rule.ContainsNot, rule.Contains: rule.Is, rule.ContainsNot: rule.IsNot}[op]
	if slices.Contains(ops, other) {
		return other
	}
	return cmp.Or(op, ops[0])
}

// choices are the values that a field or an action has, in the order in which people look for them; none: it is any text.
func (n *ruleNames) choices(of string) (all []option) {
	add := func(value, text string) { all = append(all, option{Value: value, Text: text}) }
	people := func() {
		for _, p := range n.agents {
			add(p.ID, cmp.Or(p.Name, p.Email))
		}
	}
	switch of {
	case "category", "set_category":
		for _, c := range n.categories {
			add(c.ID, c.Name)
		}
		add(rule.None, n.T("none"))
	case "assignee", "assign":
		people()
		add(rule.None, n.T("nobody"))
	case "notify":
		add(rule.ToAssignee, n.T("assignee"))
		add(rule.ToAgents, n.T("all agents"))
		people()
	case "status", "set_status":
		for _, s := range tickets.Statuses() {
			if of == "status" || s != tickets.StatusNew {
				add(string(s), n.T(ruleWords[string(s)]))
			}
		}
	case "priority", "set_priority":
		for _, p := range tickets.Priorities() {
			add(string(p), n.T(rulePriorities[p]))
		}
	default:
		return n.fixed(of)
	}
	return all
}

// fixed are the choices that are the same in every help desk.
func (n *ruleNames) fixed(of string) []option {
	switch of {
	case "assurance":
		return []option{{Value: "asserted", Text: n.T("not verified")}, {Value: "vouched", Text: n.T("verified")}, {Value: rule.None, Text: n.T("none")}}
	case "business_hours":
		return []option{{Value: "open", Text: n.T("open|hours")}, {Value: "closed", Text: n.T("closed|hours")}}
	case "changed":
		return []option{
			{Value: "status", Text: n.T("Status")},
			{Value: "priority", Text: n.T("Priority")},
			{Value: "category", Text: n.T("Category")},
			{Value: "assignee", Text: n.T("Assignee")},
			{Value: "tags", Text: n.T("Tags")},
		}
	case "rating":
		var all []option
		for stars := range tickets.MaxStars {
			one := strconv.Itoa(stars + 1)
			all = append(all, option{Value: one, Text: one})
		}
		return all
	}
	return nil
}
