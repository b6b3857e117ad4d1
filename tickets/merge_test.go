package tickets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func (w *world) merge(from, into tickets.Ticket, m tickets.Merging) (tickets.Ticket, error) {
	w.t.Helper()
	merged, err := w.Merge(w.t.Context(), w.acme, agent, from.Ref(), into.Ref(), m)
	return merged.Ticket, err
}

// thread is what the actor reads in a ticket, as "author visibility: body".
func (w *world) thread(a tickets.Actor, t tickets.Ticket) []string {
	w.t.Helper()
	lines := []string{}
	cursor := ""
	for {
		page, err := w.Comments(w.t.Context(), w.acme, a, t.Ref(), cursor, 100)
		if err != nil {
			w.t.Fatalf("Comments(%d): %v", t.Number, err)
		}
		for _, c := range page.Comments {
			lines = append(lines, fmt.Sprintf("%s %s: %s", c.Author.Name, c.Visibility, c.Body))
		}
		if cursor = page.Next; cursor == "" {
			return lines
		}
	}
}

// TestMerge: what one requester wrote in two tickets ends up in one, with authors and in the order of time.
func TestMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		into := w.open(ann, "Printer", func(d *tickets.Draft) { d.Tags = []string{"a"} })
		time.Sleep(time.Second)
		from := w.open(ann, "Printer again", func(d *tickets.Draft) { d.Description, d.Tags = "Still vermilion.", []string{"b"} })
		time.Sleep(time.Second)
		w.comment(ann, into, "first", "")
		time.Sleep(time.Second)
		w.comment(ann, from, "second", "")
		w.comment(agent, from, "a secret", tickets.Internal)
		time.Sleep(time.Second)
		w.comment(agent, into, "third", "")

		target, err := w.merge(from, into, tickets.Merging{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"Ann public: Still vermilion.", "Ann public: first", "Ann public: second", "Zoe internal: a secret", "Zoe public: third"}
		if diff := cmp.Diff(want, w.thread(agent, into)); diff != "" {
			t.Errorf("staff reads (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(slices.Delete(want, 3, 4), w.thread(ann, into)); diff != "" {
			t.Errorf("the requester reads (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a", "b"}, target.Tags); diff != "" || !slices.Equal(target.MergedFrom, []string{from.ID}) {
			t.Errorf("tags %v, merged from %v", target.Tags, target.MergedFrom)
		}
		stub, err := w.Find(t.Context(), w.acme, ann, from.Ref())
		if err != nil || stub.MergedInto != into.ID || stub.Status != tickets.StatusClosed || stub.Moving || len(w.thread(agent, from)) != 0 {
			t.Errorf("the stub is %+v, %v", stub, err)
		}
		w.stands(t, from, into)
	})
}

// stands checks that a merged ticket is out of the way, and its words in the other.
func (w *world) stands(t *testing.T, from, into tickets.Ticket) {
	t.Helper()
	for text, want := range map[string][]uint64{
		"": {into.Number}, "vermilion": {into.Number}, "secret": {into.Number}, "second": {into.Number}, "is:merged": {from.Number},
		"tag:b": {into.Number}, "#2": {from.Number}, "again": {},
	} {
		q, _ := tickets.ParseSearch(text)
		if got := numbers(w.all(w.acme, agent, q)); !slices.Equal(got, want) {
			t.Errorf("staff finds %v by %q, want %v", got, text, want)
		}
	}
	if got := numbers(w.all(w.acme, ann, tickets.Query{})); !slices.Equal(got, []uint64{into.Number}) {
		t.Errorf("the requester's list is %v", got)
	}
	counts, err := w.Counts(t.Context(), w.acme, ann)
	if err != nil || counts.ByStatus[tickets.StatusClosed] != 0 || counts.ByStatus[tickets.StatusOpen] != 1 {
		t.Errorf("the requester's counts: %v, %v", counts, err)
	}
	for name, err := range w.everyChange(from) {
		var merged *tickets.MergedError
		if !errors.As(err, &merged) || merged.Into != into.ID {
			t.Errorf("%s of the stub: %v, want a MergedError", name, err)
		}
	}
	activity, err := w.Activity(t.Context(), w.acme, agent, from.Ref(), "", 100)
	if last := activity.Activities[len(activity.Activities)-1]; err != nil || last.Action != "merged" || last.Changes[len(last.Changes)-1] != (tickets.FieldChange{Field: "merged_into", To: "#1"}) {
		t.Errorf("the stub's history ends with %+v, %v", last, err)
	}
}

