package tickets_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

func (w *world) setStatus(ctx context.Context, a tickets.Actor, x tickets.Ticket, s tickets.Status) {
	w.t.Helper()
	if _, err := w.Update(ctx, w.acme, a, x.Ref(), tickets.Change{Status: tickets.Set(s)}); err != nil {
		w.t.Fatal(err)
	}
}

// Whoever has solved a ticket by mistake takes that back for a moment: it is as it was, also where nobody could choose that.
func TestTakeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		for _, from := range []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending, tickets.StatusOnHold} {
			x := w.open(ann, "Printer")
			if from != tickets.StatusNew {
				w.setStatus(ctx, agent, x, from)
			}
			time.Sleep(time.Minute)
			w.setStatus(ctx, agent, x, tickets.StatusResolved)
			time.Sleep(tickets.UndoFor)
			turn, err := w.LastTurn(ctx, w.acme, agent, x.Ref())
			if err != nil || turn.From != from || turn.To != tickets.StatusResolved || !turn.Until.Equal(time.Now()) {
				t.Errorf("LastTurn = %+v, %v, want from %s", turn, err, from)
			}
			for who, a := range map[string]tickets.Actor{"a colleague": other, "a program": token, "the requester": ann, "a stranger": eve} {
				if _, err := w.TakeBack(ctx, w.acme, a, x.Ref()); err == nil {
					t.Errorf("%s took it back", who)
				}
			}
			if _, err := w.TakeBack(ctx, w.globex, agent, x.Ref()); !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("TakeBack at the other tenant = %v", err)
			}
			u, err := w.TakeBack(ctx, w.acme, agent, x.Ref())
			if err != nil || u.Ticket.Status != from || !u.Ticket.ResolvedAt.IsZero() {
				t.Errorf("TakeBack = %s, solved at %s, %v, want %s", u.Ticket.Status, u.Ticket.ResolvedAt, err, from)
			}
			if got := w.find(agent, x); got.Status != from {
				t.Errorf("it is %s afterwards, want %s", got.Status, from)
			}
			if _, err := w.TakeBack(ctx, w.acme, agent, x.Ref()); !errors.Is(err, tickets.ErrTooLate) {
				t.Errorf("TakeBack of what was taken back = %v, want ErrTooLate", err)
			}
		}
	})
}

// What is long ago, somebody else's, was followed by something, or came with a reply is not taken back.
func TestTakeBackTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		resolved := tickets.Change{Status: tickets.Set(tickets.StatusResolved)}
		for what, do := range map[string]func(x tickets.Ticket){
			"nothing happened": func(tickets.Ticket) { time.Sleep(time.Hour) },
			"long ago": func(x tickets.Ticket) {
				w.setStatus(ctx, agent, x, tickets.StatusResolved)
				time.Sleep(tickets.UndoFor + 6*time.Second)
			},
			"a colleague's": func(x tickets.Ticket) { w.setStatus(ctx, other, x, tickets.StatusResolved) },
			"answered": func(x tickets.Ticket) {
				w.setStatus(ctx, agent, x, tickets.StatusResolved)
				if _, err := w.Comment(ctx, w.acme, ann, x.Ref(), tickets.Note{Body: "No."}); err != nil {
					t.Fatal(err)
				}
			},
			"with a reply": func(x tickets.Ticket) {
				c := resolved
				c.Comment = &tickets.Note{Body: "Done.", Visibility: tickets.Public}
				if _, err := w.Update(ctx, w.acme, agent, x.Ref(), c); err != nil {
					t.Fatal(err)
				}
			},
			"reopened": func(x tickets.Ticket) {
				w.setStatus(ctx, agent, x, tickets.StatusClosed)
				w.setStatus(ctx, agent, x, tickets.StatusOpen)
			},
			"deleted": func(x tickets.Ticket) {
				w.setStatus(ctx, agent, x, tickets.StatusResolved)
				if err := w.Delete(ctx, w.acme, agent, x.Ref(), 0); err != nil {
					t.Fatal(err)
				}
			},
		} {
			x := w.open(ann, "Printer")
			do(x)
			if turn, err := w.LastTurn(ctx, w.acme, agent, x.Ref()); err == nil {
				t.Errorf("%s: LastTurn = %+v", what, turn)
			}
			if _, err := w.TakeBack(ctx, w.acme, agent, x.Ref()); !errors.Is(err, tickets.ErrTooLate) && !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("%s: TakeBack = %v, want ErrTooLate", what, err)
			}
		}
		// With a note, only the status goes back.
		x := w.open(ann, "Printer")
		c := resolved
		c.Comment = &tickets.Note{Body: "Same as #1.", Visibility: tickets.Internal}
		if _, err := w.Update(ctx, w.acme, agent, x.Ref(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := w.TakeBack(ctx, w.acme, agent, x.Ref()); err != nil || w.find(agent, x).Status != tickets.StatusNew {
			t.Errorf("TakeBack with a note = %v, the ticket is %s", err, w.find(agent, x).Status)
		}
		if got := w.bodies(agent, x); len(got) != 1 {
			t.Errorf("the notes are %q", got)
		}
	})
}
