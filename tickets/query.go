package tickets

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
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

// Sorts are all orders.
func Sorts() []Sort { return []Sort{CreatedAsc, CreatedDesc, UpdatedAsc, UpdatedDesc} }

// What Query.Assignee may be beside an agent's ID.
const (
	AssigneeMe   = "me"
	AssigneeNone = "none"
)

// Query selects tickets: those that fulfil all that is given. The zero Query is all that the actor sees but for what is
// put away: spam, merged and deleted tickets.
type Query struct {
	Status      []Status // any of them
	Priority    []Priority
	CategoryID  string
	Categories  []string // any of them: IDs or slugs
	Assignee    string   // an agent's ID, AssigneeMe (of whoever is no agent: nothing) or AssigneeNone
	Assignees   []string // any of them: as Assignee, or an agent's address or name
	RequesterID string
	Requester   string // an address, or what is in the requester's name or address
	// Organization is what is in the name of the requester's organization, OrganizationIs all of it. Of a requester who names their own
	// organization the list is all of that one's, as far as they may read it.
	Organization, OrganizationIs string

	Tags       []string // all of them
	Files      bool     // has an attachment
	Number     uint64
	ExternalID string
	Overdue    bool
	Ratings    []int // any of them: 1 to MaxStars; nil is no condition, and none of them fulfils an empty one
	Unrated    bool  // has no rating
	// Text is searched for: every word must be there, the last one may be the beginning of a word. Words in quotes are whole.
	Text    string
	Created Period
	Updated Period
	Not     Exception
	// Spam, Merged and Deleted have the tickets of one kind instead of the others; for staff.
	Spam, Merged, Deleted bool
	Sort                  Sort
	Limit                 int // at most 100; 0: 25
	Cursor                string
	IncludesTotal         bool
}

// Exception is what a Query leaves out: tickets with any of it.
type Exception struct {
	Status     []Status
	Priority   []Priority
	Categories []string // as in Query
	Assignees  []string
	Requesters []string
	Tags       []string
	Files      bool
	Words      []string // of each, all words
}

// filter is a checked Query in the name of an actor.
type filter struct {
	status        []Status
	priority      []Priority
	categories    []string
	notCategories []string
	assigned      bool     // whether assignees count
	assignees     []string // IDs; "" is nobody
	notAssignees  []string
	owner         string // whose tickets; "" is everybody's, for staff only
	company       bool   // the owner is an organization
	requester     somebody
	organization  organization
	notRequesters []somebody
	tags          []string
	notTags       []string
	tagHashes     []uint32
	notTagHashes  []uint32
	files         bool
	notFiles      bool
	number        uint64
	external      string
	target        string // the ID of the ticket that the one with the external ID was merged into
	ratings       []int  // stars
	unrated       bool
	overdue       time.Time // those whose target ran out by then; zero: all
	terms         terms
	notTerms      []terms
	created       Period
	updated       Period
	shelf         shelf
	staff         bool
	sort          Sort
	reach         reach
	nothing       bool        // no ticket can be wanted
	name          storage.Key // what the filter's cursors are bound to
	spent         int         // rows that were looked at
	expansion     expansion
}

// shelf is where a ticket is put away.
type shelf uint8

const (
	inLists shelf = iota
	asSpam
	asMerged
	asDeleted
)

// shelf says where the ticket is: of several, the one that counts.
func (t *Ticket) shelf() shelf {
	switch {
	case t.Deleted():
		return asDeleted
	case t.MergedInto != "":
		return asMerged
	case t.Spam():
		return asSpam
	}
	return inLists
}

func (q *Query) shelf() shelf {
	switch {
	case q.Deleted:
		return asDeleted
	case q.Merged:
		return asMerged
	case q.Spam:
		return asSpam
	}
	return inLists
}

// filter is the checked query, in which those that people name are resolved. What it gives to a requester always has an owner.
func (q *Query) filter(a Actor, who *named, r reach) *filter {
	f := &filter{
		owner: cmp.Or(who.company, a.owner()), company: who.company != "", staff: a.Staff(), reach: r, shelf: q.shelf(), sort: q.Sort,
		categories: who.categories, notCategories: who.notCategories,
		assigned: who.assigned, assignees: who.assignees, notAssignees: who.notAssignees,
		requester: parseSomebody(q.Requester), organization: organization{words: parseTerms(q.Organization)}, files: q.Files, notFiles: q.Not.Files,
		number: q.Number, external: q.ExternalID, target: who.target, terms: parseTerms(q.Text),
		created: q.Created.at(now(), who.zone), updated: q.Updated.at(now(), who.zone), ratings: q.Ratings, unrated: q.Unrated,
	}
	if q.Overdue {
		f.overdue = now()
	}
	text := strings.TrimSpace(q.Text) != ""
	f.nothing = !a.known() || who.nobody || !f.staff && q.ExternalID != "" || q.Ratings != nil && (len(q.Ratings) == 0 || q.Unrated) || text && len(f.terms) == 0
	f.among(q)
	f.choose(q)
	if q.RequesterID != "" {
		wanted := owner(Person{ID: q.RequesterID})
		f.nothing = f.nothing || !f.staff && wanted != f.owner
		f.owner = cmp.Or(f.owner, wanted)
	}
	for _, tag := range q.Tags {
		f.tags = append(f.tags, strings.ToLower(tenant.Line(tag)))
	}
	for _, tag := range q.Not.Tags {
		f.notTags = append(f.notTags, strings.ToLower(tenant.Line(tag)))
	}
	f.tagHashes, f.notTagHashes = tagHashes(f.tags), tagHashes(f.notTags)
	for _, somebody := range q.Not.Requesters {
		f.notRequesters = append(f.notRequesters, parseSomebody(somebody))
	}
	for _, words := range q.Not.Words {
		f.notTerms = append(f.notTerms, parseTerms(`"`+words+`"`))
	}
	if f.sort == "" {
		f.sort = UpdatedDesc
		if text || q.Requester != "" || !f.organization.any() || q.Files {
			f.sort = CreatedDesc
		}
	}
	f.name = q.name(a, f)
	return f
}

