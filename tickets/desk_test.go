package tickets_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

var (
	ann   = tickets.Requester(tickets.Person{ID: "usr_ann", Email: "ann@partner.example", Name: "Ann"})
	bob   = tickets.Requester(tickets.Person{ID: "usr_bob", Email: "bob@partner.example", Name: "Bob"})
	eve   = tickets.Visitor(tickets.Person{Lineage: "lin_eve", Email: "ann@partner.example", Name: "Ann"})
	mallo = tickets.Visitor(tickets.Person{Lineage: "lin_mallory", Email: "ann@partner.example", Name: "Ann"})
	agent = tickets.Agent(tickets.Person{ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"})
	token = tickets.Token("tok_1", "import")
)

// world is a desk with two tenants.
type world struct {
	*tickets.Desk
	t       testing.TB
	store   *storage.Store
	acme    *tenant.Tenant
	globex  *tenant.Tenant
	tenants []*tenant.Tenant
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{
		t:      tb,
		store:  storagetest.Open(tb, tickets.Tables()...),
		acme:   &tenant.Tenant{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Slug: "acme"},
		globex: &tenant.Tenant{ID: "BBBBBBBBBBBBBBBBBBBBBBBBBB", Slug: "globex"},
	}
	w.tenants = []*tenant.Tenant{w.acme, w.globex}
	w.Desk = tickets.New(tickets.Config{
		Store:   w.store,
		Tenants: w.listTenants,
	})
	return w
}

func (w *world) listTenants(context.Context) ([]*tenant.Tenant, error) { return w.tenants, nil }

// open files a ticket at acme.
func (w *world) open(a tickets.Actor, title string, change ...func(*tickets.Draft)) tickets.Ticket {
	w.t.Helper()
	d := tickets.Draft{Title: title, Description: "It does not work."}
	for _, f := range change {
		f(&d)
	}
	o, err := w.Open(w.t.Context(), w.acme, a, d)
	if err != nil {
		w.t.Fatalf("Open(%q): %v", title, err)
	}
	return o.Ticket
}

func (w *world) change(a tickets.Actor, t tickets.Ticket, c tickets.Change) tickets.Ticket {
	w.t.Helper()
	u, err := w.Update(w.t.Context(), w.acme, a, t.Ref(), c)
	if err != nil {
		w.t.Fatalf("Update(%d, %+v): %v", t.Number, c, err)
	}
	return u.Ticket
}

func (w *world) comment(a tickets.Actor, t tickets.Ticket, body string, v tickets.Visibility) tickets.Commented {
	w.t.Helper()
	c, err := w.Comment(w.t.Context(), w.acme, a, t.Ref(), tickets.Note{Body: body, Visibility: v})
	if err != nil {
		w.t.Fatalf("Comment(%d): %v", t.Number, err)
	}
	return c
}

func (w *world) find(a tickets.Actor, t tickets.Ticket) tickets.Ticket {
	w.t.Helper()
	got, err := w.Find(w.t.Context(), w.acme, a, t.Ref())
	if err != nil {
		w.t.Fatalf("Find(%d): %v", t.Number, err)
	}
	return got
}

// list returns the titles of a whole list, read with the query's limit.
func (w *world) list(a tickets.Actor, q tickets.Query) []string {
	w.t.Helper()
	titles := []string{}
	for _, t := range w.all(w.acme, a, q) {
		titles = append(titles, t.Title)
	}
	return titles
}

func (w *world) all(tn *tenant.Tenant, a tickets.Actor, q tickets.Query) []tickets.Ticket {
	w.t.Helper()
	var all []tickets.Ticket
	for range 10_000 {
		p, err := w.List(w.t.Context(), tn, a, q)
		if err != nil {
			w.t.Fatalf("List(%+v): %v", q, err)
		}
		all = append(all, p.Tickets...)
		if p.HasMore != (p.Next != "") {
			w.t.Fatalf("List(%+v): has more %t, next %q", q, p.HasMore, p.Next)
		}
		if !p.HasMore {
			return all
		}
		q.Cursor = p.Next
	}
	w.t.Fatalf("List(%+v) does not end", q)
	return nil
}

func TestOpen(t *testing.T) {
	w := newWorld(t)
	first := w.open(ann, "Printer on fire", func(d *tickets.Draft) {
		d.Tags = []string{" Printer", "urgent-ish", "printer"}
		d.CustomFields = map[string]any{"floor": 3, "building": "B", "vip": true, "ratio": -1.5, "gone": nil}
	})
	want := tickets.Ticket{
		ID: first.ID, Number: 1, Title: "Printer on fire", Description: "It does not work.", Status: tickets.StatusNew,
		Priority: tickets.PriorityMedium, Tags: []string{"printer", "urgent-ish"},
		CustomFields: map[string]any{"floor": uint64(3), "building": "B", "vip": true, "ratio": -1.5},
		OwnTags:      []string{"printer", "urgent-ish"}, OwnFields: map[string]any{"floor": uint64(3), "building": "B", "vip": true, "ratio": -1.5},
		Requester: &tickets.Person{ID: "usr_ann", Email: "ann@partner.example", Name: "Ann"}, Assurance: tickets.Vouched,
		Source: "portal", Version: 1, CreatedAt: first.CreatedAt, UpdatedAt: first.CreatedAt, StatusSince: first.CreatedAt,
	}
	if diff := cmp.Diff(want, first, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first, w.find(ann, first), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("found another ticket than was opened (-opened +found):\n%s", diff)
	}
	second := w.open(token, "Imported", func(d *tickets.Draft) { d.ExternalID = "zd-77" })
	if second.Number != 2 || second.Requester != nil || second.Assurance != "" || second.Source != "api" {
		t.Errorf("a token's ticket: %+v", second)
	}
	if elsewhere, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "x", Description: "y"}); err != nil || elsewhere.Ticket.Number != 1 {
		t.Errorf("the other tenant's first ticket: number %d, %v", elsewhere.Ticket.Number, err)
	}
	asserted := w.open(eve, "Hello")
	if asserted.Assurance != tickets.Asserted || asserted.Requester.ID != "" || asserted.Requester.Email != "ann@partner.example" {
		t.Errorf("a visitor's ticket: %+v", asserted)
	}
	odd := tickets.Requester(tickets.Person{ID: "usr_odd", Name: "B\xf6b"})
	if got := w.find(odd, w.open(odd, "Odd")); got.Requester.Name != "B\uFFFDb" {
		t.Errorf("a name that is no text became %q", got.Requester.Name)
	}
	if taken := w.open(agent, "Phone", func(d *tickets.Draft) { p := agent.Person(); d.Assignee = &p }); taken.Status != tickets.StatusOpen {
		t.Errorf("an assigned ticket begins as %s, want open", taken.Status)
	}
}

