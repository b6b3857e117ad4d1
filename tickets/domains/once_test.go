package domains_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

// TestKilledInBetween: whatever part of the work is done when the node dies, nothing of it has happened; the next one does all of it.
func TestKilledInBetween(t *testing.T) {
	for _, at := range []tickets.EventType{tickets.DomainDrifted, tickets.TicketCreated, tickets.TicketCommented} {
		t.Run(string(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.bring(w.acme, host)
				stop := w.run(w.watch())
				w.settle()
				w.fail = func(h *tickets.Happening) error {
					if h.Event.Type == at {
						return errBroken
					}
					return nil
				}
				if at == tickets.TicketCommented {
					w.drift(host)
					w.settle()
					w.mend(w.acme, host)
				} else {
					w.drift(host)
				}
				w.settle()
				stop()
				for _, e := range w.told[w.acme.ID] {
					if e.Type == at {
						t.Errorf("%s has happened", at)
					}
				}
				w.fail = nil
				defer w.run(w.watch())()
				if at == tickets.TicketCommented {
					w.is(tickets.StatusResolved, tickets.PriorityHigh, 1, "DNS shows again")
				} else {
					w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
				}
				once := map[tickets.EventType]int{}
				for _, e := range w.told[w.acme.ID] {
					once[e.Type]++
				}
				for _, kind := range []tickets.EventType{tickets.DomainDrifted, tickets.TicketCreated} {
					if once[kind] != 1 {
						t.Errorf("%s has happened %d times", kind, once[kind])
					}
				}
			})
		})
	}
}

// TestAnEventThatBreaks does not keep others waiting: after some tries it has no ticket, but is told to programs.
func TestAnEventThatBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run(w.watch())()
		w.bring(w.acme, host)
		w.bring(w.acme, "www.acme.example")
		w.fail = func(h *tickets.Happening) error {
			if h.Event.Type == tickets.TicketCreated && strings.HasPrefix(h.After.Title, host) {
				return errBroken
			}
			return nil
		}
		w.drift(host)
		w.drift("www.acme.example")
		time.Sleep(time.Minute)
		if one := w.is(tickets.StatusNew, tickets.PriorityHigh, 0, ""); !strings.HasPrefix(one.Title, "www.") {
			t.Errorf("ticket %s", one.Title)
		}
		drifted := 0
		for _, e := range w.told[w.acme.ID] {
			if e.Type == tickets.DomainDrifted {
				drifted++
			}
		}
		if drifted != 2 {
			t.Errorf("%d events, want 2", drifted)
		}
	})
}

// TestTwoNodes: of several nodes that look at the same time, one opens each ticket.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 3 {
			defer w.run(w.watch())()
		}
		const many = 9
		for i := range many {
			w.bring(w.acme, fmt.Sprintf("h%d.acme.example", i))
		}
		w.settle()
		for i := range many {
			w.drift(fmt.Sprintf("h%d.acme.example", i))
		}
		w.settle()
		all := w.tickets(w.acme)
		if len(all) != many {
			t.Errorf("%d tickets for %d domains: %s", len(all), many, titles(all))
		}
		events := map[string]int{}
		for _, e := range w.told[w.acme.ID] {
			if e.Type == tickets.DomainDrifted {
				events[e.Host]++
			}
		}
		for h, n := range events {
			if n != 1 || len(events) != many {
				t.Errorf("%s has drifted %d times", h, n)
			}
		}
	})
}

// TestAnEventComesAgain: one that was taken before, and is there again, has no effect.
func TestAnEventComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bring(w.acme, host)
		w.drift(host)
		table := storage.NewTable(storage.Declaration[domain.Event]{
			ID: 38, Name: "domain events", Watched: true, Key: func(e *domain.Event) storage.Key { return storage.Key(nil).Uint(e.Seq) },
		})
		var kept []domain.Event
		w.ok(w.store.View(t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
			for e, err := range table.Scan(tx, storage.Range{}) {
				if err != nil {
					return err
				}
				kept = append(kept, e)
			}
			return nil
		}))
		if len(kept) != 4 {
			t.Fatalf("%d events, want 4", len(kept))
		}
		defer w.run(w.watch())()
		w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		before := len(w.told[w.acme.ID])
		w.ok(w.store.Update(t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
			for i := range kept {
				if err := table.Put(tx, &kept[i]); err != nil {
					return err
				}
			}
			return nil
		}))
		w.is(tickets.StatusNew, tickets.PriorityHigh, 0, "")
		if n := len(w.told[w.acme.ID]); n != before {
			t.Errorf("%d more events", n-before)
		}
		w.ok(w.store.View(t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
			if e, err := domain.NextEvent(tx, 0); err == nil {
				t.Errorf("%s is still there", e.Type)
			}
			return nil
		}))
	})
}

// TestAnExternalID that somebody has used before is that ticket's, of which the node changes nothing.
func TestAnExternalID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bring(w.acme, host)
		w.drift(host)
		id := "domain:" + host + ":drifted:" + time.Now().UTC().Format("20060102T150405.000Z")
		o, err := w.desk.Open(t.Context(), w.acme, staff, tickets.Draft{Title: "I knew it", Description: "!", ExternalID: id})
		w.ok(err)
		defer w.run(w.watch())()
		w.settle()
		if one := w.only(); one.ID != o.Ticket.ID {
			t.Errorf("ticket %s", one.Title)
		}
		w.mend(w.acme, host)
		w.is(tickets.StatusNew, tickets.PriorityMedium, 1, "DNS shows again")
	})
}
