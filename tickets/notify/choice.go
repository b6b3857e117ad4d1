package notify

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// Which says of which tickets a member of staff wants to hear.
type Which string

// Which tickets.
const (
	All  Which = "all"
	Mine Which = "mine" // those that are assigned to the member; of new ones: those of the member's categories
	None Which = "none"
)

// Choice is what a member of staff wants to hear of.
type Choice struct {
	// New tickets; with Mine those in Categories.
	New        Which    `cbor:"1,keyasint"`
	Categories []string `cbor:"2,keyasint,omitempty"`
	// Assigned: somebody else gives the member a ticket.
	Assigned bool `cbor:"3,keyasint,omitempty"`
	// Replies are what requesters write, solve, open again and rate.
	Replies Which `cbor:"4,keyasint"`
	// Notes are what colleagues write, to requesters and among themselves.
	Notes Which `cbor:"5,keyasint"`
	// Mentions: an internal note has the member's name behind an @.
	Mentions bool  `cbor:"6,keyasint,omitempty"`
	Overdue  Which `cbor:"7,keyasint"`
}

// Standard is the choice of who has not chosen.
func Standard() Choice {
	return Choice{New: All, Assigned: true, Replies: Mine, Notes: Mine, Mentions: true, Overdue: Mine}
}

// choiceOf is a choice on disk.
type choiceOf struct {
	Agent  string `cbor:"1,keyasint"`
	Choice Choice `cbor:"2,keyasint"`
}

var choiceTable = storage.NewTable(storage.Declaration[choiceOf]{
	ID: 155, Name: "agents' notifications", Key: func(c *choiceOf) storage.Key { return storage.Key(nil).Str(c.Agent) },
})

func chosen(tx *storage.Tx, agent string) (Choice, error) {
	c, err := choiceTable.Get(tx, storage.Key(nil).Str(agent))
	if errors.Is(err, storage.ErrNotFound) {
		return Standard(), nil
	}
	return c.Choice, err
}

// Choice is what a member of staff has chosen.
func (n *Notifier) Choice(ctx context.Context, tn *tenant.Tenant, agent string) (Choice, error) {
	var c Choice
	err := n.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		c, err = chosen(tx, agent)
		return err
	})
	return c, err
}

// Choose keeps what a member of staff chooses. A tenant.FieldErrors says what cannot be chosen.
func (n *Notifier) Choose(ctx context.Context, tn *tenant.Tenant, agent string, c Choice) error {
	const mostCategories = 200
	wrong := tenant.FieldErrors{}
	for field, w := range map[string]Which{"new": c.New, "replies": c.Replies, "notes": c.Notes, "overdue": c.Overdue} {
		if w != All && w != Mine && w != None {
			wrong[field] = []string{"The selected " + field + " is invalid."}
		}
	}
	if len(c.Categories) > mostCategories {
		wrong["categories"] = []string{"There are too many categories."}
	}
	if err := wrong.Or(); err != nil {
		return err
	}
	slices.Sort(c.Categories)
	c.Categories = slices.Compact(c.Categories)
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		return choiceTable.Put(tx, &choiceOf{Agent: agent, Choice: c})
	})
}

// wants says what of the news a member of staff hears of, and why.
func (c Choice) wants(who *Reader, t *tickets.Ticket, x *news) []What {
	if x.ActorID == who.ID && x.byStaff() {
		return nil
	}
	mine := t.Assignee != nil && t.Assignee.ID == who.ID
	of := func(w Which) bool { return w == All || w == Mine && mine }
	var all []What
	add := func(is bool, w What) {
		if is {
			all = append(all, w)
		}
	}
	if x.Type == tickets.RuleNotify {
		add(c.Mentions && x.calls(who, mine), Mentioned)
		return all
	}
	if x.Type == tickets.TicketCreated {
		add(c.New == All || c.New == Mine && slices.Contains(c.Categories, t.CategoryID), Opened)
	}
	add(c.Assigned && x.Assignee == who.ID && mine, Assigned)
	switch {
	case x.byRequester() && x.Comment != "":
		add(of(c.Replies), Answered)
	case x.byRequester() && x.Type == tickets.TicketUpdated && x.Is != x.Was:
		add(of(c.Replies), Moved)
	case x.Type == tickets.TicketRated:
		add(of(c.Replies), Rated)
	case x.Comment != "":
		called := c.Mentions && mentioned(x.Mentions, who.Email)
		add(called, Mentioned)
		add(!called && of(c.Notes), Noted)
	}
	add(x.Type == tickets.TicketOverdue && of(c.Overdue), Overdue)
	return all
}

// still leaves of what there is to tell a member of staff of a ticket what they want to hear by now, and what concerns them still.
func (c Choice) still(all []What, who *Reader, t *tickets.Ticket) []What {
	mine := t.Assignee != nil && t.Assignee.ID == who.ID
	of := func(w Which) bool { return w == All || w == Mine && mine }
	return slices.DeleteFunc(slices.Clone(all), func(w What) bool {
		switch w {
		case Opened:
			return c.New == None || c.New == Mine && !slices.Contains(c.Categories, t.CategoryID)
		case Assigned:
			return !c.Assigned || !mine
		case Mentioned:
			return !c.Mentions
		case Noted:
			return !of(c.Notes)
		case Overdue:
			return !of(c.Overdue)
		default:
			return !of(c.Replies)
		}
	})
}

// calls says whether a rule has called for a member of staff, whose the ticket may be.
func (x *news) calls(who *Reader, mine bool) bool {
	return x.To == toAgents || x.To == toAssignee && mine || x.To == who.ID
}

// Whom a rule notifies, beside an agent by their ID: see tickets.Notice.
const (
	toAgents   = "agents"
	toAssignee = "assignee"
)

// drop is the choice without one class of letters, or some.
func (c Choice) drop(about Class) Choice {
	for _, one := range about.Each() {
		switch one {
		case AboutNew:
			c.New = None
		case AboutAssigned:
			c.Assigned = false
		case AboutReplies:
			c.Replies = None
		case AboutNotes:
			c.Notes, c.Mentions = None, false
		case AboutOverdue:
			c.Overdue = None
		}
	}
	return c
}
