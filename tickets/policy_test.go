package tickets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/hours"
)

// promise gives acme goals for its medium tickets that count around the clock, and has the tickets follow.
func (w *world) promise(first, resolution time.Duration, change ...func(*tickets.Policy)) tickets.Policy {
	w.t.Helper()
	p := tickets.Policy{On: true, Goals: make([]tickets.Goal, 4), Week: hours.Always()}
	p.Goals[1] = tickets.Goal{FirstResponse: first, Resolution: resolution}
	for _, f := range change {
		f(&p)
	}
	p, err := w.SetPolicy(w.t.Context(), w.acme, agent, p, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// live runs the timers in the bubble for a time.
func (w *world) live(d time.Duration) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	time.Sleep(d)
	synctest.Wait()
	stop()
	if err := <-done; err != nil {
		w.t.Errorf("Run: %v", err)
	}
}

// in is how far a time is ahead, "-" for none.
func in(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return time.Until(t).Round(time.Second).String()
}

func (w *world) dues(t tickets.Ticket) string {
	w.t.Helper()
	got := w.find(agent, t)
	return fmt.Sprintf("%s %s %v %t", in(got.FirstResponseDue), in(got.ResolveDue), got.Breached, got.Overdue())
}

func (w *world) wantDues(t tickets.Ticket, want string) {
	w.t.Helper()
	if got := w.dues(t); got != want {
		w.t.Errorf("the targets are %s, want %s", got, want)
	}
}

// The clock of the targets runs while it is the desk's turn, and a first answer ends the first target.
func TestTargetsRunAndPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		before := w.open(ann, "before")
		w.promise(2*time.Hour, 10*time.Hour)
		w.wantDues(before, "- - [] false")
		one := w.open(ann, "one")
		w.wantDues(one, "2h0m0s 10h0m0s [] false")
		w.live(time.Minute)
		w.wantDues(before, "1h59m0s 9h59m0s [] false") // its time begins with the promise
		time.Sleep(59 * time.Minute)
		w.wantDues(one, "1h0m0s 9h0m0s [] false")
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusOnHold)})
		time.Sleep(100 * time.Hour)
		w.wantDues(one, "- - [] false")
		w.comment(ann, one, "Any news?", tickets.Public) // opens it again
		w.wantDues(one, "1h0m0s 9h0m0s [] false")
		time.Sleep(30 * time.Minute)
		w.comment(agent, one, "Soon.", tickets.Internal)
		w.wantDues(one, "30m0s 8h30m0s [] false")
		w.comment(agent, one, "Soon.", tickets.Public)
		w.wantDues(one, "- 8h30m0s [] false")
		w.change(agent, one, tickets.Change{Priority: tickets.Set(tickets.PriorityUrgent)}) // nothing is promised for it
		w.wantDues(one, "- - [] false")
		w.change(agent, one, tickets.Change{Priority: tickets.Set(tickets.PriorityMedium)})
		w.wantDues(one, "- 8h30m0s [] false")
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		w.wantDues(one, "- - [] false")
		time.Sleep(time.Hour)
		w.comment(ann, one, "It is back.", tickets.Public)
		w.wantDues(one, "- 8h30m0s [] false")
		w.promise(time.Hour, 4*time.Hour)
		w.live(time.Minute)
		w.wantDues(one, "- 2h29m0s [] false") // an hour and a half were used
		w.promise(0, 0, func(p *tickets.Policy) { p.On = false })
		w.live(2 * time.Minute)
		w.wantDues(one, "- - [] false")
	})
}

// What is missed is told once, listed as overdue, and stays noted.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h told
		w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{h.follow}})
		w.promise(time.Hour, 3*time.Hour)
		one, two := w.open(ann, "one"), w.open(bob, "two")
		w.change(agent, two, tickets.Change{Priority: tickets.Set(tickets.PriorityLow)})
		if _, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "x", Description: "x"}); err != nil {
			t.Fatal(err)
		}
		h.take()
		overdue := tickets.Query{Overdue: true}
		if got := w.list(agent, overdue); len(got) != 0 {
			t.Errorf("overdue at first: %v", got)
		}
		w.live(90 * time.Minute)
		w.live(90 * time.Minute) // another process, later
		w.live(90 * time.Minute)
		want := "[acme 4 ticket.overdue v2 by targets breached:>first_response acme 5 ticket.overdue v3 by targets breached:>resolution]"
		if got := fmt.Sprint(h.take()); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		for _, sort := range append(tickets.Sorts(), "") {
			if got := fmt.Sprint(w.list(agent, tickets.Query{Overdue: true, Sort: sort, Limit: 1})); got != "[one]" {
				t.Errorf("overdue by %s: %v", sort, got)
			}
		}
		if got := w.list(agent, tickets.Query{Overdue: true, Status: []tickets.Status{tickets.StatusPending}}); len(got) != 0 {
			t.Errorf("overdue and pending: %v", got)
		}
		if p, err := w.List(t.Context(), w.globex, agent, overdue); err != nil || len(p.Tickets) != 0 {
			t.Errorf("overdue at the other tenant: %v, %v", p.Tickets, err)
		}
		for _, a := range []tickets.Actor{ann, eve} {
			if _, err := w.List(t.Context(), w.acme, a, overdue); !errors.As(err, new(*tickets.QueryError)) {
				t.Errorf("a requester asks what is overdue: %v", err)
			}
		}
		w.comment(agent, one, "Sorry!", tickets.Public)
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusPending)})
		if got := w.list(agent, overdue); len(got) != 0 {
			t.Errorf("overdue while it waits for the requester: %v", got)
		}
		if got := w.find(agent, one); fmt.Sprint(got.Breached) != "[first_response resolution]" {
			t.Errorf("missed: %v", got.Breached)
		}
	})
}

