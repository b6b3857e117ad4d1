package tickets

import (
	"hash/fnv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets/file"
)

// row is what a list knows of a ticket without reading it: enough to leave out most of those that are not wanted.
type row struct {
	Status   Status   `cbor:"1,keyasint"`
	Priority Priority `cbor:"2,keyasint"`
	Category string   `cbor:"3,keyasint,omitempty"`
	Assignee string   `cbor:"4,keyasint,omitempty"`
	Tags     []uint32 `cbor:"5,keyasint,omitempty"` // hashes
	Due      int64    `cbor:"6,keyasint,omitempty"` // the next target's end in Unix milliseconds
	Shelf    shelf    `cbor:"7,keyasint,omitempty"`
	Stars    uint8    `cbor:"8,keyasint,omitempty"`
}

// late says whether the ticket has missed a target by then.
func (r *row) late(by time.Time) bool { return r.Due != 0 && r.Due <= by.UnixMilli() }

func rowOf(t *Ticket) row {
	return row{
		Status: t.Status, Priority: t.Priority, Category: t.CategoryID, Assignee: t.assignee(), Due: dueOf(t),
		Tags: tagHashes(t.Tags), Shelf: t.shelf(), Stars: t.starCount(),
	}
}

func tagHashes(tags []string) (hashes []uint32) {
	for _, tag := range tags {
		hashes = append(hashes, tagHash(tag))
	}
	return hashes
}

func tagHash(tag string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tag))
	return h.Sum32()
}

// The tickets. Their own order is that of creation, the newest first; what listed makes ends with the time of the last
// change, the newest first.
var (
	ticketTable = storage.NewTable(storage.Declaration[Ticket]{
		ID: 128, Name: "tickets", Key: func(t *Ticket) storage.Key { return newest(nil, t.ulid()) },
	})
	byNumber = storage.NewUnique(ticketTable, 1, func(t *Ticket) storage.Key { return storage.Key(nil).Uint(t.Number) })
	// An external ID names one ticket. A deleted one lets go of it.
	byExternal = storage.NewUnique(ticketTable, 2, func(t *Ticket) storage.Key {
		if t.ExternalID == "" || t.Deleted() {
			return nil
		}
		return storage.Key(nil).Str(t.ExternalID)
	})
	byUpdated = listed(3, headless)
	// byOwner has the requesters' lists, and those of their organizations.
	byOwner  = shelved(4, (*Ticket).ownersToo, func(t *Ticket) []storage.Key { return given(t.owner(), t.company()) })
	byStatus = listed(5, func(t *Ticket) []storage.Key { return given(string(t.Status)) })
	// No assignee is an assignee, too.
	byAssignee = listed(6, func(t *Ticket) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(t.assignee()).Str(string(t.Status))}
	})
	byCategory = listed(7, func(t *Ticket) []storage.Key { return given(t.CategoryID) })
	byTag      = listed(8, func(t *Ticket) []storage.Key { return given(t.Tags...) })
	byDue      = storage.NewIndex(ticketTable, 9, func(t *Ticket) []storage.Key {
		if t.DueAt.IsZero() {
			return nil
		}
		return []storage.Key{storage.Key(nil).Time(t.DueAt)}
	}, func(*Ticket) storage.Bare { return storage.Bare{} })
	byDeletion = storage.NewIndex(ticketTable, 10, func(t *Ticket) []storage.Key {
		if !t.Deleted() {
			return nil
		}
		return []storage.Key{storage.Key(nil).TimeDesc(t.UpdatedAt)}
	}, rowOf)
	// byStatusBirth has the tickets of a status in the order of their creation, for lists like the oldest open ones.
	byStatusBirth = storage.NewIndex(ticketTable, 11, func(t *Ticket) []storage.Key {
		if t.shelf() != inLists {
			return nil
		}
		return given(string(t.Status))
	}, func(*Ticket) storage.Bare { return storage.Bare{} })
	// byCategoryBirth and byAssigneeBirth are the same for categories and assignees, nobody being one: searches meet them.
	byCategoryBirth = storage.NewIndex(ticketTable, 19, func(t *Ticket) []storage.Key {
		if t.shelf() != inLists {
			return nil
		}
		return given(t.CategoryID)
	}, func(*Ticket) storage.Bare { return storage.Bare{} })
	byAssigneeBirth = storage.NewIndex(ticketTable, 18, func(t *Ticket) []storage.Key {
		if t.shelf() != inLists {
			return nil
		}
		return []storage.Key{storage.Key(nil).Str(t.assignee())}
	}, func(*Ticket) storage.Bare { return storage.Bare{} })
	// byCompanyBirth is an organization's list in the order of creation: it may be too long to be sorted.
	byCompanyBirth = storage.NewIndex(ticketTable, 20, func(t *Ticket) []storage.Key { return given(t.company()) },
		func(*Ticket) storage.Bare { return storage.Bare{} })
	// byPriority leaves out the priority that tickets have unless somebody says otherwise: most have it, so that a list of
	// those soon finds a page of them among all.
	byPriority = listed(12, func(t *Ticket) []storage.Key {
		if t.Priority == PriorityMedium {
			return nil
		}
		return given(string(t.Priority))
	})
	// byClaim has the tickets whose requester's address is only claimed, by that address.
	byClaim = storage.NewIndex(ticketTable, 13, func(t *Ticket) []storage.Key { return given(t.claimant()) },
		func(*Ticket) storage.Bare { return storage.Bare{} })
	// byTarget has the tickets with a target that runs, by its end.
	byTarget = storage.NewIndex(ticketTable, 16, func(t *Ticket) []storage.Key {
		end := t.NextTarget()
		if end.IsZero() || t.shelf() != inLists {
			return nil
		}
		return []storage.Key{storage.Key(nil).Time(end).TimeDesc(t.UpdatedAt)}
	}, rowOf)
	// byRating has the few tickets that were rated, by their stars.
	byRating = listed(17, func(t *Ticket) []storage.Key { return given(t.stars()) })
	bySpam   = shelved(14, func(t *Ticket) bool { return t.shelf() == asSpam }, headless)
	byMerged = shelved(15, func(t *Ticket) bool { return t.shelf() == asMerged }, headless)
	numbers  = storage.NewSequence(137)
)

