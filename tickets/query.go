package tickets

import (
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
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

// Sorts are all orders.
func Sorts() []Sort { return []Sort{CreatedAsc, CreatedDesc, UpdatedAsc, UpdatedDesc} }

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
	Overdue       bool // those that have missed a target and wait for it still; for staff
	Sort          Sort
	Limit         int // at most 100; 0: 25
	Cursor        string
	IncludesTotal bool
}

// filter is a checked Query in the name of an actor.
type filter struct {
	status       []Status
	priority     []Priority
	category     string
	assigned     bool // whether assignee counts; it is "" for nobody
	assignee     string
	owner        string // whose tickets; "" is everybody's, for staff only
	tag          string
	tagHash      uint32
	text         string
	terms        terms
	createdAfter time.Time
	updatedAfter time.Time
	deleted      bool
	overdue      time.Time // those whose target ran out by then; zero: all
	staff        bool
	sort         Sort
	reach        reach
}

// filter checks the query. What it gives to a requester always has an owner.
func (q *Query) filter(a Actor, r reach) (*filter, error) {
	if err := q.check(a); err != nil {
		return nil, err
	}
	f := &filter{
		status: sorted(q.Status), priority: sorted(q.Priority), category: q.CategoryID, owner: a.owner(), staff: a.Staff(),
		assigned: q.Assignee != "", assignee: q.Assignee, createdAfter: q.CreatedAfter, updatedAfter: q.UpdatedAfter,
		reach: r, deleted: q.Deleted, text: strings.TrimSpace(q.Text), sort: q.Sort,
	}
	if len(f.status) == len(Statuses()) {
		f.status = nil
	}
	if q.Overdue {
		f.overdue = now()
	}
	switch q.Assignee {
	case AssigneeMe:
		f.assignee = a.person.ID
	case AssigneeNone:
		f.assignee = ""
	}
	if q.RequesterID != "" && f.staff {
		f.owner = owner(Person{ID: q.RequesterID})
	}
	if q.Tag != "" {
		f.tag = strings.ToLower(strings.TrimSpace(q.Tag))
		f.tagHash = tagHash(f.tag)
	}
	if f.text != "" {
		f.terms = parseTerms(f.text)
	}
	if f.sort == "" {
		f.sort = UpdatedDesc
		if f.text != "" {
			f.sort = CreatedDesc
		}
	}
	return f, nil
}

func sorted[S ~string](in []S) []S {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func (q *Query) check(a Actor) error {
	for _, s := range q.Status {
		if !slices.Contains(Statuses(), s) {
			return &QueryError{Param: "status", Reason: "It must be among " + list(Statuses()) + "."}
		}
	}
	for _, p := range q.Priority {
		if !slices.Contains(Priorities(), p) {
			return &QueryError{Param: "priority", Reason: "It must be among " + list(Priorities()) + "."}
		}
	}
	switch {
	case q.Sort != "" && !slices.Contains(Sorts(), q.Sort):
		return &QueryError{Param: "sort", Reason: "It must be one of " + list(Sorts()) + "."}
	case q.Assignee == AssigneeMe && a.kind != KindAgent && a.kind != KindAdmin:
		return &QueryError{Param: "assignee_id", Reason: "Only agents have tickets of their own."}
	case q.Deleted && !a.Staff():
		return &QueryError{Param: "deleted", Reason: "Only staff sees deleted tickets."}
	case q.Overdue && (!a.Staff() || q.Deleted):
		return &QueryError{Param: "overdue", Reason: "Only staff sees what is overdue, and deleted tickets are not."}
	case len(q.Text) > maxQueryText:
		return &QueryError{Param: "q", Reason: "It is too long."}
	case max(len(q.CategoryID), len(q.Assignee), len(q.RequesterID), len(q.Tag)) > maxQueryValue:
		return &QueryError{Param: "category_id, assignee_id, requester_id, tag", Reason: "One of them is too long."}
	}
	return nil
}

const (
	maxQueryText  = 1000 // bytes
	maxQueryValue = 250
)

// empty says whether the filter can have no ticket at all.
func (f *filter) empty(a Actor, q *Query) bool {
	return !a.known() || f.text != "" && len(f.terms) == 0 ||
		!f.staff && q.RequesterID != "" && owner(Person{ID: q.RequesterID}) != f.owner
}

// list is what the filter's cursors are bound to.
func (f *filter) list() storage.Key {
	k := storage.Key(nil).Str("tickets").Str(list(f.status)).Str(list(f.priority)).Str(f.category).Str(f.assignee).Str(f.owner).
		Str(f.tag).Str(f.text).Time(f.createdAfter).Time(f.updatedAfter).Str(string(f.sort))
	for _, b := range []bool{f.assigned, f.deleted, f.staff, !f.overdue.IsZero()} {
		if b {
			k = k.Uint(1)
		} else {
			k = k.Uint(0)
		}
	}
	return k
}

func (f *filter) byCreation() bool { return f.sort == CreatedAsc || f.sort == CreatedDesc }

func (f *filter) ascending() bool { return f.sort == CreatedAsc || f.sort == UpdatedAsc }

// place is where a ticket stands in the list.
func (f *filter) place(id ulid.ULID, updated time.Time) place {
	if f.byCreation() {
		return place{id: id}
	}
	return place{at: updated, id: id}
}

// compare orders places as the list does.
func (f *filter) compare(a, b place) int {
	c := a.at.Compare(b.at)
	if c == 0 {
		c = a.id.Compare(b.id)
	}
	if f.ascending() {
		return c
	}
	return -c
}

// fits says whether a row may be of a ticket that is wanted. It is, but for collisions of tags' hashes and what rows do not
// know: the text.
func (f *filter) fits(c *candidate) bool {
	if !f.createdAfter.IsZero() && int64(c.id.Time()) <= f.createdAfter.UnixMilli() {
		return false
	}
	if c.row == nil {
		return true
	}
	return f.fitsRow(c.row) && (f.updatedAfter.IsZero() || c.updated.After(f.updatedAfter)) &&
		(f.tag == "" || slices.Contains(c.row.Tags, f.tagHash))
}

// certain says whether a candidate that fits is wanted for sure.
func (f *filter) certain(c *candidate) bool {
	return c.row != nil && c.ticket == nil && f.tag == "" && f.text == "" && !f.deleted
}

func (f *filter) fitsRow(r *row) bool {
	return (len(f.status) == 0 || slices.Contains(f.status, r.Status)) &&
		(len(f.priority) == 0 || slices.Contains(f.priority, r.Priority)) &&
		(f.category == "" || f.category == r.Category) &&
		(f.overdue.IsZero() || r.late(f.overdue)) &&
		(!f.assigned || f.assignee == r.Assignee)
}

// takes says whether the ticket is wanted, but for the text.
func (f *filter) takes(t *Ticket) bool {
	r := row{Status: t.Status, Priority: t.Priority, Category: t.CategoryID, Assignee: t.assignee(), Due: dueOf(t)}
	return f.fitsRow(&r) && !t.Purging && t.Deleted() == f.deleted &&
		(f.owner == "" || f.owner == t.owner()) &&
		(f.tag == "" || slices.Contains(t.Tags, f.tag)) &&
		(f.createdAfter.IsZero() || t.CreatedAt.After(f.createdAfter)) &&
		(f.updatedAfter.IsZero() || t.UpdatedAt.After(f.updatedAfter))
}
