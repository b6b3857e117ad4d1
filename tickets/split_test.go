package tickets_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func (w *world) split(a tickets.Actor, from tickets.Ticket, s tickets.Splitting) (tickets.Ticket, error) {
	w.t.Helper()
	o, err := w.Split(w.t.Context(), w.acme, a, from.Ref(), s)
	return o.Ticket, err
}

// talked is a ticket in which the requester has asked for a second thing, and an agent has written.
func (w *world) talked() (t tickets.Ticket, asked, note, reply, later tickets.Comment) {
	t = w.open(ann, "Printer", func(d *tickets.Draft) { d.Priority, d.Tags = tickets.PriorityHigh, []string{"a"} })
	say := func(a tickets.Actor, body string, v tickets.Visibility) tickets.Comment {
		time.Sleep(time.Minute)
		return w.comment(a, t, body, v).Comment
	}
	return t, say(ann, "And the amaranth lamp.", ""), say(agent, "celadon secret", tickets.Internal), say(agent, "Which lamp?", ""), say(ann, "In the hall.", "")
}

// TestSplit: what the requester wrote about something else becomes a ticket of theirs; the rest stays.
func TestSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from, asked, _, _, later := w.talked()
		time.Sleep(time.Hour)
		got, err := w.split(agent, from, tickets.Splitting{Comments: []string{later.ID, asked.ID}, Title: " The lamp ", Tags: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Title != "The lamp" || got.Description != "And the amaranth lamp." || got.Requester == nil || got.Requester.ID != "usr_ann" ||
			got.Priority != tickets.PriorityHigh || !slices.Equal(got.Tags, []string{"b"}) || got.SplitFrom != from.ID || got.Status != tickets.StatusNew ||
			!got.Asked().Equal(asked.CreatedAt) || got.CreatedAt.Before(later.CreatedAt) {
			t.Errorf("the new ticket is %+v", got)
		}
		was := w.find(agent, from)
		if !slices.Equal(was.SplitInto, []string{got.ID}) || was.Version != 6 {
			t.Errorf("the ticket that was split is %+v", was)
		}
		for of, want := range map[string][]string{
			from.ID: {"Zoe internal: celadon secret", "Zoe public: Which lamp?"}, got.ID: {"Ann public: In the hall."},
		} {
			ref, _ := tickets.ParseRef(of)
			one, _ := w.Find(t.Context(), w.acme, agent, ref)
			if diff := cmp.Diff(want, w.thread(agent, one)); diff != "" {
				t.Errorf("staff reads in %s (-want +got):\n%s", one.Title, diff)
			}
			if one.ID == from.ID {
				want = want[1:]
			}
			if diff := cmp.Diff(want, w.thread(ann, one)); diff != "" {
				t.Errorf("the requester reads in %s (-want +got):\n%s", one.Title, diff)
			}
		}
		for text, want := range map[string][]uint64{"amaranth": {2}, "hall": {2}, "celadon": {1}, "which": {1}} {
			q, _ := tickets.ParseSearch(text)
			if found := numbers(w.all(w.acme, agent, q)); !slices.Equal(found, want) {
				t.Errorf("staff finds %v by %q, want %v", found, text, want)
			}
		}
		if ghost, err := w.Find(t.Context(), w.globex, agent, got.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the other tenant finds %v, %v", ghost, err)
		}
		w.isLinked(t, from, got)
	})
}

// isLinked checks that both histories name the other ticket, and what of it the requester is told.
func (w *world) isLinked(t *testing.T, from, got tickets.Ticket) {
	t.Helper()
	for _, end := range []struct {
		of   tickets.Ticket
		want tickets.FieldChange
	}{{from, tickets.FieldChange{Field: "split_into", To: "#2"}}, {got, tickets.FieldChange{Field: "split_from", To: "#1"}}} {
		page, err := w.Activity(t.Context(), w.acme, agent, end.of.Ref(), "", 100)
		if err != nil || !slices.Contains(page.Activities[len(page.Activities)-1].Changes, end.want) {
			t.Errorf("the history of %s ends with %+v, %v", end.of.Title, page.Activities[len(page.Activities)-1], err)
		}
	}
	events, err := w.Events(t.Context(), w.acme, ann, tickets.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, e := range events.Events {
		types = append(types, string(e.Type))
	}
	if !strings.Contains(strings.Join(types, " "), "ticket.created ticket.split") {
		t.Errorf("the requester is told %v", types)
	}
}

// TestSplitShowsNoMore: what the requester never read is nobody's, and what staff wrote is not taken for theirs.
func TestSplitShowsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from, _, note, reply, _ := w.talked()
		hidden, err := w.split(agent, from, tickets.Splitting{Comments: []string{note.ID}, Title: "For us alone"})
		if err != nil || hidden.Requester != nil || hidden.Description != "For us alone" {
			t.Errorf("an internal note becomes %+v, %v", hidden, err)
		}
		if diff := cmp.Diff([]string{"Zoe internal: celadon secret"}, w.thread(agent, hidden)); diff != "" {
			t.Errorf("its thread (-want +got):\n%s", diff)
		}
		if _, err := w.Find(t.Context(), w.acme, ann, hidden.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the requester finds it: %v", err)
		}
		events, err := w.Events(t.Context(), w.acme, ann, tickets.EventQuery{Limit: 100})
		for _, e := range events.Events {
			if e.Type == tickets.TicketSplit || e.Number == hidden.Number {
				t.Errorf("the requester is told of it: %+v, %v", e, err)
			}
		}
		// Even when it becomes somebody's, the note stays internal.
		w.change(agent, hidden, tickets.Change{Requester: tickets.Set(bob.Person())})
		if got := w.thread(bob, hidden); len(got) != 0 {
			t.Errorf("its new requester reads %v", got)
		}
		theirs, err := w.split(agent, from, tickets.Splitting{Comments: []string{reply.ID}, Title: "A question"})
		if err != nil || theirs.Requester == nil || theirs.Description != "A question" {
			t.Errorf("a reply becomes %+v, %v", theirs, err)
		}
		if diff := cmp.Diff([]string{"Zoe public: Which lamp?"}, w.thread(ann, theirs)); diff != "" {
			t.Errorf("its thread (-want +got):\n%s", diff)
		}
	})
}

