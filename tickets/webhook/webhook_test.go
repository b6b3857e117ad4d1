package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/webhook"
)

// verify has the specification's own library look at a message.
func verify(t *testing.T, secret string, g got) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	ok(t, err)
	return w.Verify(g.body, g.header)
}

// A message comes once, to its own tenant's webhooks, and the specification's library believes it.
func TestDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		acme, bee := h.receive("acme.example"), h.receive("bee.example")
		hook, secret := h.hook(h.acme, acme.url)
		_, other := h.hook(h.bee, bee.url)
		h.run(h.Hooks)
		x := h.file(h.acme, "Printer")
		pass(time.Minute)
		h.file(h.bee, "Scanner")
		pass(time.Minute)
		all := acme.got()
		if len(all) != 1 || len(bee.got()) != 1 {
			t.Fatalf("acme got %d messages, bee %d, want 1 each", len(all), len(bee.got()))
		}
		if err := verify(t, secret, all[0]); err != nil {
			t.Errorf("the specification's library says: %v", err)
		}
		if err := verify(t, other, all[0]); err == nil {
			t.Error("another secret verifies the message")
		}
		d := h.deliveries(hook.ID)
		if len(d) != 1 || d[0].State != webhook.Delivered || d[0].Tried != 1 || d[0].Attempts[0].Status != http.StatusOK || d[0].Number != x.Number {
			t.Errorf("deliveries = %+v", d)
		}
		if all[0].words["title"] != "Printer" || all[0].header.Get("Webhook-Id") != all[0].words["id"] {
			t.Errorf("the message is %s %v", all[0].body, all[0].header)
		}
	})
}

// The schedule is the specification's: what was down for an hour misses nothing, and hears everything once.
func TestReceiverDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		hook, _ := h.hook(h.acme, r.url)
		r.down.Store(true)
		h.run(h.Hooks)
		const n = 30
		for i := range n {
			h.file(h.acme, fmt.Sprint("Ticket ", i))
			pass(2 * time.Minute)
		}
		if d := h.deliveries(hook.ID); d[len(d)-1].Tried != 4 || d[len(d)-1].State != webhook.Pending || d[len(d)-1].NextAt.IsZero() {
			t.Errorf("after an hour the first delivery is %+v, want 4 tries", d[len(d)-1])
		}
		r.down.Store(false)
		pass(4 * time.Hour)
		heard := map[any]int{}
		for _, g := range r.got() {
			heard[g.words["title"]]++
		}
		for i := range n {
			if heard[fmt.Sprint("Ticket ", i)] != 1 {
				t.Errorf("ticket %d was heard of %d times", i, heard[fmt.Sprint("Ticket ", i)])
			}
		}
		if hook := h.find(hook.ID); !hook.FailingSince.IsZero() {
			t.Errorf("the webhook still fails since %s", hook.FailingSince)
		}
	})
}

func TestScheduleAndGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		r.takes(status(http.StatusInternalServerError))
		hook, _ := h.hook(h.acme, r.url)
		h.run(h.Hooks)
		h.file(h.acme, "Printer")
		pass(5 * 24 * time.Hour)
		var pauses []time.Duration
		all := r.got()
		for i := 1; i < len(all); i++ {
			pauses = append(pauses, all[i].at.Sub(all[i-1].at))
			if all[i].header.Get("Webhook-Id") != all[0].header.Get("Webhook-Id") || string(all[i].body) != string(all[0].body) {
				t.Errorf("try %d is another message: %s", i, all[i].body)
			}
		}
		want := []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		}
		if len(pauses) != len(want) {
			t.Fatalf("pauses = %v, want %v", pauses, want)
		}
		for i := range want {
			if pauses[i] < want[i] || pauses[i] > want[i]+want[i]/5+2*time.Second {
				t.Errorf("pause %d = %s, want %s and at most a fifth more", i, pauses[i], want[i])
			}
		}
		if d := h.deliveries(hook.ID); d[0].State != webhook.Failed || d[0].Tried != 10 {
			t.Errorf("the delivery is %+v", d[0])
		}

		r.takes(nil)
		if _, err := h.Retry(t.Context(), h.acme, "operator", hook.ID, h.deliveries(hook.ID)[0].ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if d := h.deliveries(hook.ID); d[0].State != webhook.Delivered || d[0].Tried != 11 || len(d) != 1 {
			t.Errorf("sent again it is %+v", d)
		}
	})
}

