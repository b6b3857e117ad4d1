package notify

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// news is what happened to a ticket, as far as somebody may want to know it.
type news struct {
	Type    tickets.EventType `cbor:"1,keyasint"`
	At      time.Time         `cbor:"2,keyasint"`
	Comment string            `cbor:"3,keyasint,omitempty"`
	// Internal: the comment is for staff only.
	Internal bool   `cbor:"4,keyasint,omitempty"`
	ActorID  string `cbor:"5,keyasint,omitempty"`
	// Role is the actor's: see tickets.Author.
	Role string `cbor:"6,keyasint,omitempty"`
	// Was and Is are the statuses; equal where nothing became of it.
	Was tickets.Status `cbor:"7,keyasint,omitempty"`
	Is  tickets.Status `cbor:"8,keyasint,omitempty"`
	// Assignee is who the ticket was given to; empty: it stayed with whom it was.
	Assignee string `cbor:"9,keyasint,omitempty"`
	// Mentions are the names that stand behind an @ in an internal comment.
	Mentions []string `cbor:"10,keyasint,omitempty"`
	// To is whom a rule wants to know of it: "assignee", "agents" or an agent's ID.
	To string `cbor:"11,keyasint,omitempty"`
	// Erased: whose ticket it was had been erased before.
	Erased bool `cbor:"12,keyasint,omitempty"`
}

// byStaff says whether somebody did it who works for the tenant, or a program of theirs.
func (x *news) byStaff() bool { return x.Role == "agent" || x.Role == "admin" || x.Role == "api" }

// byRequester says whether a requester did it.
func (x *news) byRequester() bool { return x.Role == "requester" }

// newsOf says what of a happening is worth a letter to anybody, and whether there is anything.
func newsOf(h *tickets.Happening) (news, bool) {
	e, t := &h.Event, h.After
	x := news{Type: e.Type, At: e.CreatedAt, ActorID: e.Actor.ID, Role: e.Actor.Role, Is: t.Status, Was: t.Status, Erased: t.Erased}
	if t.Erased && !x.byStaff() {
		return x, false // what clocks and rules have to say of it helps nobody
	}
	if h.Before != nil {
		x.Was = h.Before.Status
	}
	if t.Assignee != nil && (h.Before == nil || h.Before.Assignee == nil || h.Before.Assignee.ID != t.Assignee.ID) {
		x.Assignee = t.Assignee.ID
	}
	if c := h.Comment; c != nil {
		x.Comment, x.Internal = c.ID, c.Visibility == tickets.Internal
		if x.Internal {
			x.Mentions = mentions(c.Body)
		}
	}
	switch e.Type {
	case tickets.RuleNotify:
		if h.Notice != nil {
			x.To = h.Notice.To
		}
		return x, x.To != ""
	case tickets.TicketCreated:
		return x, t.Source != imported && !t.Imported
	case tickets.TicketCommented, tickets.TicketOverdue, tickets.TicketRated, tickets.TicketClosing:
		return x, true
	case tickets.TicketUpdated:
		return x, x.Was != x.Is || x.Assignee != "" || x.Comment != ""
	default:
		return x, false
	}
}

// imported is the source of tickets that were brought from elsewhere: they are no news to anybody.
const imported = "import"

var mention = regexp.MustCompile(`(?:^|[\s(,;:])@([A-Za-z0-9][A-Za-z0-9._+@-]*)`)

