package domains_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

// TestADriftedDomain walks through the whole life of the ticket about one domain.
func TestADriftedDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.settle()
		if all := w.tickets(w.acme); len(all) != 0 {
			t.Fatalf("tickets about a domain that is all right: %s", titles(all))
		}
		drifted := time.Now()
		w.drift(host)
		one := w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		if one.Title != host+": its DNS records are gone" || one.Requester != nil || one.Source != "system" || !slices.Equal(one.Tags, []string{"domain"}) {
			t.Errorf("ticket %+v", one)
		}
		if want := "domain:" + host + ":drifted:" + drifted.UTC().Format("20060102T150405.000Z"); one.ExternalID != want {
			t.Errorf("external ID %q, want %q", one.ExternalID, want)
		}
		d, err := w.domains.Find(t.Context(), host)
		w.ok(err)
		for _, words := range []string{
			"DNS no longer shows that `" + host + "` is yours.", "TXT `_deskgate." + host + "` has no record.",
			"\n```\nTXT  _deskgate." + host + "  " + d.Records[0].Value + "\nCNAME  " + host + "  " + d.Records[1].Value + "\n```",
			"Visitors are still served until " + drifted.Add(72*time.Hour).Format(time.DateTime), "<https://acme/domains/" + host + ">",
		} {
			if !strings.Contains(one.Description, words) {
				t.Errorf("description lacks %q:\n%s", words, one.Description)
			}
		}

		w.verify(host) // still gone, which is no news
		w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		time.Sleep(73 * time.Hour)
		w.verify(host)
		w.is(tickets.StatusNew, tickets.PriorityUrgent, 1, "`"+host+"` is suspended")
		w.mend(w.acme, host)
		w.is(tickets.StatusResolved, tickets.PriorityUrgent, 2, "DNS shows again that `"+host+"` is yours.")
		w.certify(host)
		w.is(tickets.StatusResolved, tickets.PriorityUrgent, 2, "")

		time.Sleep(5 * day)
		w.drift(host)
		again := w.is(tickets.StatusOpen, tickets.PriorityUrgent, 3, "DNS no longer shows")
		if again.ID != one.ID {
			t.Errorf("another ticket")
		}
		for _, c := range w.comments(&again) {
			if c.Visibility != tickets.Internal || c.Author != (tickets.Author{Name: "Deskgate", Role: "system"}) {
				t.Errorf("comment %+v", c)
			}
		}
		w.mend(w.acme, host)
		w.is(tickets.StatusResolved, tickets.PriorityUrgent, 4, "")
		if all := w.tickets(w.bee); len(all) != 0 {
			t.Errorf("the other tenant has %s", titles(all))
		}
	})
}

// TestNoCustomerSeesIt: neither in lists, nor by the number, nor among events.
func TestNoCustomerSeesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.drift(host)
		one := w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		eve := tickets.Visitor(tickets.Person{Lineage: "lin_eve", Email: "zoe@acme.example", Name: "Zoe"})
		for _, who := range []tickets.Actor{ann, eve, {}} {
			if p, err := w.desk.List(t.Context(), w.acme, who, tickets.Query{}); err == nil && len(p.Tickets) != 0 {
				t.Errorf("%s sees %s", who.Person().Name, titles(p.Tickets))
			}
			if _, err := w.desk.Find(t.Context(), w.acme, who, one.Ref()); !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("%s finds it: %v", who.Person().Name, err)
			}
			if p, err := w.desk.Events(t.Context(), w.acme, who, tickets.EventQuery{}); err == nil && len(p.Events) != 0 {
				t.Errorf("%s sees events %+v", who.Person().Name, p.Events)
			}
		}
		if _, err := w.desk.Find(t.Context(), w.bee, staff, tickets.ByNumber(1)); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant's staff finds it: %v", err)
		}
	})
}

