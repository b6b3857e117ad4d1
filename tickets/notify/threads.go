package notify

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets"
)

// Threads reads what letters tell, at the moment in which they are sent. It is safe for concurrent use.
type Threads struct {
	store     *storage.Store
	directory *tenant.Directory
	people    People
}

// NewThreads returns the reader of what a store's letters tell.
func NewThreads(store *storage.Store, directory *tenant.Directory, people People) *Threads {
	return &Threads{store: store, directory: directory, people: people}
}

// Facts are what a letter tells. Of a mail.Claimed they have the number and the addresses only. A mail.Digest tells of Tickets, and
// each of those has facts of its own.
type Facts struct {
	Reader Reader
	What   []What
	Ticket tickets.Ticket
	// New are the messages that the letter is sent for, Earlier some of those before, all the oldest first. More new ones are in the
	// thread only.
	New, Earlier []Message
	More         int
	// URL is where the thread is, and Settings where the reader says what they want to hear.
	URL, Settings string
	// Rate is where the requester says how it was; empty: it is not asked.
	Rate string
	// Unsubscribe ends letters like this one; empty: it is essential. About is what it ends.
	Unsubscribe string
	About       Class
	// Last: the reader gets no more letters about this ticket for some time, because there were too many.
	Last bool
	// Tickets are what a digest tells of, the most important first. There are More of them than it shows; Over: and others, not counted.
	Tickets []Facts
	Over    bool
}

// Message is one message of a thread.
type Message struct {
	Author   string
	Staff    bool
	Internal bool
	At       time.Time
	Body     string
	// Cut: the body is only the beginning.
	Cut bool
}

// The bounds of what a letter shows. All of it is in the thread.
const (
	mostEarlier = 2
	longNew     = 20_000
	longEarlier = 1_500
	lookBack    = mostNews + mostEarlier // comments
)

// Read reads what a letter tells, with its reader's eyes. mail.ErrMoot: there is nothing to tell any more, or nobody.
func (t *Threads) Read(ctx context.Context, tn *tenant.Tenant, l mail.Letter) (Facts, error) {
	var f Facts
	err := t.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		f = Facts{What: split(l.Fields["what"]), About: Class(l.Fields["about"]), Last: l.Fields["last"] != ""}
		a, err := t.eyes(tx, &f, &l)
		switch {
		case err != nil:
			return err
		case l.Kind == mail.Digest:
			return t.readAll(tx, &f, &l, a)
		}
		return t.read(tx, &f, &l, a)
	})
	if err != nil {
		return f, err
	}
	return f, t.address(&f, tn, &l)
}

func (t *Threads) read(tx *storage.Tx, f *Facts, l *mail.Letter, a tickets.Actor) error {
	if err := f.find(tx, a, l.Fields["ticket"]); err != nil {
		return err
	}
	if l.Kind == mail.Claimed {
		if who := f.Ticket.Requester; who == nil || who.ID != "" || who.Email != l.To || f.Ticket.Disowned {
			return mail.ErrMoot
		}
		f.Ticket = tickets.Ticket{ID: f.Ticket.ID, Number: f.Ticket.Number}
		return nil
	}
	if l.Kind == mail.Work {
		if err := f.concern(tx); err != nil {
			return err
		}
	}
	comments, err := tickets.ReadLast(tx, a, &f.Ticket, lookBack)
	if err != nil {
		return err
	}
	if l.Kind == mail.Request {
		unname(comments)
	}
	f.arrange(comments, strings.Split(l.Fields["new"], ","))
	return f.moot()
}

// find reads the ticket, if somebody is to be told of it still.
func (f *Facts) find(tx *storage.Tx, a tickets.Actor, id string) error {
	ref, err := tickets.ParseRef(id)
	if err != nil {
		return mail.ErrMoot
	}
	f.Ticket, err = tickets.Read(tx, a, ref)
	if errors.Is(err, tickets.ErrNotFound) || err == nil && (f.Ticket.Spam() || f.Ticket.MergedInto != "") {
		return mail.ErrMoot
	}
	return err
}