// A webhook that fails for five days is switched off, and so is one whose receiver is gone.
func TestSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		bad, gone, never := h.receive("bad.example"), h.receive("gone.example"), h.receive("off.example")
		bad.takes(status(http.StatusBadRequest))
		gone.takes(status(http.StatusGone))
		a, _ := h.hook(h.acme, bad.url)
		b, _ := h.hook(h.acme, gone.url)
		h.hook(h.acme, never.url, func(c *webhook.Change) { c.Enabled = tickets.Set(false) })
		h.run(h.Hooks)
		h.file(h.acme, "first")
		pass(time.Minute)
		if hook := h.find(b.ID); hook.Enabled || !strings.Contains(hook.Reason, "410") || len(gone.got()) != 1 {
			t.Errorf("whose receiver is gone is %+v after %d tries", hook, len(gone.got()))
		}
		for range 5 {
			pass(20 * time.Hour)
			h.file(h.acme, "again")
		}
		if !h.find(a.ID).Enabled {
			t.Error("switched off before five days were over")
		}
		pass(2 * 24 * time.Hour)
		if hook := h.find(a.ID); hook.Enabled || !strings.Contains(hook.Reason, "five days") {
			t.Errorf("which fails for five days is %+v", hook)
		}
		pass(24 * time.Hour)
		tries := len(bad.got())
		pass(2 * 24 * time.Hour)
		if n := len(bad.got()); n != tries {
			t.Errorf("%d tries after it was switched off", n-tries)
		}
		if len(gone.got()) != 1 || len(never.got()) != 0 {
			t.Errorf("who is switched off heard %d and %d messages", len(gone.got()), len(never.got()))
		}
		if want := []string{b.ID + " 410", a.ID + " 400"}; !slices.Equal(h.off, want) {
			t.Errorf("told that %v were switched off, with their last answers, want %v", h.off, want)
		}
		page, err := h.tenants.SearchAudit(t.Context(), h.acme.ID, tenant.AuditQuery{Action: "webhook.disabled"})
		if err != nil || len(page.Events) != 2 {
			t.Errorf("the audit log has %+v, %v", page.Events, err)
		}
		bad.takes(nil)
		hook, err := h.Update(t.Context(), h.acme, "operator", a.ID, webhook.Change{Enabled: tickets.Set(true)})
		if err != nil || hook.Reason != "" || !hook.FailingSince.IsZero() {
			t.Errorf("switched on again it is %+v, %v", hook, err)
		}
		h.file(h.acme, "at last")
		pass(time.Minute)
		if all := bad.got(); all[len(all)-1].words["title"] != "at last" {
			t.Errorf("and hears %v", all[len(all)-1].words)
		}
	})
}

func TestWaitsAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		r.takes(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		h.hook(h.acme, r.url)
		h.run(h.Hooks)
		h.file(h.acme, "Printer")
		pass(59 * time.Minute)
		if n := len(r.got()); n != 1 {
			t.Errorf("%d tries within the hour that the receiver has asked for", n)
		}
		pass(30 * time.Minute)
		if n := len(r.got()); n != 2 {
			t.Errorf("%d tries after it, want 2", n)
		}
	})
}