// TestTitlesAreTrimmed: white space around a title is neither kept nor counted.
func TestTitlesAreTrimmed(t *testing.T) {
	w := newWorld(t)
	longest := strings.Repeat("é", tickets.MaxTitle)
	opened := w.open(ann, "\n  "+longest+"  ")
	if opened.Title != longest {
		t.Errorf("title = %q, want it without white space", opened.Title)
	}
	u, err := w.Update(t.Context(), w.acme, token, tickets.ByNumber(opened.Number), tickets.Change{Title: tickets.Set(" Toner\t")})
	if err != nil || u.Ticket.Title != "Toner" {
		t.Errorf("changed to %q, %v, want Toner", u.Ticket.Title, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	w.open(token, "Imported", func(d *tickets.Draft) { d.ExternalID = "zd-77" })
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, tc := range map[string]struct {
		field  string
		change func(*tickets.Draft)
	}{
		"no title":           {"title", func(d *tickets.Draft) { d.Title = " " }},
		"long title":         {"title", func(d *tickets.Draft) { d.Title = long(201) }},
		"title of two lines": {"title", func(d *tickets.Draft) { d.Title = "a\nb" }},
		"separated lines":    {"title", func(d *tickets.Draft) { d.Title = "a\u2028b" }},
		"unseen title":       {"title", func(d *tickets.Draft) { d.Title = "\u200b\u3164\u200d" }},
		"unseen text":        {"description", func(d *tickets.Draft) { d.Description = " \u2060\n" }},
		"no description":     {"description", func(d *tickets.Draft) { d.Description = "\n" }},
		"long description":   {"description", func(d *tickets.Draft) { d.Description = long(64<<10 + 1) }},
		"not UTF-8":          {"description", func(d *tickets.Draft) { d.Description = "a\xffb" }},
		"bad priority":       {"priority", func(d *tickets.Draft) { d.Priority = "asap" }},
		"bad category":       {"category_id", func(d *tickets.Draft) { d.CategoryID = "cat_nope" }},
		"long tag":           {"tags", func(d *tickets.Draft) { d.Tags = []string{long(51)} }},
		"tag with comma":     {"tags", func(d *tickets.Draft) { d.Tags = []string{"a,b"} }},
		"nested field":       {"custom_fields", func(d *tickets.Draft) { d.CustomFields = map[string]any{"a": []any{1}} }},
		"bad field name":     {"custom_fields", func(d *tickets.Draft) { d.CustomFields = map[string]any{"a b": 1} }},
		"taken external id":  {"external_id", func(d *tickets.Draft) { d.ExternalID = "zd-77" }},
		"many tags": {"tags", func(d *tickets.Draft) {
			for c := range 21 {
				d.Tags = append(d.Tags, string(rune('a'+c)))
			}
		}},
	} {
		d := tickets.Draft{Title: "t", Description: "d"}
		tc.change(&d)
		_, err := w.Open(t.Context(), w.acme, token, d)
		var fields tenant.FieldErrors
		if !errors.As(err, &fields) || len(fields[tc.field]) == 0 {
			t.Errorf("%s: %v, want an error of field %s", name, err, tc.field)
		}
	}
	for name, d := range map[string]tickets.Draft{
		"requester": {Title: "t", Description: "d", Requester: &tickets.Person{ID: "usr_bob"}},
		"assignee":  {Title: "t", Description: "d", Assignee: &tickets.Person{ID: "agt_zoe"}},
	} {
		if _, err := w.Open(t.Context(), w.acme, ann, d); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a requester gives the %s: %v, want ErrNotAllowed", name, err)
		}
	}
	for _, nobody := range []tickets.Actor{{}, tickets.Visitor(tickets.Person{Email: "a@b"}), tickets.Requester(tickets.Person{})} {
		if _, err := w.Open(t.Context(), w.acme, nobody, tickets.Draft{Title: "t", Description: "d"}); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("nobody opens a ticket: %v, want ErrNotAllowed", err)
		}
	}
	// What was refused left no gap.
	if next := w.open(ann, "next"); next.Number != 2 {
		t.Errorf("next number %d, want 2", next.Number)
	}
}

