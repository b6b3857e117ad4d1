package tickets_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

var other = tickets.Admin(tickets.Person{ID: "agt_tom", Email: "tom@acme.example", Name: "Tom"})

// runHeld runs the timer of held replies until the test or stop ends it.
func (w *world) runHeld() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.RunHeld(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("RunHeld: %v", err)
		}
	}
}

func (w *world) hold(a tickets.Actor, t tickets.Ticket, body string, status tickets.Status) tickets.Held {
	w.t.Helper()
	h, err := w.Hold(w.t.Context(), w.acme, a, t.Ref(), tickets.Sending{Body: body, Status: status})
	if err != nil {
		w.t.Fatalf("Hold(%q): %v", body, err)
	}
	return h
}

func (w *world) bodies(a tickets.Actor, t tickets.Ticket) (all []string) {
	w.t.Helper()
	p, err := w.Comments(w.t.Context(), w.acme, a, t.Ref(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range p.Comments {
		all = append(all, c.Body)
	}
	return all
}

func (w *world) draft(a tickets.Actor, t tickets.Ticket) tickets.DraftReply {
	w.t.Helper()
	x, err := w.DraftReply(w.t.Context(), w.acme, a, t.Ref())
	if err != nil && !errors.Is(err, tickets.ErrNotFound) {
		w.t.Fatal(err)
	}
	return x
}

// A reply waits its time, seen by staff alone, and is then sent once, as if it had been written at that moment.
func TestHeldIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		x := w.open(ann, "Printer")
		w.hold(agent, x, "Turn it off and on.", tickets.StatusPending)
		if got := w.find(ann, x); got.Version != x.Version || got.Status != tickets.StatusNew {
			t.Errorf("the ticket while the reply waits: %+v", got)
		}
		if got := w.bodies(agent, x); len(got) != 0 {
			t.Errorf("comments while the reply waits: %q", got)
		}
		found, err := w.List(t.Context(), w.acme, agent, tickets.Query{Text: "turn"})
		if err != nil || len(found.Tickets) != 0 {
			t.Errorf("the search finds what is not sent: %v, %v", found.Tickets, err)
		}
		waiting, err := w.HeldIn(t.Context(), w.acme, other, x.Ref())
		if err != nil || len(waiting) != 1 || waiting[0].Body != "Turn it off and on." {
			t.Errorf("what a colleague sees waiting: %+v, %v", waiting, err)
		}
		for _, tc := range []struct {
			a    tickets.Actor
			want int
		}{{agent, 1}, {other, 0}, {ann, 0}, {eve, 0}, {token, 0}} {
			if got, err := w.HeldBy(t.Context(), w.acme, tc.a); err != nil || len(got) != tc.want || tc.want > 0 && got[0].Number != x.Number {
				t.Errorf("what %q may take back: %+v, %v", tc.a.Person().Name, got, err)
			}
		}
		if got, err := w.HeldBy(t.Context(), w.globex, agent); err != nil || len(got) != 0 {
			t.Errorf("what may be taken back at the other tenant: %+v, %v", got, err)
		}
		for _, who := range []tickets.Actor{ann, bob, eve} {
			if got, err := w.HeldIn(t.Context(), w.acme, who, x.Ref()); err == nil || len(got) != 0 {
				t.Errorf("a requester sees what waits: %+v, %v", got, err)
			}
		}
		if got, err := w.HeldIn(t.Context(), w.globex, agent, x.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant sees what waits: %+v, %v", got, err)
		}
		time.Sleep(tickets.UndoFor - time.Second)
		if got := w.bodies(ann, x); len(got) != 0 {
			t.Errorf("a second early: %q", got)
		}
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		got := w.find(ann, x)
		if got.Status != tickets.StatusPending || got.FirstResponseAt.IsZero() || !slices.Equal(w.bodies(ann, x), []string{"Turn it off and on."}) {
			t.Errorf("after its time: %+v, %q", got, w.bodies(ann, x))
		}
		time.Sleep(time.Hour)
		if got := w.bodies(ann, x); len(got) != 1 {
			t.Errorf("an hour later: %q", got)
		}
	})
}

// What waits when the node stops is sent when one runs again, once, even if two do.
func TestHeldSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stop := w.runHeld()
		x := w.open(ann, "Printer")
		w.hold(agent, x, "Late.", "")
		stop()
		time.Sleep(time.Minute)
		if got := w.bodies(ann, x); len(got) != 0 {
			t.Errorf("sent while nothing ran: %q", got)
		}
		again := &world{t: t, store: w.store, acme: w.acme, globex: w.globex, tenants: w.tenants}
		again.Desk = tickets.New(tickets.Config{Store: w.store, Tenants: w.listTenants})
		defer w.runHeld()()
		defer again.runHeld()()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		if got := w.bodies(ann, x); !slices.Equal(got, []string{"Late."}) {
			t.Errorf("after the restart: %q", got)
		}
	})
}

