package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// check gathers what is wrong with a rule, and knows what it may name.
type check struct {
	errs   tenant.FieldErrors
	tx     *storage.Tx
	agents []tickets.Person
}

func (c *check) fail(field, format string, args ...any) {
	c.errs.Add(field, fmt.Sprintf(format, args...))
}

// rule brings a rule into the form in which it is kept.
func (c *check) rule(r *Rule) {
	r.Name = tenant.Line(r.Name)
	switch {
	case r.Name == "":
		c.fail("name", "The name field is required.")
	case utf8.RuneCountInString(r.Name) > MaxName || !line(r.Name):
		c.fail("name", "The name field must be a line of at most %d characters.", MaxName)
	}
	if !slices.Contains(Whens(), r.When) {
		c.fail("when", "The when field must be one of %s.", list(Whens()))
	}
	c.wait(r)
	if len(r.If) > MaxConditions {
		c.fail("conditions", "There must not be more than %d conditions.", MaxConditions)
	}
	if len(r.Then) == 0 || len(r.Then) > MaxActions {
		c.fail("actions", "There must be 1 to %d actions.", MaxActions)
	}
	for i := range r.If[:min(len(r.If), MaxConditions)] {
		if reason := c.condition(r.When, &r.If[i]); reason != "" {
			c.fail("conditions", "Condition %d: %s", i+1, reason)
		}
	}
	for i := range r.Then[:min(len(r.Then), MaxActions)] {
		if reason := c.action(&r.Then[i]); reason != "" {
			c.fail("actions", "Action %d: %s", i+1, reason)
		}
	}
}

func (c *check) wait(r *Rule) {
	if r.When != Waiting {
		r.Status, r.Hours = "", 0
		return
	}
	if s := tickets.Status(r.Status); !slices.Contains(tickets.Statuses(), s) || s == tickets.StatusClosed {
		c.fail("status", "The status field must be one of %s.", list(tickets.Statuses()[:5]))
	}
	if r.Hours < 1 || r.Hours > MaxHours {
		c.fail("hours", "The hours field must be a number from 1 to %d.", MaxHours)
	}
}

// condition is why a condition makes no sense, in a sentence.
func (c *check) condition(when When, x *Condition) string {
	x.Value = strings.TrimSpace(x.Value)
	switch {
	case !slices.Contains(Fields(), x.Field):
		return "the field must be one of " + list(Fields()) + "."
	case !slices.Contains(x.Field.Ops(), x.Op):
		return "the comparison must be one of " + list(x.Field.Ops()) + "."
	case x.Value == "":
		return "a value is required."
	case utf8.RuneCountInString(x.Value) > MaxValue || !line(x.Value):
		return fmt.Sprintf("the value must be a line of at most %d characters.", MaxValue)
	case x.Field == Message && when != RequesterReplied && when != AgentReplied:
		return "there is a message only when somebody replied."
	case x.Field == Changed && when != Updated:
		return "something is changed only when the ticket is updated."
	case (x.Field == Custom) != (x.Name != "") || len(x.Name) > tickets.MaxFieldName:
		return "a custom field has a name, and nothing else has."
	}
	return c.conditionValue(x)
}

func (c *check) conditionValue(x *Condition) string {
	switch x.Field {
	case Status:
		return oneOf(x.Value, tickets.Statuses())
	case Priority:
		return oneOf(x.Value, tickets.Priorities())
	case Assurance:
		return oneOf(x.Value, []string{string(tickets.Asserted), string(tickets.Vouched), None})
	case Hours:
		return oneOf(x.Value, []string{"open", "closed"})
	case Changed:
		return oneOf(x.Value, Changes())
	case Stars:
		return oneOf(x.Value, []string{"1", "2", "3", "4", "5"})
	case Category:
		return c.category(x.Value)
	case Assignee:
		return c.agent(x.Value, None)
	case Tag:
		x.Value = strings.ToLower(x.Value)
	case Domain:
		x.Value = strings.ToLower(strings.TrimPrefix(x.Value, "@"))
	}
	return ""
}

// Changes are the fields that Changed may ask for.
func Changes() []string { return []string{"status", "priority", "category", "assignee", "tags"} }

// action is why an action makes no sense, in a sentence.
func (c *check) action(x *Action) string {
	x.Value, x.Text = strings.TrimSpace(x.Value), strings.TrimSpace(x.Text)
	if x.Do != Note && x.Do != Reply && x.Do != Notify {
		x.Text = ""
	} else if x.Text == "" || utf8.RuneCountInString(x.Text) > MaxText || !utf8.ValidString(x.Text) || strings.ContainsRune(x.Text, 0) {
		return fmt.Sprintf("a text of at most %d characters is required.", MaxText)
	}
	switch x.Do {
	case SetStatus:
		return oneOf(x.Value, tickets.Statuses()[1:])
	case SetPriority:
		return oneOf(x.Value, tickets.Priorities())
	case SetCategory:
		return c.category(x.Value)
	case Assign:
		return c.agent(x.Value, None)
	case Notify:
		return c.agent(x.Value, ToAssignee, ToAgents)
	case AddTag, RemoveTag:
		x.Value = strings.ToLower(x.Value)
		if x.Value == "" || utf8.RuneCountInString(x.Value) > tickets.MaxTag || !line(x.Value) || strings.Contains(x.Value, ",") {
			return fmt.Sprintf("a tag of 1 to %d characters without commas is required.", tickets.MaxTag)
		}
		return ""
	case Emit:
		if x.Value == "" || len(x.Value) > 50 || strings.ContainsFunc(x.Value, notInEvent) {
			return "the event's name must have 1 to 50 of a-z, 0-9, _ and -."
		}
		return ""
	case AssignNext, Note, Reply:
		x.Value = ""
		return ""
	}
	return "it must do one of " + list(Dos()) + "."
}

func notInEvent(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

func (c *check) category(id string) string {
	if id == None {
		return ""
	}
	has, err := tickets.HasCategory(c.tx, id)
	if err != nil || !has {
		return "there is no such category."
	}
	return ""
}

func (c *check) agent(id string, words ...string) string {
	if slices.Contains(words, id) || slices.ContainsFunc(c.agents, func(p tickets.Person) bool { return p.ID == id }) {
		return ""
	}
	return "there is no such agent."
}

func oneOf[S ~string](value string, allowed []S) string {
	if slices.Contains(allowed, S(value)) {
		return ""
	}
	return "the value must be one of " + list(allowed) + "."
}

func list[S ~string](values []S) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// line says whether a text is one line.
func line(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) && !strings.ContainsAny(s, "\u2028\u2029")
}

// text is a value of a custom field as people write it.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
