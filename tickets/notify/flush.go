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

// mostReaders is how many letters one transaction writes.
const mostReaders = 60

// flush tells a digest, if it is due still, and takes it away: both or neither.
func (n *Notifier) flush(ctx context.Context, tn *tenant.Tenant, key storage.Key) error {
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		d, err := digestTable.Get(tx, key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && d.DueAt.After(time.Now()) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := digestTable.Delete(tx, key); err != nil {
			return err
		}
		t, err := d.ticket(tx)
		if errors.Is(err, tickets.ErrNotFound) || err == nil && (t.Spam() || t.MergedInto != "") {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := n.parcels(tx, tn, &d, &t)
		if err != nil {
			return err
		}
		return n.postAll(tx, &d, &t, all)
	})
}

// ticket is what the digest is about, if somebody is to be told of it still.
func (d *digest) ticket(tx *storage.Tx) (tickets.Ticket, error) {
	ref, err := tickets.ParseRef(d.TicketID)
	if err != nil {
		return tickets.Ticket{}, err
	}
	return tickets.Read(tx, tickets.System("notifications"), ref)
}

// postAll sends the parcels, and leaves a rest where they are too many.
func (n *Notifier) postAll(tx *storage.Tx, d *digest, t *tickets.Ticket, all []parcel) error {
	slices.SortFunc(all, func(a, b parcel) int { return cmp.Compare(a.key, b.key) })
	for i := range all {
		p := &all[i]
		if p.key <= d.After {
			continue
		}
		if i >= mostReaders && all[i-mostReaders].key > d.After {
			return digestTable.Put(tx, &digest{TicketID: d.TicketID, Kind: rest, DueAt: time.Now().UTC(), News: d.News, After: all[i-1].key})
		}
		if err := n.send(tx, t, p); err != nil {
			return err
		}
	}
	return nil
}

// parcels are what a digest has for everybody.
func (n *Notifier) parcels(tx *storage.Tx, tn *tenant.Tenant, d *digest, t *tickets.Ticket) ([]parcel, error) {
	all, err := n.forRequester(tx, tn, d, t)
	if err != nil || d.Kind == reminder {
		return all, err
	}
	staff, err := n.people.Staff(tx)
	if err != nil {
		return nil, err
	}
	for _, member := range staff {
		c, err := chosen(tx, member.ID)
		if err != nil {
			return nil, err
		}
		p := parcel{to: member, key: agentPrefix + member.ID, kind: mail.Work}
		for i := range d.News {
			p.add(c.wants(&member, t, &d.News[i]), &d.News[i])
		}
		if len(p.what) > 0 {
			p.what = sorted(p.what)
			p.about = classes[p.what[0]]
			all = append(all, p)
		}
	}
	return all, nil
}

// add has the parcel tell more.
func (p *parcel) add(what []What, x *news) {
	p.what = append(p.what, what...)
	if len(what) > 0 && x.Comment != "" {
		p.new = append(p.new, x.Comment)
	}
}

// forRequester is what a digest has for who asked for help.
func (n *Notifier) forRequester(tx *storage.Tx, tn *tenant.Tenant, d *digest, t *tickets.Ticket) ([]parcel, error) {
	switch {
	case t.Requester == nil || tn.Settings.RequesterMail == tenant.Off:
		return nil, nil
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
	p := parcel{to: who, key: userPrefix + who.ID, kind: mail.Request}
	if d.Kind == reminder && t.Status == tickets.StatusPending && !w.Wishes.NoReminders {
		p.what = []What{Waiting}
	}
	for i := range d.News {
		p.add(w.Wishes.wants(&who, &d.News[i]), &d.News[i])
	}
	if len(p.what) == 0 {
		return nil, nil
	}
	p.what = sorted(p.what)
	if !slices.Contains(p.what, Replied) {
		p.about = classes[p.what[0]]
	}
	return []parcel{p}, nil
}

// forClaimant is what a digest has for the owner of an address that somebody only claims to have: that staff has answered, and nothing of
// what anybody wrote.
func forClaimant(tx *storage.Tx, d *digest, t *tickets.Ticket) ([]parcel, error) {
	answered := slices.ContainsFunc(d.News, func(x news) bool { return x.Comment != "" && !x.Internal && x.byStaff() })
	if !answered || t.Disowned || t.Requester.Email == "" {
		return nil, nil
	}
	key := addressPrefix + t.Requester.Email
	w, err := wished(tx, key)
	if err != nil || w.Nothing {
		return nil, err
	}
	return []parcel{{to: Reader{Email: t.Requester.Email}, key: key, kind: mail.Claimed, what: []What{Replied}, about: AboutClaims}}, nil
}

// send puts the letter into the outbox, unless the address gets none.
func (n *Notifier) send(tx *storage.Tx, t *tickets.Ticket, p *parcel) error {
	if p.to.Email == "" || robotic(p.to.Email) {
		return nil
	}
	if given, err := givenUp(tx, p.to.Email, p.kind); err != nil || given {
		return err
	}
	free, last, err := take(tx, p.to.Email, t, p.kind)
	if err != nil || !free {
		return err
	}
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
