package webhook

import (
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tickets"
)

// queue holds what is to be sent.
var queue = outbox.NewQueue[errand](143, "webhook queue")

// errand is one message on its way to one webhook.
type errand struct {
	Webhook  string `cbor:"1,keyasint"`
	Delivery string `cbor:"2,keyasint"`
	Message  string `cbor:"3,keyasint"`
}

// Follow is a tickets.Follower: it writes down which webhooks have to hear of what happens.
func (h *Hooks) Follow(tx *storage.Tx, _ *tenant.Tenant, x *tickets.Happening) error {
	subscribed, err := subscriptionTable.Get(tx, onlyKey())
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	written := false
	for i := range subscribed.All {
		s := &subscribed.All[i]
		e, wanted := s.view(x.Event)
		if !wanted {
			continue
		}
		if !written {
			if err := messageTable.Put(tx, &Message{Event: x.Event, Ticket: x.After, Comment: x.Comment, Domain: x.Domain}); err != nil {
				return err
			}
			written = true
		}
		if _, err := enqueue(tx, s.ID, &e); err != nil {
			return err
		}
	}
	return nil
}

// view is the event as the webhook hears of it, if it does. What an internal comment came with is a change like any other to who
// does not get internal comments, and so is what any comment came with to who does not get comments.
func (s *subscription) view(e tickets.Event) (tickets.Event, bool) {
	silent := e.Visibility == tickets.Internal && !s.Internal
	if e.Type == tickets.TicketCommented && (silent || !wants(s.Types, e.Type)) {
		return withoutComment(e), len(e.Changes) > 0 && wants(s.Types, tickets.TicketUpdated)
	}
	if silent {
		e.CommentID, e.Visibility = "", ""
	}
	return e, wants(s.Types, e.Type)
}

func withoutComment(e tickets.Event) tickets.Event {
	e.Type, e.CommentID, e.Visibility = tickets.TicketUpdated, "", ""
	return e
}

// enqueue puts a message on its way to a webhook. e is the event as that one hears of it.
func enqueue(tx *storage.Tx, hook string, e *tickets.Event) (Delivery, error) {
	d := Delivery{
		ID: deliveryPrefix + ulid.Make().String(), Webhook: hook, Message: e.ID, Type: e.Type, Seq: e.Seq, Number: e.Number,
		Comment: e.CommentID != "", CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	return d, d.send(tx)
}

// send puts the delivery into the queue.
func (d *Delivery) send(tx *storage.Tx) error {
	item, err := queue.Put(tx, errand{Webhook: d.Webhook, Delivery: d.ID, Message: d.Message}, time.Time{})
	if err != nil {
		return err
	}
	d.Item, d.State = item, Pending
	return deliveryTable.Put(tx, d)
}
