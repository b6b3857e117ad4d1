package tickets_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskgate/deskgate/tickets"
)

// TestPrefixOfManyWords searches for the beginning of more words than are looked up without asking whether most tickets have
// one: old tickets alone have these, new ones all have others.
func TestPrefixOfManyWords(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "kamo%02d lumi%02d ", i, i)
	}
	var old, pending, all []string
	for i := range 18 {
		title := fmt.Sprintf("old %d", i)
		tk := w.open(ann, title, func(d *tickets.Draft) { d.Description = text.String() })
		if i%2 == 0 {
			pending = append(pending, title)
			w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusPending)})
		}
		old = append(old, title)
	}
	lumi := strings.ReplaceAll(text.String(), "kamo", "tomo")
	for i := range 70 {
		title := fmt.Sprintf("new %d", i)
		w.open(ann, title, func(d *tickets.Draft) { d.Description = lumi })
		all = append(all, title)
	}
	all = append(all, old...)
	if _, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "elsewhere", Description: text.String()}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		query tickets.Query
		want  []string
	}{
		{tickets.Query{Text: "kamo", Limit: 5}, old},
		{tickets.Query{Text: "old kamo", Limit: 5}, old},
		{tickets.Query{Text: "lumi", Limit: 25}, all},
		{tickets.Query{Text: "kamo1"}, old},
		{tickets.Query{Text: "kamo07"}, old},
		{tickets.Query{Text: "kamox"}, []string{}},
		{tickets.Query{Text: "kamo", Status: []tickets.Status{tickets.StatusPending}}, pending},
		{tickets.Query{Text: "kamo0", Status: []tickets.Status{tickets.StatusPending}, Sort: tickets.UpdatedDesc}, pending},
		{tickets.Query{Text: "kamo07", Status: []tickets.Status{tickets.StatusPending}, Sort: tickets.UpdatedDesc, Limit: 2}, pending},
	} {
		got := w.list(agent, tc.query)
		slices.Sort(got) // many came and changed in the same millisecond
		if diff := cmp.Diff(slices.Sorted(slices.Values(tc.want)), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.query, diff)
		}
	}
}