// among settles which organization's tickets are wanted, if that was said. What somebody thought of the help is between them and staff.
func (f *filter) among(q *Query) {
	if f.staff {
		f.organization.whole = fold(q.OrganizationIs)
	}
	switch {
	case f.company:
		f.nothing = f.nothing || q.Ratings != nil || q.Unrated
	case q.OrganizationIs != "":
		f.nothing = f.nothing || f.organization.whole == ""
	}
}

// choose settles the statuses and priorities.
func (f *filter) choose(q *Query) {
	var some bool
	f.status, some = without(Statuses(), q.Status, q.Not.Status)
	f.nothing = f.nothing || !some
	f.priority, some = without(Priorities(), q.Priority, q.Not.Priority)
	f.nothing = f.nothing || !some
}

func sorted[S ~string](in []S) []S {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func (q *Query) check(a Actor) error {
	for _, s := range slices.Concat(q.Status, q.Not.Status) {
		if !slices.Contains(Statuses(), s) {
			return &QueryError{Param: "status", Reason: "It must be among " + list(Statuses()) + "."}
		}
	}
	for _, p := range slices.Concat(q.Priority, q.Not.Priority) {
		if !slices.Contains(Priorities(), p) {
			return &QueryError{Param: "priority", Reason: "It must be among " + list(Priorities()) + "."}
		}
	}
	for _, stars := range q.Ratings {
		if stars < 1 || stars > MaxStars {
			return &QueryError{Param: "rating", Reason: "It must be among 1, 2, 3, 4, 5."}
		}
	}
	switch {
	case q.Sort != "" && !slices.Contains(Sorts(), q.Sort):
		return &QueryError{Param: "sort", Reason: "It must be one of " + list(Sorts()) + "."}
	case slices.Contains(q.people(), AssigneeMe) && !a.assignable():
		return &QueryError{Param: "assignee_id", Reason: "Only agents have tickets of their own."}
	case q.shelf() != inLists && !a.Staff():
		return &QueryError{Param: "deleted", Reason: "Only staff sees deleted tickets, merged ones and spam."}
	case q.Overdue && (!a.Staff() || q.shelf() != inLists):
		return &QueryError{Param: "overdue", Reason: "Only staff sees what is overdue, and what is put away is not."}
	case len(q.OrganizationIs) > maxQueryValue:
		return &QueryError{Param: "organization", Reason: "It is too long."}
	case len(q.Text) > maxQueryText:
		return &QueryError{Param: "q", Reason: "It is too long."}
	case max(len(q.CategoryID), len(q.Assignee), len(q.RequesterID)) > maxQueryValue, slices.ContainsFunc(q.Tags, tooLong):
		return &QueryError{Param: "category_id, assignee_id, requester_id, tag", Reason: "One of them is too long."}
	}
	return nil
}

func tooLong(s string) bool { return len(s) > maxQueryValue }

// assignable says whether tickets can be this actor's own to work on.
func (a Actor) assignable() bool { return a.kind == KindAgent || a.kind == KindAdmin }

// people are those whom the query names as assignees, wanted or not.
func (q *Query) people() []string { return slices.Concat(q.Assignees, q.Not.Assignees) }

const (
	maxQueryText  = 1000 // bytes
	maxQueryValue = 250
)

// name is what the cursors of the list are bound to: what was asked for, in whose name.
func (q *Query) name(a Actor, f *filter) storage.Key {
	asked := *q
	asked.Status, asked.Priority, asked.Sort, asked.Text = sorted(q.Status), sorted(q.Priority), f.sort, strings.TrimSpace(q.Text)
	k := storage.Key(nil).Str("tickets").Str(asked.String()).Str(q.CategoryID).Str(q.Assignee).Str(f.owner).Str(f.organization.whole)
	if slices.Contains(append(q.people(), q.Assignee), AssigneeMe) {
		k = k.Str(a.person.ID)
	}
	if f.staff {
		return k.Uint(1)
	}
	return k.Uint(0)
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
