package notify

import (
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

// parcel is what is to be told to one reader about one ticket.
type parcel struct {
	to Reader
	// key names the reader: see readerKey.
	key  string
	kind mail.Kind
	what []What
	// new are the comments that the reader has not seen.
	new []string
	// about is the class of letters that this one can be ended with; empty: it is essential.
	about Class
}

// flush does what is due of a ticket's digest: staff's share is handed out, the requester is told. What is done and what is
// written down of it are one transaction.
func (n *Notifier) flush(ctx context.Context, tn *tenant.Tenant, key storage.Key) error {
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		d, err := digestTable.Get(tx, key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && d.DueAt.After(time.Now()) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.Kind == fresh {
			// Those who were too many for the news before this come first.
			if has, err := digestTable.Has(tx, digestKey(d.TicketID, rest)); err != nil || has {
				return err
			}
		}
		if err := digestTable.Delete(tx, key); err != nil {
			return err
		}
		return n.advance(tx, tn, &d)
	})
}

// advance does the next thing with a digest that was taken out, and puts it back if there is another.
func (n *Notifier) advance(tx *storage.Tx, tn *tenant.Tenant, d *digest) error {
	t, told, err := tellable(tx, d.TicketID)
	switch {
	case err != nil:
		return err
	case !told:
		return d.wait(tx)
	case d.Kind == reminder:
		return n.tellRequester(tx, tn, d, &t)
	}
	if err := n.handOut(tx, d, &t); err != nil || d.Kind == rest {
		return err
	}
	d.HandedOut = len(d.News)
	if d.TellAt.After(time.Now()) {
		return n.keep(tx, tn, d, &t)
	}
	return n.tellRequester(tx, tn, d, &t)
}

// tellable is a ticket that somebody may be told of, if there is one: it is neither gone, nor put away, nor part of another.
func tellable(tx *storage.Tx, id string) (tickets.Ticket, bool, error) {
	ref, err := tickets.ParseRef(id)
	if err != nil {
		return tickets.Ticket{}, false, err
	}
	t, err := tickets.Read(tx, tickets.System("notifications"), ref)
	if errors.Is(err, tickets.ErrNotFound) {
		return t, false, nil
	}
	return t, err == nil && !t.Spam() && t.MergedInto == "", err
}

// wait has a digest come again whose ticket was put away: it may be brought back before its time is over.
func (d *digest) wait(tx *storage.Tx) error {
	if d.Kind != fresh || !d.TellAt.After(time.Now()) {
		return nil
	}
	d.DueAt = d.TellAt
	return digestTable.Put(tx, d)
}

// keep has a digest come again for the requester, if there is anything in it for them.
func (n *Notifier) keep(tx *storage.Tx, tn *tenant.Tenant, d *digest, t *tickets.Ticket) error {
	p, err := n.forRequester(tx, tn, d, t)
	if err != nil || p == nil {
		return err
	}
	d.DueAt = d.TellAt
	return digestTable.Put(tx, d)
}

// tellRequester sends the requester's letter, if there is one.
func (n *Notifier) tellRequester(tx *storage.Tx, tn *tenant.Tenant, d *digest, t *tickets.Ticket) error {
	p, err := n.forRequester(tx, tn, d, t)
	if err != nil || p == nil {
		return err
	}
	room, err := n.admit(tx, &p.to, p.kind, []string{t.ID})
	if err != nil || len(room) == 0 {
		return err
	}
	return n.send(tx, t, p, room[0].last)
}

// add has the parcel tell more.
func (p *parcel) add(what []What, x *news) {
	p.what = append(p.what, what...)
	if len(what) > 0 && x.Comment != "" {
		p.new = append(p.new, x.Comment)
	}
}