func TestFindBy(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "One")
	for _, s := range []string{tk.ID, "1"} {
		r, err := tickets.ParseRef(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Find(t.Context(), w.acme, ann, r); err != nil || got.ID != tk.ID {
			t.Errorf("Find(%s) = %s, %v", s, got.ID, err)
		}
		if r.String() != s {
			t.Errorf("ParseRef(%q).String() = %q", s, r.String())
		}
	}
	for _, s := range []string{"", "0", "-1", "+1", "01", "1.0", "tkt_", "tkt_x", "tkt_00000000000000000000000000", "TKT_" + tk.ID[4:], "18446744073709551616"} {
		if _, err := tickets.ParseRef(s); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("ParseRef(%q): %v, want ErrNotFound", s, err)
		}
	}
}

func TestIsolation(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Ann's secret printer", func(d *tickets.Draft) { d.Tags = []string{"secret"} })
	visit := w.open(eve, "Eve's secret printer")
	for name, tc := range map[string]struct {
		tn *tenant.Tenant
		a  tickets.Actor
		r  tickets.Ref
	}{
		"another user":                   {w.acme, bob, tk.Ref()},
		"another user, by number":        {w.acme, bob, tickets.ByNumber(tk.Number)},
		"a visitor with the same email":  {w.acme, eve, tk.Ref()},
		"another lineage":                {w.acme, mallo, visit.Ref()},
		"the user that the visitor says": {w.acme, ann, visit.Ref()},
		"nobody":                         {w.acme, tickets.Actor{}, tk.Ref()},
		"a user by the lineage's name":   {w.acme, tickets.Requester(tickets.Person{ID: "lin_eve"}), visit.Ref()},
		"a lineage by the user's name":   {w.acme, tickets.Visitor(tickets.Person{Lineage: "usr_ann"}), tk.Ref()},
		"another tenant's staff":         {w.globex, agent, tk.Ref()},
		"another tenant's token":         {w.globex, token, tickets.ByNumber(1)},
		"another tenant's same user":     {w.globex, ann, tk.Ref()},
	} {
		ctx := t.Context()
		_, find := w.Find(ctx, tc.tn, tc.a, tc.r)
		_, update := w.Update(ctx, tc.tn, tc.a, tc.r, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		_, comment := w.Comment(ctx, tc.tn, tc.a, tc.r, tickets.Note{Body: "hi"})
		_, comments := w.Comments(ctx, tc.tn, tc.a, tc.r, "", 0)
		_, activity := w.Activity(ctx, tc.tn, tc.a, tc.r, "", 0)
		_, restore := w.Restore(ctx, tc.tn, tc.a, tc.r)
		for what, err := range map[string]error{
			"find": find, "update": update, "comment": comment, "comments": comments, "activity": activity,
			"delete": w.Delete(ctx, tc.tn, tc.a, tc.r, 0), "restore": restore,
		} {
			if !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("%s: %s: %v, want ErrNotFound", name, what, err)
			}
		}
	}
	for _, q := range []tickets.Query{
		{},
		{Text: "secret"},
		{Text: "prin"},
		{Tags: []string{"secret"}},
		{RequesterID: "usr_ann"},
		{Status: []tickets.Status{tickets.StatusNew}},
		{Assignee: tickets.AssigneeNone},
		{Sort: tickets.CreatedAsc},
		{Text: "secret", Sort: tickets.UpdatedAsc},
	} {
		for name, a := range map[string]tickets.Actor{"bob": bob, "mallory": mallo, "nobody": {}} {
			if got := w.list(a, q); len(got) > 0 {
				t.Errorf("%s lists %+v: %q", name, q, got)
			}
		}
		for name, a := range map[string]tickets.Actor{"agent": agent, "token": token, "ann": ann, "eve": eve} {
			if got := w.all(w.globex, a, q); len(got) > 0 {
				t.Errorf("the other tenant's %s lists %+v: %d tickets", name, q, len(got))
			}
		}
	}
	// An asserted requester is nobody whom a search by requester finds.
	if got := w.list(agent, tickets.Query{RequesterID: "usr_ann"}); len(got) != 1 || got[0] != tk.Title {
		t.Errorf("by requester: %q", got)
	}
	for _, id := range []string{"lin_eve", "lineage:lin_eve"} {
		if got := w.list(agent, tickets.Query{RequesterID: id}); len(got) > 0 {
			t.Errorf("by requester %s: %q", id, got)
		}
	}
	if got := w.list(agent, tickets.Query{Sort: tickets.CreatedAsc}); len(got) != 2 {
		t.Errorf("staff sees %q, want both", got)
	}
}

