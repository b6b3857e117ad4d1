package tickets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// follow runs the world's live feed until the test ends.
func (w *world) follow() {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- w.Live.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			w.t.Error(err)
		}
	})
}

func (w *world) watch(a tickets.Actor, after uint64) *tickets.Watcher {
	w.t.Helper()
	x, err := w.Watch(w.t.Context(), w.acme, a, after)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(x.Close)
	return x
}

func hear(t *testing.T, w *tickets.Watcher) []uint64 {
	t.Helper()
	events, err := w.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for _, e := range events {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}

// A watcher wakes when something happens, whoever it is that made it happen, and only hears what is its own.
func TestWatchersWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.follow()
		staff, owner, other := w.watch(agent, tickets.Newest), w.watch(ann, tickets.Newest), w.watch(eve, tickets.Newest)
		heard := make(chan []uint64, 2)
		for _, x := range []*tickets.Watcher{staff, owner} {
			go func() { heard <- hear(t, x) }()
		}
		synctest.Wait()
		x := w.open(ann, "Printer")
		for range 2 {
			if got := <-heard; !slices.Equal(got, []uint64{1}) {
				t.Errorf("heard %v, want the first event", got)
			}
		}
		w.comment(agent, x, "Psst", tickets.Internal)
		w.comment(agent, x, "Hello", tickets.Public)
		if got := hear(t, staff); !slices.Equal(got, []uint64{2, 3}) {
			t.Errorf("staff heard %v", got)
		}
		if got := hear(t, owner); !slices.Equal(got, []uint64{3}) {
			t.Errorf("the owner heard %v", got)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if got, err := other.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who claims the owner's address heard %v, %v", got, err)
		}
		if other.At() != 3 {
			t.Errorf("and is at %d, want 3", other.At())
		}
	})
}

// Events go after 30 days and beyond a number; who asks for those behind one that is gone is told so.
func TestEventsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 10 {
			w.open(ann, fmt.Sprint("Printer ", i))
		}
		if err := w.TrimEvents(t.Context(), w.acme, 4); err != nil {
			t.Fatal(err)
		}
		for after, gone := range map[uint64]bool{0: false, 1: true, 5: true, 6: false, 9: false, 10: false, 11: true} {
			_, err := w.Events(t.Context(), w.acme, agent, tickets.EventQuery{After: after})
			_, watch := w.Watch(t.Context(), w.acme, agent, after)
			if errors.Is(err, tickets.ErrEventsGone) != gone || errors.Is(watch, tickets.ErrEventsGone) != gone {
				t.Errorf("behind %d: %v, %v, want gone %t", after, err, watch, gone)
			}
		}
		time.Sleep(tickets.EventLife + 10*time.Second)
		page, err := w.Events(t.Context(), w.acme, agent, tickets.EventQuery{After: 10})
		if err != nil || len(page.Events) != 0 {
			t.Errorf("after 30 days: %v, %v", page, err)
		}
		if _, err := w.Events(t.Context(), w.acme, agent, tickets.EventQuery{After: 9}); !errors.Is(err, tickets.ErrEventsGone) {
			t.Errorf("behind one that is gone: %v", err)
		}
		w.open(ann, "Another")
		if page, err = w.Events(t.Context(), w.acme, agent, tickets.EventQuery{}); err != nil || len(page.Events) != 1 || page.Events[0].Seq != 11 {
			t.Errorf("the count begins anew: %+v, %v", page, err)
		}
	})
}
