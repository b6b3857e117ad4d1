package tickets

import (
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
)

// fits says whether a candidate may be wanted, as far as its row tells.
func (f *filter) fits(c *candidate) bool {
	if !f.created.has(born(c.id)) {
		return false
	}
	if c.row == nil {
		return true
	}
	return f.fitsRow(c.row) && f.updated.has(c.updated) && f.onShelf(c.row.Shelf) &&
		!slices.ContainsFunc(f.tagHashes, func(h uint32) bool { return !slices.Contains(c.row.Tags, h) })
}

// born is when the thing with that ID was made.
func born(id ulid.ULID) time.Time { return time.UnixMilli(int64(id.Time())) }

// certain says whether a candidate that fits is wanted for sure: its source or its row knows all that is asked, and hashes of
// tags that tickets must not have are not in it.
func (f *filter) certain(c *candidate) bool {
	if f.company && (f.worded() || !f.requester.any()) {
		return false // the postings know more than colleagues may
	}
	return c.exact || c.row != nil && c.ticket == nil && len(f.tags) == 0 && len(f.terms) == 0 && len(f.notTerms) == 0 &&
		f.requester.any() && f.organization.any() && len(f.notRequesters) == 0 && !f.files && !f.notFiles && f.number == 0 && f.external == "" &&
		f.shelf != asDeleted && (f.shelf == inLists || f.owner == "") &&
		!slices.ContainsFunc(f.notTagHashes, func(h uint32) bool { return slices.Contains(c.row.Tags, h) })
}

func (f *filter) fitsRow(r *row) bool {
	return (len(f.status) == 0 || slices.Contains(f.status, r.Status)) &&
		(len(f.priority) == 0 || slices.Contains(f.priority, r.Priority)) &&
		(len(f.categories) == 0 || slices.Contains(f.categories, r.Category)) &&
		!slices.Contains(f.notCategories, r.Category) &&
		(f.overdue.IsZero() || r.late(f.overdue)) &&
		(len(f.ratings) == 0 || slices.Contains(f.ratings, int(r.Stars))) && (!f.unrated || r.Stars == 0) &&
		(!f.assigned || slices.Contains(f.assignees, r.Assignee)) &&
		!slices.Contains(f.notAssignees, r.Assignee)
}

// onShelf says whether tickets from there are wanted. A ticket that is asked for by its number is wanted wherever it is, and
// requesters do not learn that theirs is taken for spam.
func (f *filter) onShelf(s shelf) bool {
	switch {
	case f.shelf != inLists || s == inLists:
		return s == f.shelf
	case !f.staff:
		return s != asDeleted
	}
	return f.number != 0 && s != asDeleted
}

// takes says whether the ticket is wanted, but for what only its words tell.
func (f *filter) takes(t *Ticket) bool {
	tags, who := t.tagsFor(f.staff), t.Requester
	if f.company {
		tags, who = nil, byName(who)
	}
	r := row{Status: t.Status, Priority: t.Priority, Category: t.CategoryID, Assignee: t.assignee(), Due: dueOf(t), Stars: t.starCount()}
	return f.fitsRow(&r) && !t.Purging && f.onShelf(t.shelf()) &&
		(f.owner == "" || f.owner == t.owner() || f.owner == t.company()) &&
		(f.number == 0 || f.number == t.Number) &&
		(f.external == "" || f.external == t.ExternalID || f.target == t.ID) &&
		f.requester.is(who) && f.organization.is(t.Organization) &&
		!slices.ContainsFunc(f.notRequesters, func(s somebody) bool { return s.is(who) }) &&
		!slices.ContainsFunc(f.tags, func(tag string) bool { return !slices.Contains(tags, tag) }) &&
		!slices.ContainsFunc(f.notTags, func(tag string) bool { return slices.Contains(tags, tag) }) &&
		f.created.has(t.CreatedAt) && f.updated.has(t.UpdatedAt)
}

// worded says whether the filter asks for what only the ticket's words tell.
func (f *filter) worded() bool {
	return len(f.terms) > 0 || len(f.notTerms) > 0 || f.files || f.notFiles
}

// sought says whether the postings know something of what the filter asks for.
func (f *filter) sought() bool {
	return len(f.terms) > 0 || len(f.requester.words) > 0 || !f.organization.any() || f.files
}

// reads says whether the ticket's words are as wanted.
func (f *filter) reads(d *document) bool {
	return f.terms.in(d, f.staff) && (!f.files || d.hasFiles(f.staff)) && (!f.notFiles || !d.hasFiles(f.staff)) &&
		!slices.ContainsFunc(f.notTerms, func(ts terms) bool { return ts.in(d, f.staff) })
}
