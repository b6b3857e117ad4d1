package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/web/words"
)

// rulesView lists the rules.
type rulesView struct {
	frame

	Done  string
	Rules []ruleRow
	// Full: there may be no more of them.
	Full bool
}

// ruleRow is a rule as a sentence.
type ruleRow struct {
	ID, Name, Sentence   string
	Enabled, First, Last bool
}

// ruleTrial is what a rule would do to a ticket, in sentences.
type ruleTrial struct {
	Fits       bool
	Conditions []heldCondition
	Actions    []string
}

type heldCondition struct {
	Text  string
	Holds bool
}

// ruleNames says rules in the reader's words, with the names of categories and agents.
type ruleNames struct {
	words.Reader

	categories []tickets.Category
	agents     []tickets.Person
}

func (s *Server) ruleNames(r *http.Request) (*ruleNames, error) {
	c := callerOf(r)
	categories, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return nil, err
	}
	agents, err := Team(r.Context(), s.staff, c.tenant)
	return &ruleNames{Reader: s.words(r), categories: categories, agents: agents}, err
}

// ruleWords are what the parts of a rule are called in its form.
var ruleWords = map[string]string{
	"created": words.Key("a ticket is created"), "updated": words.Key("a ticket is changed"),
	"requester_replied": words.Key("the requester replies"), "agent_replied": words.Key("an agent replies"),
	"waiting": words.Key("a status lasts for hours"), "overdue": words.Key("a ticket misses a target"), "rated": words.Key("the requester rates the help"),
	"category": words.Key("Category"), "priority": words.Key("Priority"), "status": words.Key("Status"), "tag": words.Key("Tag"),
	"assignee": words.Key("Assignee"), "title": words.Key("Title"), "description": words.Key("Description"), "message": words.Key("Text of the reply"),
	"requester_domain": words.Key("Domain of the requester’s address"), "assurance": words.Key("Proof of the requester"), "source": words.Key("Way in"),
	"custom_field": words.Key("Custom field"), "business_hours": words.Key("Business hours"), "changed": words.Key("What was changed"), "rating": words.Key("Stars"),
	"is": words.Key("is"), "is_not": words.Key("is not"), "contains": words.Key("contains"), "contains_not": words.Key("does not contain"),
	"set_status": words.Key("Set the status"), "set_priority": words.Key("Set the priority"), "set_category": words.Key("Set the category"),
	"assign": words.Key("Assign it to"), "assign_next": words.Key("Assign the agents in turns"), "add_tag": words.Key("Add the tag"),
	"remove_tag": words.Key("Remove the tag"), "note": words.Key("Write a note for the team"), "reply": words.Key("Reply to the requester"),
	"notify": words.Key("Notify"), "emit": words.Key("Send an event to webhooks"),
	"new": words.Key("New|status"), "open": words.Key("Open|status"), "pending": words.Key("Pending|status"), "on_hold": words.Key("On hold|status"),
	"resolved": words.Key("Resolved|status"), "closed": words.Key("Closed|status"),
}

// ruleSubjects are what the conditions of a rule are about, in a sentence.
var ruleSubjects = map[rule.Field]string{
	rule.Category: words.Key("its category"), rule.Priority: words.Key("its priority"), rule.Status: words.Key("its status"),
	rule.Tag: words.Key("one of its tags"), rule.Assignee: words.Key("its assignee"), rule.Title: words.Key("its title"),
	rule.Description: words.Key("its description"), rule.Message: words.Key("the reply"), rule.Domain: words.Key("the domain of the requester’s address"),
	rule.Assurance: words.Key("the requester’s address"), rule.Source: words.Key("its way in"), rule.Hours: words.Key("the desk"),
	rule.Changed: words.Key("what was changed"), rule.Stars: words.Key("the number of stars"),
}

// rulePriorities are the priorities as a rule's sentence says them.
var rulePriorities = map[tickets.Priority]string{
	tickets.PriorityLow: words.Key("low"), tickets.PriorityMedium: words.Key("medium"), tickets.PriorityHigh: words.Key("high"),
	tickets.PriorityUrgent: words.Key("urgent"),
}

