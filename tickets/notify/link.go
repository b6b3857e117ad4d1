package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// ErrLink says that a link is none of ours, of another tenant, for something else, or too old.
var ErrLink = errors.New("the link is not valid")

// What links are for. One for the one thing is none for the other.
const (
	toUnsubscribe = "unsubscribe"
	toRate        = "rate"
)

const (
	unsubscribeLife = 365 * day
	rateLife        = 30 * day
)

// ticketLink is what a link says: that whoever has it was sent it.
type ticketLink struct {
	Reader string `json:"r"`
	Class  Class  `json:"c,omitempty"`
	Ticket string `json:"t,omitempty"`
	Until  int64  `json:"u"` // unix seconds
}

// seal makes the token of a link. It is opaque, and good for one tenant and purpose.
func seal(store *storage.Store, tn *tenant.Tenant, purpose string, l ticketLink) (string, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	aead := store.Sealer(tn.Scope(), "letters: "+purpose)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, plain, nil)), nil
}

// open reads the token of a link, or returns ErrLink.
func open(store *storage.Store, tn *tenant.Tenant, purpose, token string) (ticketLink, error) {
	const longest = 2000
	var l ticketLink
	if len(token) > longest || strings.ContainsAny(token, "\r\n") {
		return l, ErrLink
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return l, ErrLink
	}
	plain, err := store.Sealer(tn.Scope(), "letters: "+purpose).Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(plain, &l) != nil || time.Now().After(time.Unix(l.Until, 0)) {
		return ticketLink{}, ErrLink
	}
	return l, nil
}

// Subscription is what a link to unsubscribe ends.
type Subscription struct {
	Class Class
	// Staff: it is one of a member of staff. Otherwise it is a requester's, or that of an address that others name.
	Staff bool
}

// Subscription reads the token of a link to unsubscribe, and changes nothing. ErrLink.
func (n *Notifier) Subscription(tn *tenant.Tenant, token string) (Subscription, error) {
	l, err := open(n.store, tn, toUnsubscribe, token)
	return Subscription{Class: l.Class, Staff: strings.HasPrefix(l.Reader, agentPrefix)}, err
}

// Unsubscribe ends the letters that a link is about, and no others. Whoever has the link may do so; doing it twice is no error. ErrLink.
func (n *Notifier) Unsubscribe(ctx context.Context, tn *tenant.Tenant, token string) (Subscription, error) {
	l, err := open(n.store, tn, toUnsubscribe, token)
	if err != nil {
		return Subscription{}, err
	}
	err = n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		if agent, is := strings.CutPrefix(l.Reader, agentPrefix); is {
			c, err := chosen(tx, agent)
			if err != nil {
				return err
			}
			return choiceTable.Put(tx, &choiceOf{Agent: agent, Choice: c.drop(l.Class)})
		}
		w, err := wished(tx, l.Reader)
		if err != nil {
			return err
		}
		w.Wishes = w.Wishes.drop(l.Class)
		w.Nothing = w.Nothing || l.Class == AboutClaims
		return wishTable.Put(tx, &w)
	})
	return Subscription{Class: l.Class, Staff: strings.HasPrefix(l.Reader, agentPrefix)}, err
}

// Rater is who may rate a ticket by a link, and which.
type Rater struct {
	Actor  tickets.Actor
	Ticket tickets.Ticket
}

// Rater reads the token of a link to rate a ticket, and changes nothing. ErrLink: it is not good, or not any more, as when the ticket is
// another's by now.
func (n *Notifier) Rater(ctx context.Context, tn *tenant.Tenant, token string) (Rater, error) {
	var r Rater
	l, err := open(n.store, tn, toRate, token)
	if err != nil {
		return r, err
	}
	err = n.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		who, found, err := n.people.Requester(tx, strings.TrimPrefix(l.Reader, userPrefix))
		if err != nil {
			return err
		}
		if !found {
			return ErrLink
		}
		r.Actor = tickets.Requester(tickets.Person{ID: who.ID, Email: who.Email, Name: who.Name})
		ref, err := tickets.ParseRef(l.Ticket)
		if err != nil {
			return ErrLink
		}
		r.Ticket, err = tickets.Read(tx, r.Actor, ref)
		if errors.Is(err, tickets.ErrNotFound) {
			return ErrLink
		}
		return err
	})
	return r, err
}