// everyChange tries all ways to change a ticket.
func (w *world) everyChange(t tickets.Ticket) map[string]error {
	ctx, errs := w.t.Context(), map[string]error{}
	_, errs["update"] = w.Update(ctx, w.acme, agent, t.Ref(), tickets.Change{AddTags: []string{"x"}})
	_, errs["spam"] = w.Update(ctx, w.acme, agent, t.Ref(), tickets.Change{Spam: tickets.Set(true)})
	_, errs["reopening"] = w.Update(ctx, w.acme, agent, t.Ref(), tickets.Change{Status: tickets.Set(tickets.StatusOpen)})
	_, errs["comment"] = w.Comment(ctx, w.acme, agent, t.Ref(), tickets.Note{Body: "x"})
	errs["delete"] = w.Delete(ctx, w.acme, agent, t.Ref(), 0)
	_, errs["merge"] = w.merge(t, w.open(ann, "other"), tickets.Merging{})
	return errs
}

func TestMergeRefuses(t *testing.T) {
	w := newWorld(t)
	a, b, gone, spam := w.open(ann, "a"), w.open(ann, "b"), w.open(ann, "gone"), w.open(ann, "spam")
	w.change(agent, spam, tickets.Change{Spam: tickets.Set(true)})
	if err := w.Delete(t.Context(), w.acme, agent, gone.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	merged, target := w.open(ann, "merged"), w.open(ann, "target")
	if _, err := w.merge(merged, target, tickets.Merging{}); err != nil {
		t.Fatal(err)
	}
	for name, into := range map[string]tickets.Ticket{"itself": a, "deleted": gone, "spam": spam, "merged": merged, "none": {ID: "tkt_00000000000000000000000001"}} {
		_, err := w.merge(a, into, tickets.Merging{Apart: true})
		if _, ok := errors.AsType[tenant.FieldErrors](err); !ok {
			t.Errorf("into %s: %v, want FieldErrors", name, err)
		}
	}
	if _, err := w.merge(a, b, tickets.Merging{IfVersion: 7}); !errors.Is(err, tickets.ErrVersionConflict) {
		t.Errorf("another version: %v", err)
	}
	if _, err := w.merge(gone, b, tickets.Merging{}); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a deleted one: %v", err)
	}
	for name, of := range map[string]tickets.Actor{"another's": bob, "one who claims the address": eve, "nobody's": token} {
		if _, err := w.merge(a, w.open(of, "x"), tickets.Merging{}); !errors.Is(err, tickets.ErrRequestersDiffer) {
			t.Errorf("into %s: %v, want ErrRequestersDiffer", name, err)
		}
	}
	for name, who := range map[string]tickets.Actor{"its requester": ann, "another": bob, "a visitor": eve, "nobody": {}} {
		want := tickets.ErrNotFound
		if name == "its requester" {
			want = tickets.ErrNotAllowed
		}
		if _, err := w.Merge(t.Context(), w.acme, who, a.Ref(), b.Ref(), tickets.Merging{}); !errors.Is(err, want) {
			t.Errorf("%s merges: %v, want %v", name, err, want)
		}
	}
	if _, err := w.Merge(t.Context(), w.globex, agent, a.Ref(), b.Ref(), tickets.Merging{}); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant merges: %v", err)
	}
	if got, err := w.Find(t.Context(), w.acme, agent, a.Ref()); err != nil || got.Version != 1 {
		t.Errorf("a refused merge left %+v, %v", got, err)
	}
}

