package tickets_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// company is a world whose requesters belong to organizations, as the map says at the time.
type company struct {
	*world

	members map[string]string
}

func newCompany(tb testing.TB) *company {
	tb.Helper()
	w := &company{world: newWorld(tb), members: map[string]string{"usr_ann": "Umbrella", "usr_bob": "Umbrella", "usr_cid": "Other"}}
	w.store = storagetest.Open(tb, tickets.Tables()...)
	w.Desk = tickets.New(tickets.Config{
		Store: w.store, Tenants: w.listTenants,
		Organizations: func(_ *storage.Tx, user string) (string, error) { return w.members[user], nil },
	})
	w.acme.Settings.CompanyView, w.globex.Settings.CompanyView = tenant.On, tenant.On
	return w
}

var cid = tickets.Requester(tickets.Person{ID: "usr_cid", Email: "cid@partner.example", Name: "Cid"})

// ofCompany is the list of the organization that is named.
func (w *company) ofCompany(a tickets.Actor, name string) []string {
	w.t.Helper()
	return w.list(a, tickets.Query{OrganizationIs: name})
}

// reads says whether the actor reads the ticket, its thread and, where there is one, its file.
func (w *company) reads(tn *tenant.Tenant, a tickets.Actor, t tickets.Ticket) bool {
	w.t.Helper()
	_, err := w.Find(w.t.Context(), tn, a, t.Ref())
	_, err2 := w.Comments(w.t.Context(), tn, a, t.Ref(), "", 0)
	if (err == nil) != (err2 == nil) || err != nil && !errors.Is(err, tickets.ErrNotFound) {
		w.t.Errorf("Find: %v, Comments: %v", err, err2)
	}
	return err == nil
}

func TestColleaguesRead(t *testing.T) {
	w := newCompany(t)
	infos, err := w.Upload(t.Context(), w.acme, agent, keep(t, w.world, agent, "plan.txt", "secret.txt"))
	if err != nil {
		t.Fatal(err)
	}
	tk := w.open(ann, "Printer on fire")
	if tk.Organization != "Umbrella" {
		t.Fatalf("the ticket is of %q", tk.Organization)
	}
	for i, v := range []tickets.Visibility{tickets.Public, tickets.Internal} {
		if _, err := w.Comment(t.Context(), w.acme, agent, tk.Ref(), tickets.Note{Body: string(v) + " word", Visibility: v, Files: []string{infos[i].ID}}); err != nil {
			t.Fatal(err)
		}
	}
	w.comment(ann, tk, "Still burning", tickets.Public)

	got, hers := w.find(bob, tk), w.find(ann, tk)
	if got.Requester.Name != "Ann" || got.Requester.Email != "" || got.OwnedBy(bob) || !hers.OwnedBy(ann) {
		t.Errorf("a colleague reads %+v", got.Requester)
	}
	page, err := w.Comments(t.Context(), w.acme, bob, tk.Ref(), "", 0)
	if err != nil || len(page.Comments) != 2 || slices.ContainsFunc(page.Comments, func(c tickets.Comment) bool { return c.Visibility == tickets.Internal || c.Author.Email != "" }) {
		t.Errorf("a colleague reads %+v, %v", page.Comments, err)
	}
	if _, err := w.File(t.Context(), w.acme, bob, infos[0].ID); err != nil {
		t.Errorf("a colleague's look at a public file: %v", err)
	}
	if _, err := w.File(t.Context(), w.acme, bob, infos[1].ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a colleague's look at an internal file: %v", err)
	}
	if got := w.ofCompany(bob, "umbrella"); !slices.Equal(got, []string{"Printer on fire"}) {
		t.Errorf("the organization's list is %q", got)
	}
	if got := w.list(bob, tickets.Query{}); len(got) != 0 {
		t.Errorf("Bob's own list is %q", got)
	}
	// A search tells a colleague no more than the ticket does.
	if _, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), tickets.Change{ExternalID: tickets.Optional[string]{Present: true, Value: "EXT-77"}, AddTags: []string{"vip"}}); err != nil {
		t.Fatal(err)
	}
	for text, found := range map[string]bool{
		"fire": true, "pri": true, "still burning": true, "public": true, "ann": true, "from:ann": true, "-water": true,
		"ann@p": false, "ann@partner.example": false, "partner": false, "from:ann@partner.example": false, "from:partner": false,
		"ext": false, "external:EXT-77": false, "internal": false, "vip": false, "tag:vip": false, "-fire": false,
		"-from:ann@partner.example": true, "-partner": true, "-ext": true,
	} {
		q, _ := tickets.ParseSearch(text)
		q.OrganizationIs = "Umbrella"
		if got := w.list(bob, q); (len(got) == 1) != found {
			t.Errorf("%s finds %q", text, got)
		}
	}
	for _, tc := range []struct {
		what string
		who  tickets.Actor
		tn   *tenant.Tenant
	}{
		{"another organization", cid, w.acme},
		{"who only says to be a colleague", tickets.Visitor(tickets.Person{Lineage: "lin_bob", Email: "bob@partner.example"}), w.acme},
		{"who claims to be the owner", eve, w.acme},
		{"a colleague at another tenant", bob, w.globex},
	} {
		if w.reads(tc.tn, tc.who, tk) {
			t.Errorf("%s reads the ticket", tc.what)
		}
		if got := w.all(tc.tn, tc.who, tickets.Query{OrganizationIs: "Umbrella"}); len(got) != 0 {
			t.Errorf("%s lists %d", tc.what, len(got))
		}
		if _, err := w.File(t.Context(), tc.tn, tc.who, infos[0].ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%s reads a file: %v", tc.what, err)
		}
	}
}

