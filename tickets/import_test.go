package tickets_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func (w *world) bring(in tickets.Imported) (t tickets.Ticket) {
	w.t.Helper()
	in.Title, in.Description = "Old", "text"
	p := ann.Person()
	in.Ensure = func(*storage.Tx) (tickets.Person, error) { return p, nil }
	err := w.store.Update(w.t.Context(), w.acme.Scope(), func(tx *storage.Tx) (err error) {
		t, err = w.Import(tx, w.acme, token, &in, false)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// TestImportedIsLeftAlone: nothing was promised about what comes from elsewhere, no rule waits for it and nobody is reminded, until its
// requester writes again.
func TestImportedIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h told
		waited := 0
		w := newWorld(t)
		w.acme.Settings.AutoCloseReminderDays, w.acme.Settings.AutoCloseDays = 2, 7
		w.with(tickets.Config{Followers: []tickets.Follower{h.follow}, Waits: func(_ *storage.Tx, _ *tenant.Tenant, t *tickets.Ticket, at time.Time) (tickets.Waiting, error) {
			waited++
			return tickets.Waiting{Next: t.StatusSince.Add(time.Hour)}, nil
		}})
		w.promise(time.Hour, 8*time.Hour)
		old := time.Now().AddDate(0, 0, -1)
		one := w.bring(tickets.Imported{Status: tickets.StatusOpen, CreatedAt: old})
		solved := w.bring(tickets.Imported{Status: tickets.StatusResolved, CreatedAt: old})
		w.live(48 * time.Hour)
		w.wantDues(one, "- - [] false")
		w.live(7 * 24 * time.Hour)
		if got := h.take(); len(got) != 1 || got[0] != "acme 1 ticket.updated v2 by auto-close status:resolved>closed" {
			t.Errorf("told %v", got)
		}
		if got := w.find(agent, solved); got.Status != tickets.StatusClosed {
			t.Errorf("what was solved elsewhere is %s", got.Status)
		}
		w.change(agent, one, tickets.Change{Priority: tickets.Set(tickets.PriorityHigh)})
		w.change(agent, one, tickets.Change{Priority: tickets.Set(tickets.PriorityMedium)})
		w.wantDues(one, "- - [] false")
		if waited != 0 {
			t.Errorf("rules waited %d times", waited)
		}
		w.comment(ann, one, "Is anybody there?", tickets.Public)
		w.wantDues(one, "1h0m0s 8h0m0s [] false")
		if waited == 0 {
			t.Error("no rule waits for it")
		}
	})
}
