package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tickets"
)

const (
	// Patience is how long a receiver may take for its answer.
	Patience = 15 * time.Second
	// leeway is the time to write down how it went.
	leeway = 10 * time.Second
	// maxExcerpt is how much is kept of an answer, in bytes.
	maxExcerpt = 1024
	// longestWait is how long a receiver may ask us to wait.
	longestWait = 24 * time.Hour

	statusGone       = 410
	statusTooMany    = 429
	statusOverloaded = 503
)

// pauses are the times between tries, as the specification proposes them: three days in all. Each is drawn out by up to a fifth, so that
// those which failed together do not come back together.
func pauses() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
		24 * time.Hour,
	}
}

var errPaused = errors.New("the receiver is slow: others first")

// deliver sends one message to one webhook.
func (h *Hooks) deliver(ctx context.Context, tn *tenant.Tenant, i outbox.Item[errand]) error {
	hook, d, m, err := h.load(ctx, tn, i.Payload)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // the webhook was removed, or the delivery is too old
	case errors.Is(err, ErrForgotten):
		return outbox.Permanent(err)
	case err != nil:
		return err
	case !hook.Enabled && d.Type != TestType:
		return h.settle(ctx, tn, d, func(d *Delivery, _ *Webhook) string { d.State = Canceled; return "" })
	}
	if wait := h.slow.wait(hook.ID); wait > 0 && d.Type != TestType {
		return outbox.Postponed(errPaused, wait)
	}
	leave, free := h.lanes.enter(ctx, hook.ID)
	if !free {
		return outbox.Postponed(errPaused, lanePause)
	}
	defer leave()
	body, err := h.config.Render(tn, m)
	if err != nil {
		return outbox.Permanent(fmt.Errorf("render %s: %w", m.Event.ID, err))
	}
	begin := time.Now()
	bounded, stop := context.WithTimeout(ctx, Patience)
	answer, err := h.config.Client.Post(bounded, hook.URL, sign(hook.Secrets, m.Event.ID, begin, body), body, maxExcerpt)
	stop()
	if err != nil && ctx.Err() != nil {
		return err // the node stops
	}
	a := Attempt{At: begin.UTC().Truncate(time.Millisecond), Duration: time.Since(begin).Truncate(time.Millisecond), Status: answer.Status}
	a.Error, a.Excerpt = reason(err), strings.ToValidUTF8(string(answer.Excerpt), "\uFFFD")
	ok := err == nil && answer.Status >= 200 && answer.Status < 300
	h.slow.note(hook.ID, ok, a.Duration)
	if err := h.settle(ctx, tn, d, func(d *Delivery, hook *Webhook) string { return d.note(hook, &a, ok) }); err != nil {
		return err
	}
	return result(d.Type, ok, answer, err)
}

// result tells the queue how it went.
func result(t tickets.EventType, ok bool, answer outbound.Answer, err error) error {
	if ok {
		return nil
	}
	if err == nil {
		err = &outbound.StatusError{Status: answer.Status}
	}
	switch {
	case t == TestType, answer.Status == statusGone:
		return outbox.Permanent(err)
	case answer.RetryAfter > 0 && (answer.Status == statusTooMany || answer.Status == statusOverloaded):
		return outbox.After(err, min(answer.RetryAfter, longestWait))
	}
	return err
}

// reason says to the tenant why no answer came.
func reason(err error) string {
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return fmt.Sprintf("There was no answer within %d seconds.", int(Patience.Seconds()))
	}
	if err == nil {
		return ""
	}
	return outbound.Reason(err)
}

// load reads all that a try needs.
func (h *Hooks) load(ctx context.Context, tn *tenant.Tenant, x errand) (hook Webhook, d Delivery, m Message, err error) {
	err = h.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		var err error
		if hook, err = find(tx, x.Webhook); err != nil {
			return err
		}
		d, err = deliveryTable.Get(tx, deliveryKey(x.Webhook, x.Delivery))
		if errors.Is(err, storage.ErrNotFound) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		m, err = messageTable.Get(tx, messageKey(x.Message))
		if errors.Is(err, storage.ErrNotFound) {
			return ErrForgotten
		}
		return err
	})
	if !d.Comment {
		m.Comment = nil
		if m.Event.Type == tickets.TicketCommented {
			m.Event = withoutComment(m.Event)
		}
		m.Event.CommentID, m.Event.Visibility = "", ""
	}
	return hook, d, m, err
}

// settle writes what fn makes of a delivery and its webhook. fn says why the webhook is to be switched off; empty: it is not.
func (h *Hooks) settle(ctx context.Context, tn *tenant.Tenant, d Delivery, fn func(*Delivery, *Webhook) string) error {
	return h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		hook, err := find(tx, d.Webhook)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		d, err := deliveryTable.Get(tx, deliveryKey(d.Webhook, d.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		failing := hook.FailingSince
		off := fn(&d, &hook)
		if err := deliveryTable.Put(tx, &d); err != nil {
			return err
		}
		if off != "" && hook.Enabled {
			hook.Enabled, hook.Reason = false, off
			return h.switchedOff(tx, &hook, &d)
		}
		if failing.Equal(hook.FailingSince) {
			return nil
		}
		return hookTable.Put(tx, &hook)
	})
}

// switchedOff writes that a webhook was switched off, and has somebody told.
func (h *Hooks) switchedOff(tx *storage.Tx, hook *Webhook, d *Delivery) error {
	if err := put(tx, hook, "system", "webhook.disabled"); err != nil || h.config.Off == nil {
		return err
	}
	last := d.Last()
	return h.config.Off(tx, hook, &last)
}

// note writes down how a try went, and says why the webhook is to be switched off, if it is.
func (d *Delivery) note(hook *Webhook, a *Attempt, ok bool) (off string) {
	d.Attempts = append(d.Attempts, *a)
	d.Attempts = d.Attempts[max(0, len(d.Attempts)-maxAttempts):]
	d.Tried++
	if ok {
		d.State, hook.FailingSince = Delivered, time.Time{}
		return ""
	}
	if d.Type == TestType {
		return ""
	}
	if hook.FailingSince.IsZero() {
		hook.FailingSince = a.At
	}
	switch {
	case a.Status == statusGone:
		return "The receiver says that it is gone (410)."
	case a.At.Sub(hook.FailingSince) >= FailsFor:
		return "Nothing could be delivered for five days."
	}
	return ""
}

// giveUp writes down that a delivery has failed for good.
func giveUp(tx *storage.Tx, i *outbox.Item[errand], cause error) error {
	d, err := deliveryTable.Get(tx, deliveryKey(i.Payload.Webhook, i.Payload.Delivery))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d.State = Failed
	if len(d.Attempts) == 0 || errors.Is(cause, ErrForgotten) {
		d.Attempts = append(d.Attempts, Attempt{At: time.Now().UTC().Truncate(time.Millisecond), Error: "The message is not kept any more."})
	}
	return deliveryTable.Put(tx, &d)
}
