package tickets_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskgate/deskgate/tickets"
)

func TestIdempotency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		key := &tickets.Idempotency{Key: "k1", Hash: [32]byte{1}}
		draft := tickets.Draft{Title: "Once", Description: "only", Idempotency: key}
		first, err := w.Open(t.Context(), w.acme, token, draft)
		if err != nil || first.Replayed {
			t.Fatalf("first: %+v, %v", first, err)
		}
		w.change(agent, first.Ticket, tickets.Change{Title: tickets.Set("Changed")})
		again, err := w.Open(t.Context(), w.acme, token, draft)
		if err != nil || !again.Replayed {
			t.Errorf("again: replayed %t, %v", again.Replayed, err)
		}
		if diff := cmp.Diff(first.Ticket, again.Ticket, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("another answer (-first +again):\n%s", diff)
		}
		other := draft
		other.Idempotency = &tickets.Idempotency{Key: "k1", Hash: [32]byte{2}}
		if _, err := w.Open(t.Context(), w.acme, token, other); !errors.Is(err, tickets.ErrIdempotencyMismatch) {
			t.Errorf("another body: %v, want ErrIdempotencyMismatch", err)
		}
		for name, open := range map[string]func() (tickets.Opened, error){
			"another token":  func() (tickets.Opened, error) { return w.Open(t.Context(), w.acme, tickets.Token("tok_2", ""), draft) },
			"another tenant": func() (tickets.Opened, error) { return w.Open(t.Context(), w.globex, token, draft) },
			"a user of that name": func() (tickets.Opened, error) {
				return w.Open(t.Context(), w.acme, tickets.Requester(token.Person()), draft)
			},
		} {
			if o, err := open(); err != nil || o.Replayed {
				t.Errorf("%s with the same key: replayed %t, %v", name, o.Replayed, err)
			}
		}
		time.Sleep(24*time.Hour + 5*time.Second)
		if o, err := w.Open(t.Context(), w.acme, token, draft); err != nil || o.Replayed || o.Ticket.ID == first.Ticket.ID {
			t.Errorf("after a day: %+v, %v", o, err)
		}
	})
}

func TestIdempotencyOfRefused(t *testing.T) {
	w := newWorld(t)
	draft := tickets.Draft{Title: "", Description: "only", Idempotency: &tickets.Idempotency{Key: "k1", Hash: [32]byte{1}}}
	if _, err := w.Open(t.Context(), w.acme, token, draft); err == nil {
		t.Fatal("opened without a title")
	}
	draft.Title, draft.ExternalID = "Now", "taken"
	w.open(token, "Holder", func(d *tickets.Draft) { d.ExternalID = "taken" })
	if _, err := w.Open(t.Context(), w.acme, token, draft); err == nil {
		t.Fatal("opened with a taken external ID")
	}
	draft.ExternalID = ""
	if o, err := w.Open(t.Context(), w.acme, token, draft); err != nil || o.Replayed {
		t.Errorf("what was refused keeps its key: %+v, %v", o, err)
	}
}

func TestIdempotencyOfComments(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	note := tickets.Note{Body: "hello", Idempotency: &tickets.Idempotency{Key: "c"}}
	first, err := w.Comment(t.Context(), w.acme, ann, tk.Ref(), note)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Comment(t.Context(), w.acme, ann, tk.Ref(), note)
	if err != nil || !again.Replayed || !cmp.Equal(again.Comment, first.Comment) {
		t.Errorf("again: %+v, %v", again, err)
	}
	p, err := w.Comments(t.Context(), w.acme, ann, tk.Ref(), "", 0)
	if err != nil || len(p.Comments) != 1 {
		t.Errorf("%d comments, %v", len(p.Comments), err)
	}
}

// TestIdempotencyAtOnce sends one request many times at once.
func TestIdempotencyAtOnce(t *testing.T) {
	w := newWorld(t)
	draft := tickets.Draft{Title: "Once", Description: "only", Idempotency: &tickets.Idempotency{Key: "k1"}}
	var created, replayed, busy atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			o, err := w.Open(t.Context(), w.acme, token, draft)
			switch {
			case errors.Is(err, tickets.ErrIdempotencyBusy):
				busy.Add(1)
			case err != nil:
				t.Errorf("Open: %v", err)
			case o.Replayed:
				replayed.Add(1)
			default:
				created.Add(1)
			}
		})
	}
	all.Wait()
	if created.Load() != 1 || replayed.Load()+busy.Load() != 63 {
		t.Errorf("created %d, replayed %d, busy %d", created.Load(), replayed.Load(), busy.Load())
	}
	if got := w.list(token, tickets.Query{}); len(got) != 1 {
		t.Errorf("%d tickets, want 1", len(got))
	}
}

// TestIdempotencyThatWaits: whoever waits for the first of two gets its answer.
func TestIdempotencyThatWaits(t *testing.T) {
	w := newWorld(t)
	draft := tickets.Draft{Title: "Once", Description: "only", Idempotency: &tickets.Idempotency{Key: "k1", Waits: true}}
	var all sync.WaitGroup
	var created atomic.Int32
	for range 64 {
		all.Go(func() {
			o, err := w.Open(t.Context(), w.acme, token, draft)
			if err != nil {
				t.Errorf("Open: %v", err)
			}
			if !o.Replayed {
				created.Add(1)
			}
		})
	}
	all.Wait()
	if created.Load() != 1 {
		t.Errorf("created %d, want 1", created.Load())
	}
}

// TestIdempotencyOfChanges: the second of two is no conflict with the first.
func TestIdempotencyOfChanges(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	change := tickets.Change{
		IfVersion: 1, Status: tickets.Set(tickets.StatusPending), Comment: &tickets.Note{Body: "We come."},
		Idempotency: &tickets.Idempotency{Key: "c"},
	}
	first, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), change)
	if err != nil || first.Replayed {
		t.Fatalf("first: %+v, %v", first, err)
	}
	again, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), change)
	if err != nil || !again.Replayed || again.Comment == nil || !cmp.Equal(again.Comment, first.Comment) || again.Ticket.Version != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := w.Update(t.Context(), w.acme, ann, tk.Ref(), tickets.Change{IfVersion: 1, Comment: change.Comment, Idempotency: change.Idempotency}); !errors.Is(err, tickets.ErrVersionConflict) {
		t.Errorf("somebody else's with the same key: %v, want ErrVersionConflict", err)
	}
	p, err := w.Comments(t.Context(), w.acme, agent, tk.Ref(), "", 0)
	if err != nil || len(p.Comments) != 1 {
		t.Errorf("%d comments, %v", len(p.Comments), err)
	}
}