// concern leaves of what there is to tell a member of staff what they want to hear still.
func (f *Facts) concern(tx *storage.Tx) error {
	c, err := chosen(tx, f.Reader.ID)
	if err != nil {
		return err
	}
	if f.What = c.still(f.What, &f.Reader, &f.Ticket); len(f.What) == 0 {
		return mail.ErrMoot
	}
	return nil
}

// mostShown is how many tickets a digest shows. The others it counts.
const mostShown = 20

// readAll reads what a digest tells. mail.ErrMoot: of none of the tickets is there anything to tell still.
func (t *Threads) readAll(tx *storage.Tx, f *Facts, l *mail.Letter, a tickets.Actor) error {
	f.What, f.Over = nil, l.Fields["over"] != ""
	for line := range strings.SplitSeq(l.Fields["tickets"], "\n") {
		one := Facts{Reader: f.Reader}
		id, what, comments, last := parseLine(line)
		one.What, one.Last = what, last
		counted := len(f.Tickets) == mostShown
		err := one.glance(tx, a, id, comments, counted)
		switch {
		case errors.Is(err, mail.ErrMoot):
		case err != nil:
			return err
		case counted:
			f.More++
		default:
			f.Tickets = append(f.Tickets, one)
		}
	}
	if len(f.Tickets) == 0 {
		return mail.ErrMoot
	}
	return nil
}

// glance reads what a digest tells of one ticket; of one that is counted only, whether there is anything.
func (f *Facts) glance(tx *storage.Tx, a tickets.Actor, id string, fresh []string, counted bool) error {
	if err := f.find(tx, a, id); err != nil {
		return err
	}
	if err := f.concern(tx); err != nil || counted {
		return err
	}
	comments, err := tickets.ReadLast(tx, a, &f.Ticket, mostPeek)
	if err != nil {
		return err
	}
	f.arrange(comments, fresh)
	return f.moot()
}

// unname takes the names away that programs of the tenant's have: requesters are written to by the help desk.
func unname(comments []tickets.Comment) {
	for i := range comments {
		if role := comments[i].Author.Role; role == "api" || role == "system" {
			comments[i].Author.Name = ""
		}
	}
}

// eyes are those that the letter's reader reads the ticket with.
func (t *Threads) eyes(tx *storage.Tx, f *Facts, l *mail.Letter) (tickets.Actor, error) {
	reader := l.Fields["reader"]
	switch l.Kind {
	case mail.Claimed:
		f.Reader = Reader{Email: l.To}
		return tickets.System("notifications"), nil
	case mail.Work, mail.Digest:
		who, there, err := t.people.member(tx, strings.TrimPrefix(reader, agentPrefix))
		if err != nil {
			return tickets.Actor{}, err
		}
		if !there || who.Email != l.To {
			return tickets.Actor{}, mail.ErrMoot
		}
		f.Reader = who
		return tickets.Agent(tickets.Person{ID: f.Reader.ID, Email: f.Reader.Email, Name: f.Reader.Name}), nil
	default:
		who, found, err := t.people.Requester(tx, strings.TrimPrefix(reader, userPrefix))
		if err != nil {
			return tickets.Actor{}, err
		}
		if !found || who.Email != l.To {
			return tickets.Actor{}, mail.ErrMoot
		}
		f.Reader = who
		return tickets.Requester(tickets.Person{ID: who.ID, Email: who.Email, Name: who.Name}), nil
	}
}

