package tickets_test

import (
	gocmp "cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// TestListsAgainstModel makes some hundred tickets of all kinds and compares lists by random filters with what a plain
// look at every ticket gives.
func TestListsAgainstModel(t *testing.T) {
	listsAgainstModel(t, func(*world) {})
}

// TestShortListsAgainstModel does the same where almost every list needs several transactions and cannot be sorted in memory.
func TestShortListsAgainstModel(t *testing.T) {
	listsAgainstModel(t, func(w *world) { w.Shorten(30, 10) })
}

func listsAgainstModel(t *testing.T, prepare func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		prepare(w)
		cats, err := w.Categories(t.Context(), w.acme, agent)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		all := w.randomTickets(r, 200, cats)
		slugs := make(map[string]string)
		for _, c := range cats {
			slugs[c.Slug] = c.ID
		}
		for i := range 400 {
			a := pick(r, agent, token, ann, ann, bob, eve)
			q := randomQuery(r, a, all, cats)
			want := model(all, a, q, slugs)
			q.Limit = pick(r, 0, 9, 50, 100)
			got := w.all(w.acme, a, q)
			if diff := cmp.Diff(numbers(want), numbers(got)); diff != "" {
				t.Fatalf("list %d of %s: %+v (-want +got):\n%s", i, a.Person().Name, q, diff)
			}
			q.Cursor, q.IncludesTotal = "", true
			if p, err := w.List(t.Context(), w.acme, a, q); err != nil || p.Total != len(want) || p.TotalCapped {
				t.Fatalf("total of %+v = %d (capped %t), %v, want %d", q, p.Total, p.TotalCapped, err, len(want))
			}
		}
	})
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func numbers(ts []tickets.Ticket) []uint64 {
	out := []uint64{}
	for _, t := range ts {
		out = append(out, t.Number)
	}
	return out
}