// An answer that comes between the end of a target and the next look at it is late all the same.
func TestLateAnswerIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h told
		w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{h.follow}})
		w.promise(time.Hour, 2*time.Hour)
		one, two := w.open(ann, "one"), w.open(ann, "two")
		time.Sleep(time.Hour + time.Second)
		h.take()
		w.comment(agent, one, "Here I am.", tickets.Public)
		w.wantDues(one, "- 59m59s [first_response] false")
		w.live(2 * time.Minute)
		time.Sleep(time.Hour)
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		w.promise(0, 0)
		w.live(2 * time.Minute)
		want := []string{
			"acme 3 ticket.commented v2 by Zoe status:new>open", "acme 4 ticket.overdue v2 by targets breached:>first_response",
			"acme 5 ticket.overdue v2 by targets breached:>first_response",
			"acme 6 ticket.updated v3 by Zoe status:open>resolved", "acme 7 ticket.overdue v3 by targets breached:>resolution",
			"acme 8 ticket.overdue v2 by targets breached:>resolution",
		}
		if diff := cmp.Diff(want, h.take()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		w.wantDues(two, "- - [first_response resolution] false")
		r, err := w.Report(t.Context(), w.acme, agent, time.Now().Add(-time.Hour), time.Now())
		if err != nil || r.Total.MissedFirst != 2 || r.Total.MissedResolution != 2 {
			t.Errorf("the report counts %+v, %v", r.Total, err)
		}
	})
}

func TestPolicyIsChecked(t *testing.T) {
	w := newWorld(t)
	good := w.promise(time.Hour, 0)
	if good.Version != 2 {
		t.Errorf("the first policy has version %d", good.Version)
	}
	for name, spoil := range map[string]func(*tickets.Policy){
		"no goals":      func(p *tickets.Policy) { p.Goals = nil },
		"negative":      func(p *tickets.Policy) { p.Goals = []tickets.Goal{{FirstResponse: -1}, {}, {}, {}} },
		"years":         func(p *tickets.Policy) { p.Goals = []tickets.Goal{{Resolution: 91 * 24 * time.Hour}, {}, {}, {}} },
		"seconds":       func(p *tickets.Policy) { p.Goals = []tickets.Goal{{Resolution: time.Second}, {}, {}, {}} },
		"backwards":     func(p *tickets.Policy) { p.Week[1] = hours.Day{From: 100, To: 99} },
		"a long day":    func(p *tickets.Policy) { p.Week[1] = hours.Day{From: 0, To: 1441} },
		"never open":    func(p *tickets.Policy) { p.Week = hours.Week{} },
		"no holiday":    func(p *tickets.Policy) { p.Holidays = []string{"Christmas"} },
		"many holidays": func(p *tickets.Policy) { p.Holidays = make([]string, 201) },
	} {
		bad := good
		spoil(&bad)
		if _, err := w.SetPolicy(t.Context(), w.acme, agent, bad, 0); !errors.As(err, new(tenant.FieldErrors)) {
			t.Errorf("%s: %v, want field errors", name, err)
		}
	}
	if _, err := w.SetPolicy(t.Context(), w.acme, agent, good, 7); !errors.Is(err, tickets.ErrVersionConflict) {
		t.Errorf("another version: %v", err)
	}
	for _, a := range []tickets.Actor{ann, eve, {}} {
		if _, err := w.SetPolicy(t.Context(), w.acme, a, good, 0); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a requester promises: %v", err)
		}
	}
	if p, err := w.Policy(t.Context(), w.globex); err != nil || p.On || p.Version != 1 {
		t.Errorf("the other tenant's policy: %+v, %v", p, err)
	}
}

// A resolved ticket is closed by itself; its requester is told before, if the tenant wants it, and once.
func TestReminderBeforeClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h told
		w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{h.follow}})
		w.acme.Settings.AutoCloseDays, w.acme.Settings.AutoCloseReminderDays = 5, 2
		one := w.open(ann, "one")
		w.open(token, "nobody's")
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		h.take()
		w.live(71 * time.Hour)
		if got := h.take(); len(got) != 0 {
			t.Errorf("told too early: %v", got)
		}
		w.live(2 * time.Hour)
		w.live(24 * time.Hour)
		if got := fmt.Sprint(h.take()); got != "[acme 4 ticket.closing v3 by auto-close]" {
			t.Errorf("told %s, want the reminder", got)
		}
		w.live(48 * time.Hour)
		if got := fmt.Sprint(h.take()); got != "[acme 5 ticket.updated v4 by auto-close status:resolved>closed]" {
			t.Errorf("told %s, want the closing", got)
		}
		if got := fmt.Sprint(w.actions(one)); got != "[created updated closing closed]" {
			t.Errorf("history: %s", got)
		}
	})
}
