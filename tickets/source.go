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
	mark    bool      // no ticket at all: only how far the source has come
	cost    int       // rows that were read for it
}

// source yields candidates for a filter in the filter's order, after a place.
type source interface {
	// order is the one that the source has by itself, newest first.
	order() Sort
	// inOrder says whether it can yield in this order, too.
	inOrder(Sort) bool
	candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error]
}

// options are the sources that know one of the filter's conditions by heart, the one that probably has the fewest first.
// There is at least one; for a requester it is always the index of owners.
func (f *filter) options() []source {
	switch {
	case f.shelf == asDeleted:
		return []source{spans{{index: byDeletion}}}
	case !f.staff:
		return []source{spans{{byOwner, storage.Key(nil).Str(f.owner)}}}
	case f.number != 0 || f.external != "":
		return []source{single{}}
	case f.shelf == asSpam:
		return []source{spans{{index: bySpam}}}
	case f.shelf == asMerged:
		return []source{spans{{index: byMerged}}}
	case f.owner != "":
		return []source{spans{{byOwner, storage.Key(nil).Str(f.owner)}}}
	}
	var options []source
	if s := f.search(); len(s) > 0 {
		options = append(options, s)
	}
	if !f.overdue.IsZero() {
		options = append(options, late{})
	}
	if len(f.ratings) > 0 {
		options = append(options, f.ofRatings())
	}
	for _, tag := range f.tags {
		options = append(options, spans{{byTag, storage.Key(nil).Str(tag)}})
	}
	somebodys := f.assigned && !slices.Contains(f.assignees, "")
	if somebodys {
		options = append(options, f.ofAssignees())
	}
	if len(f.categories) > 0 {
		options = append(options, f.ofCategories())
	}
	if len(f.priority) > 0 && !slices.Contains(f.priority, PriorityMedium) {
		options = append(options, f.ofPriorities())
	}
	if f.assigned && !somebodys {
		options = append(options, f.ofAssignees())
	}
	if len(options) == 0 || len(f.status) > 0 && (!f.assigned || f.byCreation()) {
		options = append(options, f.everything())
	}
	return options
}

// search is what the postings are asked for: all words that the ticket or its requester must have.
func (f *filter) search() search {
	s := search(slices.Concat(f.terms, f.requester.words))
	if f.files {
		s = append(s, term{word: fileMark})
	}
	return s
}

// ofAssignees is the tickets of the filter's assignees, nobody being one.
func (f *filter) ofAssignees() (s spans) {
	status := f.status
	if len(status) == 0 {
		status = Statuses()
	}
	for _, assignee := range f.assignees {
		for _, st := range status {
			s = append(s, span{byAssignee, storage.Key(nil).Str(assignee).Str(string(st))})
		}
	}
	return s
}

// ofCategories is the tickets of the filter's categories.
func (f *filter) ofCategories() (s spans) {
	for _, id := range distinct(f.categories) {
		s = append(s, span{byCategory, storage.Key(nil).Str(id)})
	}
	return s
}

// ofRatings is the tickets with the filter's stars.
func (f *filter) ofRatings() (s spans) {
	for _, stars := range f.ratings {
		s = append(s, span{byRating, storage.Key(nil).Str(strconv.Itoa(stars))})
	}
	return s
}

// ofPriorities is the tickets of the filter's priorities, none of which is medium.
func (f *filter) ofPriorities() (s spans) {
	for _, p := range f.priority {
		s = append(s, span{byPriority, storage.Key(nil).Str(string(p))})
	}
	return s
}

// fewest counts the first rows of each option and takes the shortest, of equals the first.
func (f *filter) fewest(tx *storage.Tx, options []source) (source, error) {
	const enough = 64
	best, least := options[0], enough+1
	for _, s := range options {
		own := *f
		own.sort = s.order()
		n := 0
		for c, err := range s.candidates(tx, &own, nil) {
			if err != nil {
				return nil, err
			}
			if n += max(1, c.cost); n >= enough {
				break
			}
		}
		if n < least {
			best, least = s, n
		}
	}
	return best, nil
}

// everything is all of the tenant's tickets with the filter's statuses, in the filter's order.
func (f *filter) everything() source {
	switch {
	case f.byCreation() && len(f.status) == 0:
		return creation{}
	case f.byCreation():
		return births(f.status)
	case len(f.status) == 0:
		return spans{{index: byUpdated}}
	}
	var s spans
	for _, st := range f.status {
		s = append(s, span{byStatus, storage.Key(nil).Str(string(st))})
	}
	return s
}

// span is a part of a list index.
type span struct {
	index  listIndex
	prefix storage.Key
}

// spans are parts of list indexes that have no ticket in common, taken together by the time of the last change.
type spans []span

