package tickets

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
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
}

// Follower is told of everything that happens, in the transaction in which it does. It writes rows and does nothing else,
// and an error undoes what happened. It changes nothing of the Happening.
type Follower func(tx *storage.Tx, tn *tenant.Tenant, h *Happening) error

// Rules say what else is to be changed because of something that happened, in the transaction in which it did. They change
// nothing themselves.
type Rules func(tx *storage.Tx, tn *tenant.Tenant, h *Happening) ([]Automatic, error)

// Automatic is a change that a rule makes.
type Automatic struct {
	Rule   string // its name, for people
	Change Change
}

// record is the only place where it is written that something happened: in the ticket's history, among the events, and by
// all followers. Then the rules are asked, and what they want is done in the same transaction; After is the ticket after
// all of it. The event says type, actor, and what changed; the rest is filled in.
func (d *Desk) record(tx *storage.Tx, tn *tenant.Tenant, h Happening) error {
	if err := d.note(tx, tn, &h); err != nil {
		return err
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
// made, as one of a status that the ticket cannot take, is left out.
func (d *Desk) Automate(tx *storage.Tx, tn *tenant.Tenant, t *Ticket, all []Automatic) error {
	for i := range all {
		rule := &all[i]
		by := System("rule: " + rule.Rule)
		old := *t
		if err := rule.Change.allowed(by); err != nil {
			d.leaveOut(tx, tn, rule, &old, err)
			continue
		}
		u, err := d.alter(tx, tn, by, &old, &rule.Change, true)
		if refused(err) {
			d.leaveOut(tx, tn, rule, &old, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("rule %s: %w", rule.Rule, err)
		}
		*t = u.Ticket
	}
	return nil
}

func (d *Desk) leaveOut(tx *storage.Tx, tn *tenant.Tenant, rule *Automatic, t *Ticket, why error) {
	tx.OnCommit(func() {
		d.log.Warn("a rule's change was left out", slog.String("tenant", tn.Slug), slog.String("rule", rule.Rule),
			slog.String("ticket", t.ID), slog.Any("error", why))
	})
}

// refused says whether a change is wrong, and not the store.
func refused(err error) bool {
	_, transition := errors.AsType[*TransitionError](err)
	_, fields := errors.AsType[tenant.FieldErrors](err)
	return transition || fields || errors.Is(err, ErrNotAllowed)
}
