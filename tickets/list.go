package tickets

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Sort is the order of a list.
type Sort string

// The orders. The empty one is the newest change first, for a search the newest ticket first.
const (
	CreatedAsc  Sort = "created_at"
	CreatedDesc Sort = "-created_at"
	UpdatedAsc  Sort = "updated_at"
	UpdatedDesc Sort = "-updated_at"
)

// What Query.Assignee may be beside an agent's ID.
const (
	AssigneeMe   = "me"
	AssigneeNone = "none"
)

// Query selects tickets: those that fulfil all that is given. The zero Query is all that the actor sees.
type Query struct {
	Status      []Status // any of them
	Priority    []Priority
	CategoryID  string
	Assignee    string // an agent's ID, AssigneeMe or AssigneeNone
	RequesterID string
	Tag         string
	// Text is searched for: every word must be there, the last one may be the beginning of a word.
	Text          string
	CreatedAfter  time.Time // later than this
	UpdatedAfter  time.Time
	Deleted       bool // the deleted tickets instead of the others; for staff
	Sort          Sort
	Limit         int // at most 100; 0: 25
	Cursor        string
	IncludesTotal bool
}

// Page is a part of a list.
type Page struct {
	Tickets []Ticket
	// HasMore says that the list goes on behind Next. A page may then be shorter than its limit, even empty: so many tickets were
	// looked at that the rest is left for the next call.
	HasMore bool
	Next    string
	// Total is how many tickets the whole list has, if that was asked for; MaxTotal means that many or more.
	Total int
}

// MaxTotal is how far Page.Total counts.
const MaxTotal = 1000

// List returns one page of the tickets that the actor sees. A *QueryError or ErrBadCursor says what is wrong with q.
func (d *Desk) List(ctx context.Context, tn *tenant.Tenant, a Actor, q Query) (Page, error) {
	panic("not yet")
}
