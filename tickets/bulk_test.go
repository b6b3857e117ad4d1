package tickets_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// bulk returns the errors of a bulk call at acme.
func (w *world) bulk(a tickets.Actor, ids []string, action tickets.BulkAction, c tickets.Change) []error {
	w.t.Helper()
	done, err := w.Bulk(w.t.Context(), w.acme, a, ids, action, c)
	if err != nil {
		w.t.Fatalf("Bulk(%v): %v", ids, err)
	}
	var errs []error
	for i, o := range done.Outcomes {
		if o.ID != ids[i] {
			w.t.Errorf("outcome %d is %s's, want %s's", i, o.ID, ids[i])
		}
		errs = append(errs, o.Err)
	}
	return errs
}

func TestBulk(t *testing.T) {
	w := newWorld(t)
	a, b, closed := w.open(ann, "a"), w.open(bob, "b"), w.open(ann, "closed")
	w.change(agent, closed, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
	other, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "globex", Description: "x"})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{a.ID, "2", closed.ID, other.Ticket.ID, "odd", a.ID}
	c := tickets.Change{Status: tickets.Set(tickets.StatusPending), AddTags: []string{"outage"}, Comment: &tickets.Note{Body: "We are on it."}}
	errs := w.bulk(agent, ids, "", c)
	var move *tickets.TransitionError
	if errs[0] != nil || errs[1] != nil || !errors.As(errs[2], &move) || !errors.Is(errs[3], tickets.ErrNotFound) || !errors.Is(errs[4], tickets.ErrNotFound) || errs[5] != nil {
		t.Errorf("outcomes: %v", errs)
	}
	for _, tk := range []tickets.Ticket{a, b} {
		if got := w.find(agent, tk); got.Status != tickets.StatusPending || !slices.Equal(got.Tags, []string{"outage"}) {
			t.Errorf("%s is %+v", tk.Title, got)
		}
	}
	for _, action := range []tickets.BulkAction{tickets.BulkDelete, tickets.BulkRestore} {
		for _, err := range w.bulk(agent, []string{a.ID, b.ID}, action, tickets.Change{}) {
			if err != nil {
				t.Errorf("%s: %v", action, err)
			}
		}
		_, err := w.Find(t.Context(), w.acme, agent, a.Ref())
		if gone := errors.Is(err, tickets.ErrNotFound); gone != (action == tickets.BulkDelete) {
			t.Errorf("after %s: %v", action, err)
		}
	}
}

// A ticket that a call names several times is changed once, and every name gets what became of it.
func TestBulkNamesTwice(t *testing.T) {
	w := newWorld(t)
	a := w.open(ann, "a")
	w.open(bob, "b")
	ids := []string{a.ID, "1", a.ID, "2", "9", "9"}
	errs := w.bulk(agent, ids, "", tickets.Change{Comment: &tickets.Note{Body: "We are on it."}})
	for i, err := range errs {
		if none := ids[i] == "9"; none != errors.Is(err, tickets.ErrNotFound) || !none && err != nil {
			t.Errorf("%s: %v", ids[i], err)
		}
	}
	if got := w.thread(agent, a); len(got) != 1 {
		t.Errorf("the thread is %q, want one answer", got)
	}
	for i, err := range w.bulk(agent, []string{"1", a.ID}, tickets.BulkDelete, tickets.Change{}) {
		if err != nil {
			t.Errorf("delete %d: %v", i, err)
		}
	}
}

func TestBulkOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.open(ann, "a"), w.open(ann, "b")
	c := tickets.Change{Comment: &tickets.Note{Body: "once"}, Idempotency: &tickets.Idempotency{Key: "k"}}
	for i := range 3 {
		done, err := w.Bulk(t.Context(), w.acme, agent, []string{a.ID, b.ID}, "", c)
		if err != nil || done.Replayed != (i > 0) || done.Outcomes[0].Err != nil || done.Outcomes[1].Err != nil {
			t.Errorf("call %d: %+v, %v", i, done, err)
		}
	}
	if got := w.thread(agent, a); len(got) != 1 {
		t.Errorf("the thread is %q", got)
	}
	remove := tickets.Change{Idempotency: &tickets.Idempotency{Key: "d"}}
	for i := range 2 {
		if errs := w.bulk(agent, []string{a.ID}, tickets.BulkDelete, remove); errs[0] != nil {
			t.Errorf("delete %d: %v", i, errs[0])
		}
	}
	c.Idempotency = &tickets.Idempotency{Key: "k", Hash: [32]byte{1}}
	if _, err := w.Bulk(t.Context(), w.acme, agent, []string{b.ID}, "", c); !errors.Is(err, tickets.ErrIdempotencyMismatch) {
		t.Errorf("another body: %v", err)
	}
}

