package tickets

import (
	"errors"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
)

// candidate is a ticket that may be wanted, as far as its source knows it.
type candidate struct {
	id      ulid.ULID
	updated time.Time // zero where only the ticket knows it
	row     *row      // nil where the source has none
	ticket  *Ticket   // nil where it has not been read
	found   bool      // the text is known to be in it
	exact   bool      // it is wanted for sure
	mark    bool      // no ticket at all: only how far the source has come
	cost    int       // rows that were read for it
}

func (c *candidate) set(p place) { c.id, c.updated = p.id, p.at }

// source yields candidates for a filter in the filter's order, after a place.
type source interface {
	candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error]
}

// home is the only index that knows all that the filter wants, by the last change, where there is one: of what is put away,
// and of what somebody has. A requester's filter always has one.
func (f *filter) home() (*meet, bool) {
	of := func(ix listIndex, prefix storage.Key) (*meet, bool) {
		return &meet{groups: [][]lane{{listLane(ix, prefix)}}}, true
	}
	switch {
	case f.shelf == asDeleted:
		return of(byDeletion, nil)
	case !f.staff:
		return of(byOwner, storage.Key(nil).Str(f.owner))
	case f.shelf == asSpam:
		return of(bySpam, nil)
	case f.shelf == asMerged:
		return of(byMerged, nil)
	case f.owner != "":
		return of(byOwner, storage.Key(nil).Str(f.owner))
	}
	return nil, false
}

// search is what the postings are asked for: all words that the ticket or its requester must have.
func (f *filter) search() terms {
	s := slices.Concat(f.terms, f.requester.words, f.organization.terms())
	if f.files {
		s = append(s, term{word: fileMark})
	}
	return s
}

// everything is all of the tenant's tickets that are in lists and have what the indexes know, in the filter's order.
func (f *filter) everything() source {
	switch {
	case f.shelf != inLists || f.owner != "":
		return creation{} // in this order there is nothing better
	case f.byCreation():
		return f.births()
	}
	return f.changes()
}

// changes is everything by the last change.
func (f *filter) changes() *meet {
	m := &meet{exact: f.plain() && !f.created.some()}
	for _, tag := range distinct(f.tags) {
		m.groups = append(m.groups, []lane{listLane(byTag, storage.Key(nil).Str(tag))})
	}
	if f.assigned {
		m.groups = append(m.groups, f.ofAssignees())
	}
	if len(f.categories) > 0 {
		var lanes []lane
		for _, id := range distinct(f.categories) {
			lanes = append(lanes, listLane(byCategory, storage.Key(nil).Str(id)))
		}
		m.groups = append(m.groups, lanes)
	}
	if f.rarePriority() {
		var lanes []lane
		for _, p := range f.priority {
			lanes = append(lanes, listLane(byPriority, storage.Key(nil).Str(string(p))))
		}
		m.groups = append(m.groups, lanes)
	}
	if len(f.ratings) > 0 {
		var lanes []lane
		for _, stars := range f.ratings {
			lanes = append(lanes, listLane(byRating, storage.Key(nil).Str(strconv.Itoa(stars))))
		}
		m.groups = append(m.groups, lanes)
	}
	if len(f.status) > 0 && !f.assigned {
		var lanes []lane
		for _, st := range f.status {
			lanes = append(lanes, listLane(byStatus, storage.Key(nil).Str(string(st))))
		}
		m.groups = append(m.groups, lanes)
	}
	if len(m.groups) == 0 {
		m.groups = append(m.groups, []lane{listLane(byUpdated, nil)})
	}
	return m
}

// ofAssignees is the tickets of the filter's assignees, nobody being one, in the filter's statuses.
func (f *filter) ofAssignees() (lanes []lane) {
	status := f.status
	if len(status) == 0 {
		status = Statuses()
	}
	for _, assignee := range f.assignees {
		for _, st := range status {
			lanes = append(lanes, listLane(byAssignee, storage.Key(nil).Str(assignee).Str(string(st))))
		}
	}
	return lanes
}