// TestEventsOfDomains: each step is one event of its tenant's desk, with what it was before.
func TestEventsOfDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.drift(host)
		w.ok(w.domains.As("agent:agt_zoe").RemoveOwn(t.Context(), w.acme, host))
		w.settle()
		var got []string
		for _, e := range w.told[w.acme.ID] {
			if e.Host != "" {
				c := e.Changes[0]
				got = append(got, string(e.Type)+" "+e.Host+" "+c.Field+" "+c.From+">"+c.To+" by "+e.Actor.Role+e.Actor.ID)
			}
		}
		want := []string{
			"domain.verified " + host + " status pending>verified by system", "certificate.active " + host + " certificate none>active by system",
			"domain.active " + host + " status verified>active by system", "domain.drifted " + host + " status active>drifted by system",
			"domain.removed " + host + " status drifted>removed by agentagt_zoe",
		}
		if !slices.Equal(got, want) {
			t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n := len(w.told[w.bee.ID]); n != 0 {
			t.Errorf("the other tenant has %d events", n)
		}
	})
}

// TestACertificate that can't be had has a ticket when that matters, and one alone.
func TestACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		end := time.Now().Add(30 * time.Hour)
		w.report(host, domain.Report{Status: domain.CertificateActive, NotAfter: end, NextAttempt: end.Add(-10 * time.Hour)})
		fails := func(after time.Duration, s domain.CertificateStatus) {
			time.Sleep(after)
			w.report(host, domain.Report{Status: s, Reason: domain.Say("The certificate authority refused: %s", "no `way`."), NotAfter: end, NextAttempt: time.Now().Add(day)})
		}
		fails(20*time.Hour, domain.CertificateFailing)
		for range 4 {
			fails(time.Hour, domain.CertificateFailing)
		}
		w.settle()
		if all := w.tickets(w.acme); len(all) != 0 {
			t.Fatalf("too early: %s", titles(all))
		}
		fails(time.Hour, domain.CertificateFailing)
		one := w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		if one.Title != host+": no certificate can be had" || !slices.Equal(one.Tags, []string{"certificate", "domain"}) ||
			!strings.Contains(one.Description, "could not be renewed since") || !strings.Contains(one.Description, "refused: `no 'way'.`") {
			t.Errorf("ticket %+v", one)
		}
		for range 4 {
			fails(time.Hour, domain.CertificateFailing)
		}
		w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		fails(2*time.Hour, domain.CertificateExpired)
		w.is(tickets.StatusNew, tickets.PriorityUrgent, 1, "has expired")
		w.drift(host) // which is another matter
		w.settle()
		if all := w.tickets(w.acme); len(all) != 2 || all[1].Title != host+": its DNS records are gone" {
			t.Errorf("tickets %s", titles(all))
		}
		time.Sleep(73 * time.Hour)
		w.verify(host)
		w.settle()
		all := w.tickets(w.acme)
		if all[0].Status != tickets.StatusResolved || all[1].Priority != tickets.PriorityUrgent {
			t.Errorf("after the suspension: %s", titles(all))
		}
		if last := w.comments(&all[0]); !strings.Contains(last[len(last)-1].Body, "no certificate is asked for any more") {
			t.Errorf("comments %+v", last)
		}
		w.mend(w.acme, host)
		for range 3 {
			time.Sleep(time.Hour)
			w.report(host, domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("no"), NextAttempt: time.Now().Add(day)})
		}
		w.settle()
		if all := w.tickets(w.acme); all[0].Status != tickets.StatusOpen || all[1].Status != tickets.StatusResolved {
			t.Errorf("without a first certificate: %s", titles(all))
		}
		w.certify(host)
		w.settle()
		if all := w.tickets(w.acme); len(all) != 2 || all[0].Status != tickets.StatusResolved {
			t.Errorf("at last: %s", titles(all))
		}
	})
}