func (spans) order() Sort { return UpdatedDesc }

func (spans) inOrder(s Sort) bool { return s == UpdatedDesc || s == UpdatedAsc }

func (s spans) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	if len(s) == 1 {
		return s[0].candidates(tx, f, from)
	}
	parts := make([]iter.Seq2[candidate, error], len(s))
	for i, p := range s {
		parts[i] = p.candidates(tx, f, from)
	}
	return f.merge(parts)
}

func (s span) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	prefix := slices.Clip(s.prefix)
	r := storage.Range{Prefix: prefix, Reverse: f.ascending()}
	if from != nil {
		r.After = newest(prefix.TimeDesc(from.at), from.id)
	}
	if !f.updated.After.IsZero() {
		r.To = prefix.TimeDesc(f.updated.After)
	}
	if !f.updated.Before.IsZero() {
		r.From = prefix.TimeDesc(f.updated.Before.Add(-1))
	}
	return func(yield func(candidate, error) bool) {
		for e, err := range s.index.Scan(tx, r) {
			var c candidate
			if err == nil {
				p := e.Key[len(prefix):].Parts()
				c = candidate{updated: p.TimeDesc(), id: whole(p.Desc(), p.Desc()), row: &e.Row, cost: 1}
				err = p.Err()
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// creation is all tickets in the order of their creation: the table itself.
type creation struct{}

func (creation) order() Sort { return CreatedDesc }

func (creation) inOrder(s Sort) bool { return s == CreatedDesc || s == CreatedAsc }

func (creation) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	r := storage.Range{Reverse: f.ascending()}
	if from != nil {
		r.After = newest(nil, from.id)
	}
	if !f.created.After.IsZero() {
		r.To = newest(nil, lastOf(f.created.After))
	}
	if !f.created.Before.IsZero() {
		r.From = newest(nil, lastOf(f.created.Before.Add(-tick)))
	}
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

// births is the tickets of some statuses in the order of their creation.
type births []Status

func (births) order() Sort { return CreatedDesc }

func (births) inOrder(s Sort) bool { return s == CreatedDesc || s == CreatedAsc }

func (s births) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	parts := make([]iter.Seq2[candidate, error], len(s))
	for i, st := range s {
		parts[i] = st.births(tx, f, from)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return f.merge(parts)
}

func (s Status) births(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	prefix := storage.Key(nil).Str(string(s))
	r := storage.Range{Prefix: prefix, Reverse: f.ascending()}
	if from != nil {
		r.After = newest(slices.Clip(prefix), from.id)
	}
	if !f.created.After.IsZero() {
		r.To = newest(slices.Clip(prefix), lastOf(f.created.After))
	}
	if !f.created.Before.IsZero() {
		r.From = newest(slices.Clip(prefix), lastOf(f.created.Before.Add(-tick)))
	}
	return func(yield func(candidate, error) bool) {
		for e, err := range byStatusBirth.Scan(tx, r) {
			c := candidate{cost: 1}
			if err == nil {
				c.id = refOf(e.Primary).id
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// single is the one ticket that the filter's number or external ID names.
type single struct{}

func (single) order() Sort { return CreatedDesc }

func (single) inOrder(Sort) bool { return true }

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

func (pile) order() Sort { return "" }

func (pile) inOrder(Sort) bool { return true }

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

// merge yields what several sequences have, each of which is in the filter's order, in that order.
func (f *filter) merge(parts []iter.Seq2[candidate, error]) iter.Seq2[candidate, error] {
	before := func(a, b *candidate) bool {
		return f.compare(f.place(a.id, a.updated), f.place(b.id, b.updated)) < 0
	}
	return func(yield func(candidate, error) bool) {
		var heads []*head
		defer func() {
			for _, h := range heads {
				h.stop()
			}
		}()
		for _, p := range parts {
			h := new(head)
			h.next, h.stop = iter.Pull2(p)
			if h.advance() {
				heads = append(heads, h)
			}
		}
		for len(heads) > 0 {
			i := foremost(heads, before)
			h := heads[i]
			if !yield(h.c, h.err) || h.err != nil {
				return
			}
			if !h.advance() {
				heads = slices.Delete(heads, i, i+1)
			}
		}
	}
}

// head is a sequence from its present candidate on.
type head struct {
	c    candidate
	err  error
	next func() (candidate, error, bool)
	stop func()
}

func (h *head) advance() (ok bool) {
	h.c, h.err, ok = h.next()
	return ok
}

// foremost is the index of the head that comes first; one with an error comes before all.
func foremost(heads []*head, before func(a, b *candidate) bool) int {
	first := 0
	for i, h := range heads {
		if h.err != nil {
			return i
		}
		if before(&h.c, &heads[first].c) {
			first = i
		}
	}
	return first
}
