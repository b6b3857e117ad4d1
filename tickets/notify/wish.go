package notify

import (
	"context"
	"errors"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets"
)

// Wishes are what a requester wants to hear of. The zero Wishes are all.
type Wishes struct {
	NoReceipts  bool `cbor:"1,keyasint,omitempty"` // that a request has arrived
	NoReplies   bool `cbor:"2,keyasint,omitempty"` // what staff writes
	NoSolved    bool `cbor:"3,keyasint,omitempty"` // that a request is solved, with the question how it was
	NoReminders bool `cbor:"4,keyasint,omitempty"` // that a request waits for them
}

// wishesOf are wishes on disk: those of a user, or of whoever an address is that somebody only claims to have.
type wishesOf struct {
	Reader string `cbor:"1,keyasint"`
	Wishes Wishes `cbor:"2,keyasint"`
	// Nothing: the address wants no letters about requests that others file in its name.
	Nothing bool `cbor:"3,keyasint,omitempty"`
}

var wishTable = storage.NewTable(storage.Declaration[wishesOf]{
	ID: 156, Name: "requesters' notifications", Key: func(w *wishesOf) storage.Key { return storage.Key(nil).Str(w.Reader) },
})

// Readers are named by what they are, so that none is taken for another: see readerKey.
const (
	userPrefix    = "user:"
	agentPrefix   = "agent:"
	addressPrefix = "address:"
)

func wished(tx *storage.Tx, reader string) (wishesOf, error) {
	w, err := wishTable.Get(tx, storage.Key(nil).Str(reader))
	if errors.Is(err, storage.ErrNotFound) {
		return wishesOf{Reader: reader}, nil
	}
	return w, err
}

// Wishes are those of a requester.
func (n *Notifier) Wishes(ctx context.Context, tn *tenant.Tenant, user string) (Wishes, error) {
	var w wishesOf
	err := n.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		w, err = wished(tx, userPrefix+user)
		return err
	})
	return w.Wishes, err
}

// Answers says whether a letter goes to a requester's address when staff answers. Where the address is only claimed there
// is no user, and nothing is told of what its owner wishes.
func (n *Notifier) Answers(ctx context.Context, tn *tenant.Tenant, user, address string) (told bool, err error) {
	if !n.Ready() || tn.Settings.RequesterMail == tenant.Off || !n.writable(address) {
		return false, nil
	}
	if user == "" {
		return true, nil
	}
	err = n.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		w, err := wished(tx, userPrefix+user)
		if err != nil || w.Wishes.NoReplies {
			return err
		}
		given, err := givenUp(tx, address, mail.Request)
		told = !given
		return err
	})
	return told && err == nil, err
}

// Wish keeps what a requester wishes.
func (n *Notifier) Wish(ctx context.Context, tn *tenant.Tenant, user string, w Wishes) error {
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		return wishTable.Put(tx, &wishesOf{Reader: userPrefix + user, Wishes: w})
	})
}

// wants says what of the news the requester of the ticket hears of.
func (w Wishes) wants(who *Reader, x *news) []What {
	own := x.byRequester() && x.ActorID == who.ID
	switch {
	case x.Type == tickets.TicketCreated && own:
		return onlyIf(!w.NoReceipts, Received)
	case x.byRequester(): // also who filed it in the name of somebody who took it over since
		return nil
	case x.Type == tickets.TicketCreated:
		return onlyIf(!w.NoReceipts, Filed)
	}
	if x.Type == tickets.TicketClosing {
		return onlyIf(!w.NoReminders, Closing)
	}
	var all []What
	if x.Comment != "" && !x.Internal {
		all = onlyIf(!w.NoReplies, Replied)
	}
	if done(x.Is) && !done(x.Was) {
		all = append(all, onlyIf(!w.NoSolved, Solved)...)
	}
	return all
}

func onlyIf(is bool, w What) []What {
	if is {
		return []What{w}
	}
	return nil
}

func done(s tickets.Status) bool { return s.Category() == "done" }

// drop are the wishes without one class of letters.
func (w Wishes) drop(about Class) Wishes {
	switch about {
	case AboutReceipts:
		w.NoReceipts = true
	case AboutReplies:
		w.NoReplies = true
	case AboutSolved:
		w.NoSolved = true
	case AboutReminders:
		w.NoReminders = true
	}
	return w
}
