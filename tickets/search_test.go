package tickets_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

func TestSearchFolds(t *testing.T) {
	w := newWorld(t)
	w.open(ann, "Café Müller: STRASSE gesperrt", func(d *tickets.Draft) { d.Description = "Die Straße ist zu. ﬁle №5 résumé" })
	w.open(ann, "Ошибка печати", func(d *tickets.Draft) {
		d.Description = "プリンター 東京 it's user_name@mail.example.com v1.2.3"
	})
	w.open(ann, "Plain")
	for text, want := range map[string]int{
		"cafe": 1, "CAFÉ": 1, "muller": 1, "strasse": 1, "STRAẞE": 1, "stras": 1, "file": 1, "resume": 1, "RÉSUMÉ gesperrt": 1,
		"gesperrt cafe strasse": 1, "cafe plain": 0, "asse": 0, "gesp cafe": 0, "cafe gesp": 1,
		"ошибка": 1, "ОШИБ": 1, "東京": 1, "プリンター": 1, "mail.example.com": 1, "example": 3, "example com": 1, "user_name": 1, "v1.2.3": 1,
		"  plain  ": 1, "plain plain": 1, "plain pla": 1, "!!!": 0, "—": 0, "": 3, "   ": 3,
	} {
		for name, a := range map[string]tickets.Actor{"staff": agent, "requester": ann} {
			if got := w.list(a, tickets.Query{Text: text}); len(got) != want {
				t.Errorf("%s searches %q: %q, want %d", name, text, got, want)
			}
		}
	}
}

func TestSearchFindsBy(t *testing.T) {
	w := newWorld(t)
	tk := w.open(token, "Imported thing", func(d *tickets.Draft) {
		p := ann.Person()
		d.Requester, d.ExternalID = &p, "ZD-4711"
	})
	w.comment(ann, tk, "the blue toner", "")
	w.comment(agent, tk, "customer is a pirate", tickets.Internal)
	for text, want := range map[string]struct{ staff, requester bool }{
		"1": {true, true}, "zd-4711": {true, true}, "4711": {true, true}, "blue": {true, true}, "imported toner": {true, true},
		"pirate": {true, false}, "blue pirate": {true, false}, "pir": {true, false},
	} {
		for a, found := range map[*tickets.Actor]bool{&agent: want.staff, &token: want.staff, &ann: want.requester} {
			if got := w.list(*a, tickets.Query{Text: text}); (len(got) == 1) != found {
				t.Errorf("%s searches %q: %q, want found %t", a.Person().Name, text, got, found)
			}
		}
	}
	w.change(agent, tk, tickets.Change{Title: tickets.Set("Renamed blue thing"), ExternalID: tickets.Clear[string]()})
	for text, found := range map[string]bool{"renamed": true, "imported": false, "4711": false, "blue": true, "1": true, "pirate": true} {
		if got := w.list(agent, tickets.Query{Text: text}); (len(got) == 1) != found {
			t.Errorf("after the change %q: %q, want found %t", text, got, found)
		}
	}
	w.change(agent, tk, tickets.Change{Title: tickets.Set("Thing")})
	if got := w.list(ann, tickets.Query{Text: "blue"}); len(got) != 1 {
		t.Error("the comment's word went with the title's")
	}
}

// TestSearchAmongMany has words that many tickets share, and more than are looked up one by one.
func TestSearchAmongMany(t *testing.T) {
	w := newWorld(t)
	const n = 210
	texts := make([]string, n)
	for i := range n {
		texts[i] = fmt.Sprintf("common%d shared m%d", i, i%7)
		if i%2 == 0 {
			texts[i] += " even"
		}
		if i%30 == 0 {
			texts[i] += " rare"
		}
		w.open(bob, texts[i], func(d *tickets.Draft) { d.Description = "d" })
	}
	for _, q := range []tickets.Query{
		{Text: "shared"},
		{Text: "even rare"},
		{Text: "rare even"},
		{Text: "rare comm"},
		{Text: "comm"},
		{Text: "m3 rare"},
		{Text: "rare even shared common5"},
		{Text: "even common1", Sort: tickets.CreatedAsc},
		{Text: "even", Sort: tickets.UpdatedDesc},
		{Text: "rare", Sort: tickets.UpdatedAsc},
		{Text: "rare", Status: []tickets.Status{tickets.StatusNew}},
		{Text: "nowhere rare"},
	} {
		var want []string
		for _, title := range texts {
			if hasWords(title, q.Text) {
				want = append(want, title)
			}
		}
		if q.Sort != tickets.CreatedAsc && q.Sort != tickets.UpdatedAsc {
			slices.Reverse(want)
		}
		for _, limit := range []int{0, 7} {
			q.Limit = limit
			for name, a := range map[string]tickets.Actor{"staff": agent, "requester": bob} {
				got := w.list(a, q)
				if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
					t.Errorf("%s: %+v (-want +got):\n%s", name, q, diff)
				}
			}
		}
	}
}

// hasWords is what a search is, done plainly.
func hasWords(text, query string) bool {
	words, terms := strings.Fields(text), strings.Fields(query)
	for i, term := range terms {
		if i == len(terms)-1 {
			if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, term) }) {
				return false
			}
		} else if !slices.Contains(words, term) {
			return false
		}
	}
	return true
}

func TestSearchTakesLongTexts(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "word%d ", i)
	}
	tk := w.open(ann, "Long", func(d *tickets.Draft) { d.Description = b.String() })
	w.comment(ann, tk, strings.Repeat("äöü", 500)+" "+b.String(), "")
	w.comment(agent, tk, b.String(), tickets.Internal)
	for text, want := range map[string]int{"word100": 1, "word4999": 0, strings.Repeat("aou", 300): 1} {
		if got := w.list(ann, tickets.Query{Text: text}); len(got) != want {
			t.Errorf("%.20q: %q, want %d", text, got, want)
		}
	}
}

// FuzzList has whatever people put into an address make a list, or be refused as what it is.
func FuzzList(f *testing.F) {
	w := newWorld(f)
	w.open(ann, "Café Müller, floor 3")
	for _, seed := range []string{"", "cafe", "\xff\x00", "ﬁ ß İ ǆ", "١٢٣", "e\u0301", "\u200d\u0300", "a.b_c'd", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		f.Add(seed, seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, value, cursor string) {
		for _, a := range []tickets.Actor{ann, agent} {
			for _, q := range []tickets.Query{{Text: text, Cursor: cursor}, {Tags: []string{value}}, {CategoryID: value, Text: text}, {Assignee: value}, {RequesterID: value}} {
				_, err := w.List(t.Context(), w.acme, a, q)
				var bad *tickets.QueryError
				if err != nil && !errors.As(err, &bad) && !errors.Is(err, tickets.ErrBadCursor) {
					t.Errorf("List(%+v): %v", q, err)
				}
			}
		}
		if r, err := tickets.ParseRef(value); err == nil && r.String() != value {
			t.Errorf("ParseRef(%q) is %q", value, r)
		}
	})
}
