package web_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// member signs a requester in whose partner says that they belong to an organization; empty: it says nothing of one.
func member(t *testing.T, n *webtest.Node, tn *webtest.Tenant, email, name, organization string) *webtest.Client {
	t.Helper()
	claims := map[string]any{"email": email, "name": name, "exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text()}
	if organization != "" {
		claims["organization"] = organization
	}
	c := n.Client(t)
	form := url.Values{"token": {signed(t, tn.Keys.Secrets()["jwt_secret"], claims)}, "tenant_slug": {tn.Slug}}
	got := c.Do("POST", n.URL+"/api/jwt/login", form.Encode(), asForm)
	address, _ := expect(t, got, 200, "").JSON(t)["redirect_url"].(string)
	if got = c.Open(address); got.Status != http.StatusSeeOther {
		t.Fatalf("callback = %d %s", got.Status, got.Body)
	}
	return c
}

// TestCompanyView is the whole way: a tenant switches it on, colleagues read each other's, and nobody else does.
func TestCompanyView(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	zoe := member(t, n, n.Acme, "zoe@example.com", "Zoe Zimmer", "Umbrella")
	bob := member(t, n, n.Acme, "bob@example.com", "Bob Builder", "Umbrella")
	file := func(c *webtest.Client, title string) {
		t.Helper()
		expect(t, c.Send(home+"/tickets", url.Values{"title": {title}, "description": {"Please help."}}), 303, "")
	}
	file(zoe, "Zoe's printer")
	file(bob, "Bob's lamp")
	p.call("POST", "/api/tickets/1/comments", `{"body":"A public word"}`)
	p.call("POST", "/api/tickets/1/comments", `{"body":"An internal word","visibility":"internal"}`)

	p.call("PATCH", "/api/tickets/1", `{"status":"pending"}`)
	if got := bob.Open(home + "/tickets"); strings.Contains(got.Body, "Umbrella") {
		t.Error("the switch is there before anybody has wanted it")
	}
	expect(t, bob.Open(home+"/tickets/1"), 404, "")
	for _, page := range []string{"/tickets/2", "/tickets/create"} {
		if got := bob.Open(home + page); strings.Contains(got.Body, "Umbrella") {
			t.Errorf("%s says that others read it", page)
		}
	}
	form := url.Values{"company_view": {"on"}, "unsigned": {"open"}, "mail_sign_in": {"auto"}, "origin_mode": {"confirm"}, "staff_second_factor": {"optional"}}
	expect(t, admin.Send(home+"/agent/settings/sign-in", form), 303, "")
	if got := admin.Open(home + "/agent/settings/sign-in"); !strings.Contains(got.Body, `name="company_view" value="on" checked`) {
		t.Error("the settings do not say that it is on")
	}

	for page, want := range map[string][]string{
		"/tickets":                             {"Bob&#39;s lamp", `href="/tickets?of=organization">Umbrella`, "!Zoe&#39;s printer"},
		"/tickets?of=organization":             {"Bob&#39;s lamp", "Zoe&#39;s printer", "Waiting for a reply", "!Waiting for you", "<span>Zoe Zimmer</span>", `name="of" value="organization"`},
		"/tickets?of=organization&q=printer":   {"Zoe&#39;s printer", "!Bob&#39;s lamp"},
		"/tickets?of=organization&show=solved": {"No request of your organization is in this view.", "!lamp"},
		"/tickets/1":                           {"You are reading a request of Zoe Zimmer", "A public word", "Waiting for a reply", "!An internal word", "!<textarea", "!data-live", "!/solved", "!zoe@example.com"},
		"/tickets/2":                           {"Your reply", "!You are reading", "Everybody who belongs to Umbrella can read this."},
		"/tickets/create":                      {"Everybody who belongs to Umbrella can read this."},
	} {
		got := expect(t, bob.Open(home+page), 200, "")
		for _, w := range want {
			if absent, not := strings.CutPrefix(w, "!"); strings.Contains(got.Body, strings.TrimPrefix(w, "!")) == not {
				t.Errorf("%s: %q is there: %t", page, absent, not)
			}
		}
	}
	expect(t, bob.Send(home+"/tickets/1/reply", url.Values{"body": {"Me too"}}), 403, "")
	expect(t, bob.Send(home+"/tickets/1/solved", nil), 403, "")
	expect(t, bob.Send(home+"/tickets/1/rating", url.Values{"stars": {"1"}}), 403, "")

	api := func(c *webtest.Client, path string) map[string]any {
		t.Helper()
		return expect(t, c.Get(home+path, "Sec-Fetch-Site: same-origin"), 200, "").JSON(t)
	}
	if me := api(bob, "/api/users/me"); me["organization"] != "Umbrella" || me["sees_organization"] != true {
		t.Errorf("/me is %v", me)
	}
	one := api(bob, "/api/tickets/1")
	if who, _ := one["requester"].(map[string]any); one["organization"] != "Umbrella" || who["name"] != "Zoe Zimmer" || who["email"] != nil {
		t.Errorf("a colleague's ticket is %v", one)
	}
	for path, want := range map[string]int{
		"/api/tickets": 1, "/api/tickets?organization=Umbrella": 2, "/api/tickets?organization=Other": 0, "/api/tickets/1/comments": 1, "/api/events?ticket_id=1": 0,
	} {
		if got, _ := api(bob, path)["data"].([]any); len(got) != want {
			t.Errorf("%s has %d", path, len(got))
		}
	}
	expect(t, bob.Do("POST", home+"/api/tickets/1/comments", `{"body":"Me too"}`, asJSON), 403, "FORBIDDEN")
	expect(t, bob.Do("PATCH", home+"/api/tickets/1", `{"status":"resolved"}`, asJSON), 403, "FORBIDDEN")

	if got := expect(t, admin.Open(home+"/agent/tickets/1"), 200, ""); !strings.Contains(got.Body, `<dt>Organization</dt><dd><a href="/agent?q=organization%3AUmbrella">Umbrella</a>`) {
		t.Error("the console does not show the organization")
	}
	for path, want := range map[string]int{"/api/tickets?organization=umbrella": 2, "/api/tickets?q=organization:umb": 2, "/api/tickets?organization=umb": 0} {
		if got, _ := p.call("GET", path, "").JSON(t)["data"].([]any); len(got) != want {
			t.Errorf("%s has %d", path, len(got))
		}
	}
}

// TestOnlyAProofMakesColleagues: an organization that nobody with the right to it has named shows nothing, and the last word counts at
// once, also in a session that goes on.
func TestOnlyAProofMakesColleagues(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
		n.Set(t, tn, map[string]string{"company_view": "on"})
	}
	zoe := member(t, n, n.Acme, "zoe@example.com", "Zoe", "Umbrella")
	infos := p.attach(webtest.File{Name: "plan.txt", Content: "the plan"})
	expect(t, zoe.Send(home+"/tickets", url.Values{"title": {"Zoe's secret"}, "description": {"Please help."}}), 303, "")
	expect(t, p.call("POST", "/api/tickets/1/comments", `{"body":"See the plan","attachment_ids":["`+infos[0]+`"]}`), 201, "")

	reads := func(c *webtest.Client) bool {
		t.Helper()
		seen := 0
		paths := []string{"/tickets/1", "/api/tickets/1", "/api/tickets/1/comments", "/api/attachments/" + infos[0]}
		for _, path := range paths {
			if got := c.Get(home+path, "Accept: text/html, application/json", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"); got.Status == 200 {
				seen++
			}
		}
		for _, path := range []string{"/tickets?of=organization", "/api/tickets?organization=Umbrella", "/api/tickets?organization=Umbrella&q=secret"} {
			if strings.Contains(c.Get(home+path, "Accept: text/html, application/json", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document").Body, "secret\"") ||
				strings.Contains(c.Open(home+path).Body, "Zoe&#39;s secret") {
				seen += 100
			}
		}
		if seen != 0 && seen < len(paths) {
			t.Errorf("some of it is read, and some is not: %d", seen)
		}
		return seen > 0
	}
	bob := member(t, n, n.Acme, "bob@example.com", "Bob", "Umbrella")
	if !reads(bob) {
		t.Fatal("a colleague does not read it")
	}
	for name, c := range map[string]*webtest.Client{
		"nobody": n.Client(t), "another organization's": member(t, n, n.Acme, "cid@example.com", "Cid", "Other"), "of none": n.SignIn(t, n.Acme, "dan@example.com", "Dan"),
		"who only says to be Bob": n.Visit(t, n.Acme, "bob@example.com", "Bob"), "who only says to be Zoe": n.Visit(t, n.Acme, "zoe@example.com", "Zoe"),
		"another tenant's": member(t, n, n.Bolt, "bob@example.com", "Bob", "Umbrella"), "in other letters": member(t, n, n.Acme, "eva@example.com", "Eva", "umbrella"),
	} {
		if reads(c) {
			t.Errorf("%s reads it", name)
		}
	}
	if got := n.Client(t).Get(home+"/api/tickets/1", headerOf(member(t, n, n.Bolt, "bob@example.com", "Bob", "Umbrella"), n.Bolt.URL)); got.Status == 200 {
		t.Error("another tenant's colleague reads it here")
	}
	member(t, n, n.Acme, "bob@example.com", "Bob", "") // elsewhere, and the token says nothing of an organization any more
	if reads(bob) {
		t.Error("who has left reads on")
	}
	user, _ := bob.Get(home+"/api/users/me", "Sec-Fetch-Site: same-origin").JSON(t)["id"].(string)
	expect(t, p.call("PUT", "/api/users/"+user, `{"organization":" Umbrella "}`), 200, "")
	n.SignIn(t, n.Acme, "bob@example.com", "Bob") // by a door that knows of no organizations
	if !reads(bob) {
		t.Error("whom the tenant itself has put there does not read it")
	}
	member(t, n, n.Acme, "bob@example.com", "Bob", "")
	if !reads(bob) {
		t.Error("a token without an organization undid what was set by hand")
	}
	expect(t, p.call("PUT", "/api/users/"+user, `{"organization":null}`), 200, "")
	if reads(bob) {
		t.Error("who was taken out reads on")
	}
	expect(t, p.call("PATCH", "/api/tickets/1", `{"organization":"Other"}`), 200, "")
	expect(t, zoe.Do("PATCH", home+"/api/tickets/1", `{"organization":"Mine"}`, asJSON), 403, "FORBIDDEN")
	if !reads(member(t, n, n.Acme, "cid@example.com", "Cid", "Other")) {
		t.Error("whom staff has given it to does not read it")
	}
}
