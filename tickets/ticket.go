package tickets

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets/file"
)

// Priority says how much a ticket presses.
type Priority string

// The priorities.
const (
	PriorityLow    Priority = "low"
	PriorityMedium Priority = "medium" // the default
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)

// Priorities are all priorities, the least first.
func Priorities() []Priority {
	return []Priority{PriorityLow, PriorityMedium, PriorityHigh, PriorityUrgent}
}

// Assurance says how sure it is that a ticket is its requester's.
type Assurance string

// The assurances. The empty one is that of a ticket without a requester.
const (
	Asserted Assurance = "asserted" // nobody proved anything
	Vouched  Assurance = "vouched"
)

// Person is somebody as they were when they were written down.
type Person struct {
	// ID is the user's. It is empty for an asserted requester, who is nobody in particular.
	ID         string `cbor:"1,keyasint,omitempty"`
	Email      string `cbor:"2,keyasint,omitempty"`
	Name       string `cbor:"3,keyasint,omitempty"`
	ExternalID string `cbor:"4,keyasint,omitempty"`
	// Lineage is the chain of sessions that an asserted requester belongs to; empty for all others.
	Lineage string `cbor:"5,keyasint,omitempty"`
}

// clean is the person without bytes that are no text, which could be written but not read again.
func (p Person) clean() Person {
	for _, s := range []*string{&p.ID, &p.Email, &p.Name, &p.ExternalID, &p.Lineage} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	return p
}

// Ticket is one request for help.
type Ticket struct {
	ID          string   `cbor:"1,keyasint"` // "tkt_" and a ULID
	Number      uint64   `cbor:"2,keyasint"` // 1, 2, 3 … in its tenant
	Title       string   `cbor:"3,keyasint"`
	Description string   `cbor:"4,keyasint"`
	Status      Status   `cbor:"5,keyasint"`
	Priority    Priority `cbor:"6,keyasint"`
	CategoryID  string   `cbor:"7,keyasint,omitempty"`
	Tags        []string `cbor:"8,keyasint,omitempty"` // sorted
	// CustomFields is a flat object: strings, numbers (int64, uint64, float64) and booleans.
	CustomFields map[string]any `cbor:"9,keyasint,omitempty"`
	Requester    *Person        `cbor:"10,keyasint,omitempty"`
	Assurance    Assurance      `cbor:"11,keyasint,omitempty"`
	Assignee     *Person        `cbor:"12,keyasint,omitempty"`
	ExternalID   string         `cbor:"13,keyasint,omitempty"`
	Source       string         `cbor:"14,keyasint,omitempty"`
	// FollowUpOf is the ID of the closed ticket that this one continues.
	FollowUpOf string `cbor:"15,keyasint,omitempty"`
	// Version is 1 at first and grows by one with every change, a comment being one.
	Version   uint64    `cbor:"16,keyasint"`
	CreatedAt time.Time `cbor:"17,keyasint"`
	UpdatedAt time.Time `cbor:"18,keyasint"`
	// The following are zero for what has not happened, or no longer holds.
	FirstResponseAt time.Time `cbor:"19,keyasint,omitzero"`
	ResolvedAt      time.Time `cbor:"20,keyasint,omitzero"`
	ClosedAt        time.Time `cbor:"21,keyasint,omitzero"`
	DeletedAt       time.Time `cbor:"22,keyasint,omitzero"`
	// DueAt is when the ticket is closed or removed by itself.
	DueAt time.Time `cbor:"23,keyasint,omitzero"`
	// Purging: the removal for good has begun and there is no way back.
	Purging bool `cbor:"24,keyasint,omitempty"`
	// Disowned: the owner of the requester's address says that the ticket is not theirs.
	Disowned bool `cbor:"25,keyasint,omitempty"`
	// Erased: whose ticket it was, and what they wrote, was erased.
	Erased bool `cbor:"49,keyasint,omitempty"`
	// FirstResponseDue and ResolveDue are when the tenant's targets run out, zero where nothing runs: there is no target, it
	// was met, or the ticket waits or is done.
	FirstResponseDue time.Time `cbor:"30,keyasint,omitzero"`
	ResolveDue       time.Time `cbor:"31,keyasint,omitzero"`
	// Breached are the targets that were missed.
	Breached []Target `cbor:"32,keyasint,omitempty"`
	// Clock is how far the time has come that the targets are about.
	Clock Clock `cbor:"33,keyasint,omitzero"`
	// StatusSince is when the ticket got its status, and Ran what has run by itself since, so that it runs once.
	StatusSince time.Time `cbor:"34,keyasint,omitzero"`
	Ran         []string  `cbor:"35,keyasint,omitempty"`
	// Rating is what the requester thought of the help; nil: nothing was said.
	Rating *Rating `cbor:"36,keyasint,omitempty"`
	// Files are those of the description.
	Files []file.Info `cbor:"28,keyasint,omitempty"`
	// MergedInto is the ID of the ticket that has taken this one's thread.
	MergedInto string `cbor:"26,keyasint,omitempty"`
	// SpamAt is when staff said that the ticket is spam.
	SpamAt time.Time `cbor:"27,keyasint,omitzero"`
	// MergedFrom are the IDs of the tickets whose threads this one has taken.
	MergedFrom []string `cbor:"43,keyasint,omitempty"`
	// Apart: the ticket was merged into another requester's, and its own requester is to know nothing of that one.
	Apart bool `cbor:"44,keyasint,omitempty"`
	// Moving: the thread has not been taken over as a whole yet.
	Moving bool `cbor:"45,keyasint,omitempty"`
	// MovedTo is the last public comment that was copied, of a thread that is left where it was.
	MovedTo string `cbor:"46,keyasint,omitempty"`
	// SplitFrom is the ID of the ticket that this one's first messages were written in, SplitInto are those of the tickets
	// that were split off this one.
	SplitFrom string   `cbor:"60,keyasint,omitempty"`
	SplitInto []string `cbor:"61,keyasint,omitempty"`
	// WrittenAt is when the description was written, where that was before the ticket: see Asked.
	WrittenAt time.Time `cbor:"62,keyasint,omitzero"`
	// Imported: it is as it was elsewhere, and its requester has not written since. Nothing was promised about it here, no rule
	// waits for it, and nobody is reminded.
	Imported bool `cbor:"63,keyasint,omitempty"`
	// OwnTags and OwnFields are those that the requester gave the ticket: all that they see of Tags and CustomFields.
	OwnTags   []string       `cbor:"64,keyasint,omitempty"`
	OwnFields map[string]any `cbor:"65,keyasint,omitempty"`
	// Organization is the one that the requester belonged to when the ticket became theirs: where the tenant wants it so, others of it
	// may read the ticket.
	Organization string `cbor:"66,keyasint,omitempty"`
}

