package tickets_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func (w *world) report(tn *tenant.Tenant, from, to time.Time) tickets.Report {
	w.t.Helper()
	r, err := w.Report(w.t.Context(), tn, agent, from, to)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// What happens is counted on the day on which it does, for all, for the agent and for the category.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := time.Now() // midnight
		c, err := w.AddCategory(t.Context(), w.acme, agent, tickets.CategoryChange{Name: tickets.Set("Invoices")})
		if err != nil {
			t.Fatal(err)
		}
		one := w.open(ann, "one", func(d *tickets.Draft) { d.CategoryID = c.ID })
		two := w.open(bob, "two")
		w.open(ann, "three")
		time.Sleep(time.Hour)
		w.comment(agent, one, "Hello", tickets.Public)
		w.comment(agent, one, "Hello again", tickets.Public)
		w.comment(agent, one, "psst", tickets.Internal)
		time.Sleep(23 * time.Hour)
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved), Assignee: tickets.Set(agent.Person())})
		w.change(token, two, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
		for _, stars := range []int{1, 4} {
			if _, err := w.rate(ann, one, stars, ""); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(24 * time.Hour)
		w.comment(ann, one, "It is back.", tickets.Public)
		r := w.report(w.acme, first, first.AddDate(0, 0, 3))
		var days []string
		for _, d := range r.Days {
			days = append(days, fmt.Sprint(d.Date.Day(), ":", d.Created, " ", d.Solved, " ", d.Reopened, " ", d.Replies, " ", d.Stars))
		}
		if got, want := fmt.Sprint(days), "[1:3 0 0 2 [0 0 0 0 0] 2:0 2 0 0 [0 0 0 1 0] 3:0 0 1 0 [0 0 0 0 0] 4:0 0 0 0 [0 0 0 0 0]]"; got != want {
			t.Errorf("days\n%s, want\n%s", got, want)
		}
		if got, _ := r.Total.FirstResponse.Quantile(.5); got < 57*time.Minute || got > 63*time.Minute || r.Total.FirstResponse.Count() != 1 {
			t.Errorf("first response in %s, %d times", got, r.Total.FirstResponse.Count())
		}
		if got, _ := r.Total.Resolution.Quantile(.9); got < 23*time.Hour || got > 25*time.Hour || r.Total.Resolution.Count() != 2 {
			t.Errorf("solved in %s, %d times", got, r.Total.Resolution.Count())
		}
		if len(r.Agents) != 1 || r.Agents[0].ID != "agt_zoe" || r.Agents[0].Solved != 1 || r.Agents[0].Replies != 2 || r.Agents[0].Stars[3] != 1 {
			t.Errorf("agents: %+v", r.Agents)
		}
		if len(r.Categories) != 1 || r.Categories[0].ID != c.ID || r.Categories[0].Created != 1 || r.Categories[0].Solved != 1 {
			t.Errorf("categories: %+v", r.Categories)
		}
		if r.Backlog[0].Open != 0 || r.Backlog[1].Open != 2 {
			t.Errorf("backlog: %+v", r.Backlog)
		}
		if err := w.Delete(t.Context(), w.acme, agent, one.Ref(), 0); err != nil {
			t.Fatal(err)
		}
		if r := w.report(w.acme, first, first); r.Backlog[1].Open != 1 || r.Total.Solved != 0 || r.Total.Created != 3 {
			t.Errorf("the first day: %+v %+v", r.Total, r.Backlog)
		}
		if r := w.report(w.globex, first, first.AddDate(0, 0, 3)); r.Total.Created != 0 || len(r.Agents) != 0 || r.Backlog[1].Open != 0 {
			t.Errorf("the other tenant's: %+v", r)
		}
		for _, a := range []tickets.Actor{ann, eve, {}} {
			if _, err := w.Report(t.Context(), w.acme, a, first, first); !errors.Is(err, tickets.ErrNotAllowed) {
				t.Errorf("a requester's report: %v", err)
			}
		}
		for _, to := range []time.Time{first.AddDate(0, 0, -1), first.AddDate(3, 0, 0)} {
			if _, err := w.Report(t.Context(), w.acme, agent, first, to); !errors.As(err, new(*tickets.QueryError)) {
				t.Errorf("a report up to %s: %v", to, err)
			}
		}
	})
}

