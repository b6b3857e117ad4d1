package tickets_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

// A requester knows of the tags and fields that they gave, as long as they are so, and by no list or search of others.
func TestRequestersKnowTheirOwnTags(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer on fire", func(d *tickets.Draft) {
		d.Tags, d.CustomFields = []string{"mine", "gone"}, map[string]any{"floor": 3, "room": "B"}
	})
	tk = w.change(agent, tk, tickets.Change{
		AddTags: []string{"difficult", "vip"}, RemoveTags: []string{"gone"}, CustomFields: tickets.Set(map[string]any{"room": "C", "score": 7}),
	})
	seen, err := w.Find(t.Context(), w.acme, ann, tk.Ref())
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.TagsFor(ann); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("the requester's tags are %q", got)
	}
	if diff := cmp.Diff(map[string]any{"floor": uint64(3)}, seen.FieldsFor(ann)); diff != "" {
		t.Errorf("the requester's fields (-want +got):\n%s", diff)
	}
	if got := seen.TagsFor(agent); !slices.Equal(got, []string{"difficult", "mine", "vip"}) {
		t.Errorf("staff's tags are %q", got)
	}
	for _, tc := range []struct {
		q                tickets.Query
		requester, staff int
	}{
		{tickets.Query{Tags: []string{"vip"}}, 0, 1},
		{tickets.Query{Tags: []string{"mine"}}, 1, 1},
		{tickets.Query{Tags: []string{"gone"}}, 0, 0},
		{tickets.Query{Not: tickets.Exception{Tags: []string{"difficult"}}}, 1, 0},
		{tickets.Query{Not: tickets.Exception{Tags: []string{"mine"}}}, 0, 0},
		{tickets.Query{Text: "difficult"}, 0, 1},
		{tickets.Query{Text: "mine"}, 1, 1},
		{tickets.Query{Not: tickets.Exception{Words: []string{"vip"}}}, 1, 0},
	} {
		if got := len(w.list(ann, tc.q)); got != tc.requester {
			t.Errorf("the requester finds %d by %v, want %d", got, tc.q, tc.requester)
		}
		if got := len(w.list(agent, tc.q)); got != tc.staff {
			t.Errorf("staff finds %d by %v, want %d", got, tc.q, tc.staff)
		}
	}
	w.change(agent, tk, tickets.Change{RemoveTags: []string{"vip"}})
	if got := w.list(agent, tickets.Query{Text: "vip"}); len(got) != 0 {
		t.Errorf("a tag that is gone finds %q", got)
	}
	bob := tickets.Person{ID: "usr_bob", Email: "bob@partner.example", Name: "Bob"}
	tk = w.change(agent, tk, tickets.Change{Requester: tickets.Set(bob)})
	if got := tk.TagsFor(tickets.Requester(bob)); len(got) != 0 {
		t.Errorf("another requester knows of %q", got)
	}
}
