package tickets_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

// TestThreadInPages reads a thread of notes and replies in pages of every size, from both ends, and the neighbour's short one.
func TestThreadInPages(t *testing.T) {
	w := newWorld(t)
	before, tk, after := w.open(ann, "Before"), w.open(ann, "Printer"), w.open(ann, "After")
	for _, other := range []tickets.Ticket{before, after} {
		w.comment(agent, other, "elsewhere", tickets.Internal)
		w.comment(agent, other, "elsewhere, too", tickets.Public)
	}
	var all, public []string
	for i, v := range []tickets.Visibility{
		tickets.Internal, tickets.Public, tickets.Public, tickets.Internal, tickets.Internal, tickets.Internal, tickets.Public,
	} {
		body := fmt.Sprintf("%d %s", i, v)
		w.comment(agent, tk, body, v)
		if all = append(all, body); v == tickets.Public {
			public = append(public, body)
		}
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		for _, tc := range []struct {
			actor tickets.Actor
			want  []string
		}{{agent, all}, {ann, public}} {
			if diff := cmp.Diff(tc.want, forwards(t, w, tc.actor, tk, limit)); diff != "" {
				t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
			}
			if diff := cmp.Diff(tc.want, fromTheEnd(t, w, tc.actor, tk, limit)); diff != "" {
				t.Errorf("from the end in pages of %d (-want +got):\n%s", limit, diff)
			}
		}
	}
}

func forwards(t *testing.T, w *world, a tickets.Actor, tk tickets.Ticket, limit int) []string {
	t.Helper()
	return bodies(t, func(cursor string) (tickets.CommentPage, error) {
		return w.Comments(t.Context(), w.acme, a, tk.Ref(), cursor, limit)
	})
}

// fromTheEnd reads the pages from the last to the first, and returns all in the order of their writing.
func fromTheEnd(t *testing.T, w *world, a tickets.Actor, tk tickets.Ticket, limit int) (bodies []string) {
	t.Helper()
	for cursor := ""; ; {
		p, err := w.LastComments(t.Context(), w.acme, a, tk.Ref(), cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, c := range p.Comments {
			page = append(page, c.Body)
		}
		bodies = slices.Concat(page, bodies)
		if cursor = p.Next; cursor == "" {
			return bodies
		}
	}
}
