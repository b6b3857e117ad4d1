package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// Rules is for tickets.Config: what the tenant's rules make of something that happened.
func (e *Engine) Rules(tx *storage.Tx, tn *tenant.Tenant, h *tickets.Happening) ([]tickets.Automatic, error) {
	rules, err := e.rules(tx)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	when := occasions(h)
	s := e.scene(tx, tn, h.After)
	s.changes = h.Event.Changes
	if h.Comment != nil {
		s.message = h.Comment.Body
	}
	var all []tickets.Automatic
	for i := range rules {
		r := &rules[i]
		if !r.Enabled || !slices.Contains(when, r.When) {
			continue
		}
		if fits, _ := r.fits(s); !fits {
			continue
		}
		do, err := e.act(tx, tn, r, s, true)
		if err != nil {
			return nil, err
		}
		all = append(all, do...)
	}
	return all, nil
}

// Waits is for tickets.Config: which rules wait for a ticket to keep its status.
func (e *Engine) Waits(tx *storage.Tx, tn *tenant.Tenant, t *tickets.Ticket, at time.Time) (tickets.Waiting, error) {
	var w tickets.Waiting
	rules, err := e.rules(tx)
	if err != nil || len(rules) == 0 {
		return w, err
	}
	s := e.scene(tx, tn, t)
	for i := range rules {
		r := &rules[i]
		if !r.Enabled || r.When != Waiting || r.Status != string(t.Status) || slices.Contains(t.Ran, r.ID) {
			continue
		}
		due := t.StatusSince.Add(time.Duration(r.Hours) * time.Hour)
		switch {
		case due.Before(r.Since): // it was over before there was such a rule
		case at.IsZero() || due.After(at):
			if w.Next.IsZero() || due.Before(w.Next) {
				w.Next = due
			}
		default:
			w.Due = append(w.Due, r.ID)
			if fits, _ := r.fits(s); !fits {
				continue
			}
			do, err := e.act(tx, tn, r, s, true)
			if err != nil {
				return w, err
			}
			w.Do = append(w.Do, do...)
		}
	}
	return w, nil
}

// scene is the ticket, as a copy that rules may change as they go.
func (e *Engine) scene(tx *storage.Tx, tn *tenant.Tenant, t *tickets.Ticket) *scene {
	own := *t
	own.Tags = slices.Clone(t.Tags)
	return &scene{
		ticket: &own, folded: map[Field]string{},
		open: sync.OnceValue(func() bool {
			c, err := tickets.Calendar(tx, tn)
			return err == nil && c.Open(time.Now())
		}),
		agents: sync.OnceValues(func() ([]tickets.Person, error) {
			all, err := e.agents(tx)
			all = slices.Clone(all)
			slices.SortFunc(all, func(a, b tickets.Person) int { return strings.Compare(a.ID, b.ID) })
			return all, err
		}),
	}
}

// act is what the rule does to the ticket. The ticket is changed as it will be, for the rules that come after. With turns,
// it is written down whose turn it was.
func (e *Engine) act(tx *storage.Tx, tn *tenant.Tenant, r *Rule, s *scene, turns bool) ([]tickets.Automatic, error) {
	t := s.ticket
	all := []tickets.Automatic{{Rule: r.Name}}
	for i := range r.Then {
		x := &r.Then[i]
		main := &all[0]
		switch x.Do {
		case Assign, AssignNext:
			p, found, err := s.assignee(tx, r, x, turns)
			if err != nil {
				return nil, err
			}
			if found {
				t.Assignee = p
				main.Change.Assignee = tickets.Set(*p)
			} else if x.Value == None {
				t.Assignee = nil
				main.Change.Assignee = tickets.Clear[tickets.Person]()
			}
		case Note, Reply:
			note := x.note(e, tn, t)
			if main.Change.Comment == nil {
				main.Change.Comment = note
			} else {
				all = append(all, tickets.Automatic{Rule: r.Name, Change: tickets.Change{Comment: note}})
			}
		case Emit:
			main.Notices = append(main.Notices, tickets.Notice{Rule: r.Name, Event: true, To: x.Value})
		case Notify: // by a note of its own, which letters have and the ticket's thread shows
			all = append(all, tickets.Automatic{
				Rule: r.Name, Change: tickets.Change{Comment: x.note(e, tn, t)}, Notices: []tickets.Notice{{Rule: r.Name, To: x.Value, Text: x.Text}},
			})
		default:
			x.set(&main.Change, t)
		}
	}
	return all, nil
}

// note is the text of the action, with its placeholders filled in.
func (x *Action) note(e *Engine, tn *tenant.Tenant, t *tickets.Ticket) *tickets.Note {
	n := &tickets.Note{Visibility: tickets.Internal}
	if x.Do == Reply {
		n.Visibility = tickets.Public
	}
	by := tickets.System(tn.Name)
	n.Body = tickets.Fill(&tickets.Reply{Body: x.Text}, tickets.Filling{Ticket: t, Agent: by, Tenant: tn, URL: e.pageOf(tn, t)})
	return n
}

// pageOf is the address of the ticket in the portal.
func (e *Engine) pageOf(tn *tenant.Tenant, t *tickets.Ticket) string {
	if e.page == nil {
		return ""
	}
	return e.page(tn, t.Number)
}

// set makes an action on a field a part of the change.
func (x *Action) set(c *tickets.Change, t *tickets.Ticket) {
	switch x.Do {
	case SetStatus:
		c.Status = tickets.Set(tickets.Status(x.Value))
		if slices.Contains(tickets.System("").Moves(t.Status), c.Status.Value) {
			t.Status = c.Status.Value
		}
	case SetPriority:
		t.Priority = tickets.Priority(x.Value)
		c.Priority = tickets.Set(t.Priority)
	case SetCategory:
		t.CategoryID = strings.TrimPrefix(x.Value, None)
		c.CategoryID = tickets.Set(t.CategoryID)
	case AddTag:
		c.RemoveTags = without(c.RemoveTags, x.Value)
		c.AddTags = append(c.AddTags, x.Value)
		if !slices.Contains(t.Tags, x.Value) {
			t.Tags = append(t.Tags, x.Value)
		}
	case RemoveTag:
		c.AddTags = without(c.AddTags, x.Value)
		c.RemoveTags = append(c.RemoveTags, x.Value)
		t.Tags = without(t.Tags, x.Value)
	}
}

func without(tags []string, tag string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(o string) bool { return o == tag })
}

// assignee is whom the action assigns, if there is such an agent still.
func (s *scene) assignee(tx *storage.Tx, r *Rule, x *Action, turns bool) (*tickets.Person, bool, error) {
	agents, err := s.agents()
	if err != nil {
		return nil, false, err
	}
	if x.Do == Assign {
		i := slices.IndexFunc(agents, func(p tickets.Person) bool { return p.ID == x.Value })
		if i < 0 {
			return nil, false, nil
		}
		p := agents[i]
		return &p, true, nil
	}
	if len(agents) == 0 {
		return nil, false, nil
	}
	last, err := turnTable.Get(tx, storage.Key(nil).Str(r.ID))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, false, fmt.Errorf("turns of rule %s: %w", r.ID, err)
	}
	i := slices.IndexFunc(agents, func(p tickets.Person) bool { return p.ID > last.Agent })
	next := agents[max(i, 0)]
	if turns {
		err = turnTable.Put(tx, &turn{Rule: r.ID, Agent: next.ID})
	} else {
		err = nil
	}
	return &next, err == nil, err
}
