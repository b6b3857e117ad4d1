package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestClaims: the owner's first proof leads to what others filed with the address; taken, a request is theirs, refused, it
// never is.
func TestClaims(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	for _, title := range []string{"Mine indeed", "Not mine at all"} {
		visitor := n.Visit(t, n.Acme, zoesAddress, "Zoe?")
		expect(t, visitor.Send(home+"/tickets", url.Values{"title": {title}, "description": {"Text of " + title}}), 303, "")
	}
	expect(t, n.Visit(t, n.Bolt, zoesAddress, "Zoe").Send(n.Bolt.URL+"/tickets", url.Values{"title": {"Bolt's"}, "description": {"x"}}), 303, "")

	c := n.Client(t)
	got := expect(t, c.Open(n.Handoff(t, n.Acme, zoesAddress, "Zoe", true)), 303, "")
	if got.Location() != "/auth/claim?next=%2Fdashboard" {
		t.Fatalf("the first proof leads to %s, want the claims", got.Location())
	}
	page := expect(t, c.Open(home+got.Location()), 200, "Text of Mine indeed")
	if !strings.Contains(page.Body, "Text of Not mine at all") || strings.Contains(page.Body, "Bolt") || strings.Contains(page.Body, "notice ask") {
		t.Errorf("claims: %s", page.Body)
	}
	expect(t, c.Open(home+"/tickets/1"), 404, "")
	expect(t, c.Open(home+"/dashboard"), 200, "2 requests were filed with your address")
	again := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	expect(t, again.Open(home+"/dashboard"), 200, "2 requests were filed")

	expect(t, c.Send(home+"/auth/claim", url.Values{"number": {"1"}, "answer": {"perhaps"}}), 400, "")
	for _, other := range []*webtest.Client{n.SignIn(t, n.Acme, "bob@example.com", "Bob"), n.Visit(t, n.Acme, zoesAddress, "Zoe")} {
		expect(t, other.Send(home+"/auth/claim", url.Values{"number": {"1"}, "answer": {"mine"}}), 303, "")
		expect(t, other.Open(home+"/tickets/1"), 404, "")
	}
	mine := url.Values{"number": {"1"}, "answer": {"mine"}, "next": {"/tickets"}}
	if got := expect(t, c.Send(home+"/auth/claim", mine), 303, ""); got.Location() != "/auth/claim?next=%2Ftickets" {
		t.Errorf("an answer leads to %s", got.Location())
	}
	expect(t, c.Send(home+"/auth/claim", mine), 303, "") // the second click
	expect(t, c.Send(home+"/auth/claim", url.Values{"number": {"2"}, "answer": {"not-mine"}}), 303, "")
	expect(t, c.Send(home+"/auth/claim", url.Values{"number": {"2"}, "answer": {"mine"}}), 303, "")
	expect(t, c.Open(home+"/auth/claim"), 200, "All done")
	expect(t, c.Open(home+"/tickets/1"), 200, "Mine indeed")
	expect(t, c.Open(home+"/tickets/2"), 404, "")
	if page := expect(t, c.Open(home+"/dashboard"), 200, "Mine indeed"); strings.Contains(page.Body, "notice ask") {
		t.Error("the portal still asks")
	}

	p := caller(t, n, n.Acme)
	if got := p.call("GET", "/api/tickets/1", "").JSON(t); got["requester_assurance"] != "vouched" || got["requester_disowned"] != nil {
		t.Errorf("the one that was taken: %v", got)
	}
	if got := p.call("GET", "/api/tickets/2", "").JSON(t); got["requester_assurance"] != "asserted" || got["requester_disowned"] != true {
		t.Errorf("the one that was refused: %v", got)
	}
	expect(t, p.call("GET", "/api/tickets/1/activity", ""), 200, `"claimed"`)
	expect(t, p.call("GET", "/api/tickets/2/activity", ""), 200, `"disowned"`)
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	expect(t, agent.Open(home+"/agent"), 200, "not theirs")
	expect(t, agent.Open(home+"/agent/tickets/2"), 200, "not theirs")
}