// backwards reads a ticket's comments page by page from the end.
func backwards(t *testing.T, w *world, a tickets.Actor, tk tickets.Ticket, limit int) []string {
	t.Helper()
	return bodies(t, func(cursor string) (tickets.CommentPage, error) {
		return w.LastComments(t.Context(), w.acme, a, tk.Ref(), cursor, limit)
	})
}

// bodies reads comments page by page.
func bodies(t *testing.T, page func(cursor string) (tickets.CommentPage, error)) (all []string) {
	t.Helper()
	for cursor := ""; ; {
		p, err := page(cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Comments {
			all = append(all, c.Body)
		}
		if cursor = p.Next; cursor == "" {
			return all
		}
	}
}

func TestComments(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	w.comment(agent, tk, "one", tickets.Public)
	w.comment(agent, tk, "two, between us", tickets.Internal)
	w.comment(ann, tk, "three", "")
	w.comment(token, tk, "four", tickets.Public)
	read := func(a tickets.Actor) (bodies []string) {
		for cursor := ""; ; {
			p, err := w.Comments(t.Context(), w.acme, a, tk.Ref(), cursor, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Comments {
				bodies = append(bodies, c.Body)
			}
			if cursor = p.Next; cursor == "" {
				return bodies
			}
		}
	}
	if diff := cmp.Diff([]string{"one", "three", "four"}, read(ann)); diff != "" {
		t.Errorf("what the requester reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one", "two, between us", "three", "four"}, read(agent)); diff != "" {
		t.Errorf("what staff reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"four", "three", "two, between us", "one"}, backwards(t, w, agent, tk, 1)); diff != "" {
		t.Errorf("what staff reads from the end, one by one (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"three", "four", "one"}, backwards(t, w, ann, tk, 2)); diff != "" {
		t.Errorf("what the requester reads from the end, two at once (-want +got):\n%s", diff)
	}
	if _, err := w.Comment(t.Context(), w.acme, ann, tk.Ref(), tickets.Note{Body: "x", Visibility: tickets.Internal}); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester's internal comment: %v, want ErrNotAllowed", err)
	}
	other := w.open(ann, "Other")
	p, err := w.Comments(t.Context(), w.acme, ann, tk.Ref(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Comments(t.Context(), w.acme, ann, other.Ref(), p.Next, 1); !errors.Is(err, tickets.ErrBadCursor) {
		t.Errorf("another ticket's cursor: %v, want ErrBadCursor", err)
	}
	got := w.find(ann, tk)
	if got.FirstResponseAt.IsZero() || got.Version != 5 {
		t.Errorf("after four comments: first response %s, version %d", got.FirstResponseAt, got.Version)
	}
}

func TestDeleteAndRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tk := w.open(ann, "Printer", func(d *tickets.Draft) { d.Tags = []string{"x"} })
		if err := w.Delete(t.Context(), w.acme, ann, tk.Ref(), 0); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a requester deletes: %v, want ErrNotAllowed", err)
		}
		if err := w.Delete(t.Context(), w.acme, agent, tk.Ref(), 7); !errors.Is(err, tickets.ErrVersionConflict) {
			t.Errorf("delete another version: %v, want ErrVersionConflict", err)
		}
		if err := w.Delete(t.Context(), w.acme, agent, tk.Ref(), 1); err != nil {
			t.Fatal(err)
		}
		for name, a := range map[string]tickets.Actor{"requester": ann, "agent": agent} {
			if _, err := w.Find(t.Context(), w.acme, a, tk.Ref()); !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("%s finds a deleted ticket: %v", name, err)
			}
			for _, q := range []tickets.Query{{}, {Text: "printer"}, {Tags: []string{"x"}}, {Sort: tickets.CreatedDesc}, {Assignee: tickets.AssigneeNone}} {
				if got := w.list(a, q); len(got) > 0 {
					t.Errorf("%s lists a deleted ticket by %+v", name, q)
				}
			}
		}
		if err := w.Delete(t.Context(), w.acme, agent, tk.Ref(), 0); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("deleted twice: %v, want ErrNotFound", err)
		}
		if _, err := w.FindDeleted(t.Context(), w.acme, ann, tk.Ref()); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("the requester finds a deleted ticket: %v", err)
		}
		if got, err := w.FindDeleted(t.Context(), w.acme, token, tk.Ref()); err != nil || !got.Deleted() {
			t.Errorf("FindDeleted = deleted %t, %v", got.Deleted(), err)
		}
		if got := w.list(agent, tickets.Query{Deleted: true}); len(got) != 1 {
			t.Errorf("deleted tickets: %q", got)
		}
		time.Sleep(29 * 24 * time.Hour)
		back, err := w.Restore(t.Context(), w.acme, agent, tk.Ref())
		if err != nil || back.Deleted() || back.Version != 3 {
			t.Errorf("Restore = %+v, %v", back, err)
		}
		if got := w.list(ann, tickets.Query{Text: "printer"}); len(got) != 1 {
			t.Errorf("after the restore: %q", got)
		}
		n, err := w.Counts(t.Context(), w.acme, agent)
		if err != nil || n.ByStatus[tickets.StatusNew] != 1 || n.Unassigned != 1 {
			t.Errorf("counts: %+v, %v", n, err)
		}
	})
}
