package webhook

import (
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

// What one tenant may have.
const (
	// MaxHooks is how many webhooks a tenant has at most.
	MaxHooks = 20
	// MaxDeliveries is how many deliveries of a webhook are kept, and DeliveryLife for how long, whichever ends first.
	MaxDeliveries = 5000
	DeliveryLife  = 30 * 24 * time.Hour
	// Overlap is how long the secret before the last rotation still signs.
	Overlap = 24 * time.Hour
	// FailsFor is how long a webhook may fail, without a single success, until it is switched off.
	FailsFor = 5 * 24 * time.Hour
)

// Errors of this package, beside tenant.FieldErrors.
var (
	// ErrNotFound: there is no such webhook or delivery.
	ErrNotFound = errors.New("no such webhook")
	// ErrTooMany: the tenant has as many webhooks as it may have.
	ErrTooMany = errors.New("too many webhooks")
	// ErrPending: the delivery is on its way already.
	ErrPending = errors.New("the delivery is on its way")
	// ErrForgotten: what the delivery was to say is not kept any more.
	ErrForgotten = errors.New("the message is not kept any more")
)

// Webhook is where a tenant wants to be told what happens.
type Webhook struct {
	ID   string `cbor:"1,keyasint"` // "whk_" and a ULID
	Name string `cbor:"2,keyasint,omitempty"`
	URL  string `cbor:"3,keyasint"`
	// Types are the events that are wanted; none: all.
	Types []tickets.EventType `cbor:"4,keyasint,omitempty"`
	// Internal: internal comments are sent, too.
	Internal bool `cbor:"5,keyasint,omitempty"`
	Enabled  bool `cbor:"6,keyasint"`
	// Reason is why the node has switched it off; empty where somebody did, or it is on.
	Reason string `cbor:"7,keyasint,omitempty"`
	// FailingSince is when the first of the tries failed since the last that did not; zero: the last one succeeded.
	FailingSince time.Time `cbor:"8,keyasint,omitzero"`
	CreatedAt    time.Time `cbor:"9,keyasint"`
	UpdatedAt    time.Time `cbor:"10,keyasint"`
	// Secrets sign, the newest first.
	Secrets []Secret `cbor:"11,keyasint"`
	// Form is the key of the form that it was made with, if it was one.
	Form string `cbor:"12,keyasint,omitempty"`
}

// Secret is a key that signs. It is for signing and for nothing else: nobody is shown it after it was made, but for the form
// that made it, which may be sent twice.
type Secret struct {
	Key []byte `cbor:"1,keyasint"`
	// Until is when it signs no more; zero: it is the present one.
	Until time.Time `cbor:"2,keyasint,omitzero"`
	// Form is the key of the form that it was made with, if it was one.
	Form string `cbor:"3,keyasint,omitempty"`
}

// Wants says whether the webhook is for events of a type.
func (hook *Webhook) Wants(t tickets.EventType) bool { return wants(hook.Types, t) }

func wants(types []tickets.EventType, t tickets.EventType) bool {
	return len(types) == 0 || slices.Contains(types, t)
}

// Overlaps is until when the secret before the present one signs as well; zero: none does.
func (hook *Webhook) Overlaps() (until time.Time) {
	for _, s := range hook.Secrets {
		if s.Until.After(time.Now()) && s.Until.After(until) {
			until = s.Until
		}
	}
	return until
}

// subscriptions say which webhooks there are, without what is secret about them: it is all that an event costs where there are none.
type subscriptions struct {
	All []subscription `cbor:"1,keyasint"`
}

type subscription struct {
	ID       string              `cbor:"1,keyasint"`
	Types    []tickets.EventType `cbor:"2,keyasint,omitempty"`
	Internal bool                `cbor:"3,keyasint,omitempty"`
}

// Message is what a webhook is told: an event, with the ticket as it was after it.
type Message struct {
	Event tickets.Event `cbor:"1,keyasint"`
	// Ticket and Comment are nil for what happened to none.
	Ticket  *tickets.Ticket  `cbor:"2,keyasint,omitempty"`
	Comment *tickets.Comment `cbor:"3,keyasint,omitempty"`
	// Domain is what became of one of the tenant's domains, if it is that.
	Domain *domain.Event `cbor:"4,keyasint,omitempty"`
}

// TestType is the type of the message that is sent to try a webhook. It has neither ticket nor comment.
const TestType tickets.EventType = "webhook.test"

// messageLife is longer than deliveries are kept: each of them can be sent again.
const messageLife = DeliveryLife + 24*time.Hour

var (
	hookTable = storage.NewTable(storage.Declaration[Webhook]{
		ID: 142, Name: "webhooks", Sealed: true, Key: func(h *Webhook) storage.Key { return hookKey(h.ID) },
	})
	deliveryTable = storage.NewTable(storage.Declaration[Delivery]{
		ID: 144, Name: "webhook deliveries", Key: func(d *Delivery) storage.Key { return deliveryKey(d.Webhook, d.ID) },
		Expires: func(d *Delivery) time.Time { return d.CreatedAt.Add(DeliveryLife) },
	})
	subscriptionTable = storage.NewTable(storage.Declaration[subscriptions]{
		ID: 145, Name: "webhook subscriptions", Key: func(*subscriptions) storage.Key { return onlyKey() },
	})
	messageTable = storage.NewTable(storage.Declaration[Message]{
		ID: 140, Name: "webhook messages", Key: func(m *Message) storage.Key { return messageKey(m.Event.ID) },
		Expires: func(m *Message) time.Time { return m.Event.CreatedAt.Add(messageLife) },
	})
)

func hookKey(id string) storage.Key    { return storage.Key(nil).Str(id) }
func messageKey(id string) storage.Key { return storage.Key(nil).Str(id) }
func onlyKey() storage.Key             { return storage.Key(nil).Uint(0) }

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{hookTable, queue.Table(), deliveryTable, subscriptionTable, messageTable}
}
