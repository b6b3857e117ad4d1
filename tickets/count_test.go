package tickets_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets"
)

// TestCounts compares the counters with a look at every ticket, and the indexes with the records.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cats, err := w.Categories(t.Context(), w.acme, agent)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		w.randomTickets(r, 100, cats)
		time.Sleep(30 * time.Hour)
		all := w.randomTickets(r, 100, cats)
		for _, tk := range all[:20] { // some change hands, some come back
			if tk.MergedInto != "" && !tk.Deleted() {
				continue
			}
			if tk.Deleted() {
				if _, err := w.Restore(t.Context(), w.acme, agent, tk.Ref()); err != nil {
					t.Fatal(err)
				}
				continue
			}
			w.change(agent, tk, tickets.Change{Requester: tickets.Set(bob.Person())})
		}
		for name, a := range map[string]tickets.Actor{"agent": agent, "token": token, "ann": ann, "bob": bob, "eve": eve, "mallory": mallo, "nobody": {}} {
			want := tickets.Counts{ByStatus: map[tickets.Status]int{}}
			for _, s := range tickets.Statuses() {
				want.ByStatus[s] = 0
			}
			if a.Staff() {
				want.Spam = len(w.all(w.acme, a, tickets.Query{Spam: true}))
			}
			for _, tk := range w.all(w.acme, a, tickets.Query{Limit: 100}) {
				want.ByStatus[tk.Status]++
				if a.Staff() && tk.Status.Category() != "done" {
					if tk.Assignee == nil {
						want.Unassigned++
					} else if tk.Assignee.ID == a.Person().ID {
						want.Mine++
					}
				}
			}
			got, err := w.Counts(t.Context(), w.acme, a)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		err = w.store.Check(t.Context(), func(f storage.Finding) { t.Errorf("the store says: %+v", f) }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Counts(t.Context(), w.globex, agent); err != nil || got.ByStatus[tickets.StatusNew]+got.ByStatus[tickets.StatusOpen] > 0 {
			t.Errorf("the other tenant counts %+v, %v", got, err)
		}
	})
}