// keep stores files for a moment.
func keep(t *testing.T, w *world, a tickets.Actor, names ...string) (all []file.Loose) {
	t.Helper()
	for _, name := range names {
		f, err := w.Keep(t.Context(), w.acme, a, name, strings.NewReader("the content of "+name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestColleaguesOnlyRead(t *testing.T) {
	w := newCompany(t)
	tk := w.open(ann, "Printer on fire")
	w.change(agent, tk, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
	if _, err := w.Rate(t.Context(), w.acme, ann, tk.Ref(), 2, "Meh"); err != nil {
		t.Fatal(err)
	}
	try := map[string]func() error{
		"comment": func() error {
			_, err := w.Comment(t.Context(), w.acme, bob, tk.Ref(), tickets.Note{Body: "Me too"})
			return err
		},
		"reopen": func() error {
			_, err := w.Update(t.Context(), w.acme, bob, tk.Ref(), tickets.Change{Status: tickets.Set(tickets.StatusOpen)})
			return err
		},
		"rate": func() error { _, err := w.Rate(t.Context(), w.acme, bob, tk.Ref(), 5, ""); return err },
	}
	for what, do := range try {
		if err := do(); !errors.Is(err, tickets.ErrColleagues) {
			t.Errorf("a colleague's %s: %v", what, err)
		}
	}
	if got := w.find(bob, tk); got.Rating != nil {
		t.Errorf("a colleague reads the rating %+v", got.Rating)
	}
	for _, q := range []tickets.Query{{OrganizationIs: "Umbrella", Ratings: []int{2}}, {OrganizationIs: "Umbrella", Unrated: true}, {OrganizationIs: "Umbrella", Text: "Meh"}} {
		if got := w.list(bob, q); len(got) != 0 {
			t.Errorf("by a rating a colleague finds %q", got)
		}
	}
	page, err := w.Events(t.Context(), w.acme, bob, tickets.EventQuery{})
	if err != nil || len(page.Events) != 0 {
		t.Errorf("a colleague is told of %+v, %v", page.Events, err)
	}
	w.members["usr_cid"] = ""
	for what, do := range try { // none that is nobody's colleague learns that the ticket is there
		w.members["usr_bob"] = ""
		if err := do(); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("a stranger's %s: %v", what, err)
		}
	}
}

// What the tenant says last counts, at once; tickets stay where they were filed.
func TestLeavingAnOrganization(t *testing.T) {
	w := newCompany(t)
	old := w.open(ann, "Filed at Umbrella")
	w.members["usr_ann"] = "Other"
	now := w.open(ann, "Filed at Other")
	if !w.reads(w.acme, ann, old) || !w.reads(w.acme, bob, old) || w.reads(w.acme, cid, old) {
		t.Error("a ticket did not stay its requester's and the organization's in which it was filed")
	}
	if w.reads(w.acme, bob, now) || !w.reads(w.acme, cid, now) {
		t.Error("a new ticket is not the new organization's")
	}
	theirs := w.open(bob, "Bob's")
	if w.reads(w.acme, ann, theirs) || len(w.ofCompany(ann, "Umbrella")) != 0 {
		t.Error("who has left reads on")
	}
	first, err := w.List(t.Context(), w.acme, bob, tickets.Query{OrganizationIs: "Umbrella", Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	w.members["usr_bob"] = "Other"
	if p, err := w.List(t.Context(), w.acme, bob, tickets.Query{OrganizationIs: "Umbrella", Limit: 1, Cursor: first.Next}); !errors.Is(err, tickets.ErrBadCursor) && len(p.Tickets) > 0 {
		t.Errorf("an old cursor leads to %d of the organization that Bob has left, %v", len(p.Tickets), err)
	}
	if _, err := w.List(t.Context(), w.acme, bob, tickets.Query{OrganizationIs: "Other", Cursor: first.Next}); !errors.Is(err, tickets.ErrBadCursor) {
		t.Errorf("another organization's cursor: %v", err)
	}
	w.acme.Settings.CompanyView = tenant.Off
	if w.reads(w.acme, cid, now) || len(w.ofCompany(cid, "Other")) != 0 {
		t.Error("the view is switched off, and shows something")
	}
}

// An ID tells small letters from capital ones.
func TestOrganizationsAreExact(t *testing.T) {
	w := newCompany(t)
	tk := w.open(ann, "Of one")
	w.members["usr_bob"] = "UMBRELLA"
	if w.reads(w.acme, bob, tk) || len(w.ofCompany(bob, "UMBRELLA"))+len(w.ofCompany(bob, "Umbrella")) != 0 {
		t.Error("two organizations are taken for one")
	}
	if got := w.ofCompany(agent, "umbrella"); len(got) != 1 {
		t.Errorf("staff finds %q", got)
	}
}

// Neither merging nor splitting nor another requester shows colleagues more than one organization's.
func TestOrganizationsOfMergedTickets(t *testing.T) {
	w := newCompany(t)
	old := w.open(ann, "At Umbrella")
	same := w.open(ann, "Also at Umbrella")
	w.members["usr_ann"] = "Other"
	late := w.open(ann, "At Other")
	merge := func(from, into tickets.Ticket, apart bool) tickets.Ticket {
		t.Helper()
		m, err := w.Merge(t.Context(), w.acme, agent, from.Ref(), into.Ref(), tickets.Merging{Apart: apart})
		if err != nil {
			t.Fatal(err)
		}
		return m.Ticket
	}
	if into := merge(same, old, false); into.Organization != "Umbrella" || !w.reads(w.acme, bob, into) || !w.reads(w.acme, bob, same) || len(w.ofCompany(bob, "Umbrella")) != 1 {
		t.Errorf("tickets of one organization make one of %q", into.Organization)
	}
	if into := merge(old, late, false); into.Organization != "" || w.reads(w.acme, bob, into) || w.reads(w.acme, cid, into) || !w.reads(w.acme, ann, into) {
		t.Errorf("tickets of two organizations make one of %q", into.Organization)
	}
	bobs, cids := w.open(bob, "Bob's"), w.open(cid, "Cid's")
	if into := merge(cids, bobs, true); into.Organization != "Umbrella" || w.reads(w.acme, cid, into) {
		t.Errorf("apart, the ticket is of %q", into.Organization)
	}
	w.members["usr_ann"] = "Other"
	if !w.reads(w.acme, ann, cids) || w.reads(w.acme, bob, cids) {
		t.Error("what was merged apart is not read as before")
	}
	c := w.comment(bob, bobs, "Another thing", tickets.Public)
	part, err := w.Split(t.Context(), w.acme, agent, bobs.Ref(), tickets.Splitting{Comments: []string{c.Comment.ID}})
	if err != nil || part.Ticket.Organization != "Umbrella" {
		t.Errorf("what is split off is of %q, %v", part.Ticket.Organization, err)
	}
	given := w.change(agent, part.Ticket, tickets.Change{Requester: tickets.Set(tickets.Person{ID: "usr_cid", Name: "Cid"})})
	if given.Organization != "Other" || w.reads(w.acme, bob, given) || !w.reads(w.acme, cid, given) || !w.reads(w.acme, ann, given) {
		t.Errorf("given to Cid it is of %q", given.Organization)
	}
	for name, want := range map[string]bool{" Umbrella ": true, "": false} {
		given = w.change(agent, given, tickets.Change{Organization: tickets.Set(name)})
		if w.reads(w.acme, bob, given) != want {
			t.Errorf("set to %q it is of %q", name, given.Organization)
		}
	}
	var wrong tenant.FieldErrors
	_, err = w.Update(t.Context(), w.acme, agent, given.Ref(), tickets.Change{Organization: tickets.Set(strings.Repeat("x", 201))})
	if !errors.As(err, &wrong) || len(wrong["organization"]) == 0 {
		t.Errorf("a long name: %v", err)
	}
	if _, err = w.Update(t.Context(), w.acme, cid, given.Ref(), tickets.Change{Organization: tickets.Set("x")}); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester's own word: %v", err)
	}
}

// What is put away or nobody's is in no organization's list; what somebody takes for theirs is.
func TestOrganizationsOfOddTickets(t *testing.T) {
	w := newCompany(t)
	spam, gone := w.open(ann, "Spam"), w.open(ann, "Gone")
	w.change(agent, spam, tickets.Change{Spam: tickets.Set(true)})
	if err := w.Delete(t.Context(), w.acme, agent, gone.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	claimed := w.open(eve, "Claimed")
	free := w.change(agent, w.open(token, "Nobody's"), tickets.Change{Organization: tickets.Set("Umbrella")})
	for _, tk := range []tickets.Ticket{spam, gone, claimed, free} {
		if w.reads(w.acme, bob, tk) {
			t.Errorf("a colleague reads %q", tk.Title)
		}
	}
	if got := w.ofCompany(bob, "Umbrella"); len(got) != 0 {
		t.Errorf("the organization's list is %q", got)
	}
	if _, err := w.Claim(t.Context(), w.acme, ann, claimed.Ref(), true); err != nil {
		t.Fatal(err)
	}
	if !w.reads(w.acme, bob, claimed) {
		t.Error("a colleague does not read what was claimed")
	}
	if got := w.list(agent, tickets.Query{Organization: "umbrella", Text: "claimed"}); !slices.Equal(got, []string{"Claimed"}) {
		t.Errorf("staff finds %q", got)
	}
	if q, problems := tickets.ParseSearch(`organization:"Umbrella Corp" fire`); q.Organization != "Umbrella Corp" || q.Text != "fire" || problems != nil || q.String() != `organization:"Umbrella Corp" fire` {
		t.Errorf("%+v, %v, %q", q, problems, q.String())
	}
	if _, problems := tickets.ParseSearch(`-organization:x organization:! organization:a organization:b`); len(problems) != 3 {
		t.Errorf("%+v", problems)
	}
}

// An organization's list goes on by cursor in all orders, as those of people do, and finds words.
func TestOrganizationsLists(t *testing.T) {
	w := newCompany(t)
	var want []string
	for i := range 30 {
		who := []tickets.Actor{ann, bob}[i%2]
		want = append(want, w.open(who, fmt.Sprintf("Ticket %02d", i)).Title)
		w.open(cid, "Another's")
	}
	for _, sort := range []tickets.Sort{tickets.CreatedAsc, tickets.UpdatedAsc, tickets.CreatedDesc, tickets.UpdatedDesc} {
		got := w.list(bob, tickets.Query{OrganizationIs: "Umbrella", Sort: sort, Limit: 7})
		if strings.HasPrefix(string(sort), "-") {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %q", sort, got)
		}
	}
	if got := w.list(bob, tickets.Query{OrganizationIs: "Umbrella", Text: "ticket 08"}); !slices.Equal(got, []string{"Ticket 08"}) {
		t.Errorf("the search finds %q", got)
	}
	p, err := w.List(t.Context(), w.acme, bob, tickets.Query{OrganizationIs: "Umbrella", IncludesTotal: true, Limit: 1})
	if err != nil || p.Total != 30 {
		t.Errorf("the total is %d, %v", p.Total, err)
	}
}