// show is a stored value as people know it, mean the opposite. A name is found in whichever case, an agent also by address.
func (n *ruleNames) show(of, value string) string {
	for _, o := range n.choices(of) {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}

func (n *ruleNames) mean(of, typed string) string {
	typed = strings.TrimSpace(typed)
	choices := n.choices(of)
	for _, same := range []func(o option) bool{
		func(o option) bool { return o.Value == typed }, func(o option) bool { return strings.EqualFold(o.Text, typed) },
	} {
		if i := slices.IndexFunc(choices, same); i >= 0 {
			return choices[i].Value
		}
	}
	for _, p := range n.agents {
		if strings.EqualFold(p.Email, typed) && (of == "assignee" || of == "assign" || of == "notify") {
			return p.ID
		}
	}
	return typed
}

// options are the choices of a select, with the chosen one.
func options[S ~string](n *ruleNames, values []S, chosen S, empty bool) []option {
	var all []option
	if empty {
		all = append(all, option{Text: "–"})
	}
	for _, v := range values {
		all = append(all, option{Value: string(v), Text: n.T(ruleWords[string(v)]), Selected: v == chosen})
	}
	return all
}

// sentence is the rule in plain words.
func (n *ruleNames) sentence(r *rule.Rule) string {
	var b strings.Builder
	b.WriteString(n.occasion(r))
	if len(r.If) > 0 {
		b.WriteString(n.T(", if "))
		join := n.T(" and ")
		if r.Any {
			join = n.T(" or ")
		}
		for i := range r.If {
			if i > 0 {
				b.WriteString(join)
			}
			b.WriteString(n.condition(&r.If[i]))
		}
	}
	b.WriteString(n.T(", then "))
	for i := range r.Then {
		switch {
		case i > 0 && i == len(r.Then)-1:
			b.WriteString(n.T(" and "))
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(n.action(&r.Then[i]))
	}
	b.WriteString(".")
	return b.String()
}

func (n *ruleNames) occasion(r *rule.Rule) string {
	switch r.When {
	case rule.Created:
		return n.T("When a ticket is created")
	case rule.Updated:
		return n.T("When a ticket is changed")
	case rule.RequesterReplied:
		return n.T("When the requester replies")
	case rule.AgentReplied:
		return n.T("When an agent replies")
	case rule.Waiting:
		return n.T("When a ticket has been “%[1]s” for %[2]d hours", n.show("status", r.Status), r.Hours)
	case rule.Overdue:
		return n.T("When a ticket misses a target")
	case rule.Rated:
		return n.T("When the requester rates the help")
	}
	return string(r.When)
}

func (n *ruleNames) condition(c *rule.Condition) string {
	what, value := c.Name, n.show(string(c.Field), c.Value)
	if c.Field != rule.Custom {
		what = n.T(ruleSubjects[c.Field])
	}
	switch c.Op {
	case rule.IsNot:
		return n.T("%[1]s is not “%[2]s”", what, value)
	case rule.Contains:
		return n.T("%[1]s contains “%[2]s”", what, value)
	case rule.ContainsNot:
		return n.T("%[1]s does not contain “%[2]s”", what, value)
	case rule.Is:
	}
	return n.T("%[1]s is “%[2]s”", what, value)
}

func (n *ruleNames) action(x *rule.Action) string {
	value := n.show(string(x.Do), x.Value)
	switch x.Do {
	case rule.SetStatus:
		return n.T("set the status to “%s”", value)
	case rule.SetPriority:
		return n.T("set the priority to “%s”", value)
	case rule.SetCategory:
		return n.T("set the category to “%s”", value)
	case rule.Assign:
		return n.T("assign it to %s", value)
	case rule.AssignNext:
		return n.T("assign it to the agents in turns")
	case rule.AddTag:
		return n.T("add the tag “%s”", value)
	case rule.RemoveTag:
		return n.T("remove the tag “%s”", value)
	case rule.Note:
		return n.T("write a note for the team")
	case rule.Reply:
		return n.T("reply to the requester")
	case rule.Notify:
		return n.T("notify %s", value)
	case rule.Emit:
		return n.T("send the event “%s” to webhooks", value)
	}
	return string(x.Do)
}

// trial says what a rule would do.
func (n *ruleNames) trial(r *rule.Rule, trial rule.Trial) *ruleTrial {
	t := &ruleTrial{Fits: trial.Fits}
	for i := range r.If {
		t.Conditions = append(t.Conditions, heldCondition{n.condition(&r.If[i]), trial.Holds[i]})
	}
	for i := range r.Then {
		t.Actions = append(t.Actions, n.action(&r.Then[i]))
	}
	return t
}
