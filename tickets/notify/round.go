package notify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets"
)

// round says that a member of staff has something to be told, and when.
type round struct {
	Agent string    `cbor:"1,keyasint"`
	DueAt time.Time `cbor:"2,keyasint"`
	// Items is how many tickets it is about. Over: there is news of more, which have to be found in the console.
	Items int  `cbor:"3,keyasint"`
	Over  bool `cbor:"4,keyasint,omitempty"`
}

// item is what a member of staff is to be told of one ticket in the round that is to come.
type item struct {
	Agent  string `cbor:"1,keyasint"`
	Ticket string `cbor:"2,keyasint"`
	What   []What `cbor:"3,keyasint"`
	// New are the last of the comments that the member has not seen.
	New []string `cbor:"4,keyasint,omitempty"`
	// Erased: whose ticket it was had been erased before any of it.
	Erased bool `cbor:"5,keyasint,omitempty"`
}

// The bounds of a round. What is beyond them is in the console.
const (
	// mostItems is how many tickets a round knows by name.
	mostItems = 200
	// mostReaders is how many members of staff one transaction hands news out to.
	mostReaders = 60
)

var (
	roundTable = storage.NewTable(storage.Declaration[round]{
		ID: 159, Name: "staff's news", Watched: true, Key: func(r *round) storage.Key { return storage.Key(nil).Str(r.Agent) },
	})
	roundsByDue = storage.NewIndex(roundTable, 1,
		func(r *round) []storage.Key { return []storage.Key{storage.Key(nil).Time(r.DueAt)} },
		func(*round) storage.Bare { return storage.Bare{} })
	itemTable = storage.NewTable(storage.Declaration[item]{
		ID: 162, Name: "tickets in staff's news", Key: func(i *item) storage.Key { return itemKey(i.Agent, i.Ticket) },
	})
)

func itemKey(agent, ticket string) storage.Key { return storage.Key(nil).Str(agent).Str(ticket) }

// handOut adds what is new to the rounds of those who want to know it, and leaves a rest where they are too many.
func (n *Notifier) handOut(tx *storage.Tx, d *digest, t *tickets.Ticket) error {
	staff, err := n.people.Staff(tx)
	if err != nil {
		return err
	}
	slices.SortFunc(staff, func(a, b Reader) int { return cmp.Compare(a.ID, b.ID) })
	untold := untoldOf(d, t)
	told, last := 0, ""
	for i := range staff {
		if len(untold) == 0 || staff[i].ID <= d.After {
			continue
		}
		c, err := chosen(tx, staff[i].ID)
		if err != nil {
			return err
		}
		p := parcel{to: staff[i]}
		for j := range untold {
			p.add(c.wants(&staff[i], t, &untold[j]), &untold[j])
		}
		if len(p.what) == 0 {
			continue
		}
		if told == mostReaders {
			return digestTable.Put(tx, &digest{TicketID: d.TicketID, Kind: rest, DueAt: time.Now().UTC(), News: untold, After: last})
		}
		if err := note(tx, &p, t, untold[0].At.Add(n.delay)); err != nil {
			return err
		}
		told, last = told+1, staff[i].ID
	}
	return nil
}

// untoldOf is what staff has not been handed yet. When somebody was erased, what happened before says nothing any more.
func untoldOf(d *digest, t *tickets.Ticket) []news {
	return slices.DeleteFunc(slices.Clone(d.News[d.HandedOut:]), func(x news) bool { return t.Erased && !x.Erased })
}

// note adds what is to be told of a ticket to somebody's round. The first thing in it says when that is due.
func note(tx *storage.Tx, p *parcel, t *tickets.Ticket, at time.Time) error {
	r, err := roundTable.Get(tx, storage.Key(nil).Str(p.to.ID))
	if errors.Is(err, storage.ErrNotFound) {
		r, err = round{Agent: p.to.ID, DueAt: at.UTC()}, nil
	}
	if err != nil {
		return err
	}
	x, err := itemTable.Get(tx, itemKey(p.to.ID, t.ID))
	switch {
	case errors.Is(err, storage.ErrNotFound) && r.Items == mostItems:
		r.Over = true
		return roundTable.Put(tx, &r)
	case errors.Is(err, storage.ErrNotFound):
		x, r.Items = item{Agent: p.to.ID, Ticket: t.ID, Erased: t.Erased}, r.Items+1
	case err != nil:
		return err
	}
	x.What = sorted(append(x.What, p.what...))
	x.New = append(x.New, p.new...)
	x.New = x.New[max(0, len(x.New)-mostNews):]
	if err := itemTable.Put(tx, &x); err != nil {
		return err
	}
	return roundTable.Put(tx, &r)
}

// due is one of a round's tickets, as it stands when the round is told.
type due struct {
	item

	ticket tickets.Ticket
	last   bool
}