func TestBulkRefuses(t *testing.T) {
	w := newWorld(t)
	a := w.open(ann, "a")
	tag := tickets.Change{AddTags: []string{"x"}}
	for name, tc := range map[string]struct {
		ids    []string
		action tickets.BulkAction
		c      tickets.Change
	}{
		"no tickets":       {nil, "", tag},
		"too many":         {slices.Repeat([]string{a.ID}, 101), "", tag},
		"an odd action":    {[]string{a.ID}, "burn", tickets.Change{}},
		"a wrong tag":      {[]string{a.ID}, "", tickets.Change{AddTags: []string{"a,b"}}},
		"an empty comment": {[]string{a.ID}, "", tickets.Change{Comment: &tickets.Note{}}},
	} {
		_, err := w.Bulk(t.Context(), w.acme, agent, tc.ids, tc.action, tc.c)
		if _, ok := errors.AsType[tenant.FieldErrors](err); !ok {
			t.Errorf("%s: %v, want FieldErrors", name, err)
		}
	}
	for name, who := range map[string]tickets.Actor{"requester": ann, "visitor": eve, "nobody": {}} {
		if _, err := w.Bulk(t.Context(), w.acme, who, []string{a.ID}, "", tag); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a %s: %v", name, err)
		}
	}
}

// TestSpam: it is out of staff's way and counters, its requester learns nothing, and after 30 days it is gone.
func TestSpam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tk, claimed := w.open(bob, "Buy now"), w.open(eve, "Buy, Ann")
		for _, spam := range []tickets.Ticket{tk, claimed} {
			w.change(agent, spam, tickets.Change{Spam: tickets.Set(true)})
		}
		for name, want := range map[string][]string{"": {}, "buy": {}, "is:spam": {"Buy, Ann", "Buy now"}, "is:unassigned": {}, "#1": {"Buy now"}, "#1 -buy": {}} {
			q, _ := tickets.ParseSearch(name)
			if got := w.list(agent, q); !slices.Equal(got, want) {
				t.Errorf("staff lists %q by %q, want %q", got, name, want)
			}
		}
		for _, q := range []tickets.Query{{}, {Text: "buy"}, {Status: []tickets.Status{tickets.StatusNew}}} {
			if got := w.list(bob, q); len(got) != 1 {
				t.Errorf("the requester lists %q by %+v", got, q)
			}
		}
		all, err := w.Counts(t.Context(), w.acme, agent)
		own, err2 := w.Counts(t.Context(), w.acme, bob)
		if err != nil || err2 != nil || all.ByStatus[tickets.StatusNew] != 0 || all.Unassigned != 0 || all.Spam != 2 || own.ByStatus[tickets.StatusNew] != 1 || own.Spam != 0 {
			t.Errorf("counts: %+v %v, the requester's %+v %v", all, err, own, err2)
		}
		if claims, err := w.Claims(t.Context(), w.acme, ann, 10); err != nil || len(claims) > 0 {
			t.Errorf("ann is asked about spam: %+v, %v", claims, err)
		}
		if _, err := w.Update(t.Context(), w.acme, bob, tk.Ref(), tickets.Change{Spam: tickets.Set(false)}); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("the requester says that it is none: %v", err)
		}
		for _, e := range w.eventsOf(bob) {
			if e.Type != tickets.TicketCreated {
				t.Errorf("the requester is told of %+v", e)
			}
		}
		w.change(agent, tk, tickets.Change{Spam: tickets.Set(false)})
		if all, err = w.Counts(t.Context(), w.acme, agent); err != nil || all.ByStatus[tickets.StatusNew] != 1 || all.Unassigned != 1 || all.Spam != 1 {
			t.Errorf("counts after one came back: %+v %v", all, err)
		}
		time.Sleep(31 * aDay)
		stop := w.run()
		time.Sleep(time.Minute)
		stop()
		if _, err := w.FindDeleted(t.Context(), w.acme, agent, claimed.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("spam after 31 days: %v", err)
		}
		if all, err = w.Counts(t.Context(), w.acme, agent); err != nil || all.Spam != 0 {
			t.Errorf("counts after it has gone: %+v %v", all, err)
		}
		w.find(agent, tk)
	})
}
