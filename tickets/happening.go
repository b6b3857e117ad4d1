package tickets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Happening is something that happens in a transaction, with all that those need who follow it.
type Happening struct {
	Event Event
	// Before and After are the ticket; Before is nil for a new one, and both are for what happened to none.
	Before, After *Ticket
	// Comment is the one that came with it, if one did.
	Comment *Comment
	// Action is what the ticket's history calls it; empty: what the event's type says.
	Action string
	// Automatic: the node did it by a rule, of itself. No rule is asked about it.
	Automatic bool
	// Notice is what a RuleNotify has to say.
	Notice *Notice
	// Domain is what became of one of the tenant's own domains, where that is what happened.
	Domain *domain.Event
}

// Notice is something that a rule wants to be known.
type Notice struct {
	Rule string // its name, for people
	// Event: it is for programs, as an event whose name is To. Otherwise To is "assignee", "agents" or an agent's ID.
	Event bool
	To    string
	Text  string
}

// Follower is told of everything that happens, in the transaction in which it does. It writes rows, all of them together at most
// FollowerWrites, and does nothing else, and an error undoes what happened. It changes nothing of the Happening.
type Follower func(tx *storage.Tx, tn *tenant.Tenant, h *Happening) error

// Rules say what else is to be changed because of something that happened, in the transaction in which it did. They change
// nothing themselves.
type Rules func(tx *storage.Tx, tn *tenant.Tenant, h *Happening) ([]Automatic, error)

// Automatic is a change that a rule makes.
type Automatic struct {
	Rule   string // its name, for people
	Change Change
	// Notices are what is to be known after it.
	Notices []Notice
}

// record is the only place where it is written that something happened: in the ticket's history, among the events, and by
// all followers. Then the rules are asked, and what they want is done in the same transaction; After is the ticket after
// all of it. The event says type, actor, and what changed; the rest is filled in.
func (d *Desk) record(tx *storage.Tx, tn *tenant.Tenant, h Happening) error {
	if err := d.note(tx, tn, &h); err != nil {
		return err
	}
	if h.Before != nil && h.Event.Type != TicketOverdue {
		still := *h.After // the change itself has counted what was missed
		if err := d.tellMissed(tx, tn, h.Before.Breached, &still, h.After, h.Automatic); err != nil {
			return err
		}
	}
	if d.rules == nil || h.Automatic || h.After == nil {
		return nil
	}
	all, err := d.rules(tx, tn, &h)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	return d.Automate(tx, tn, h.After, all)
}

// tellMissed writes that a ticket has missed targets beyond those that were known, where nobody had noticed before it
// changed: it was late by less than the time between two looks.
func (d *Desk) tellMissed(tx *storage.Tx, tn *tenant.Tenant, known []Target, before, t *Ticket, automatic bool) error {
	h := Happening{Event: Event{Type: TicketOverdue, Actor: System("targets").author()}, Before: before, After: t, Automatic: automatic}
	for _, target := range t.Breached {
		if !slices.Contains(known, target) {
			h.Event.Changes = append(h.Event.Changes, FieldChange{Field: "breached", To: string(target)})
		}
	}
	if len(h.Event.Changes) == 0 {
		return nil
	}
	return d.record(tx, tn, h)
}

// note writes down one thing that happened.
func (d *Desk) note(tx *storage.Tx, tn *tenant.Tenant, h *Happening) error {
	e := &h.Event
	if t := h.After; t != nil {
		e.TicketID, e.Number, e.Version, e.Owner = t.ID, t.Number, t.Version, t.owner()
		if e.CreatedAt.IsZero() {
			e.CreatedAt = t.UpdatedAt
		}
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = now()
	}
	if h.Comment != nil {
		e.CommentID, e.Visibility = h.Comment.ID, h.Comment.Visibility
	}
	if err := d.remember(tx, h); err != nil {
		return err
	}
	var err error
	if e.Seq, err = eventNumbers.Next(tx); err != nil {
		return err
	}
	e.ID = d.mint.next(eventPrefix, e.CreatedAt)
	if err := eventTable.Put(tx, e); err != nil {
		return err
	}
	if err := d.measured(tx, tn, h); err != nil {
		return fmt.Errorf("measure %s: %w", e.Type, err)
	}
	for _, follow := range d.followers {
		if err := follow(tx, tn, h); err != nil {
			return fmt.Errorf("follow %s: %w", e.Type, err)
		}
	}
	return nil
}

// remember writes the entry of the ticket's history.
func (d *Desk) remember(tx *storage.Tx, h *Happening) error {
	e := &h.Event
	if e.TicketID == "" {
		return nil
	}
	action := h.Action
	if action == "" {
		_, action, _ = strings.Cut(string(e.Type), ".")
	}
	return activityTable.Put(tx, &Activity{
		ID: d.mint.next(activityPrefix, e.CreatedAt), TicketID: e.TicketID, Action: action, Actor: e.Actor, Changes: e.Changes,
		CommentID: e.CommentID, Visibility: e.Visibility, CreatedAt: e.CreatedAt,
	})
}

