package rule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
)

// scene is what the conditions of rules are about, and what their actions need, for one change. What takes a while is found
// out when the first rule wants to know it, and once.
type scene struct {
	ticket  *tickets.Ticket
	message string
	changes []tickets.FieldChange
	// open says whether it is business time.
	open func() bool
	// agents are those who may be assigned, by their ID.
	agents func() ([]tickets.Person, error)
	// folded are the texts that conditions look into, as they are compared: no rule changes them.
	folded map[Field]string
}

// text is one of the texts that are looked into, as it is compared.
func (s *scene) text(of Field, text string) string {
	known, has := s.folded[of]
	if !has {
		known = fold(text)
		s.folded[of] = known
	}
	return known
}

// fits says whether the rule's conditions hold, and which of them do.
func (r *Rule) fits(s *scene) (bool, []bool) {
	holds := make([]bool, len(r.If))
	for i := range r.If {
		holds[i] = r.If[i].holds(s)
	}
	if len(holds) == 0 {
		return true, holds
	}
	if r.Any {
		return slices.Contains(holds, true), holds
	}
	return !slices.Contains(holds, false), holds
}

func (c *Condition) holds(s *scene) bool {
	switch c.Op {
	case IsNot:
		return !c.is(s)
	case Contains:
		return c.contains(s)
	case ContainsNot:
		return !c.contains(s)
	}
	return c.is(s)
}

func (c *Condition) is(s *scene) bool {
	t := s.ticket
	switch c.Field {
	case Status:
		return string(t.Status) == c.Value
	case Priority:
		return string(t.Priority) == c.Value
	case Category:
		return orNone(t.CategoryID) == c.Value
	case Tag:
		return slices.Contains(t.Tags, c.Value)
	case Assignee:
		return t.Assignee == nil && c.Value == None || t.Assignee != nil && t.Assignee.ID == c.Value
	case Domain:
		return t.Requester != nil && strings.EqualFold(domainOf(t.Requester.Email), c.Value)
	case Assurance:
		return orNone(string(t.Assurance)) == c.Value
	case Source:
		return strings.EqualFold(t.Source, c.Value)
	case Custom:
		v, has := t.CustomFields[c.Name]
		return has && strings.EqualFold(text(v), c.Value) || !has && c.Value == None
	case Hours:
		return s.open() == (c.Value == "open")
	case Changed:
		return slices.ContainsFunc(s.changes, func(x tickets.FieldChange) bool { return strings.TrimSuffix(x.Field, "_id") == c.Value })
	case Stars:
		return t.Rating != nil && strconv.Itoa(t.Rating.Stars) == c.Value
	}
	return false
}

func (c *Condition) contains(s *scene) bool {
	in := ""
	switch c.Field {
	case Title:
		in = s.text(Title, s.ticket.Title)
	case Description:
		in = s.text(Description, s.ticket.Description)
	case Message:
		in = s.text(Message, s.message)
	case Custom:
		if v, has := s.ticket.CustomFields[c.Name]; has {
			in = fold(text(v))
		}
	}
	return strings.Contains(in, fold(c.Value))
}

func orNone(s string) string {
	if s == "" {
		return None
	}
	return s
}

func domainOf(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// occasions are what a thing that happened is for rules.
func occasions(h *tickets.Happening) (all []When) {
	switch h.Event.Type {
	case tickets.TicketCreated:
		return []When{Created}
	case tickets.TicketOverdue:
		return []When{Overdue}
	case tickets.TicketRated:
		return []When{Rated}
	case tickets.TicketUpdated, tickets.TicketCommented:
	default:
		return nil
	}
	if h.Comment != nil && h.Comment.Visibility == tickets.Public {
		switch h.Event.Actor.Role {
		case "requester":
			all = append(all, RequesterReplied)
		case "agent", "admin", "api":
			all = append(all, AgentReplied)
		}
	}
	if len(h.Event.Changes) > 0 {
		all = append(all, Updated)
	}
	return all
}