// TestOthersOfTheTeam: what people have done to the ticket counts.
func TestOthersOfTheTeam(t *testing.T) {
	const gone = "DNS no longer shows"
	for name, tc := range map[string]struct {
		do func(*world, tickets.Ticket)
		// status and comments of the ticket when the domain is right again, and how many tickets there are when it drifts once more.
		status          tickets.Status
		comments, count int
	}{
		"nothing": {func(*world, tickets.Ticket) {}, tickets.StatusResolved, 1, 1},
		"assigned": {func(w *world, one tickets.Ticket) {
			w.change(one, tickets.Change{Assignee: tickets.Set(tickets.Person{ID: "agt_zoe", Name: "Zoe"})})
		}, tickets.StatusResolved, 1, 1},
		"written": {func(w *world, one tickets.Ticket) {
			w.change(one, tickets.Change{Comment: &tickets.Note{Body: "Who has moved the DNS?", Visibility: tickets.Internal}})
		}, tickets.StatusNew, 2, 1},
		"put on hold": {func(w *world, one tickets.Ticket) {
			w.change(one, tickets.Change{Status: tickets.Set(tickets.StatusOnHold)})
		}, tickets.StatusOnHold, 1, 1},
		"solved": {func(w *world, one tickets.Ticket) {
			w.change(one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		}, tickets.StatusResolved, 0, 1},
		"spam": {func(w *world, one tickets.Ticket) { w.change(one, tickets.Change{Spam: tickets.Set(true)}) }, tickets.StatusNew, 0, 2},
		"deleted": {func(w *world, one tickets.Ticket) {
			w.ok(w.desk.Delete(w.t.Context(), w.acme, staff, one.Ref(), 0))
		}, tickets.StatusNew, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.run(w.watch())()
				w.bring(w.acme, host)
				w.drift(host)
				w.settle()
				one := w.only()
				tc.do(w, one)
				w.mend(w.acme, host)
				w.settle()
				is, err := w.desk.FindDeleted(t.Context(), w.acme, staff, one.Ref())
				w.ok(err)
				if is.Status != tc.status {
					t.Errorf("it is %s, want %s", is.Status, tc.status)
				}
				if !is.Deleted() {
					if n := len(w.comments(&is)); n != tc.comments {
						t.Errorf("%d comments, want %d", n, tc.comments)
					}
				}
				w.drift(host)
				w.settle()
				last, err := w.desk.Find(t.Context(), w.acme, staff, tickets.ByNumber(uint64(tc.count)))
				w.ok(err)
				if last.Status.Category() == "done" || !strings.Contains(last.Description, gone) {
					t.Errorf("after it has drifted again: %s, %s", last.Status, last.Description)
				}
				if _, err := w.desk.Find(t.Context(), w.acme, staff, tickets.ByNumber(uint64(tc.count+1))); !errors.Is(err, tickets.ErrNotFound) {
					t.Errorf("there is one more: %v", err)
				}
			})
		})
	}
}

// TestGoesOnWhereItWasMerged: a ticket that staff has merged into another one speaks there.
func TestGoesOnWhereItWasMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.drift(host)
		w.settle()
		one := w.only()
		o, err := w.desk.Open(t.Context(), w.acme, staff, tickets.Draft{Title: "Our DNS moves", Description: "On Monday."})
		w.ok(err)
		_, err = w.desk.Merge(t.Context(), w.acme, staff, one.Ref(), o.Ticket.Ref(), tickets.Merging{})
		w.ok(err)
		w.mend(w.acme, host)
		w.settle()
		all := w.comments(&o.Ticket)
		if len(all) == 0 || !strings.Contains(all[len(all)-1].Body, "DNS shows again") {
			t.Errorf("comments %+v", all)
		}
		if c := all[0]; c.Author != (tickets.Author{Name: "Deskgate", Role: "system"}) || c.Visibility != tickets.Internal || c.Body != one.Description {
			t.Errorf("what it said first is %+v", c)
		}
		if left := w.tickets(w.acme); len(left) != 1 || left[0].ID != o.Ticket.ID {
			t.Errorf("tickets %s", titles(left))
		}
	})
}