// Automate makes the changes of rules in a ticket that was read or written in this transaction, each as one of its own, and
// leaves in t what became of it. No rule is asked about them: that is how loops are impossible. A change that cannot be
// made, as one of a status that the ticket cannot take, is left out, and the ticket's history says so.
func (d *Desk) Automate(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, all []Automatic) error {
	for i := range all {
		if !hasRoom(tx, t, ticketWrites+all[i].words(), all[i].size()) {
			return d.leaveOut(tx, &all[i], t, FieldChange{Field: "rules", To: strconv.Itoa(len(all) - i)})
		}
		if err := d.automate(tx, tn, t, &all[i]); err != nil {
			return fmt.Errorf("rule %s: %w", all[i].Rule, err)
		}
	}
	return nil
}

// What a rule's change needs of the room in a transaction, at most. One that would not fit is left out: the change of a person
// that it followed must not be lost because of it.
const (
	ticketWrites = 90
	// FollowerWrites is how many rows followers write of one happening: for each webhook, its delivery and its place in the queue.
	FollowerWrites = 80
	noteWrites     = FollowerWrites + 20 // with what is written in the history, among events and for reports
	roomBytes      = 128 << 10           // for rows, and the words that a ticket is found by
	copies         = 3                   // of a ticket: its row, the message to webhooks, the answer to a request that may come again
)

// hasRoom says whether a transaction has room for something else that happens to a ticket.
func hasRoom(tx *storage.Tx, t *Ticket, writes, size int) bool {
	size += len(t.Title) + len(t.Description) + sizeOf(t.CustomFields)
	left, bytes := tx.Room()
	return left >= writes+noteWrites && bytes >= roomBytes+copies*size
}

// words is about how many words the change adds to those that the ticket is found by.
func (rule *Automatic) words() int {
	const shortest = 3
	return min(rule.size()/shortest, maxWords)
}

// size is how much the change writes.
func (rule *Automatic) size() int {
	if rule.Change.Comment == nil {
		return 0
	}
	return len(rule.Change.Comment.Body)
}

// automate makes one rule's change, as far as it can be made.
func (d *Desk) automate(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, rule *Automatic) error {
	by, c := System("rule: "+rule.Rule), rule.Change
	if err := c.allowed(by); err != nil {
		return d.leaveOut(tx, rule, t, FieldChange{Field: "reason", To: err.Error()})
	}
	old := *t
	u, err := d.alter(tx, tn, by, &old, &c, true)
	if move, ok := errors.AsType[*TransitionError](err); ok {
		if err := d.leaveOut(tx, rule, t, FieldChange{Field: "status", From: string(move.From), To: string(move.To)}); err != nil {
			return err
		}
		c.Status = Optional[Status]{}
		u, err = d.alter(tx, tn, by, &old, &c, true)
	}
	if refused(err) {
		return d.leaveOut(tx, rule, t, FieldChange{Field: "reason", To: err.Error()})
	}
	if err != nil {
		return err
	}
	*t = u.Ticket
	for i := range rule.Notices {
		if !hasRoom(tx, t, 0, rule.size()) {
			return d.leaveOut(tx, rule, t, FieldChange{Field: "notices", To: strconv.Itoa(len(rule.Notices) - i)})
		}
		if err := d.proclaim(tx, tn, t, u.Comment, &rule.Notices[i]); err != nil {
			return err
		}
	}
	return nil
}

// proclaim tells followers what a rule wants to be known, with the note that says why.
func (d *Desk) proclaim(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, c *Comment, n *Notice) error {
	h := Happening{
		Event:  Event{Type: RuleNotify, Actor: System("rule: " + n.Rule).author(), Changes: []FieldChange{{Field: "notify", To: n.To}}, CreatedAt: now()},
		Before: t, After: t, Automatic: true, Notice: n, Comment: c, Action: "notified",
	}
	if n.Event {
		h.Event.Type, h.Event.Changes, h.Action = RuleEmitted, []FieldChange{{Field: "event", To: n.To}}, "emitted"
		h.Notice, h.Comment = nil, nil
	}
	return d.note(tx, tn, &h)
}

// leaveOut writes into the ticket's history what a rule could not do.
func (d *Desk) leaveOut(tx *storage.Tx, rule *Automatic, t *Ticket, what FieldChange) error {
	at := now()
	return activityTable.Put(tx, &Activity{
		ID: d.mint.next(activityPrefix, at), TicketID: t.ID, Action: "left_out", Actor: System("rule: " + rule.Rule).author(),
		Changes: []FieldChange{what}, CreatedAt: at,
	})
}

// refused says whether a change is wrong, and not the store.
func refused(err error) bool {
	_, transition := errors.AsType[*TransitionError](err)
	_, fields := errors.AsType[tenant.FieldErrors](err)
	_, merged := errors.AsType[*MergedError](err)
	return transition || fields || merged || errors.Is(err, ErrNotAllowed)
}