// Who undoes a reply has its text again, before what was begun meanwhile; it is never sent. Nobody undoes a colleague's.
func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		x := w.open(ann, "Printer")
		h := w.hold(agent, x, "Wrong person", tickets.StatusPending)
		if err := w.KeepDraft(t.Context(), w.acme, agent, x.Ref(), tickets.DraftReply{Body: "One more thing"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Undo(t.Context(), w.acme, other, x.Ref(), h.ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("a colleague's Undo = %v, want ErrNotFound", err)
		}
		if err := w.Undo(t.Context(), w.globex, agent, x.Ref(), h.ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant's Undo = %v, want ErrNotFound", err)
		}
		if err := w.Undo(t.Context(), w.acme, agent, x.Ref(), h.ID); err != nil {
			t.Fatal(err)
		}
		got := w.draft(agent, x)
		if got.Body != "Wrong person\n\nOne more thing" || got.Status != tickets.StatusPending || got.Returned != "" {
			t.Errorf("the draft afterwards: %+v", got)
		}
		time.Sleep(time.Hour)
		if got := w.find(ann, x); got.Version != x.Version || len(w.bodies(agent, x)) != 0 {
			t.Errorf("after Undo: %+v %q", got, w.bodies(agent, x))
		}
		if err := w.Undo(t.Context(), w.acme, agent, x.Ref(), h.ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the second Undo = %v, want ErrNotFound", err)
		}
	})
}

// A second reply sends the first at once, and SendNow sends one before its time.
func TestHeldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		x := w.open(ann, "Printer")
		w.hold(agent, x, "first", "")
		w.hold(other, x, "from Tom", "")
		h := w.hold(agent, x, "second", "")
		if got := w.bodies(ann, x); !slices.Equal(got, []string{"first"}) {
			t.Errorf("after the second reply: %q", got)
		}
		if err := w.SendNow(t.Context(), w.acme, agent, x.Ref(), h.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := w.bodies(ann, x); !slices.Equal(got, []string{"first", "second", "from Tom"}) {
			t.Errorf("in the end: %q", got)
		}
	})
}

// What happens to the ticket while a reply waits decides what becomes of it.
func TestHeldMeanwhile(t *testing.T) {
	solved := tickets.Change{Status: tickets.Set(tickets.StatusResolved)}
	for _, tc := range []struct {
		name      string
		meanwhile func(*world, tickets.Ticket)
		status    tickets.Status // of the ticket in the end
		returned  tickets.Returned
	}{
		{"nothing", func(*world, tickets.Ticket) {}, tickets.StatusResolved, ""},
		{"a colleague has put it on hold", func(w *world, x tickets.Ticket) {
			w.change(other, x, tickets.Change{Status: tickets.Set(tickets.StatusOnHold)})
		}, tickets.StatusOnHold, ""},
		{"a colleague has closed it", func(w *world, x tickets.Ticket) {
			w.change(other, x, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
		}, tickets.StatusClosed, ""},
		{"a colleague has set a tag", func(w *world, x tickets.Ticket) {
			w.change(other, x, tickets.Change{AddTags: []string{"vip"}})
		}, tickets.StatusResolved, ""},
		{"the requester has written more", func(w *world, x tickets.Ticket) {
			w.comment(ann, x, "And it smokes!", tickets.Public)
		}, tickets.StatusOpen, ""},
		{"it was deleted", func(w *world, x tickets.Ticket) {
			if err := w.Delete(w.t.Context(), w.acme, other, x.Ref(), 0); err != nil {
				w.t.Fatal(err)
			}
		}, tickets.StatusOpen, tickets.ReturnedDeleted},
		{"it was marked as spam", func(w *world, x tickets.Ticket) {
			w.change(other, x, tickets.Change{Spam: tickets.Set(true)})
		}, tickets.StatusOpen, tickets.ReturnedSpam},
		{"it is somebody else's", func(w *world, x tickets.Ticket) {
			w.change(other, x, tickets.Change{Requester: tickets.Set(bob.Person())})
		}, tickets.StatusOpen, tickets.ReturnedRequester},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.runHeld()()
				x := w.change(agent, w.open(ann, "Printer"), tickets.Change{Status: tickets.Set(tickets.StatusOpen)})
				w.hold(agent, x, "Done.", solved.Status.Value)
				time.Sleep(time.Second)
				tc.meanwhile(w, x)
				time.Sleep(tickets.UndoFor)
				synctest.Wait()
				got, err := w.FindDeleted(t.Context(), w.acme, agent, x.Ref())
				if err != nil || got.Status != tc.status {
					t.Errorf("status = %s, %v, want %s", got.Status, err, tc.status)
				}
				if got.Deleted() {
					if _, err := w.Restore(t.Context(), w.acme, agent, x.Ref()); err != nil {
						t.Fatal(err)
					}
				}
				sent := slices.Contains(w.bodies(agent, x), "Done.")
				if draft := w.draft(agent, x); sent != (tc.returned == "") || draft.Returned != tc.returned || (draft.Body == "Done.") == sent {
					t.Errorf("sent = %t, the draft = %+v, want it returned for %q", sent, draft, tc.returned)
				}
			})
		})
	}
}