// Days begin and end where the tenant is.
func TestReportDaysAreTheTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.acme.Settings.TimeZone = "Asia/Tokyo"
		day := time.Now()
		time.Sleep(16 * time.Hour) // one o'clock in the morning there
		w.open(ann, "one")
		if r := w.report(w.acme, day, day.AddDate(0, 0, 1)); r.Days[0].Created != 0 || r.Days[1].Created != 1 {
			t.Errorf("days: %+v", r.Days)
		}
	})
}

func TestQuantiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 20 {
			x := w.open(ann, "x")
			time.Sleep(time.Duration(i+1) * time.Minute)
			w.comment(agent, x, "Hello", tickets.Public)
		}
		total := w.report(w.acme, time.Now(), time.Now()).Total.FirstResponse
		for share, want := range map[float64]time.Duration{.5: 10 * time.Minute, .9: 18 * time.Minute, 1: 20 * time.Minute} {
			if got, ok := total.Quantile(share); !ok || got < want*95/100 || got > want*105/100 {
				t.Errorf("Quantile(%v) = %s, want about %s", share, got, want)
			}
		}
		if _, ok := (tickets.Times{}).Quantile(.5); ok {
			t.Error("nothing has a median")
		}
	})
}

// What comes in from another help desk is counted on the days on which it happened there, and its open tickets are in the backlog.
func TestReportCountsImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().UTC()
	asked := now.AddDate(0, 0, -10)
	bring := func(in tickets.Imported) {
		t.Helper()
		in.Title, in.Description, in.Priority = "Old", "text", tickets.PriorityMedium
		err := w.store.Update(t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
			_, err := w.Import(tx, w.acme, admin, &in, false)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bring(tickets.Imported{Status: tickets.StatusOpen, CreatedAt: asked, FirstResponseAt: asked.Add(time.Hour)})
	bring(tickets.Imported{Status: tickets.StatusResolved, CreatedAt: asked, ResolvedAt: asked.Add(2 * time.Hour)})
	r := w.report(w.acme, asked.AddDate(0, 0, -1), now)
	if r.Total.Created != 2 || r.Total.Solved != 1 || r.Total.FirstResponse.Count() == 0 || r.Backlog[3].Open != 1 {
		t.Errorf("after an import: %+v, backlog %+v", r.Total, r.Backlog)
	}
	if created := r.Days[1].Created; created != 2 {
		t.Errorf("on the day on which they were asked: %d, want 2", created)
	}
	if r := w.report(w.globex, asked, now); r.Total.Created != 0 || r.Backlog[3].Open != 0 {
		t.Errorf("the other tenant's report: %+v", r)
	}
}

// What was done elsewhere counts on the days on which it was done, but not for who imports it.
func TestReportHasImports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := time.Now().AddDate(0, 0, -3)
		one := w.imported(tickets.Imported{
			Title: "one", Description: "x", Status: tickets.StatusClosed, CreatedAt: first, FirstResponseAt: first.Add(time.Hour), ResolvedAt: first.Add(25 * time.Hour),
		})
		two := w.imported(tickets.Imported{Title: "two", Description: "x", CreatedAt: first})
		r := w.report(w.acme, first, time.Now())
		if r.Days[0].Created != 2 || r.Days[0].FirstResponse.Count() != 1 || r.Days[1].Solved != 1 || r.Total.Resolution.Count() != 1 {
			t.Errorf("the report has %+v, want %s and %s", r, one.ID, two.ID)
		}
		if len(r.Agents) != 0 {
			t.Errorf("who imports did it: %+v", r.Agents)
		}
		if r.Backlog[1].Open != 1 {
			t.Errorf("backlog: %+v", r.Backlog)
		}
		w.change(token, two, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
		if r := w.report(w.acme, first, time.Now()); r.Backlog[1].Open != 0 || r.Days[3].Solved != 1 {
			t.Errorf("after it was closed: %+v", r)
		}
	})
}

func (w *world) imported(in tickets.Imported) (one tickets.Ticket) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), w.acme.Scope(), func(tx *storage.Tx) (err error) {
		one, err = w.Import(tx, w.acme, agent, &in, false)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return one
}
