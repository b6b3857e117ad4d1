package webhook

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// State says what became of a delivery.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // it is on its way, or waits for its next try
	Delivered State = "delivered" // the receiver has answered with 2xx
	Failed    State = "failed"    // all tries have failed
	Canceled  State = "canceled"  // the webhook was switched off
)

const deliveryPrefix = "dlv_"

// Delivery is one message to one webhook, with all tries to deliver it.
type Delivery struct {
	ID      string `cbor:"1,keyasint"` // "dlv_" and a ULID
	Webhook string `cbor:"2,keyasint"`
	// Message is the message's ID, the event's: receivers see it as webhook-id.
	Message string `cbor:"3,keyasint"`
	// Type is what the webhook is told that happened.
	Type tickets.EventType `cbor:"4,keyasint"`
	// Seq and Number are the event's and the ticket's; 0 for a test.
	Seq    uint64 `cbor:"5,keyasint,omitempty"`
	Number uint64 `cbor:"6,keyasint,omitempty"`
	// Comment: the comment is sent along.
	Comment   bool      `cbor:"7,keyasint,omitempty"`
	State     State     `cbor:"8,keyasint"`
	CreatedAt time.Time `cbor:"9,keyasint"`
	// Attempts are the last tries, the oldest first, and Tried how many there were.
	Attempts []Attempt `cbor:"10,keyasint,omitempty"`
	Tried    int       `cbor:"11,keyasint,omitempty"`
	// Item is its place in the queue.
	Item string `cbor:"12,keyasint,omitempty"`
	// NextAt is when the next try is to be; zero: none is. It is filled in when a delivery is read.
	NextAt time.Time `cbor:"-"`
}

// Attempt is one try to deliver.
type Attempt struct {
	At       time.Time     `cbor:"1,keyasint"`
	Duration time.Duration `cbor:"2,keyasint"`
	// Status is that of the answer; 0: none came, and Error says why.
	Status  int    `cbor:"3,keyasint,omitempty"`
	Error   string `cbor:"4,keyasint,omitempty"`
	Excerpt string `cbor:"5,keyasint,omitempty"` // the beginning of the answer's body
}

// Last is the last try, the zero Attempt if there was none.
func (d *Delivery) Last() Attempt {
	if len(d.Attempts) == 0 {
		return Attempt{}
	}
	return d.Attempts[len(d.Attempts)-1]
}

// maxAttempts is how many tries of one delivery are kept.
const maxAttempts = 20

func deliveryKey(hook, id string) storage.Key {
	at, _ := ulid.ParseStrict(strings.TrimPrefix(id, deliveryPrefix)) // ours are well-formed; another's is in no place
	return deliveriesOf(hook).Desc(binary.BigEndian.Uint64(at[:8])).Desc(binary.BigEndian.Uint64(at[8:]))
}

func deliveriesOf(hook string) storage.Key { return storage.Key(nil).Str(hook) }

// DeliveryPage is a part of a webhook's deliveries, the newest first. Next is empty on the last page.
type DeliveryPage struct {
	Deliveries []Delivery
	Next       string
}

// Deliveries lists the deliveries of a webhook, from a cursor on. At most 100 at once; limit 0: 25. ErrNotFound: there is no such
// webhook; tickets.ErrBadCursor.
func (h *Hooks) Deliveries(ctx context.Context, tn *tenant.Tenant, id, cursor string, limit int) (DeliveryPage, error) {
	const standard, most = 25, 100
	if limit <= 0 {
		limit = standard
	}
	limit = min(limit, most)
	r := storage.Range{Prefix: deliveriesOf(id), Limit: limit + 1}
	if cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || len(last) != len(ulid.ULID{}) {
			return DeliveryPage{}, tickets.ErrBadCursor
		}
		r.After = deliveryKey(id, deliveryPrefix+ulid.ULID(last).String())
	}
	var page DeliveryPage
	err := h.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		page = DeliveryPage{Deliveries: []Delivery{}}
		if _, err := find(tx, id); err != nil {
			return err
		}
		for d, err := range deliveryTable.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(page.Deliveries) == limit {
				at, _ := ulid.ParseStrict(strings.TrimPrefix(page.Deliveries[limit-1].ID, deliveryPrefix))
				page.Next = base64.RawURLEncoding.EncodeToString(at[:])
				break
			}
			if err := d.await(tx); err != nil {
				return err
			}
			page.Deliveries = append(page.Deliveries, d)
		}
		return nil
	})
	return page, err
}

// await fills in when the next try is to be.
func (d *Delivery) await(tx *storage.Tx) error {
	if d.State != Pending {
		return nil
	}
	item, err := queue.Get(tx, d.Item)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	d.NextAt = item.NextAt
	return err
}

// Retry sends a message once more and at once, as if it were for the first time, whatever became of it. ErrNotFound; ErrPending: it is
// being sent; ErrForgotten.
func (h *Hooks) Retry(ctx context.Context, tn *tenant.Tenant, by, id, delivery string) (Delivery, error) {
	var d Delivery
	err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if _, err = find(tx, id); err != nil {
			return err
		}
		d, err = deliveryTable.Get(tx, deliveryKey(id, delivery))
		if errors.Is(err, storage.ErrNotFound) || err == nil && d.ID != delivery {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if d.State == Pending {
			if waited, err := queue.Withdraw(tx, d.Item); err != nil {
				return err
			} else if !waited {
				return ErrPending
			}
		}
		if has, err := messageTable.Has(tx, messageKey(d.Message)); err != nil {
			return err
		} else if !has {
			return ErrForgotten
		}
		if err := d.send(tx); err != nil {
			return err
		}
		tx.OnCommit(func() { h.slow.forget(id) })
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "webhook.retried", Object: id, Detail: d.Message})
	})
	return d, err
}

// Test sends a webhook a message that tries it, once, also to one that is switched off.
func (h *Hooks) Test(ctx context.Context, tn *tenant.Tenant, by, id string) (Delivery, error) {
	var d Delivery
	err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		if _, err := find(tx, id); err != nil {
			return err
		}
		m := Message{Event: tickets.Event{
			ID: "evt_" + ulid.Make().String(), Type: TestType, CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
		}}
		if err := messageTable.Put(tx, &m); err != nil {
			return err
		}
		var err error
		if d, err = enqueue(tx, id, &m.Event); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "webhook.tested", Object: id})
	})
	return d, err
}