// births is everything by creation. What tickets have by no index of that order is asked of the words of which they are made: a
// ticket's tags are among its words.
func (f *filter) births() *meet {
	m := &meet{words: f.search()}
	for _, tag := range f.tags {
		for w := range wordsOf(tag) {
			m.words = append(m.words, term{word: w})
		}
	}
	if f.assigned {
		var lanes []lane
		for _, id := range f.assignees {
			lanes = append(lanes, birthLane(byAssigneeBirth, storage.Key(nil).Str(id)))
		}
		m.groups = append(m.groups, lanes)
	}
	if len(f.categories) > 0 {
		var lanes []lane
		for _, id := range distinct(f.categories) {
			lanes = append(lanes, birthLane(byCategoryBirth, storage.Key(nil).Str(id)))
		}
		m.groups = append(m.groups, lanes)
	}
	if len(f.status) > 0 {
		var lanes []lane
		for _, st := range f.status {
			lanes = append(lanes, birthLane(byStatusBirth, storage.Key(nil).Str(string(st))))
		}
		m.groups = append(m.groups, lanes)
	}
	m.exact = f.plain() && !f.updated.some() && len(m.groups) > 0 && len(m.words) == 0 &&
		len(f.priority) == 0 && len(f.ratings) == 0
	return m
}

// rarePriority says whether the filter wants only priorities that there is an index of.
func (f *filter) rarePriority() bool {
	return len(f.priority) > 0 && !slices.Contains(f.priority, PriorityMedium)
}

// plain says whether the filter asks for nothing but what indexes know: no words, no exceptions.
func (f *filter) plain() bool {
	return !f.worded() && f.requester.any() && f.organization.any() && len(f.notRequesters) == 0 && f.number == 0 && f.external == "" &&
		len(f.notCategories) == 0 && len(f.notAssignees) == 0 && len(f.notTags) == 0 && f.overdue.IsZero() &&
		(len(f.priority) == 0 || f.rarePriority()) && !f.unrated && f.shelf == inLists && f.owner == ""
}

// creation is all tickets in the order of their creation: the table itself.
type creation struct{}

func (creation) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	r := storage.Range{Reverse: f.ascending()}
	if from != nil {
		r.After = newest(nil, from.id)
	}
	r.From, r.To = f.bounds(nil)
	return func(yield func(candidate, error) bool) {
		for t, err := range ticketTable.Scan(tx, r) {
			c := candidate{cost: 1}
			if err == nil {
				rw := rowOf(&t)
				c.id, c.updated, c.row, c.ticket = t.ulid(), t.UpdatedAt, &rw, &t
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// single is the one ticket that the filter's number or external ID names.
type single struct{}

func (single) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		find, key := byNumber, storage.Key(nil).Uint(f.number)
		if f.number == 0 {
			find, key = byExternal, storage.Key(nil).Str(f.external)
		}
		t, err := find.Get(tx, key)
		if f.number == 0 && f.target != "" {
			t, err = ticketTable.Get(tx, newest(nil, parseID(ticketPrefix, f.target)))
		}
		if errors.Is(err, storage.ErrNotFound) {
			return
		}
		if err != nil {
			yield(candidate{}, err)
			return
		}
		rw := rowOf(&t)
		c := candidate{id: t.ulid(), updated: t.UpdatedAt, row: &rw, ticket: &t, cost: 1}
		if from == nil || f.compare(f.place(c.id, c.updated), *from) > 0 {
			yield(c, nil)
		}
	}
}

// lastOf is the greatest ID of a time.
func lastOf(t time.Time) ulid.ULID {
	id := whole(^uint64(0), ^uint64(0))
	if t.Before(time.Unix(0, 0)) {
		return ulid.ULID{}
	}
	if err := id.SetTime(min(ulid.Timestamp(t), ulid.MaxTime())); err != nil {
		return ulid.ULID{}
	}
	return id
}

// pile is candidates that were gathered and sorted.
type pile []candidate

func (p pile) candidates(_ *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		for _, c := range p {
			if from != nil && f.compare(f.place(c.id, c.updated), *from) <= 0 {
				continue
			}
			if c.cost = 0; !yield(c, nil) {
				return
			}
		}
	}
}