// A receiver that hangs holds up no other webhook of its tenant, not even at first; and what waits for it is sent soon after it answers.
func TestHangingReceiverHasALaneOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		hangs, also, own := h.receive("hangs.example"), h.receive("also.example"), h.receive("own.example")
		never := make(chan struct{})
		defer close(never)
		for _, r := range []*receiver{hangs, also} {
			r.takes(func(http.ResponseWriter, *http.Request) { <-never })
			h.hook(h.acme, r.url)
		}
		h.hook(h.acme, own.url)
		h.run(h.Hooks)
		for i := range 20 {
			h.file(h.acme, fmt.Sprint("Ticket ", i))
		}
		pass(4 * time.Second)
		if n := len(own.got()); n != 20 {
			t.Errorf("after four seconds the other webhook of the same tenant heard %d of 20 messages", n)
		}
		if n := len(hangs.got()); n > 4 {
			t.Errorf("%d messages are on their way to the receiver that hangs, want 4 at most", n)
		}
		hangs.takes(status(http.StatusOK))
		pass(5 * time.Minute)
		heard := map[any]bool{}
		for _, g := range hangs.got() {
			heard[g.words["id"]] = true
		}
		if len(heard) != 20 {
			t.Errorf("the receiver that had hung heard %d of 20 messages", len(heard))
		}
	})
}

// What waits for its next try is sent at once if somebody wants it so, and comes once.
func TestRetryOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		hook, _ := h.hook(h.acme, r.url)
		r.down.Store(true)
		h.run(h.Hooks)
		h.file(h.acme, "Printer")
		pass(20 * time.Minute)
		d := h.deliveries(hook.ID)[0]
		if d.State != webhook.Pending || time.Until(d.NextAt) < 10*time.Minute {
			t.Fatalf("the delivery is %+v, want one that waits for long", d)
		}
		r.down.Store(false)
		if _, err := h.Retry(t.Context(), h.bee, "somebody", hook.ID, d.ID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("the other tenant sends it again: %v", err)
		}
		_, err := h.Retry(t.Context(), h.acme, "somebody", hook.ID, d.ID)
		ok(t, err)
		if _, err := h.Retry(t.Context(), h.acme, "somebody", hook.ID, d.ID); !errors.Is(err, webhook.ErrPending) {
			t.Errorf("a second click = %v, want ErrPending", err)
		}
		pass(10 * time.Second)
		if d := h.deliveries(hook.ID)[0]; d.State != webhook.Delivered || len(r.got()) != 1 {
			t.Errorf("after ten seconds the delivery is %+v", d)
		}
		pass(4 * 24 * time.Hour)
		if n := len(r.got()); n != 1 {
			t.Errorf("the message came %d times", n)
		}
	})
}

// A receiver that never answers holds up neither another tenant nor, for long, another webhook of the same one.
func TestSlowReceiversHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		slow, own, other := h.receive("slow.example"), h.receive("own.example"), h.receive("other.example")
		never := make(chan struct{})
		defer close(never)
		slow.takes(func(http.ResponseWriter, *http.Request) { <-never })
		stuck, _ := h.hook(h.acme, slow.url)
		h.hook(h.acme, own.url)
		h.hook(h.bee, other.url)
		h.run(h.Hooks)
		for i := range 100 {
			h.file(h.acme, fmt.Sprint("Ticket ", i))
		}
		begin := time.Now()
		h.file(h.bee, "Elsewhere")
		pass(10 * time.Second)
		if all := other.got(); len(all) != 1 || all[0].at.Sub(begin) > time.Second {
			t.Errorf("the other tenant heard %d messages", len(all))
		}
		pass(3 * time.Minute)
		if n := len(own.got()); n != 100 {
			t.Errorf("the other webhook of the same tenant heard %d of 100 messages", n)
		}
		d := h.deliveries(stuck.ID)
		i := slices.IndexFunc(d, func(d webhook.Delivery) bool { return d.Tried > 0 })
		if i < 0 || d[i].Attempts[0].Duration != webhook.Patience || !strings.Contains(d[i].Attempts[0].Error, "15 seconds") {
			t.Errorf("a try of the slow one is %+v", d[max(i, 0)])
		}
	})
}

// Killed between the answer and the note of it, a message comes again and tells so by its id; killed before, it is not lost.
func TestAnotherNodeTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		hang := make(chan struct{})
		r.takes(func(http.ResponseWriter, *http.Request) { <-hang })
		hook, _ := h.hook(h.acme, r.url)
		stop := h.run(h.Hooks)
		h.file(h.acme, "Printer")
		pass(time.Second)
		done := make(chan struct{})
		go func() { stop(); close(done) }()
		pass(11 * time.Second) // the node stops while the receiver still thinks
		<-done
		close(hang)
		r.takes(nil)
		h.run(h.hooks())
		pass(5 * time.Minute)
		all := r.got()
		if len(all) != 2 || all[0].header.Get("Webhook-Id") != all[1].header.Get("Webhook-Id") {
			t.Errorf("got %d messages, want the same twice", len(all))
		}
		if d := h.deliveries(hook.ID); d[0].State != webhook.Delivered {
			t.Errorf("the delivery is %+v", d[0])
		}
	})
}