// TestMergeApart: neither requester sees anything of the other's, and whose ticket is gone for good goes on in a new one.
func TestMergeApart(t *testing.T) {
	w := newWorld(t)
	from := w.open(eve, "Eve's", func(d *tickets.Draft) { d.Description = "heliotrope" })
	into := w.open(bob, "Bob's")
	w.comment(eve, from, "cerulean", "")
	w.comment(agent, from, "she is odd", tickets.Internal)
	w.comment(bob, into, "magenta", "")
	if _, err := w.merge(from, into, tickets.Merging{Apart: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Bob public: magenta"}, w.thread(bob, into)); diff != "" {
		t.Errorf("bob reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Ann public: cerulean"}, w.thread(eve, from)); diff != "" {
		t.Errorf("eve reads (-want +got):\n%s", diff)
	}
	all := w.thread(agent, into)
	for _, want := range []string{"Ann internal: heliotrope", "Ann internal: cerulean", "Zoe internal: she is odd", "Bob public: magenta"} {
		if !slices.Contains(all, want) || len(all) != 4 {
			t.Errorf("staff reads %q, and not %q", all, want)
		}
	}
	stub, err := w.Find(t.Context(), w.acme, eve, from.Ref())
	if err != nil || stub.MergedInto != "" || stub.Status != tickets.StatusClosed {
		t.Errorf("eve's stub: %+v, %v", stub, err)
	}
	for _, got := range w.all(w.acme, eve, tickets.Query{}) {
		if got.MergedInto != "" {
			t.Errorf("eve's list says where her ticket went: %+v", got)
		}
	}
	for text, who := range map[string]tickets.Actor{"heliotrope": bob, "cerulean": bob, "magenta": eve, "odd": eve} {
		if got := w.list(who, tickets.Query{Text: text}); len(got) > 0 {
			t.Errorf("%s finds %q by %q", who.Person().Name, got, text)
		}
	}
	for _, e := range w.eventsOf(eve) {
		if strings.Contains(fmt.Sprint(e.Changes), "#") || e.Type == tickets.TicketMerged {
			t.Errorf("eve is told of %+v", e)
		}
	}
	if _, err := w.Update(t.Context(), w.acme, eve, from.Ref(), tickets.Change{Status: tickets.Set(tickets.StatusOpen)}); err == nil {
		t.Error("eve opens her stub")
	}
	reply, err := w.Comment(t.Context(), w.acme, eve, from.Ref(), tickets.Note{Body: "hello?"})
	if err != nil || !reply.FollowUp || reply.Ticket.FollowUpOf != from.ID || reply.Ticket.Requester.Lineage != eve.Person().Lineage {
		t.Errorf("eve's reply: %+v, %v, want a new ticket", reply, err)
	}
}

// eventsOf are all events that the actor may know of.
func (w *world) eventsOf(a tickets.Actor) []tickets.Event {
	w.t.Helper()
	page, err := w.Events(w.t.Context(), w.acme, a, tickets.EventQuery{Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Events
}

// TestMergeChain: stubs point to the end, whatever was merged into what.
func TestMergeChain(t *testing.T) {
	w := newWorld(t)
	a := w.open(ann, "a", func(d *tickets.Draft) { d.Description = "all of a" })
	b, c := w.open(ann, "b"), w.open(ann, "c")
	w.comment(ann, a, "from a", "")
	for _, m := range [][2]tickets.Ticket{{a, b}, {b, c}} {
		if _, err := w.merge(m[0], m[1], tickets.Merging{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, stub := range []tickets.Ticket{a, b} {
		if got, err := w.Find(t.Context(), w.acme, agent, stub.Ref()); err != nil || got.MergedInto != c.ID {
			t.Errorf("%s points to %q, %v", stub.Title, got.MergedInto, err)
		}
	}
	if got := w.thread(ann, c); len(got) != 3 || !slices.Contains(got, "Ann public: from a") {
		t.Errorf("c has %q", got)
	}
	page, err := w.Comments(t.Context(), w.acme, agent, c.Ref(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range page.Comments {
		if want := map[bool]uint64{true: 1, false: 2}[strings.HasSuffix(comment.Body, " a")]; comment.From != want {
			t.Errorf("%q is from #%d, want #%d", comment.Body, comment.From, want)
		}
	}
}

// TestMergeLongThread: more than one transaction can carry arrives as a whole, also where it was interrupted.
func TestMergeLongThread(t *testing.T) {
	for name, apart := range map[string]bool{"one requester's": false, "two requesters'": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				from := w.open(ann, "long")
				into := w.open(ann, "short")
				if apart {
					into = w.open(bob, "short")
				}
				for i := range 130 {
					body := fmt.Sprintf("word%d", i)
					if i%10 == 0 {
						body += strings.Repeat(" long", 10_000)
					}
					w.comment(ann, from, body, "")
				}
				w.comment(agent, from, "note", tickets.Internal)
				ctx, cancel := context.WithCancel(t.Context())
				desk := w.Desk
				w.Desk = tickets.New(tickets.Config{Store: w.store, Followers: []tickets.Follower{
					func(tx *storage.Tx, _ *tenant.Tenant, _ *tickets.Happening) error { tx.OnCommit(cancel); return nil },
				}})
				_, err := w.Merge(ctx, w.acme, agent, from.Ref(), into.Ref(), tickets.Merging{Apart: apart})
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("Merge = %v, want to be interrupted", err)
				}
				w.Desk = desk
				stop := w.run()
				time.Sleep(6 * time.Minute)
				stop()
				if got := w.thread(agent, into); len(got) != 132 || got[1] != "Ann "+map[bool]string{true: "internal", false: "public"}[apart]+": "+got[1][strings.Index(got[1], ": ")+2:] {
					t.Errorf("%d comments arrived, want 132", len(got))
				}
				if left := len(w.thread(agent, from)); left != map[bool]int{true: 130, false: 0}[apart] {
					t.Errorf("%d comments are left", left)
				}
				if stub, err := w.Find(t.Context(), w.acme, agent, from.Ref()); err != nil || stub.Moving || !stub.DueAt.IsZero() {
					t.Errorf("the stub still moves: %+v, %v", stub, err)
				}
			})
		})
	}
}

func TestMergeOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.open(ann, "a"), w.open(ann, "b")
	once := tickets.Merging{Idempotency: &tickets.Idempotency{Key: "k"}}
	first, err := w.Merge(t.Context(), w.acme, agent, a.Ref(), b.Ref(), once)
	if err != nil || first.Replayed {
		t.Fatal(first, err)
	}
	again, err := w.Merge(t.Context(), w.acme, agent, a.Ref(), b.Ref(), once)
	if err != nil || !again.Replayed || again.Ticket.Version != first.Ticket.Version {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// A reply that comes just after the merge goes to where the thread has gone, or opens a ticket of its own: no text is lost.
func TestReplyToAMergedTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		into, from, others := w.open(ann, "Into"), w.open(ann, "From"), w.open(bob, "Others")
		if _, err := w.merge(from, into, tickets.Merging{}); err != nil {
			t.Fatal(err)
		}
		got := w.comment(ann, from, "a late word", "")
		if got.FollowUp || got.Ticket.ID != into.ID || got.Comment.TicketID != into.ID || got.Ticket.Status != tickets.StatusNew {
			t.Errorf("the reply went to %+v", got)
		}
		var merged *tickets.MergedError
		if _, err := w.Comment(t.Context(), w.acme, agent, from.Ref(), tickets.Note{Body: "x"}); !errors.As(err, &merged) {
			t.Errorf("staff writes into a stub: %v", err)
		}
		w.change(agent, into, tickets.Change{Requester: tickets.Set(bob.Person())}) // not theirs any more
		if got := w.comment(ann, from, "another word", ""); !got.FollowUp || got.Ticket.Description != "another word" || got.Ticket.FollowUpOf != from.ID {
			t.Errorf("the reply to what is somebody else's: %+v", got)
		}
		if _, err := w.Comment(t.Context(), w.acme, bob, from.Ref(), tickets.Note{Body: "x"}); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("somebody else replies to the stub: %v", err)
		}
		if got := w.thread(bob, others); len(got) != 0 {
			t.Errorf("another ticket has %v", got)
		}
	})
}