// TestLeavesOthersTicketsAlone: what somebody has asked for gets notes about domains once staff has merged the node's ticket with it,
// and nothing else.
func TestLeavesOthersTicketsAlone(t *testing.T) {
	ask := tickets.Draft{Title: "Your shop does not open", Description: "Since Monday.", Priority: tickets.PriorityLow, Tags: []string{"shop"}}
	into := func(w *world, from, to tickets.Ticket) tickets.Ticket {
		m, err := w.desk.Merge(w.t.Context(), w.acme, staff, from.Ref(), to.Ref(), tickets.Merging{Apart: true})
		w.ok(err)
		return m.Ticket
	}
	for name, merge := range map[string]func(w *world, node tickets.Ticket) tickets.Ticket{
		"into a customer's": func(w *world, node tickets.Ticket) tickets.Ticket {
			o, err := w.desk.Open(w.t.Context(), w.acme, ann, tickets.Draft{Title: ask.Title, Description: ask.Description})
			w.ok(err)
			w.change(o.Ticket, tickets.Change{Priority: tickets.Set(ask.Priority), Tags: tickets.Set(ask.Tags)})
			return into(w, node, o.Ticket)
		},
		"into a colleague's": func(w *world, node tickets.Ticket) tickets.Ticket {
			o, err := w.desk.Open(w.t.Context(), w.acme, staff, ask)
			w.ok(err)
			return into(w, node, o.Ticket)
		},
		"a customer's into it": func(w *world, node tickets.Ticket) tickets.Ticket {
			o, err := w.desk.Open(w.t.Context(), w.acme, ann, tickets.Draft{Title: ask.Title, Description: ask.Description})
			w.ok(err)
			w.change(node, tickets.Change{Priority: tickets.Set(ask.Priority), Tags: tickets.Set(ask.Tags)})
			return into(w, o.Ticket, node)
		},
		"split off and given away": func(w *world, node tickets.Ticket) tickets.Ticket {
			c, err := w.desk.Comment(w.t.Context(), w.acme, staff, node.Ref(), tickets.Note{Body: "Ann asks for it.", Visibility: tickets.Internal})
			w.ok(err)
			o, err := w.desk.Split(w.t.Context(), w.acme, staff, node.Ref(), tickets.Splitting{Comments: []string{c.Comment.ID}, Priority: ask.Priority})
			w.ok(err)
			return into(w, node, o.Ticket)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.run(w.watch())()
				w.bring(w.acme, host)
				w.drift(host)
				w.settle()
				is := merge(w, w.only())
				now := func(what, last string) {
					t.Helper()
					w.settle()
					x, err := w.desk.Find(t.Context(), w.acme, staff, is.Ref())
					w.ok(err)
					if x.Status != is.Status || x.Priority != is.Priority || !slices.Equal(x.Tags, is.Tags) {
						t.Errorf("%s: it is %s, %s, %v; want %s, %s, %v", what, x.Status, x.Priority, x.Tags, is.Status, is.Priority, is.Tags)
					}
					all := w.comments(&x)
					if c := all[len(all)-1]; !strings.Contains(c.Body, last) || c.Visibility != tickets.Internal || c.Author.Name != "Deskgate" {
						t.Errorf("%s: the last comment is %+v", what, c)
					}
				}
				time.Sleep(73 * time.Hour)
				w.verify(host) // which is urgent
				now("suspended", "is suspended")
				w.mend(w.acme, host)
				now("mended", "DNS shows again")
				w.change(is, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
				is.Status = tickets.StatusResolved
				w.drift(host)
				now("drifted when it was resolved", "DNS shows again")
				var fresh []tickets.Ticket
				for _, x := range w.tickets(w.acme) {
					if x.ID != is.ID && x.Status == tickets.StatusNew {
						fresh = append(fresh, x)
					}
				}
				if len(fresh) != 1 || fresh[0].Title != host+": its DNS records are gone" || fresh[0].Requester != nil {
					t.Errorf("new tickets: %s", titles(fresh))
				}
				w.ok(w.domains.RemoveOwn(t.Context(), w.acme, host))
				now("removed", "DNS shows again")
			})
		})
	}
}