// For a day after a rotation both secrets sign, then the new one alone.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		hook, old := h.hook(h.acme, r.url)
		h.run(h.Hooks)
		_, next, err := h.Rotate(t.Context(), h.acme, "operator", hook.ID, "")
		ok(t, err)
		for _, step := range []struct {
			after time.Duration
			old   bool
		}{{time.Minute, true}, {23 * time.Hour, true}, {2 * time.Hour, false}} {
			pass(step.after)
			h.file(h.acme, "Printer")
			synctest.Wait()
			pass(time.Second)
			all := r.got()
			last := all[len(all)-1]
			if err := verify(t, next, last); err != nil {
				t.Errorf("%s after it the new secret: %v", step.after, err)
			}
			if err := verify(t, old, last); (err == nil) != step.old {
				t.Errorf("%s after it the old secret: %v, want it to sign: %t", step.after, err, step.old)
			}
		}
	})
}

// Who does not ask for internal comments hears nothing of them, but of what else changed with them.
func TestWhatWebhooksHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		all, public, changes := h.receive("all.example"), h.receive("public.example"), h.receive("changes.example")
		h.hook(h.acme, all.url, func(c *webhook.Change) { c.Internal = tickets.Set(true) })
		h.hook(h.acme, public.url)
		h.hook(h.acme, changes.url, func(c *webhook.Change) { c.Types = tickets.Set([]tickets.EventType{tickets.TicketUpdated}) })
		h.run(h.Hooks)
		x := h.file(h.acme, "Printer")
		step := func(fn func()) { fn(); pass(time.Second) }
		step(func() { h.comment(x, "Psst", tickets.Internal) })
		step(func() {
			_, err := h.desk.Update(t.Context(), h.acme, agent, x.Ref(), tickets.Change{
				Priority: tickets.Set(tickets.PriorityHigh), Comment: &tickets.Note{Body: "Pssst", Visibility: tickets.Internal},
			})
			ok(t, err)
		})
		step(func() { h.comment(x, "Hello", tickets.Public) })
		for who, tc := range map[string]struct {
			r    *receiver
			want []string
		}{
			"all":     {all, []string{"1 ticket.created <nil>", "2 ticket.commented Psst", "3 ticket.commented Pssst", "4 ticket.commented Hello"}},
			"public":  {public, []string{"1 ticket.created <nil>", "3 ticket.updated <nil>", "4 ticket.commented Hello"}},
			"changes": {changes, []string{"3 ticket.updated <nil>", "4 ticket.updated <nil>"}},
		} {
			var heard []string
			for _, g := range tc.r.got() {
				heard = append(heard, fmt.Sprintf("%v %v %v", g.words["sequence"], g.words["type"], g.words["comment"]))
			}
			slices.Sort(heard)
			if diff := cmp.Diff(tc.want, heard); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
	})
}

func TestTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		r.takes(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = fmt.Fprint(w, strings.Repeat("x", 5000))
		})
		hook, _ := h.hook(h.acme, r.url, func(c *webhook.Change) { c.Enabled = tickets.Set(false) })
		h.run(h.Hooks)
		_, err := h.Test(t.Context(), h.acme, "operator", hook.ID)
		ok(t, err)
		pass(24 * time.Hour)
		d := h.deliveries(hook.ID)
		if len(r.got()) != 1 || len(d) != 1 || d[0].State != webhook.Failed || d[0].Attempts[0].Status != http.StatusTeapot || len(d[0].Attempts[0].Excerpt) != 1024 {
			t.Errorf("%d messages, deliveries %+v", len(r.got()), d)
		}
	})
}