// mentions are the names that a text calls: what stands behind an @, a whole address or what is before its @.
func mentions(text string) (names []string) {
	const most = 20
	for _, found := range mention.FindAllStringSubmatch(text, most) {
		name := strings.ToLower(strings.TrimRight(found[1], ".@-"))
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// mentioned says whether one of the names is that of whoever has the address.
func mentioned(names []string, address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	return slices.Contains(names, strings.ToLower(address)) || slices.Contains(names, local)
}

// kind sets apart what a ticket may have a digest for at one time.
type kind uint8

const (
	fresh    kind = iota // what happened lately
	reminder             // that it waits for its requester
	rest                 // news for staff that is being handed out, to those who were too many for one transaction
)

// digest gathers what happens to a ticket until it is told.
type digest struct {
	TicketID string `cbor:"1,keyasint"`
	Kind     kind   `cbor:"2,keyasint,omitempty"`
	// DueAt is when there is something to do: to hand news out to staff, or to tell the requester.
	DueAt time.Time `cbor:"3,keyasint"`
	News  []news    `cbor:"4,keyasint,omitempty"`
	// After is the last member of staff who has the news, in a rest.
	After string `cbor:"5,keyasint,omitempty"`
	// Since is when the waiting began that a reminder is about.
	Since time.Time `cbor:"6,keyasint,omitzero"`
	// TellAt is when the requester is told of what happened lately.
	TellAt time.Time `cbor:"7,keyasint,omitzero"`
	// HandedOut is how much of the news staff has already.
	HandedOut int `cbor:"8,keyasint,omitempty"`
}

var (
	digestTable = storage.NewTable(storage.Declaration[digest]{
		ID: 154, Name: "ticket news", Watched: true,
		Key: func(d *digest) storage.Key { return digestKey(d.TicketID, d.Kind) },
	})
	digestsByDue = storage.NewIndex(digestTable, 1,
		func(d *digest) []storage.Key { return []storage.Key{storage.Key(nil).Time(d.DueAt)} },
		func(*digest) storage.Bare { return storage.Bare{} })
)

func digestKey(ticket string, k kind) storage.Key {
	return storage.Key(nil).Str(ticket).Uint(uint64(k))
}

// mostNews is how much a digest holds. What comes before the last of it has to be read in the thread.
const mostNews = 50

// add adds a piece of news. The first that is new to staff is handed out after a pause.
func (d *digest) add(x news, pause time.Duration) {
	if d.HandedOut == len(d.News) {
		d.DueAt = time.Now().UTC().Add(pause)
		if d.TellAt.Before(d.DueAt) {
			d.DueAt = d.TellAt
		}
	}
	d.News = append(d.News, x)
	if over := len(d.News) - mostNews; over > 0 {
		d.News = slices.Delete(d.News, 1, 1+over) // the first says whether the ticket is new
		d.HandedOut = max(d.HandedOut-over, min(d.HandedOut, 1))
	}
}

// Follow writes down what is to be told of something that happened. It is a tickets.Follower.
func (n *Notifier) Follow(tx *storage.Tx, tn *tenant.Tenant, h *tickets.Happening) error {
	if !n.post.Ready() || h.After == nil {
		return nil
	}
	if err := n.watch(tx, tn, h); err != nil {
		return err
	}
	x, worth := newsOf(h)
	if !worth {
		return nil
	}
	d, err := digestTable.Get(tx, digestKey(h.After.ID, fresh))
	if errors.Is(err, storage.ErrNotFound) {
		d, err = digest{TicketID: h.After.ID, TellAt: time.Now().UTC().Add(n.delay)}, nil
	}
	if err != nil {
		return err
	}
	d.add(x, n.delay/handOutAfter)
	return digestTable.Put(tx, &d)
}

// watch begins and ends the time after which a requester is reminded that the ticket waits for them.
func (*Notifier) watch(tx *storage.Tx, tn *tenant.Tenant, h *tickets.Happening) error {
	waits := h.After.Status == tickets.StatusPending && !h.After.Deleted()
	waited := h.Before != nil && h.Before.Status == tickets.StatusPending && !h.Before.Deleted()
	switch days := tn.Settings.WaitingReminderDays; {
	case waited && !waits:
		return digestTable.Delete(tx, digestKey(h.After.ID, reminder))
	case waits && !waited && days > 0:
		at := h.Event.CreatedAt
		return digestTable.Put(tx, &digest{
			TicketID: h.After.ID, Kind: reminder, DueAt: at.AddDate(0, 0, days), Since: at,
		})
	}
	return nil
}
