package tickets_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

const aDay = 24 * time.Hour

// run runs the desk's timers until the test or stop ends them.
func (w *world) run() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
}

func (w *world) actions(t tickets.Ticket) (out []string) {
	w.t.Helper()
	p, err := w.Activity(w.t.Context(), w.acme, agent, t.Ref(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range p.Activities {
		out = append(out, x.Action)
	}
	return out
}

func TestResolvedIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.globex.Settings.AutoCloseDays = 3
		resolved, open := w.in(tickets.StatusResolved), w.in(tickets.StatusOpen)
		elsewhere, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "t", Description: "d"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Update(t.Context(), w.globex, agent, elsewhere.Ticket.Ref(), tickets.Change{Status: tickets.Set(tickets.StatusResolved)}); err != nil {
			t.Fatal(err)
		}
		stop := w.run()
		time.Sleep(3*aDay + 10*time.Minute)
		if got, err := w.Find(t.Context(), w.globex, agent, elsewhere.Ticket.Ref()); err != nil || got.Status != tickets.StatusClosed {
			t.Errorf("after the other tenant's 3 days: %s, %v", got.Status, err)
		}
		if got := w.find(ann, resolved); got.Status != tickets.StatusResolved {
			t.Errorf("after 3 days: %s", got.Status)
		}
		time.Sleep(4*aDay - 20*time.Minute)
		if got := w.find(ann, resolved); got.Status != tickets.StatusResolved {
			t.Errorf("just before 7 days: %s", got.Status)
		}
		stop() // what comes due while nothing runs
		time.Sleep(aDay)
		defer w.run()()
		time.Sleep(time.Minute)
		got := w.find(ann, resolved)
		if got.Status != tickets.StatusClosed || got.ClosedAt.IsZero() || !got.ResolvedAt.Equal(resolved.ResolvedAt) || got.Version != resolved.Version+1 {
			t.Errorf("after 8 days: %+v", got)
		}
		time.Sleep(aDay)
		if diff := cmp.Diff([]string{"created", "updated", "closed"}, w.actions(resolved)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if got := w.find(ann, open); got.Status != tickets.StatusOpen {
			t.Errorf("the open one is %s", got.Status)
		}
	})
}

// TestTimersTogether runs several desks on one store: each ticket is closed once.
func TestTimersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var all []tickets.Ticket
		for range 250 { // more than one page of a sweep
			all = append(all, w.in(tickets.StatusResolved))
		}
		time.Sleep(7*aDay - time.Minute)
		for range 3 {
			defer w.run()()
		}
		time.Sleep(15 * time.Minute)
		for _, tk := range all {
			if got := w.find(ann, tk); got.Status != tickets.StatusClosed || got.Version != tk.Version+1 {
				t.Fatalf("ticket %d: %s, version %d", got.Number, got.Status, got.Version)
			}
		}
	})
}

// A ticket whose time cannot come, as there is no room to tell of it, keeps no other waiting, and has its turn when it can.
func TestOneTimerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stuck atomic.Uint64
		w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{func(_ *storage.Tx, _ *tenant.Tenant, h *tickets.Happening) error {
			if h.After != nil && h.After.Number == stuck.Load() {
				return errFull
			}
			return nil
		}}})
		first := w.in(tickets.StatusResolved)
		time.Sleep(time.Second)
		second := w.in(tickets.StatusResolved)
		stuck.Store(first.Number)
		defer w.run()()
		time.Sleep(7*aDay + 5*time.Minute)
		if got := w.find(ann, second); got.Status != tickets.StatusClosed {
			t.Errorf("behind one that cannot be closed: %s", got.Status)
		}
		stuck.Store(0)
		time.Sleep(2 * time.Minute)
		if got := w.find(ann, first); got.Status != tickets.StatusClosed {
			t.Errorf("once it can be closed: %s", got.Status)
		}
	})
}

func TestReopenedIsNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tk := w.in(tickets.StatusResolved)
		stop := w.run()
		time.Sleep(6 * aDay)
		w.comment(ann, tk, "it is back", "")
		time.Sleep(aDay)
		w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		time.Sleep(6 * aDay)
		if got := w.find(ann, tk); got.Status != tickets.StatusResolved {
			t.Errorf("six days after it was resolved again: %s", got.Status)
		}
		stop()
		w.acme.Settings.AutoCloseDays = 20 // the tenant wants to wait longer
		defer w.run()()
		time.Sleep(13 * aDay)
		if got := w.find(ann, tk); got.Status != tickets.StatusResolved {
			t.Errorf("before the tenant's 20 days: %s", got.Status)
		}
		time.Sleep(2 * aDay)
		if got := w.find(ann, tk); got.Status != tickets.StatusClosed {
			t.Errorf("after the tenant's 20 days: %s", got.Status)
		}
	})
}

func TestFollowUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tk := w.change(agent, w.open(eve, "Printer"), tickets.Change{Status: tickets.Set(tickets.StatusClosed), AddTags: []string{"hw"}})
		time.Sleep(14 * aDay)
		if c := w.comment(eve, tk, "again", ""); c.FollowUp || c.Ticket.Status != tickets.StatusOpen {
			t.Errorf("reply after 14 days: follow-up %t, %s", c.FollowUp, c.Ticket.Status)
		}
		tk = w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
		time.Sleep(14*aDay + time.Second)
		c := w.comment(eve, tk, "once more, the *toner*", "")
		if !c.FollowUp || c.Ticket.ID == tk.ID || c.Ticket.FollowUpOf != tk.ID || c.Ticket.Status != tickets.StatusNew ||
			c.Ticket.Description != "once more, the *toner*" || c.Ticket.Assurance != tickets.Asserted {
			t.Errorf("reply after more than 14 days: %+v", c)
		}
		if got := w.list(eve, tickets.Query{Text: "toner"}); len(got) != 1 {
			t.Errorf("the requester's follow-ups: %q", got)
		}
		if got := w.find(eve, tk); got.Status != tickets.StatusClosed || got.Version != tk.Version {
			t.Errorf("the closed ticket became %s, version %d", got.Status, got.Version)
		}
		_, err := w.Update(t.Context(), w.acme, eve, tk.Ref(), tickets.Change{Comment: &tickets.Note{Body: "x"}})
		var refused *tickets.TransitionError
		if !errors.As(err, &refused) {
			t.Errorf("a change with a comment: %v, want a TransitionError", err)
		}
		if c := w.comment(agent, tk, "for the record", ""); c.FollowUp || c.Ticket.Status != tickets.StatusClosed {
			t.Errorf("staff's comment: follow-up %t, %s", c.FollowUp, c.Ticket.Status)
		}
	})
}

func TestDeletedIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run()()
		gone, kept := w.open(ann, "Gone"), w.open(ann, "Kept")
		for range 250 {
			w.comment(ann, gone, "words that stay behind", "")
		}
		for _, tk := range []tickets.Ticket{gone, kept} {
			if err := w.Delete(t.Context(), w.acme, agent, tk.Ref(), 0); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(29 * aDay)
		if _, err := w.Restore(t.Context(), w.acme, agent, kept.Ref()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * aDay)
		if _, err := w.FindDeleted(t.Context(), w.acme, agent, gone.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("after 31 days: %v, want ErrNotFound", err)
		}
		if _, err := w.Restore(t.Context(), w.acme, agent, gone.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("restored after 31 days: %v, want ErrNotFound", err)
		}
		if got := w.list(agent, tickets.Query{Deleted: true}); len(got) > 0 {
			t.Errorf("deleted tickets: %q", got)
		}
		if got := w.list(agent, tickets.Query{Text: "stay behind"}); len(got) > 0 {
			t.Errorf("found by its comments: %q", got)
		}
		if got := w.find(ann, kept); got.Deleted() {
			t.Error("the restored ticket is deleted")
		}
		if next := w.open(ann, "Next"); next.Number != 3 {
			t.Errorf("next number %d, want 3", next.Number)
		}
	})
}

func TestRunWithoutTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		w := newWorld(t)
		w.Desk = tickets.New(tickets.Config{Tenants: func(context.Context) ([]*tenant.Tenant, error) {
			if fails {
				return nil, errors.New("not now")
			}
			return nil, nil
		}})
		defer w.run()()
		time.Sleep(time.Hour)
	})
}