// Redirects are not followed, and nothing goes to the node's own network.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r, inside := h.receive("acme.example"), h.receive("inside.example")
		r.takes(func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, inside.url, http.StatusTemporaryRedirect)
		})
		hook, _ := h.hook(h.acme, r.url)
		h.run(h.Hooks)
		h.file(h.acme, "Printer")
		pass(time.Minute)
		if len(inside.got()) != 0 || h.deliveries(hook.ID)[0].Attempts[0].Status != http.StatusTemporaryRedirect {
			t.Errorf("a redirect: %d messages, %+v", len(inside.got()), h.deliveries(hook.ID)[0])
		}
		for url, good := range map[string]bool{
			"": false, "ftp://acme.example": false, "https://10.0.0.1/x": false, "https://[::1]/": false, "http://169.254.169.254/latest": false,
			"https://u:p@acme.example": false, "https://": false, "https://" + strings.Repeat("a", 2000): false, "https://acme.example/x?y=z": true,
		} {
			_, _, err := h.Create(t.Context(), h.acme, "operator", webhook.Change{URL: tickets.Set(url)})
			if fields, is := errors.AsType[tenant.FieldErrors](err); is == good || is && fields["url"] == nil {
				t.Errorf("Create(%q) = %v", url, err)
			}
		}
		_, _, err := h.Create(t.Context(), h.acme, "operator", webhook.Change{URL: tickets.Set(r.url), Types: tickets.Set([]tickets.EventType{"ticket.exploded"})})
		if _, is := errors.AsType[tenant.FieldErrors](err); !is {
			t.Errorf("a type that is not one: %v", err)
		}
		for range webhook.MaxHooks {
			_, _, err = h.Create(t.Context(), h.acme, "operator", webhook.Change{URL: tickets.Set(r.url)})
		}
		if !errors.Is(err, webhook.ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		if _, err := h.Find(t.Context(), h.bee, hook.ID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("another tenant finds it: %v", err)
		}
		if _, err := h.Deliveries(t.Context(), h.bee, hook.ID, "", 10); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("another tenant lists its deliveries: %v", err)
		}
		if _, err := h.Retry(t.Context(), h.bee, "operator", hook.ID, h.deliveries(hook.ID)[0].ID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("another tenant sends again: %v", err)
		}
	})
}

// Deliveries are kept for 30 days and beyond a number, pages go on where one ended, and an event that was undone is never told.
func TestDeliveriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := h.receive("acme.example")
		hook, _ := h.hook(h.acme, r.url)
		stop := h.run(h.Hooks)
		for i := range 12 {
			h.file(h.acme, fmt.Sprint("Ticket ", i))
			pass(time.Second)
		}
		errUndone := errors.New("undone")
		err := h.store.Update(t.Context(), h.acme.Scope(), func(tx *storage.Tx) error {
			x := tickets.Happening{Event: tickets.Event{ID: "evt_undone", Type: tickets.UserErased, CreatedAt: time.Now()}}
			return errors.Join(h.Follow(tx, h.acme, &x), errUndone)
		})
		if !errors.Is(err, errUndone) {
			t.Fatal(err)
		}
		var numbers []uint64
		for cursor := ""; ; {
			page, err := h.Deliveries(t.Context(), h.acme, hook.ID, cursor, 5)
			ok(t, err)
			for _, d := range page.Deliveries {
				numbers = append(numbers, d.Number)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff([]uint64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, numbers); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		stop()
		ok(t, h.Trim(t.Context(), h.acme, 4))
		if n := len(h.deliveries(hook.ID)); n != 4 {
			t.Errorf("%d deliveries are left, want 4", n)
		}
		pass(webhook.DeliveryLife + time.Minute)
		if n := len(h.deliveries(hook.ID)); n != 0 {
			t.Errorf("%d deliveries are left after 30 days", n)
		}
		ok(t, h.Remove(t.Context(), h.acme, "operator", hook.ID))
		h.run(h.hooks())
		h.file(h.acme, "after")
		pass(time.Minute)
		if n := len(r.got()); n != 12 {
			t.Errorf("%d messages, want 12", n)
		}
	})
}
