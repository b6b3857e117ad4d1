package tickets

import (
	"fmt"
	"slices"
	"strings"
)

// Status says where a ticket is in its life.
type Status string

// The statuses.
const (
	StatusNew      Status = "new"
	StatusOpen     Status = "open"
	StatusPending  Status = "pending" // on the requester
	StatusOnHold   Status = "on_hold" // on someone else
	StatusResolved Status = "resolved"
	StatusClosed   Status = "closed"
)

// Statuses are all statuses in the order of a ticket's life.
func Statuses() []Status {
	return []Status{StatusNew, StatusOpen, StatusPending, StatusOnHold, StatusResolved, StatusClosed}
}

// Category is "open", "waiting" or "done".
func (s Status) Category() string {
	switch s {
	case StatusNew, StatusOpen:
		return "open"
	case StatusPending, StatusOnHold:
		return "waiting"
	case StatusResolved, StatusClosed:
		return "done"
	}
	return ""
}

// done says whether nobody has to do anything about the ticket.
func (s Status) done() bool { return s == StatusResolved || s == StatusClosed }

// moves says what somebody may change a status to by choosing it. What happens by itself, as by a reply, is not in it.
var moves = map[Status]struct{ agent, requester []Status }{
	StatusNew:      {agent: []Status{StatusOpen, StatusPending, StatusOnHold, StatusResolved, StatusClosed}},
	StatusOpen:     {agent: []Status{StatusPending, StatusOnHold, StatusResolved, StatusClosed}, requester: []Status{StatusResolved}},
	StatusPending:  {agent: []Status{StatusOnHold, StatusResolved, StatusClosed}, requester: []Status{StatusResolved}},
	StatusOnHold:   {agent: []Status{StatusPending, StatusResolved, StatusClosed}},
	StatusResolved: {requester: []Status{StatusOpen}},
	StatusClosed:   {agent: []Status{StatusOpen}},
}

// Moves are the statuses that the actor may choose for a ticket in status s, in the order of a ticket's life.
func (a Actor) Moves(s Status) []Status {
	if a.Staff() {
		return slices.Clone(moves[s].agent)
	}
	return slices.Clone(moves[s].requester)
}

// TransitionError says that a ticket cannot go from one status to another by this actor's choice.
type TransitionError struct {
	From, To Status
	Allowed  []Status
}

// Error names both statuses and what would be allowed.
func (e *TransitionError) Error() string {
	if len(e.Allowed) == 0 {
		return fmt.Sprintf("a ticket that is %s stays so", e.From)
	}
	names := make([]string, len(e.Allowed))
	for i, s := range e.Allowed {
		names[i] = string(s)
	}
	return fmt.Sprintf("a ticket that is %s cannot become %s, only %s", e.From, e.To, strings.Join(names, ", "))
}
