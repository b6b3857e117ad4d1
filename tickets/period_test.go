package tickets_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

// TestDaysAreTheTenants: a day begins when it does where the tenant is, and today is the one that it is there when somebody asks.
func TestDaysAreTheTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight of 2000-01-01, UTC
		w := newWorld(t)
		w.acme.Settings.TimeZone = "Pacific/Auckland" // 13 hours ahead
		for i := range 6 {                            // at 13:00, 19:00, 01:00 … of the tenant's clocks
			w.open(token, strconv.Itoa(i))
			time.Sleep(6 * time.Hour)
		}
		for search, want := range map[string][]string{ // it is 01:00 on 2000-01-03
			"created:2000-01-01":                 {"1", "0"},
			"created:>2000-01-01":                {"5", "4", "3", "2"},
			"created:2000-01-02":                 {"5", "4", "3", "2"},
			"created:<2000-01-02":                {"1", "0"},
			"created:yesterday":                  {"5", "4", "3", "2"},
			"created:today":                      {},
			"created:>=yesterday":                {"5", "4", "3", "2"},
			"created:<yesterday":                 {"1", "0"},
			"created:2000-01-01T00:00:00Z":       {"0"},
			"created:<12h":                       {"5"},
			"created:<=today created:>=2000":     {"5", "4", "3", "2", "1", "0"},
			"created:yesterday..today":           {"5", "4", "3", "2"},
			"created:yesterday created:>30h":     {},
			"updated:yesterday sort:-created_at": {"5", "4", "3", "2"},
		} {
			q, problems := tickets.ParseSearch(search)
			q.Sort = tickets.CreatedDesc
			if diff := cmp.Diff(want, w.list(token, q)); diff != "" || len(problems) > 0 {
				t.Errorf("%s: problems %v (-want +got):\n%s", search, problems, diff)
			}
		}
		time.Sleep(24 * time.Hour)
		q, _ := tickets.ParseSearch("created:yesterday")
		if got := w.list(token, q); len(got) != 0 {
			t.Errorf("a day later yesterday's are %v", got)
		}
	})
}

// TestUnrated: tickets without a rating are a condition as well, together with others.
func TestUnrated(t *testing.T) {
	w := newWorld(t)
	rated, solved, open := w.open(ann, "rated"), w.open(ann, "solved"), w.open(ann, "open")
	for _, tk := range []tickets.Ticket{rated, solved} {
		w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
	}
	if _, err := w.Rate(t.Context(), w.acme, ann, rated.Ref(), 4, ""); err != nil {
		t.Fatal(err)
	}
	for search, want := range map[string][]string{
		"is:unrated":                   {"solved", "open"},
		"is:unrated is:done":           {"solved"},
		"is:rated":                     {"rated"},
		"-is:unrated is:done":          {"rated"},
		"is:unrated rating:4":          {},
		"is:unrated open":              {open.Title},
		"is:unrated is:unassigned":     {"solved", "open"},
		"rating:none status:open,new":  {"open"},
		"is:unrated priority:urgent":   {},
		"is:unrated created:<1d -open": {"solved"},
	} {
		for _, order := range tickets.Sorts() {
			q, problems := tickets.ParseSearch(search)
			q.IncludesTotal, q.Sort = true, order
			got, err := w.List(t.Context(), w.acme, agent, q)
			if err != nil || len(problems) > 0 || got.Total != len(want) {
				t.Errorf("%s by %s: %d, %v, %v", search, order, got.Total, problems, err)
			}
			names := w.list(agent, q)
			slices.Sort(names)
			slices.Reverse(names)
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", search, order, diff)
			}
		}
	}
}