// arrange sorts the messages of the thread into new ones and earlier ones. The description is the first message.
func (f *Facts) arrange(comments []tickets.Comment, fresh []string) {
	first := Message{Body: f.Ticket.Description, At: f.Ticket.CreatedAt}
	if f.Ticket.Requester != nil {
		first.Author = f.Ticket.Requester.Name
	}
	messages := []Message{first}
	opens := slices.ContainsFunc(f.What, func(w What) bool { return w == Received || w == Filed || w == Opened })
	if opens && !f.Ticket.Erased {
		f.New, messages = []Message{first}, nil
	}
	found := 0
	for i := range comments {
		c := &comments[i]
		m := Message{
			Author: c.Author.Name, Staff: c.Author.Role != "requester", Internal: c.Visibility == tickets.Internal, At: c.CreatedAt, Body: c.Body,
		}
		switch {
		case slices.Contains(fresh, c.ID) && c.Body == erasure.Erased:
			found++ // there is nothing to read in it any more
		case slices.Contains(fresh, c.ID):
			f.New = append(f.New, m)
			found++
		case len(f.New) == 0:
			messages = append(messages, m)
		}
	}
	if fresh[0] != "" {
		f.More = max(len(fresh)-found, 0)
	}
	f.Earlier = messages[max(len(messages)-mostEarlier, 0):]
	shown := shorten(f.New, longNew)
	f.More += len(f.New) - shown
	f.New = f.New[:shown]
	for i := range f.Earlier {
		shorten(f.Earlier[i:i+1], longEarlier)
	}
}

// shorten cuts messages so that together they are no longer than so many bytes, and says how many there is room for.
func shorten(all []Message, left int) int {
	for i := range all {
		m := &all[i]
		if len(m.Body) >= left {
			m.Body, m.Cut = strings.ToValidUTF8(m.Body[:left], ""), len(m.Body) > left
			return i + 1
		}
		left -= len(m.Body)
	}
	return len(all)
}

// moot is mail.ErrMoot where all that the letter was to tell is gone.
func (f *Facts) moot() error {
	written := func(w What) bool { return w == Replied || w == Answered || w == Noted || w == Mentioned }
	if len(f.New) == 0 && f.More == 0 {
		f.What = slices.DeleteFunc(f.What, written)
	}
	f.What = slices.DeleteFunc(f.What, func(w What) bool {
		return f.Ticket.Erased && w != Assigned && !written(w) || w == Waiting && f.Ticket.Status != tickets.StatusPending || w == Solved && !done(f.Ticket.Status) || w == Closing && f.Ticket.Status != tickets.StatusResolved
	})
	if len(f.What) == 0 {
		return mail.ErrMoot
	}
	return nil
}

// address fills in where the letter leads.
func (t *Threads) address(f *Facts, tn *tenant.Tenant, l *mail.Letter) error {
	portal := t.directory.PortalURL(tn)
	number := strconv.FormatUint(f.Ticket.Number, 10)
	switch l.Kind {
	case mail.Digest:
		f.URL, f.Settings = portal+"/agent", portal+"/agent/settings/notifications"
		for i := range f.Tickets {
			f.Tickets[i].URL = portal + "/agent/tickets/" + strconv.FormatUint(f.Tickets[i].Ticket.Number, 10)
		}
	case mail.Work:
		f.URL, f.Settings = portal+"/agent/tickets/"+number, portal+"/agent/settings/notifications"
	case mail.Claimed:
		f.URL = portal + "/dashboard"
	default:
		f.URL, f.Settings = portal+"/tickets/"+number, portal+"/auth/notifications"
	}
	now := time.Now()
	if f.About != "" {
		token, err := seal(t.store, tn, toUnsubscribe, ticketLink{
			Reader: l.Fields["reader"], Class: f.About, Until: now.Add(unsubscribeLife).Unix(),
		})
		if err != nil {
			return err
		}
		f.Unsubscribe = portal + "/auth/unsubscribe?token=" + url.QueryEscape(token)
	}
	if l.Kind == mail.Request && slices.Contains(f.What, Solved) && tn.Settings.AsksForRatings() && f.Ticket.Ratable() {
		token, err := seal(t.store, tn, toRate, ticketLink{
			Reader: l.Fields["reader"], Ticket: f.Ticket.ID, Until: now.Add(rateLife).Unix(),
		})
		if err != nil {
			return err
		}
		f.Rate = portal + "/auth/rate?token=" + url.QueryEscape(token)
	}
	return nil
}