// TestClaimPageIsTheOwners: who has not proven the address is asked to do so first.
func TestClaimPageIsTheOwners(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	visitor := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	if got := expect(t, visitor.Open(n.Acme.URL+"/auth/claim"), 303, ""); got.Location() != "/auth/confirm?next=%2Fauth%2Fclaim" {
		t.Errorf("leads to %s", got.Location())
	}
	owner := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/a/../../b", "x"} {
		page := expect(t, owner.Open(n.Acme.URL+"/auth/claim?next="+url.QueryEscape(next)), 200, `href="/dashboard"`)
		if strings.Contains(page.Body, "evil") || strings.Contains(page.Body, "alert") {
			t.Errorf("next=%s leads away", next)
		}
		if got := owner.Open(n.Acme.URL + "/auth/confirm?next=" + url.QueryEscape(next)); got.Status != 303 || got.Location() != "/dashboard" {
			t.Errorf("confirm?next=%s leads to %s", next, got.Location())
		}
	}
}

// TestSessionsPage: people see where they are signed in, end what they don't know, and nothing of others.
func TestSessionsPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	expect(t, c.Open(home+"/auth/sessions"), 200, "this browser")
	confirm(t, n, c, zoesAddress, "remember")
	other := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	bob := n.SignIn(t, n.Acme, "bob@example.com", "Bob")

	ids := func(b *webtest.Client, kind string) []string {
		t.Helper()
		page := expect(t, b.Open(home+"/auth/sessions"), 200, "Where you are signed in")
		var all []string
		for _, m := range regexp.MustCompile(`name="`+kind+`" value="([^"]+)"`).FindAllStringSubmatch(page.Body, -1) {
			all = append(all, m[1])
		}
		return all
	}
	sessions, devices, bobs := ids(c, "session"), ids(c, "device"), ids(bob, "session")
	if len(sessions) != 2 || len(devices) != 1 || len(bobs) != 1 || len(ids(bob, "device")) != 0 {
		t.Fatalf("sessions %v, devices %v, Bob's %v, want 2, 1 and 1", sessions, devices, bobs)
	}
	me, err := n.Doors.Sessions.Find(t.Context(), n.Acme.Tenant, auth.RequesterSide, n.Directory.Node().TenantHost("acme"), cookieOf(n, c, "__Host-deskgate"))
	if err != nil {
		t.Fatal(err)
	}
	own := me.ID
	for _, id := range sessions {
		expect(t, bob.Send(home+"/auth/sessions", url.Values{"session": {id}}), 303, "")
	}
	expect(t, bob.Send(home+"/auth/sessions", url.Values{"device": {devices[0]}}), 303, "")
	if left := ids(c, "session"); len(left) != 2 || len(ids(c, "device")) != 1 {
		t.Errorf("Bob ended Zoe's: %v left", left)
	}
	expect(t, c.Send(home+"/auth/sessions", nil), 400, "")
	expect(t, c.Send(home+"/auth/sessions", url.Values{"device": {devices[0]}}), 303, "")
	if left := ids(c, "device"); len(left) != 0 {
		t.Errorf("devices left: %v", left)
	}
	// One browser signs another out, and then everything.
	for _, id := range sessions {
		if id != own {
			expect(t, c.Send(home+"/auth/sessions", url.Values{"session": {id}}), 303, "")
		}
	}
	expect(t, other.Open(home+"/dashboard"), 303, "")
	expect(t, c.Open(home+"/dashboard"), 200, "")
	third := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	got := expect(t, third.Send(home+"/auth/sessions", url.Values{"everywhere": {"yes"}}), 303, "")
	if !strings.HasPrefix(got.Location(), "/auth/sign-in") || len(third.Cookies(home)) != 0 {
		t.Errorf("signed out everywhere leads to %s with %v", got.Location(), third.Cookies(home))
	}
	for _, b := range []*webtest.Client{c, third} {
		expect(t, b.Open(home+"/dashboard"), 303, "")
	}
	expect(t, bob.Open(home+"/dashboard"), 200, "Bob")
}