// tellRound tells a member of staff what there is for them, if it is due, and takes it away: both or neither. News of one ticket is a letter
// of that ticket's thread, news of several a digest.
func (n *Notifier) tellRound(ctx context.Context, tn *tenant.Tenant, key storage.Key) error {
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		r, err := roundTable.Get(tx, key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && r.DueAt.After(time.Now()) {
			return nil
		}
		if err != nil {
			return err
		}
		items, err := r.collect(tx)
		if err != nil {
			return err
		}
		who, there, err := n.people.member(tx, r.Agent)
		if err != nil || !there {
			return err
		}
		left, err := n.still(tx, &who, items)
		if err != nil || len(left) == 0 {
			return err
		}
		if left, err = n.within(tx, &who, left); err != nil || len(left) == 0 {
			return err
		}
		if one := &left[0]; len(left) == 1 && !r.Over {
			p := &parcel{to: who, key: agentPrefix + who.ID, kind: mail.Work, what: one.What, new: one.New, about: classes[one.What[0]]}
			return n.send(tx, &one.ticket, p, one.last)
		}
		return n.post.Enqueue(tx, digestLetter(&who, left, r.Over))
	})
}

// member is a member of staff who has joined, if there is one with that ID.
func (p People) member(tx *storage.Tx, id string) (Reader, bool, error) {
	staff, err := p.Staff(tx)
	if err != nil {
		return Reader{}, false, err
	}
	i := slices.IndexFunc(staff, func(r Reader) bool { return r.ID == id })
	if i < 0 {
		return Reader{}, false, nil
	}
	return staff[i], true, nil
}

// collect takes a round and its items out of the store.
func (r *round) collect(tx *storage.Tx) ([]item, error) {
	var all []item
	for x, err := range itemTable.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(r.Agent)}) {
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	for i := range all {
		if err := itemTable.Delete(tx, itemKey(r.Agent, all[i].Ticket)); err != nil {
			return nil, err
		}
	}
	return all, roundTable.Delete(tx, storage.Key(nil).Str(r.Agent))
}

// still leaves of a round what its reader may and wants to know by now.
func (*Notifier) still(tx *storage.Tx, who *Reader, items []item) ([]due, error) {
	c, err := chosen(tx, who.ID)
	if err != nil {
		return nil, err
	}
	var left []due
	for _, x := range items {
		t, told, err := tellable(tx, x.Ticket)
		if err != nil {
			return nil, err
		}
		if x.What = c.still(x.What, who, &t); told && len(x.What) > 0 && (!t.Erased || x.Erased) {
			left = append(left, due{item: x, ticket: t})
		}
	}
	return left, nil
}

// within leaves of a round what the limits leave, and counts it.
func (n *Notifier) within(tx *storage.Tx, who *Reader, all []due) ([]due, error) {
	about := make([]string, len(all))
	for i := range all {
		about[i] = all[i].Ticket
	}
	free, err := n.admit(tx, who, mail.Work, about)
	if err != nil {
		return nil, err
	}
	var left []due
	for i := range all {
		if at := slices.IndexFunc(free, func(r room) bool { return r.ticket == all[i].Ticket }); at >= 0 {
			all[i].last = free[at].last
			left = append(left, all[i])
		}
	}
	return left, nil
}

// digestLetter is the letter about several tickets, the most important first.
func digestLetter(who *Reader, all []due, over bool) mail.Letter {
	slices.SortStableFunc(all, func(a, b due) int {
		return cmp.Or(cmp.Compare(slices.Index(weight, a.What[0]), slices.Index(weight, b.What[0])), cmp.Compare(a.ticket.Number, b.ticket.Number))
	})
	var lines []string
	var about []Class
	for i := range all {
		lines = append(lines, all[i].line())
		about = append(about, classes[all[i].What[0]])
	}
	l := mail.Letter{
		Kind: mail.Digest, To: who.Email, Name: who.Name, Expires: time.Now().Add(worth),
		Fields: map[string]string{"reader": agentPrefix + who.ID, "tickets": strings.Join(lines, "\n"), "about": string(classOf(about))},
	}
	if over {
		l.Fields["over"] = "true"
	}
	return l
}

// mostPeek is how many new comments of one ticket a digest looks at, to say who has written.
const mostPeek = 10

// line is a ticket in a digest's letter: its ID, what there is to tell, new comments, and whether there is no room for more letters.
func (x *due) line() string {
	last := ""
	if x.last {
		last = "last"
	}
	return strings.Join([]string{x.Ticket, join(x.What), strings.Join(x.New[max(0, len(x.New)-mostPeek):], ","), last}, " ")
}

// parseLine reads what line has written.
func parseLine(s string) (ticket string, what []What, comments []string, last bool) {
	const parts = 4
	p := strings.Split(s, " ")
	if len(p) != parts {
		return "", nil, nil, false
	}
	return p[0], split(p[1]), strings.Split(p[2], ","), p[3] != ""
}