// A reply that can no longer be written goes back to its author alone, and not into the way of what they do next.
func TestHeldRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		var tags []string
		for i := range tickets.MaxTags {
			tags = append(tags, "tag"+strconv.Itoa(i))
		}
		hold := func(x tickets.Ticket) tickets.Held {
			h, err := w.Hold(t.Context(), w.acme, agent, x.Ref(), tickets.Sending{Body: "First.", Tags: []string{"more"}})
			if err != nil {
				t.Fatal(err)
			}
			w.change(other, x, tickets.Change{AddTags: tags})
			return h
		}
		x := w.open(ann, "Printer")
		hold(x)
		w.hold(agent, x, "Second.", "")
		time.Sleep(tickets.UndoFor + time.Second)
		if draft := w.draft(agent, x); draft.Body != "First." || draft.Returned != tickets.ReturnedRefused {
			t.Errorf("the draft = %+v, want the first reply returned", draft)
		}
		if got := w.bodies(ann, x); !slices.Equal(got, []string{"Second."}) {
			t.Errorf("sent %q", got)
		}
		y := w.open(ann, "Scanner")
		if err := w.SendNow(t.Context(), w.acme, agent, y.Ref(), hold(y).ID); !isField("tags")(err) {
			t.Errorf("SendNow = %v, want that there are too many tags", err)
		}
		if draft := w.draft(agent, y); draft.Body != "First." || draft.Returned != tickets.ReturnedRefused {
			t.Errorf("the draft = %+v, want the reply returned", draft)
		}
	})
}

// A reply to a ticket that is merged meanwhile is found as a draft in the other one.
func TestHeldMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		x, into := w.open(ann, "Printer"), w.open(ann, "The same printer")
		w.hold(agent, x, "On its way.", "")
		if _, err := w.Merge(t.Context(), w.acme, other, x.Ref(), into.Ref(), tickets.Merging{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if slices.Contains(w.bodies(agent, into), "On its way.") {
			t.Error("the reply went into the other ticket by itself")
		}
		if got := w.draft(agent, into); got.Body != "On its way." || got.Returned != tickets.ReturnedMerged {
			t.Errorf("the draft in the other ticket: %+v", got)
		}
	})
}

// What cannot be sent is said at once, and a form that is sent twice is one reply.
func TestHoldChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.runHeld()()
		x := w.change(agent, w.open(ann, "Printer"), tickets.Change{Status: tickets.Set(tickets.StatusOpen)})
		for _, tc := range []struct {
			name   string
			a      tickets.Actor
			body   string
			status tickets.Status
			want   func(error) bool
		}{
			{"no text", agent, " ", "", isField("comment.body")},
			{"a status that it cannot get", agent, "x", tickets.StatusNew, isTransition},
			{"a requester", ann, "x", "", is(tickets.ErrNotAllowed)},
			{"a token", token, "x", "", is(tickets.ErrNotAllowed)},
		} {
			if _, err := w.Hold(t.Context(), w.acme, tc.a, x.Ref(), tickets.Sending{Body: tc.body, Status: tc.status}); !tc.want(err) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if _, err := w.Hold(t.Context(), w.globex, agent, x.Ref(), tickets.Sending{Body: "x"}); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant's: %v, want ErrNotFound", err)
		}
		for range 2 {
			n := tickets.Sending{Body: "once", Idempotency: &tickets.Idempotency{Key: "k", Waits: true}}
			if _, err := w.Hold(t.Context(), w.acme, agent, x.Ref(), n); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
		}
		if got := w.bodies(ann, x); !slices.Equal(got, []string{"once"}) {
			t.Errorf("a form that is sent twice: %q", got)
		}
	})
}

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