// forRequester is what a digest has for who asked for help; nil: nothing.
func (n *Notifier) forRequester(tx *storage.Tx, tn *tenant.Tenant, d *digest, t *tickets.Ticket) (*parcel, error) {
	switch {
	case t.Requester == nil || tn.Settings.RequesterMail == tenant.Off:
		return nil, nil //nolint:nilnil // its callers ask
	case t.Requester.ID == "":
		return forClaimant(tx, d, t)
	}
	who, found, err := n.people.Requester(tx, t.Requester.ID)
	if err != nil || !found {
		return nil, err
	}
	w, err := wished(tx, userPrefix+who.ID)
	if err != nil {
		return nil, err
	}
	p := &parcel{to: who, key: userPrefix + who.ID, kind: mail.Request}
	if d.Kind == reminder && t.Status == tickets.StatusPending && !w.Wishes.NoReminders {
		p.what = []What{Waiting}
	}
	for i := range d.News {
		p.add(w.Wishes.wants(&who, &d.News[i]), &d.News[i])
	}
	if len(p.what) == 0 {
		return nil, nil //nolint:nilnil // its callers ask
	}
	p.what = sorted(p.what)
	if !slices.Contains(p.what, Replied) {
		p.about = classes[p.what[0]]
	}
	return p, nil
}

// forClaimant is what a digest has for the owner of an address that somebody only claims to have: that staff has answered, and nothing of
// what anybody wrote.
func forClaimant(tx *storage.Tx, d *digest, t *tickets.Ticket) (*parcel, error) {
	answered := slices.ContainsFunc(d.News, func(x news) bool { return x.Comment != "" && !x.Internal && x.byStaff() })
	if !answered || t.Disowned || t.Requester.Email == "" {
		return nil, nil //nolint:nilnil // its callers ask
	}
	key := addressPrefix + t.Requester.Email
	w, err := wished(tx, key)
	if err != nil || w.Nothing {
		return nil, err
	}
	return &parcel{to: Reader{Email: t.Requester.Email}, key: key, kind: mail.Claimed, what: []What{Replied}, about: AboutClaims}, nil
}

// admit counts a letter about some tickets and says for which of them there is room in it; none: the address gets no letter.
func (n *Notifier) admit(tx *storage.Tx, to *Reader, k mail.Kind, about []string) ([]room, error) {
	if !n.writable(to.Email) {
		return nil, nil
	}
	if given, err := givenUp(tx, to.Email, k); err != nil || given {
		return nil, err
	}
	return take(tx, to.Email, k, about)
}

// writable says whether letters go to an address at all: not to a machine, and not to ourselves.
func (n *Notifier) writable(address string) bool {
	return address != "" && !robotic(address) && !strings.EqualFold(address, n.post.From())
}

// send puts a letter about one ticket into the outbox.
func (n *Notifier) send(tx *storage.Tx, t *tickets.Ticket, p *parcel, last bool) error {
	l := mail.Letter{
		Kind: p.kind, To: p.to.Email, Name: p.to.Name, Fields: map[string]string{
			"ticket": t.ID, "reader": p.key, "what": join(p.what),
		},
		Thread: threadOf(t, p), Opens: slices.ContainsFunc(p.what, func(w What) bool { return w == Received || w == Filed || w == Opened }),
		Expires: time.Now().Add(worth),
	}
	if len(p.new) > 0 {
		l.Fields["new"] = strings.Join(p.new, ",")
	}
	if p.about != "" {
		l.Fields["about"] = string(p.about)
	}
	if last {
		l.Fields["last"] = "true"
	}
	return n.post.Enqueue(tx, l)
}

// worth is how long a letter is worth something that the mail server does not take.
const worth = 48 * time.Hour

// threadOf names the conversation that somebody has about a ticket.
func threadOf(t *tickets.Ticket, p *parcel) string {
	side := "requester"
	switch p.kind {
	case mail.Work:
		side = p.to.ID
	case mail.Claimed:
		side = "claim"
	}
	return strings.ToLower(t.ID + "." + side)
}

// robotic says whether nobody reads what is sent to an address, or a machine answers it.
func robotic(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	switch plain {
	case "noreply", "donotreply", "mailerdaemon", "postmaster", "bounce", "bounces", "nobody", "devnull", "autoreply", "listserv", "majordomo":
		return true
	}
	return strings.HasPrefix(plain, "noreply") || strings.HasPrefix(plain, "donotreply") || strings.HasPrefix(local, "bounce-") || strings.HasPrefix(local, "bounces-")
}