// TagsFor are the ticket's tags as an actor may know them: a requester their own, as long as the ticket has them.
func (t *Ticket) TagsFor(a Actor) []string { return t.tagsFor(a.Staff()) }

func (t *Ticket) tagsFor(staff bool) []string {
	if staff {
		return t.Tags
	}
	return slices.DeleteFunc(slices.Clone(t.Tags), func(tag string) bool { return !slices.Contains(t.OwnTags, tag) })
}

// FieldsFor are the ticket's custom fields as an actor may know them: a requester those that are as they gave them.
func (t *Ticket) FieldsFor(a Actor) map[string]any {
	if a.Staff() {
		return t.CustomFields
	}
	own := map[string]any{}
	for name, value := range t.OwnFields {
		if now, there := t.CustomFields[name]; there && now == value {
			own[name] = value
		}
	}
	return own
}

// Spam says whether staff has put the ticket away as spam.
func (t *Ticket) Spam() bool { return !t.SpamAt.IsZero() }

// ownersToo says whether the ticket is in its requester's lists: what is taken for spam is, so that nobody learns of it, and
// so is what was merged into a ticket that they must not know.
func (t *Ticket) ownersToo() bool {
	s := t.shelf()
	return s == inLists || s == asSpam || s == asMerged && t.Apart
}

// shownTo is the ticket as the actor may see it.
func (t *Ticket) shownTo(a Actor) Ticket {
	shown := *t
	if t.Apart && !a.Staff() {
		shown.MergedInto = ""
	}
	if t.foreign(a) && t.Requester != nil {
		shown.Requester, shown.Rating = &Person{ID: t.Requester.ID, Name: t.Requester.Name}, nil
	}
	return shown
}

// NodeName is what the node calls itself where it writes.
const NodeName = "Deskgate"

// ByNode says whether the node has opened the ticket by itself, for nobody.
func (t *Ticket) ByNode() bool { return t.Requester == nil && t.Source == System("").source() }

// Deleted says whether the ticket is only kept in case that somebody wants it back.
func (t *Ticket) Deleted() bool { return !t.DeletedAt.IsZero() }

// owner is what a requester's lists begin with: whose ticket it is. Users and lineages cannot be mixed up.
func (t *Ticket) owner() string {
	if t.Requester == nil {
		return ""
	}
	return owner(*t.Requester)
}

func owner(p Person) string {
	switch {
	case p.ID != "":
		return "user:" + p.ID
	case p.Lineage != "":
		return "lineage:" + p.Lineage
	}
	return ""
}

func (t *Ticket) assignee() string {
	if t.Assignee == nil {
		return ""
	}
	return t.Assignee.ID
}

// Ref names a ticket by its ID or by its number.
type Ref struct {
	id     ulid.ULID
	number uint64
}

// ParseRef reads an ID ("tkt_…") or a number. ErrNotFound: it is neither, so there is no such ticket.
func ParseRef(s string) (Ref, error) {
	if strings.HasPrefix(s, ticketPrefix) {
		id := parseID(ticketPrefix, s)
		if id.IsZero() {
			return Ref{}, ErrNotFound
		}
		return Ref{id: id}, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || s[0] == '0' || s[0] == '+' {
		return Ref{}, ErrNotFound
	}
	return ByNumber(n), nil
}

// ByNumber names the tenant's ticket with that number.
func ByNumber(n uint64) Ref { return Ref{number: n} }

// String is what ParseRef reads.
func (r Ref) String() string {
	if r.number != 0 {
		return strconv.FormatUint(r.number, 10)
	}
	return ticketPrefix + r.id.String()
}

// refOf names the ticket with that key.
func refOf(k storage.Key) Ref {
	p := k.Parts()
	return Ref{id: whole(p.Desc(), p.Desc())}
}

// Ref names this ticket.
func (t *Ticket) Ref() Ref { return Ref{id: t.ulid()} }

// ulid is the ticket's ID without its prefix. IDs that are stored were made by us.
func (t *Ticket) ulid() ulid.ULID { return parseID(ticketPrefix, t.ID) }