// Programs find by their ID of a merged ticket where its thread has gone.
func TestExternalIDOfAMergedTicket(t *testing.T) {
	w := newWorld(t)
	named := func(id string) func(*tickets.Draft) {
		return func(d *tickets.Draft) { d.ExternalID = id; p := ann.Person(); d.Requester = &p }
	}
	into, from := w.open(token, "Into", named("x-1")), w.open(token, "From", named("x-2"))
	if _, err := w.merge(from, into, tickets.Merging{}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]uint64{"external:x-1": {1}, "external:x-2": {1}, "external:x-2 is:merged": {2}, "external:x-2 status:closed": {}, "external:x-3": {}} {
		q, _ := tickets.ParseSearch(text)
		if got := numbers(w.all(w.acme, token, q)); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", text, got, want)
		}
	}
	q, _ := tickets.ParseSearch("external:x-2")
	if got := w.all(w.globex, token, q); len(got) != 0 {
		t.Errorf("the other tenant finds %v", got)
	}
	if got := w.all(w.acme, bob, q); len(got) != 0 {
		t.Errorf("another requester finds %v", got)
	}
	d := tickets.Draft{Title: "Again", Description: "x", ExternalID: "x-2"}
	if _, err := w.Open(t.Context(), w.acme, token, d); !errors.As(err, new(tenant.FieldErrors)) {
		t.Errorf("a second ticket with the ID: %v", err)
	}
}
