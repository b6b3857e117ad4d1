package tickets_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

// in files a ticket of Ann's and brings it into a status.
func (w *world) in(s tickets.Status) tickets.Ticket {
	w.t.Helper()
	tk := w.open(ann, "in "+string(s))
	switch s {
	case tickets.StatusNew:
		return tk
	case tickets.StatusOpen:
		p := agent.Person()
		return w.change(agent, tk, tickets.Change{Assignee: tickets.Set(p)})
	case tickets.StatusPending, tickets.StatusOnHold, tickets.StatusResolved, tickets.StatusClosed:
	}
	return w.change(agent, tk, tickets.Change{Status: tickets.Set(s)})
}

// TestChoosing goes through every pair of statuses for requesters and staff.
func TestChoosing(t *testing.T) {
	w := newWorld(t)
	const n, o, p, h, r, c = tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending, tickets.StatusOnHold, tickets.StatusResolved, tickets.StatusClosed
	for _, row := range []struct {
		from             tickets.Status
		agent, requester []tickets.Status
	}{
		{n, []tickets.Status{o, p, h, r, c}, nil},
		{o, []tickets.Status{p, h, r, c}, []tickets.Status{r}},
		{p, []tickets.Status{h, r, c}, []tickets.Status{r}},
		{h, []tickets.Status{p, r, c}, nil},
		{r, nil, []tickets.Status{o}},
		{c, []tickets.Status{o}, nil},
	} {
		for _, who := range []struct {
			actor   tickets.Actor
			allowed []tickets.Status
		}{{agent, row.agent}, {token, row.agent}, {ann, row.requester}} {
			if diff := cmp.Diff(who.allowed, who.actor.Moves(row.from)); diff != "" {
				t.Errorf("moves of %s from %s (-want +got):\n%s", who.actor.Person().Name, row.from, diff)
			}
			for _, to := range tickets.Statuses() {
				tk := w.in(row.from)
				_, err := w.Update(t.Context(), w.acme, who.actor, tk.Ref(), tickets.Change{Status: tickets.Set(to)})
				var refused *tickets.TransitionError
				switch {
				case to == row.from || slices.Contains(who.allowed, to):
					if got := w.find(ann, tk); err != nil || got.Status != to {
						t.Errorf("%s takes %s to %s: %s, %v", who.actor.Person().Name, row.from, to, got.Status, err)
					}
				case !errors.As(err, &refused):
					t.Errorf("%s takes %s to %s: %v, want a TransitionError", who.actor.Person().Name, row.from, to, err)
				default:
					want := &tickets.TransitionError{From: row.from, To: to, Allowed: who.allowed}
					if diff := cmp.Diff(want, refused); diff != "" {
						t.Errorf("refusal (-want +got):\n%s", diff)
					}
				}
			}
		}
	}
}

// TestConsequences are the changes of status that nobody chooses.
func TestConsequences(t *testing.T) {
	w := newWorld(t)
	const n, o, p, h, r, c = tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending, tickets.StatusOnHold, tickets.StatusResolved, tickets.StatusClosed
	for _, tc := range []struct {
		name   string
		from   tickets.Status
		actor  tickets.Actor
		change tickets.Change
		to     tickets.Status
	}{
		{"agent's reply", n, agent, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"token's reply", n, token, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"agent's note", n, agent, tickets.Change{Comment: &tickets.Note{Body: "x", Visibility: tickets.Internal}}, n},
		{"assignment", n, agent, tickets.Change{Assignee: tickets.Set(agent.Person())}, o},
		{"requester's reply", n, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, n},
		{"requester's reply", o, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"requester's reply", p, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"requester's reply", h, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"requester's reply", r, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"requester's reply", c, ann, tickets.Change{Comment: &tickets.Note{Body: "x"}}, o},
		{"agent's reply", p, agent, tickets.Change{Comment: &tickets.Note{Body: "x"}}, p},
		{"agent's reply", r, agent, tickets.Change{Comment: &tickets.Note{Body: "x"}}, r},
		{"agent's reply and status", n, agent, tickets.Change{Status: tickets.Set(p), Comment: &tickets.Note{Body: "x"}}, p},
		{"thanks, solved", p, ann, tickets.Change{Status: tickets.Set(r), Comment: &tickets.Note{Body: "x"}}, r},
		{"thanks", r, ann, tickets.Change{Status: tickets.Set(r), Comment: &tickets.Note{Body: "x"}}, r},
	} {
		tk := w.in(tc.from)
		if got := w.change(tc.actor, tk, tc.change); got.Status != tc.to {
			t.Errorf("%s to a ticket that is %s: %s, want %s", tc.name, tc.from, got.Status, tc.to)
		}
	}
}

func TestTimesOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tk := w.open(ann, "Printer")
		start := tk.CreatedAt
		step := func() time.Time { time.Sleep(time.Hour); return time.Now().UTC() }

		at := step()
		tk = w.comment(agent, tk, "on it", tickets.Public).Ticket
		if !tk.FirstResponseAt.Equal(at) || !tk.UpdatedAt.Equal(at) || !tk.CreatedAt.Equal(start) {
			t.Errorf("after the first reply: %+v", tk)
		}
		step()
		if tk = w.comment(agent, tk, "still", tickets.Public).Ticket; !tk.FirstResponseAt.Equal(at) {
			t.Errorf("a second reply moved the first response to %s", tk.FirstResponseAt)
		}
		at = step()
		if tk = w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusResolved)}); !tk.ResolvedAt.Equal(at) {
			t.Errorf("resolved at %s, want %s", tk.ResolvedAt, at)
		}
		step()
		if tk = w.change(ann, tk, tickets.Change{Status: tickets.Set(tickets.StatusOpen)}); !tk.ResolvedAt.IsZero() || !tk.DueAt.IsZero() {
			t.Errorf("reopened, but resolved at %s, due at %s", tk.ResolvedAt, tk.DueAt)
		}
		at = step()
		if tk = w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusClosed)}); !tk.ResolvedAt.Equal(at) || !tk.ClosedAt.Equal(at) {
			t.Errorf("closed at once: resolved at %s, closed at %s, want %s", tk.ResolvedAt, tk.ClosedAt, at)
		}
	})
}