// Drafts are their agent's alone, kept a month, a hundred at most, and go with their ticket.
func TestDraftReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x := w.open(ann, "Printer")
		keep := func(a tickets.Actor, x tickets.Ticket, d tickets.DraftReply) error {
			return w.KeepDraft(t.Context(), w.acme, a, x.Ref(), d)
		}
		if err := keep(agent, x, tickets.DraftReply{Body: "Dear", Internal: true}); err != nil {
			t.Fatal(err)
		}
		if got := w.draft(agent, x); got.Body != "Dear" || !got.Internal {
			t.Errorf("the draft: %+v", got)
		}
		if got := w.draft(other, x); got.Body != "" {
			t.Errorf("a colleague reads %+v", got)
		}
		for _, who := range []tickets.Actor{ann, eve, token} {
			if got, err := w.DraftReply(t.Context(), w.acme, who, x.Ref()); err == nil {
				t.Errorf("%v reads %+v", who.Kind(), got)
			}
			if err := keep(who, x, tickets.DraftReply{Body: "x"}); err == nil {
				t.Errorf("%v keeps a draft", who.Kind())
			}
		}
		if got, err := w.DraftReply(t.Context(), w.globex, agent, x.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant reads %+v, %v", got, err)
		}
		if err := keep(agent, x, tickets.DraftReply{Body: strings.Repeat("x", tickets.MaxBody+1)}); !isField("body")(err) {
			t.Errorf("a draft that is too long: %v", err)
		}
		for range 100 {
			time.Sleep(time.Second)
			if err := keep(agent, w.open(ann, "Another"), tickets.DraftReply{Body: "Dear"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.draft(agent, x); got.Body != "" {
			t.Errorf("the oldest of 101 drafts: %+v", got)
		}
		if err := keep(agent, x, tickets.DraftReply{Body: "anew"}); err != nil {
			t.Fatal(err)
		}
		if err := keep(agent, x, tickets.DraftReply{Body: " "}); err != nil || w.draft(agent, x).Body != "" {
			t.Errorf("an empty draft is kept: %v", err)
		}
		if err := keep(agent, x, tickets.DraftReply{Body: "old"}); err != nil {
			t.Fatal(err)
		}
		defer w.run()()
		time.Sleep(31 * aDay)
		if got := w.draft(agent, x); got.Body != "" {
			t.Errorf("after a month: %+v", got)
		}
	})
}

// Who looks at a ticket is shown to colleagues for as long as they go on looking.
func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x := w.open(ann, "Printer")
		attend := func(a tickets.Actor, writes bool) {
			t.Helper()
			if err := w.Attend(t.Context(), w.acme, a, x.Ref(), writes); err != nil {
				t.Fatal(err)
			}
		}
		present := func() []tickets.Presence {
			t.Helper()
			all, err := w.Present(t.Context(), w.acme, other, x.Ref())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		attend(agent, false)
		attend(other, false)
		if got := present(); len(got) != 1 || got[0].Name != "Zoe" || got[0].Writes() {
			t.Errorf("present: %+v", got)
		}
		attend(agent, true)
		if got := present(); len(got) != 1 || !got[0].Writes() {
			t.Errorf("writing: %+v", got)
		}
		for range 10 {
			time.Sleep(tickets.Attending)
			attend(agent, false)
			if got := present(); len(got) != 1 || got[0].Writes() {
				t.Errorf("still there: %+v", got)
			}
		}
		if err := w.Leave(t.Context(), w.acme, agent, x.Ref()); err != nil || len(present()) != 0 {
			t.Errorf("after leaving: %+v, %v", present(), err)
		}
		attend(agent, false)
		time.Sleep(2 * time.Minute)
		if got := present(); len(got) != 0 {
			t.Errorf("two minutes later: %+v", got)
		}
		for _, who := range []tickets.Actor{ann, eve, token} {
			if err := w.Attend(t.Context(), w.acme, who, x.Ref(), false); err == nil {
				t.Errorf("%v attends", who.Kind())
			}
			if got, err := w.Present(t.Context(), w.acme, who, x.Ref()); err == nil {
				t.Errorf("%v sees %+v", who.Kind(), got)
			}
		}
		if got, err := w.Present(t.Context(), w.globex, other, x.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant sees %+v, %v", got, err)
		}
	})
}

// Habits are each agent's own.
func TestHabits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.SetHabits(t.Context(), w.acme, agent, tickets.Habits{KeysOff: true}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		a    tickets.Actor
		want bool
	}{{agent, true}, {other, false}} {
		if got, err := w.Habits(t.Context(), w.acme, tc.a); err != nil || got.KeysOff != tc.want {
			t.Errorf("Habits of %s = %+v, %v", tc.a.Person().Name, got, err)
		}
	}
	if got, err := w.Habits(t.Context(), w.globex, agent); err != nil || got.KeysOff {
		t.Errorf("Habits at the other tenant = %+v, %v", got, err)
	}
	if err := w.SetHabits(t.Context(), w.acme, ann, tickets.Habits{}); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester's habits: %v, want ErrNotAllowed", err)
	}
}

func isField(name string) func(error) bool {
	return func(err error) bool {
		wrong, ok := errors.AsType[tenant.FieldErrors](err)
		return ok && wrong[name] != nil
	}
}

func isTransition(err error) bool {
	_, ok := errors.AsType[*tickets.TransitionError](err)
	return ok
}