// TestRemovedWhereItWasMerged: that a domain is no more closes nobody's ticket.
func TestRemovedWhereItWasMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.drift(host)
		w.settle()
		o, err := w.desk.Open(t.Context(), w.acme, ann, tickets.Draft{Title: "Your shop does not open", Description: "Since Monday."})
		w.ok(err)
		_, err = w.desk.Merge(t.Context(), w.acme, staff, w.tickets(w.acme)[0].Ref(), o.Ticket.Ref(), tickets.Merging{Apart: true})
		w.ok(err)
		w.ok(w.domains.RemoveOwn(t.Context(), w.acme, host))
		w.settle()
		x, err := w.desk.Find(t.Context(), w.acme, staff, o.Ticket.Ref())
		w.ok(err)
		if all := w.comments(&x); x.Status != tickets.StatusNew || !strings.Contains(all[len(all)-1].Body, "was removed") {
			t.Errorf("it is %s, with %+v", x.Status, all)
		}
	})
}

// TestMuchLater: what was closed long ago is not opened again.
func TestMuchLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stop := w.run(w.watch())
		w.bring(w.acme, host)
		w.drift(host)
		w.settle()
		w.change(w.only(), tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
		w.mend(w.acme, host)
		w.settle()
		stop()
		time.Sleep(15 * day)
		defer w.run(w.watch())()
		w.drift(host)
		w.settle()
		if all := w.tickets(w.acme); len(all) != 2 || all[0].Status != tickets.StatusClosed || all[1].Status != tickets.StatusNew {
			t.Errorf("tickets %s", titles(all))
		}
	})
}

func TestRemovedDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.drift(host)
		w.settle()
		w.ok(w.domains.RemoveOwn(t.Context(), w.acme, host))
		w.is(tickets.StatusClosed, tickets.PriorityHigh, 1, "`"+host+"` was removed.")
	})
}

// TestNoTickets: where nobody has proved anything, where another tenant has got the host, and where the tenant wants none.
func TestNoTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		_, err := w.domains.Add(t.Context(), w.acme, host, domain.ByTenant)
		w.ok(err)
		w.verify(host)
		w.bring(w.bee, "help.bee.example") // of which acme knows nothing
		_, err = w.domains.Add(t.Context(), w.bee, host, domain.ByTenant)
		w.ok(err)
		w.prove(w.bee, host)
		w.verify(host) // acme's claim is suspended
		w.settle()
		if d, err := w.domains.FindOwn(t.Context(), w.acme, host); err != nil || d.Status != domain.Suspended {
			t.Errorf("acme's claim is %+v, %v", d, err)
		}

		w.set("domain_tickets", "off")
		w.bring(w.acme, "www.acme.example")
		w.drift("www.acme.example")
		time.Sleep(73 * time.Hour)
		w.verify("www.acme.example")
		w.settle()
		for _, tn := range []*tenant.Tenant{w.acme, w.bee} {
			if all := w.tickets(tn); len(all) != 0 {
				t.Errorf("%s has %s", tn.Slug, titles(all))
			}
		}
		if last := w.told[w.acme.ID]; len(last) == 0 || last[len(last)-1].Type != tickets.DomainSuspended {
			t.Errorf("without tickets there are the events %+v", last)
		}
		w.set("domain_tickets", "on")
		w.mend(w.acme, "www.acme.example")
		w.drift("www.acme.example")
		w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		w.set("domain_tickets", "off")
		w.mend(w.acme, "www.acme.example")
		w.is(tickets.StatusResolved, tickets.PriorityHigh, 1, "DNS shows again")
	})
}