// TestSplitOfAStranger: who only claims an address keeps it to their own lineage.
func TestSplitOfAStranger(t *testing.T) {
	w := newWorld(t)
	from := w.open(eve, "Mine")
	asked := w.comment(eve, from, "And this.", "").Comment
	got, err := w.split(token, from, tickets.Splitting{Comments: []string{asked.ID}})
	if err != nil || got.Description != "And this." || got.Assurance != tickets.Asserted || got.Title != "Mine" {
		t.Fatalf("split %+v, %v", got, err)
	}
	w.find(eve, got)
	for name, other := range map[string]tickets.Actor{"the address's owner": ann, "another claimant": mallo} {
		if _, err := w.Find(t.Context(), w.acme, other, got.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%s finds it: %v", name, err)
		}
	}
}

func TestSplitIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from, asked, _, _, _ := w.talked()
		other := w.open(ann, "Other")
		foreign := w.comment(ann, other, "x", "").Comment
		many := make([]string, tickets.MaxSplit+1)
		for i := range many {
			many[i] = w.comment(agent, from, "more", "").Comment.ID
		}
		for name, s := range map[string]tickets.Splitting{
			"nothing": {}, "no id": {Comments: []string{"x"}}, "another ticket's": {Comments: []string{asked.ID, foreign.ID}}, "too many": {Comments: many},
		} {
			var wrong tenant.FieldErrors
			if _, err := w.split(agent, from, s); !errors.As(err, &wrong) || wrong["comment_ids"] == nil {
				t.Errorf("%s: %v, want an error of comment_ids", name, err)
			}
		}
		good := tickets.Splitting{Comments: []string{asked.ID}}
		for name, try := range map[string]struct {
			by   tickets.Actor
			s    tickets.Splitting
			want error
		}{
			"its requester":  {ann, good, tickets.ErrNotAllowed},
			"somebody":       {bob, good, tickets.ErrNotFound},
			"nobody":         {tickets.Actor{}, good, tickets.ErrNotFound},
			"a version":      {agent, tickets.Splitting{Comments: good.Comments, IfVersion: 1}, tickets.ErrVersionConflict},
			"an odd tag":     {agent, tickets.Splitting{Comments: good.Comments, Tags: []string{strings.Repeat("x", 999)}}, nil},
			"no category":    {agent, tickets.Splitting{Comments: good.Comments, CategoryID: tickets.Set("cat_x")}, nil},
			"an odd urgency": {agent, tickets.Splitting{Comments: good.Comments, Priority: "very"}, nil},
		} {
			if _, err := w.split(try.by, from, try.s); err == nil || try.want != nil && !errors.Is(err, try.want) {
				t.Errorf("%s: %v, want %v", name, err, try.want)
			}
		}
		if got := w.thread(agent, from); len(got) != 4+len(many) {
			t.Errorf("%d messages are left", len(got))
		}
	})
}

// TestSplitOnce: a repeated call splits nothing twice, and a stub is not split.
func TestSplitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from, asked, _, _, _ := w.talked()
		s := tickets.Splitting{Comments: []string{asked.ID}, IfVersion: 5, Idempotency: &tickets.Idempotency{Key: "k"}}
		first, err := w.Split(t.Context(), w.acme, agent, from.Ref(), s)
		again, err2 := w.Split(t.Context(), w.acme, agent, from.Ref(), s)
		if err != nil || err2 != nil || first.Replayed || !again.Replayed || again.Ticket.ID != first.Ticket.ID {
			t.Errorf("first %v %v, again %v %v", first.Replayed, err, again.Replayed, err2)
		}
		into := w.open(ann, "Into")
		if _, err := w.merge(first.Ticket, into, tickets.Merging{}); err != nil {
			t.Fatal(err)
		}
		if got := w.thread(ann, into); !slices.Equal(got, []string{"Ann public: And the amaranth lamp."}) {
			t.Errorf("merged: %v", got)
		}
		var merged *tickets.MergedError
		if _, err := w.split(agent, first.Ticket, s); !errors.As(err, &merged) {
			t.Errorf("a stub is split: %v", err)
		}
	})
}