// randomTickets returns all tickets as they are in the end, deleted ones included.
func (w *world) randomTickets(r *rand.Rand, n int, cats []tickets.Category) (all []tickets.Ticket) {
	w.t.Helper()
	zoe := agent.Person()
	for range n {
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		a := pick(r, ann, ann, bob, eve, token, agent)
		tk := w.open(a, pick(r, "red", "green")+" "+pick(r, "apple", "apricot", "pear"), func(d *tickets.Draft) {
			d.Priority = pick(r, tickets.Priorities()...)
			d.Tags = slices.DeleteFunc([]string{"x", "y", "z"}, func(string) bool { return r.IntN(3) > 0 })
			if r.IntN(2) == 0 {
				d.CategoryID = pick(r, cats...).ID
			}
			if a.Staff() && r.IntN(2) == 0 {
				p := pick(r, ann, bob).Person()
				d.Requester = &p
			}
		})
		all = append(all, tk)
	}
	for range n {
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		i := r.IntN(n)
		c := tickets.Change{Assignee: pick(r, tickets.Set(zoe), tickets.Set(tickets.Person{ID: "agt_yan"}), tickets.Clear[tickets.Person]())}
		if r.IntN(2) == 0 {
			c = tickets.Change{AddTags: []string{pick(r, "x", "y")}, RemoveTags: []string{"z"}}
		}
		if moves := agent.Moves(all[i].Status); len(moves) > 0 && r.IntN(2) == 0 {
			c.Status = tickets.Set(pick(r, moves...))
		}
		all[i] = w.change(agent, all[i], c)
	}
	for i := range all {
		ctx, ref := w.t.Context(), all[i].Ref()
		var err error
		switch r.IntN(20) {
		case 0, 1:
			err = w.Delete(ctx, w.acme, agent, ref, 0)
		case 2, 3:
			_, err = w.Update(ctx, w.acme, agent, ref, tickets.Change{Spam: tickets.Set(true)})
		case 4, 5:
			_, err = w.Merge(ctx, w.acme, agent, ref, tickets.ByNumber(pick(r, all...).Number), tickets.Merging{Apart: true})
		}
		_, refused := errors.AsType[tenant.FieldErrors](err)
		_, merged := errors.AsType[*tickets.MergedError](err)
		if err != nil && !refused && !merged && !errors.Is(err, tickets.ErrNotFound) {
			w.t.Fatal(err)
		}
	}
	for i := range all {
		var err error
		if all[i], err = w.FindDeleted(w.t.Context(), w.acme, agent, all[i].Ref()); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

func randomQuery(r *rand.Rand, a tickets.Actor, all []tickets.Ticket, cats []tickets.Category) (q tickets.Query) {
	some := func(f func()) {
		if r.IntN(4) == 0 {
			f()
		}
	}
	some(func() { q.Status = []tickets.Status{pick(r, tickets.Statuses()...), pick(r, tickets.Statuses()...)} })
	some(func() { q.Status = tickets.Statuses()[r.IntN(3):] })
	some(func() { q.Priority = []tickets.Priority{pick(r, tickets.Priorities()...)} })
	some(func() { q.CategoryID = pick(r, pick(r, cats...).ID, "cat_none") })
	some(func() { q.Assignee = pick(r, "agt_zoe", "agt_yan", tickets.AssigneeNone) })
	if a.Kind() == tickets.KindAgent {
		some(func() { q.Assignee = tickets.AssigneeMe })
	}
	some(func() { q.RequesterID = pick(r, "usr_ann", "usr_bob", "lin_eve") })
	some(func() { q.Tags = []string{pick(r, "x", "y", "z", "none")} })
	some(func() { q.Text = pick(r, "red", "apple", "ap", "green ap", "pear red", "blue", "p") })
	some(func() { q.Created.After = pick(r, all...).CreatedAt })
	some(func() { q.Updated.After = pick(r, all...).UpdatedAt })
	rarely := func(f func()) {
		if r.IntN(12) == 0 {
			f()
		}
	}
	rarely(func() { q.Not.Status = []tickets.Status{pick(r, tickets.Statuses()...)} })
	rarely(func() { q.Not.Priority = []tickets.Priority{pick(r, tickets.Priorities()...)} })
	rarely(func() { q.Categories = []string{pick(r, cats...).Slug, pick(r, cats...).ID} })
	rarely(func() { q.Not.Categories = []string{pick(r, cats...).Slug} })
	rarely(func() { q.Not.Tags = []string{pick(r, "x", "y", "z", "none")} })
	rarely(func() { q.Not.Words = []string{pick(r, "red", "green apple", "app", "nothing")} })
	rarely(func() { q.Requester = pick(r, "ann", "an", "ann@partner.example", "Bob", "partner.example", "nobody") })
	rarely(func() { q.Not.Requesters = []string{pick(r, "ann", "ann@partner.example", "bob")} })
	rarely(func() { q.Tags = []string{"x", "y"} })
	rarely(func() { q.Created.Before = pick(r, all...).CreatedAt })
	rarely(func() { q.Updated.Before = pick(r, all...).UpdatedAt })
	rarely(func() { q.Number = pick(r, all...).Number })
	rarely(func() { q.Files = true })
	if a.Staff() {
		rarely(func() { q.Assignees = []string{"none", pick(r, "agt_zoe", "agt_yan")} })
		rarely(func() { q.Not.Assignees = []string{pick(r, "agt_zoe", "none")} })
		rarely(func() { q.Spam = true })
		rarely(func() { q.Merged = true })
	}
	q.Deleted = a.Staff() && r.IntN(8) == 0
	q.Sort = pick(r, append(tickets.Sorts(), "")...)
	return q
}

// model is what a list has to be, done plainly.
func model(all []tickets.Ticket, a tickets.Actor, q tickets.Query, slugs map[string]string) []tickets.Ticket {
	q.Categories, q.Not.Categories = slices.Clone(q.Categories), slices.Clone(q.Not.Categories)
	for _, names := range [][]string{q.Categories, q.Not.Categories} {
		for i, name := range names {
			names[i] = gocmp.Or(slugs[name], name)
		}
	}
	var out []tickets.Ticket
	for _, t := range all {
		if modelSees(a, t) && modelTakes(a, t, q) {
			out = append(out, t)
		}
	}
	sort := q.Sort
	if sort == "" {
		sort = tickets.UpdatedDesc
		if q.Text != "" || q.Requester != "" || q.Files {
			sort = tickets.CreatedDesc
		}
	}
	slices.SortFunc(out, func(x, y tickets.Ticket) int {
		c := strings.Compare(x.ID, y.ID)
		if strings.HasSuffix(string(sort), "updated_at") && !x.UpdatedAt.Equal(y.UpdatedAt) {
			c = x.UpdatedAt.Compare(y.UpdatedAt)
		}
		if sort[0] == '-' {
			return -c
		}
		return c
	})
	return out
}

func modelSees(a tickets.Actor, t tickets.Ticket) bool {
	switch {
	case a.Staff():
		return true
	case t.Requester == nil:
		return false
	case a.Kind() == tickets.KindVisitor:
		return t.Requester.Lineage == a.Person().Lineage
	}
	return t.Requester.ID == a.Person().ID
}

func modelTakes(a tickets.Actor, t tickets.Ticket, q tickets.Query) bool {
	assignee, requester := "", ""
	if t.Assignee != nil {
		assignee = t.Assignee.ID
	}
	if t.Requester != nil {
		requester = t.Requester.ID
	}
	want := q.Assignee
	switch want {
	case tickets.AssigneeMe:
		want = a.Person().ID
	case tickets.AssigneeNone:
		want = ""
	}
	return modelShelf(a, t, q) && modelExcepts(a, t, assignee, q) &&
		(len(q.Status) == 0 || slices.Contains(q.Status, t.Status)) &&
		(len(q.Priority) == 0 || slices.Contains(q.Priority, t.Priority)) &&
		(q.CategoryID == "" || q.CategoryID == t.CategoryID) &&
		(len(q.Categories) == 0 || modelCategory(t, q.Categories)) &&
		(q.Assignee == "" || want == assignee) &&
		(len(q.Assignees) == 0 || modelAssigned(q.Assignees, assignee)) &&
		(q.RequesterID == "" || q.RequesterID == requester) &&
		(q.Requester == "" || modelIs(t, q.Requester)) &&
		(q.Number == 0 || q.Number == t.Number) && !q.Files &&
		!slices.ContainsFunc(q.Tags, func(tag string) bool { return !slices.Contains(t.TagsFor(a), tag) }) &&
		(q.Text == "" || hasWords(modelText(a, t), q.Text)) &&
		(q.Created.After.IsZero() || t.CreatedAt.After(q.Created.After)) &&
		(q.Created.Before.IsZero() || t.CreatedAt.Before(q.Created.Before)) &&
		(q.Updated.After.IsZero() || t.UpdatedAt.After(q.Updated.After)) &&
		(q.Updated.Before.IsZero() || t.UpdatedAt.Before(q.Updated.Before))
}

// modelShelf: what is put away is in no list but its own, the number finds all that is not deleted, and requesters go on seeing
// what is theirs.
func modelShelf(a tickets.Actor, t tickets.Ticket, q tickets.Query) bool {
	merged := t.MergedInto != ""
	switch {
	case q.Deleted || t.Deleted():
		return q.Deleted && t.Deleted()
	case !a.Staff():
		return !merged || t.Apart
	case q.Merged:
		return merged
	case q.Spam:
		return t.Spam() && !merged
	}
	return !merged && !t.Spam() || q.Number != 0
}

func modelExcepts(a tickets.Actor, t tickets.Ticket, assignee string, q tickets.Query) bool {
	not := q.Not
	return !slices.Contains(not.Status, t.Status) && !slices.Contains(not.Priority, t.Priority) && !modelCategory(t, not.Categories) &&
		!modelAssigned(not.Assignees, assignee) &&
		!slices.ContainsFunc(not.Tags, func(tag string) bool { return slices.Contains(t.TagsFor(a), tag) }) &&
		!slices.ContainsFunc(not.Requesters, func(who string) bool { return modelIs(t, who) }) &&
		!slices.ContainsFunc(not.Words, func(words string) bool {
			return !slices.ContainsFunc(strings.Fields(words), func(w string) bool { return !slices.Contains(strings.Fields(modelText(a, t)), w) })
		})
}

func modelCategory(t tickets.Ticket, ids []string) bool { return slices.Contains(ids, t.CategoryID) }

func modelAssigned(names []string, assignee string) bool {
	return slices.Contains(names, assignee) || assignee == "" && slices.Contains(names, "none")
}

func modelIs(t tickets.Ticket, who string) bool {
	switch {
	case t.Requester == nil:
		return false
	case strings.Contains(who, "@"):
		return t.Requester.Email == who
	}
	who = strings.ToLower(strings.ReplaceAll(who, ".", " "))
	return hasWords(strings.ToLower(t.Requester.Name)+" "+strings.NewReplacer("@", " ", ".", " ").Replace(t.Requester.Email), who)
}

func TestListStaysPutUnderInserts(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.open(ann, fmt.Sprintf("old %d", i))
	}
	for _, sort := range []tickets.Sort{tickets.CreatedDesc, tickets.UpdatedDesc} {
		q := tickets.Query{Sort: sort, Limit: 3}
		seen := map[string]int{}
		for page := 0; ; page++ {
			p, err := w.List(t.Context(), w.acme, ann, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, tk := range p.Tickets {
				seen[tk.Title]++
			}
			w.open(ann, fmt.Sprintf("new %s %d", sort, page))
			if !p.HasMore {
				break
			}
			q.Cursor = p.Next
		}
		for i := range 20 {
			if n := seen[fmt.Sprintf("old %d", i)]; n != 1 {
				t.Errorf("%s: ticket %d came %d times", sort, i, n)
			}
		}
	}
}

// TestListOfFew: what few tickets have is found at once, however many others there are since.
func TestListOfFew(t *testing.T) {
	w := newWorld(t)
	w.Shorten(10, 10)
	w.open(agent, "Fire", func(d *tickets.Draft) { d.Priority = tickets.PriorityUrgent })
	w.open(agent, "Smoke", func(d *tickets.Draft) { d.Priority = tickets.PriorityHigh })
	for i := range 300 {
		w.open(ann, strconv.Itoa(i))
	}
	for name, tc := range map[string]struct {
		q    tickets.Query
		want int
	}{
		"urgent":                 {tickets.Query{Priority: []tickets.Priority{tickets.PriorityUrgent}}, 1},
		"urgent, oldest first":   {tickets.Query{Priority: []tickets.Priority{tickets.PriorityUrgent}, Sort: tickets.CreatedAsc}, 1},
		"urgent, nobody's":       {tickets.Query{Priority: []tickets.Priority{tickets.PriorityUrgent}, Assignee: tickets.AssigneeNone}, 1},
		"above medium":           {tickets.Query{Priority: []tickets.Priority{tickets.PriorityUrgent, tickets.PriorityHigh}}, 2},
		"low":                    {tickets.Query{Priority: []tickets.Priority{tickets.PriorityLow}}, 0},
		"urgent, changed lately": {tickets.Query{Priority: []tickets.Priority{tickets.PriorityUrgent}, Updated: tickets.Period{After: time.Unix(1, 0)}}, 1},
	} {
		tc.q.IncludesTotal = true
		p, err := w.List(t.Context(), w.acme, agent, tc.q)
		if err != nil || len(p.Tickets) != tc.want || p.HasMore || p.Total != tc.want {
			t.Errorf("%s: %d tickets, more %t, total %d, %v; want %d and no more", name, len(p.Tickets), p.HasMore, p.Total, err, tc.want)
		}
	}
}

func TestListLimits(t *testing.T) {
	w := newWorld(t)
	for i := range 130 {
		w.open(ann, strconv.Itoa(i))
	}
	for limit, want := range map[int]int{0: 25, 1: 1, 100: 100, 1000: 100, -3: 25} {
		p, err := w.List(t.Context(), w.acme, agent, tickets.Query{Limit: limit})
		if err != nil || len(p.Tickets) != want || !p.HasMore {
			t.Errorf("limit %d: %d tickets, more %t, %v; want %d", limit, len(p.Tickets), p.HasMore, err, want)
		}
	}
	// A list that ends with a full page has no more.
	p, err := w.List(t.Context(), w.acme, agent, tickets.Query{Limit: 65})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = w.List(t.Context(), w.acme, agent, tickets.Query{Limit: 65, Cursor: p.Next}); err != nil || len(p.Tickets) != 65 || p.HasMore || p.Next != "" {
		t.Errorf("the last page: %d tickets, more %t, next %q, %v", len(p.Tickets), p.HasMore, p.Next, err)
	}
}

// TestListOfOwnWork: nobody but agents has tickets to work on. Whoever else asks for theirs gets none, and those of nobody least of all.
func TestListOfOwnWork(t *testing.T) {
	w := newWorld(t)
	for _, a := range []tickets.Actor{ann, eve, token} {
		w.open(a, "t")
	}
	for name, a := range map[string]tickets.Actor{"a requester": ann, "an asserted requester": eve, "a program": token} {
		p, err := w.List(t.Context(), w.acme, a, tickets.Query{Assignee: tickets.AssigneeMe, IncludesTotal: true})
		if err != nil || len(p.Tickets) != 0 || p.HasMore || p.Total != 0 {
			t.Errorf("%s: %d tickets of %d, more: %t, %v, want none", name, len(p.Tickets), p.Total, p.HasMore, err)
		}
		var bad *tickets.QueryError
		if _, err := w.List(t.Context(), w.acme, a, tickets.Query{Assignees: []string{tickets.AssigneeMe}}); !errors.As(err, &bad) {
			t.Errorf("%s searches for what is assigned to them: %v, want a QueryError", name, err)
		}
	}
}

func TestListRefuses(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.open(ann, "t")
	}
	for param, q := range map[string]tickets.Query{
		"status":   {Status: []tickets.Status{"odd"}},
		"priority": {Priority: []tickets.Priority{"odd"}},
		"sort":     {Sort: "title"},
		"deleted":  {Deleted: true},
		"q":        {Text: strings.Repeat("x", 2000)},
	} {
		_, err := w.List(t.Context(), w.acme, ann, q)
		var bad *tickets.QueryError
		if !errors.As(err, &bad) || bad.Param != param {
			t.Errorf("%s: %v, want a QueryError", param, err)
		}
	}
	p, err := w.List(t.Context(), w.acme, ann, tickets.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		a tickets.Actor
		q tickets.Query
	}{
		"another filter": {ann, tickets.Query{Cursor: p.Next, Tags: []string{"x"}}},
		"another sort":   {ann, tickets.Query{Cursor: p.Next, Sort: tickets.CreatedAsc}},
		"another actor":  {bob, tickets.Query{Cursor: p.Next}},
		"no cursor":      {ann, tickets.Query{Cursor: "AAAA"}},
		"not base64":     {ann, tickets.Query{Cursor: "%"}},
	} {
		if _, err := w.List(t.Context(), w.acme, tc.a, tc.q); !errors.Is(err, tickets.ErrBadCursor) {
			t.Errorf("%s: %v, want ErrBadCursor", name, err)
		}
	}
}

// modelText is what a ticket of the model is found by.
func modelText(a tickets.Actor, t tickets.Ticket) string {
	text := t.Title + " " + strings.Join(t.TagsFor(a), " ")
	if t.Requester != nil {
		text += " " + t.Requester.Name + " " + strings.NewReplacer("@", " ", ".", " ").Replace(t.Requester.Email)
	}
	return strings.ToLower(text)
}