type listIndex = *storage.Index[Ticket, row]

// listed declares an index of the tickets that are not put away: the newest change first below each of the heads.
func listed(number byte, heads func(*Ticket) []storage.Key) listIndex {
	return shelved(number, func(t *Ticket) bool { return t.shelf() == inLists }, heads)
}

// shelved is listed for the tickets that belong in the index.
func shelved(number byte, belongs func(*Ticket) bool, heads func(*Ticket) []storage.Key) listIndex {
	return storage.NewIndex(ticketTable, number, func(t *Ticket) []storage.Key {
		if !belongs(t) {
			return nil
		}
		keys := heads(t)
		for i, k := range keys {
			keys[i] = k.TimeDesc(t.UpdatedAt)
		}
		return keys
	}, rowOf)
}

func headless(*Ticket) []storage.Key { return []storage.Key{nil} }

// given are the keys that begin with the values that are not empty.
func given(values ...string) []storage.Key {
	keys := make([]storage.Key, 0, len(values))
	for _, v := range values {
		if v != "" {
			keys = append(keys, storage.Key(nil).Str(v))
		}
	}
	return keys
}

// What belongs to a ticket lies below its key. Public and internal comments lie apart, so that a requester's reading never
// touches an internal one.
var (
	commentTable = storage.NewTable(storage.Declaration[Comment]{
		ID: 129, Name: "comments", Key: commentKey,
	})
	activityTable = storage.NewTable(storage.Declaration[Activity]{
		ID: 130, Name: "activities", Key: activityKey,
	})
	documentTable = storage.NewTable(storage.Declaration[document]{
		ID: 131, Name: "search documents", Key: func(d *document) storage.Key {
			return newest(nil, parseID(ticketPrefix, d.TicketID))
		},
	})
	// postings name, for each word, the tickets that have it anywhere, internal comments included: they are staff's alone.
	postings = storage.NewIndex(documentTable, 1, func(d *document) []storage.Key { return given(d.all()...) },
		func(*document) storage.Bare { return storage.Bare{} })
)

func commentKey(c *Comment) storage.Key {
	return oldest(commentsOf(parseID(ticketPrefix, c.TicketID), c.Visibility), parseID(commentPrefix, c.ID))
}

func activityKey(x *Activity) storage.Key {
	return oldest(newest(nil, parseID(ticketPrefix, x.TicketID)), parseID(activityPrefix, x.ID))
}

func commentsOf(ticket ulid.ULID, v Visibility) storage.Key {
	k := newest(nil, ticket)
	if v == Internal {
		return k.Uint(1)
	}
	return k.Uint(0)
}

// What belongs to the tenant as a whole.
var (
	counterTable = storage.NewTable(storage.Declaration[counter]{
		ID: 132, Name: "ticket counters", Key: func(c *counter) storage.Key { return storage.Key(nil).Str(c.Of) },
	})
	// 133 was that of days.
	categoryTable = storage.NewTable(storage.Declaration[Category]{
		ID: 134, Name: "categories", Key: func(c *Category) storage.Key { return storage.Key(nil).Str(c.ID) },
	})
	_ = storage.NewUnique(categoryTable, 1, func(c *Category) storage.Key { return storage.Key(nil).Str(c.Slug) })
	// seedTable holds one record once the tenant got its first categories.
	seedTable = storage.NewTable(storage.Declaration[seed]{
		ID: 135, Name: "ticket seeds", Key: func(*seed) storage.Key { return storage.Key(nil).Uint(0) },
	})
	answerTable = storage.NewTable(storage.Declaration[answer]{
		ID: 136, Name: "idempotency keys", Key: func(x *answer) storage.Key { return storage.Key(nil).Bytes(x.ID) },
		Expires: func(x *answer) time.Time { return x.ExpiresAt },
	})
)

// What staff keeps: each begins with the keeper.
var (
	viewTable = storage.NewTable(storage.Declaration[View]{ID: 160, Name: "saved views", Key: viewKey})

	replyTable = storage.NewTable(storage.Declaration[Reply]{ID: 161, Name: "canned replies", Key: replyKey})
	_          = storage.NewUnique(replyTable, 1, func(r *Reply) storage.Key {
		if r.Shortcut == "" {
			return nil
		}
		return storage.Key(nil).Str(r.Owner).Str(r.Shortcut)
	})
)

func viewKey(v *View) storage.Key { return storage.Key(nil).Str(v.Owner).Str(v.ID) }

func replyKey(r *Reply) storage.Key { return storage.Key(nil).Str(r.Owner).Str(r.ID) }

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return append([]storage.Declared{
		ticketTable, commentTable, activityTable, documentTable, counterTable, categoryTable, seedTable, answerTable,
		answeredTable,
		eventTable,
		heldTable, draftTable, presenceTable, habitsTable,
		policyTable, passTable, measureTable, backlogTable,
		viewTable, replyTable,
	}, file.Tables()...)
}
