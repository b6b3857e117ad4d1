package domains_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// TestADomainThatFlaps fills no desk: one ticket, some comments a day, open until it is quiet.
func TestADomainThatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		for range 300 { // ten hours
			w.drift(host)
			time.Sleep(time.Minute)
			w.mend(w.acme, host)
			time.Sleep(time.Minute)
		}
		w.settle()
		one := w.only()
		all := w.comments(&one)
		if len(all) > 6 || one.Status.Category() == "done" || !strings.Contains(all[len(all)-1].Body, "comes and goes") {
			t.Errorf("%d comments, status %s, last %q", len(all), one.Status, all[len(all)-1].Body)
		}
		time.Sleep(4 * time.Hour)
		w.is(tickets.StatusResolved, tickets.PriorityHigh, len(all)+1, "DNS shows again")
		for range 48 { // four days, each hour
			w.drift(host)
			time.Sleep(time.Hour)
			w.mend(w.acme, host)
			time.Sleep(time.Hour)
		}
		if n := len(w.comments(&one)); n > 40 {
			t.Errorf("%d comments in four days", n)
		}
		w.drift(host)
		time.Sleep(5 * time.Hour)
		w.settle()
		if one := w.only(); one.Status.Category() == "done" {
			t.Errorf("it is %s while the domain is not all right", one.Status)
		}
	})
}

// TestManyDomainsAtOnce share a ticket, which says how many they are.
func TestManyDomainsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		const many = 60
		name := func(i int) string { return fmt.Sprintf("h%d.acme.example", i) }
		for i := range many {
			w.bring(w.acme, name(i))
		}
		for i := range many {
			w.drift(name(i))
		}
		w.settle()
		if all := w.tickets(w.acme); len(all) != 10 {
			t.Errorf("%d tickets, want 10", len(all))
		}
		time.Sleep(11 * time.Minute)
		all := w.tickets(w.acme)
		if len(all) != 11 {
			t.Fatalf("%d tickets, want 11: %s", len(all), titles(all))
		}
		one := all[10]
		if one.Title != "Many domains are in trouble" || one.Priority != tickets.PriorityUrgent || !strings.HasPrefix(one.ExternalID, "domain:many:") ||
			!strings.Contains(one.Description, fmt.Sprintf("There are %d of them", many-10)) || strings.Count(one.Description, "- `h") != 20 {
			t.Errorf("ticket %+v", one)
		}
		for i := range many - 1 {
			w.mend(w.acme, name(i))
		}
		time.Sleep(2 * time.Hour)
		w.settle()
		all = w.tickets(w.acme)
		said := w.comments(&all[10])
		if all[0].Status != tickets.StatusResolved || all[10].Status != tickets.StatusNew || len(said) != 1 || !strings.Contains(said[0].Body, "There are 1 of them") {
			t.Errorf("tickets %s; comments %+v", titles(all), said)
		}
		w.mend(w.acme, name(many-1))
		time.Sleep(2 * time.Hour)
		w.settle()
		if all := w.tickets(w.acme); len(all) != 11 || all[10].Status != tickets.StatusResolved {
			t.Errorf("tickets %s", titles(all))
		}
		w.drift(name(many - 1)) // by itself
		w.settle()
		if all := w.tickets(w.acme); len(all) != 12 || !strings.HasPrefix(all[11].Title, name(many-1)) {
			t.Errorf("tickets %s", titles(all))
		}
		if all := w.tickets(w.bee); len(all) != 0 {
			t.Errorf("the other tenant has %s", titles(all))
		}
	})
}
