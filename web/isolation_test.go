package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestNothingOfAnotherTenant tries everything that bolt's people have at acme's hosts, and acme's ticket at bolt's.
func TestNothingOfAnotherTenant(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	id := caller(t, n, n.Acme).file("Secret of Acme")
	caller(t, n, n.Bolt).file("Bolt's own")

	requester := n.SignIn(t, n.Bolt, "zoe@example.com", "Zoe")
	visitor := n.Visit(t, n.Bolt, "zoe@example.com", "Zoe")
	agent := n.Agent(t, n.Bolt, "ann@bolt.example", "Ann", auth.RoleAdmin)
	cookies := func(c *webtest.Client) []string {
		var pairs []string
		for _, cookie := range c.Cookies(n.Bolt.URL) {
			pairs = append(pairs, cookie.Name+"="+cookie.Value)
		}
		return []string{"Cookie: " + strings.Join(pairs, "; ")}
	}
	for _, who := range []struct {
		name    string
		headers []string
	}{
		{"token", []string{"Authorization: Bearer " + n.Bolt.Token}},
		{"token in the other header", []string{"X-Tenant-API-Token: " + n.Bolt.Token}},
		{"requester", cookies(requester)},
		{"visitor", cookies(visitor)},
		{"admin", cookies(agent)},
		{"key", []string{"Authorization: Bearer " + n.Bolt.Keys.Secrets()["redirect_key"]}},
	} {
		for _, path := range []string{
			"/api/tickets", "/api/v1/tickets", "/api/tickets/1", "/api/tickets/" + id, "/api/tenant", "/api/users/me",
			"/api/categories", "/api/events", "/api/events/stream", "/dashboard", "/tickets/1", "/auth/account", "/agent", "/agent/tickets/1",
		} {
			got := n.Client(t).Get(n.Acme.URL+path, append(who.headers, "Accept: application/json")...)
			if got.Status != http.StatusUnauthorized || strings.Contains(got.Body, "Secret of Acme") {
				t.Errorf("%s of bolt at acme's %s = %d %s, want 401", who.name, path, got.Status, got.Body)
			}
		}
		for _, address := range []string{n.Bolt.URL, n.URL} {
			got := n.Client(t).Get(address+"/api/tickets/"+id, who.headers...)
			if got.Status != 404 && got.Status != 401 || strings.Contains(got.Body, "Secret") {
				t.Errorf("%s of bolt asks %s for acme's ticket = %d %s, want 404 or 401", who.name, address, got.Status, got.Body)
			}
		}
	}
	// The number 1 is bolt's own ticket there, and the list has nothing else.
	got := n.Client(t).Get(n.URL+"/api/tickets", "Authorization: Bearer "+n.Bolt.Token)
	if strings.Contains(got.Body, "Secret of Acme") || !strings.Contains(got.Body, "Bolt's own") {
		t.Errorf("bolt's list: %s", got.Body)
	}
}

// TestRequestersSeeTheirOwn: of one tenant's requesters, none sees another's tickets, and who only claims an address sees
// those of the own browser.
func TestRequestersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	file := func(c *webtest.Client, title string) string {
		form := url.Values{"title": {title}, "description": {"Please help."}}
		got := c.Send(n.Acme.URL+"/tickets", form)
		if got.Status != http.StatusSeeOther {
			t.Fatalf("file %s = %d %s", title, got.Status, got.Body)
		}
		return got.Location()
	}
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	bob := n.SignIn(t, n.Acme, "bob@example.com", "Bob")
	claims := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	others := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	owners := []struct {
		name, title string
		client      *webtest.Client
		path        string
	}{
		{name: "zoe", title: "Zoe's ticket", client: zoe},
		{name: "bob", title: "Bob's ticket", client: bob},
		{name: "who claims to be zoe", title: "A claimed ticket", client: claims},
		{name: "another who claims it", title: "Another claimed ticket", client: others},
	}
	for i := range owners {
		owners[i].path = file(owners[i].client, owners[i].title)
	}
	for _, owner := range owners {
		for _, other := range owners {
			list := other.client.Get(n.Acme.URL + "/api/tickets").Body
			page := other.client.Open(n.Acme.URL + "/tickets").Body
			thread := other.client.Open(n.Acme.URL + owner.path)
			mine := owner.name == other.name
			if strings.Contains(list, owner.title) != mine || strings.Contains(page, htmlOf(owner.title)) != mine || (thread.Status == 200) != mine {
				t.Errorf("%s and the ticket of %s: thread %d", other.name, owner.name, thread.Status)
			}
			reply := other.client.Send(n.Acme.URL+owner.path+"/reply", url.Values{"body": {"Me too"}})
			if (reply.Status == http.StatusSeeOther) != mine {
				t.Errorf("%s answers the ticket of %s: %d", other.name, owner.name, reply.Status)
			}
		}
	}
}

// TestRequestersAreNoStaff: what is the team's is not there for requesters.
func TestRequestersAreNoStaff(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	if got := zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Help"}, "description": {"me"}}); got.Status != 303 {
		t.Fatalf("file = %d %s", got.Status, got.Body)
	}
	p.call("POST", "/api/tickets/1/comments", `{"body":"She is always like that","visibility":"internal"}`)
	for _, address := range []string{"/tickets/1", "/api/tickets/1/comments", "/api/tickets/1", "/api/tickets"} {
		if got := zoe.Open(n.Acme.URL + address); got.Status != 200 || strings.Contains(got.Body, "always like that") {
			t.Errorf("%s = %d, shows the internal note: %t", address, got.Status, strings.Contains(got.Body, "always like that"))
		}
	}
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/tickets/1/activity", "", 403},
		{"PATCH", "/api/tickets/1", `{"priority":"urgent"}`, 403},
		{"PATCH", "/api/tickets/1", `{"status":"closed"}`, 409},
		{"PATCH", "/api/tickets/1", `{"requester":{"email":"eve@example.com","name":"Eve"}}`, 422},
		{"DELETE", "/api/tickets/1", "", 403},
		{"POST", "/api/tickets/1/comments", `{"body":"x","visibility":"internal"}`, 403},
		{"GET", "/api/tenant", "", 403},
		{"PUT", "/api/tenant", `{"name":"Eve's"}`, 403},
		{"POST", "/api/categories", `{"name":"Eve's"}`, 403},
		{"GET", "/api/tickets?deleted=true", "", 400},
		{"POST", "/api/tickets", `{"title":"a","description":"b","requester":{"email":"bob@example.com","name":"Bob"}}`, 422},
	} {
		got := zoe.Do(tc.method, n.Acme.URL+tc.path, tc.body, asJSON)
		if got.Status != tc.status {
			t.Errorf("a requester's %s %s %s = %d %s, want %d", tc.method, tc.path, tc.body, got.Status, got.Body, tc.status)
		}
	}
	if got := zoe.Open(n.Acme.URL + "/agent"); got.Status != http.StatusSeeOther {
		t.Errorf("/agent = %d, want 303 to the staff's sign-in", got.Status)
	}
}

// TestStaffCookieStaysAtHome: the staff's cookie does nothing on requests that another page made.
func TestStaffCookieStaysAtHome(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	tenant := n.Acme.URL + "/api/tenant"
	for _, tc := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"own page", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"}, 200},
		{"link on another site", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 200},
		{"partner's page", []string{"Origin: https://app.acme.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}, 401},
		{"sibling host", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, 401},
		{"origin alone", []string{"Origin: https://app.acme.example"}, 401},
		{"null", []string{"Origin: null"}, 401},
		{"frame", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, 401},
	} {
		if got := agent.Get(tenant, tc.headers...); got.Status != tc.status {
			t.Errorf("%s = %d %s, want %d", tc.name, got.Status, got.Body, tc.status)
		}
	}
	got := agent.Do("POST", n.Acme.URL+"/agent/tickets/1", "body=x", asForm, "Accept: application/json", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
	if got.Status != 401 {
		t.Errorf("another site's form at the console = %d, want 401", got.Status)
	}
}

// TestHandoffLeavesStaffAlone: a requester's sign-in in an agent's browser does not touch the agent's session.
func TestHandoffLeavesStaffAlone(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	if got := agent.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)); got.Status != http.StatusSeeOther {
		t.Fatalf("callback = %d %s", got.Status, got.Body)
	}
	if got := agent.Open(n.Acme.URL + "/agent"); got.Status != 200 {
		t.Errorf("/agent afterwards = %d, want 200", got.Status)
	}
	if got := agent.Open(n.Acme.URL + "/dashboard"); got.Status != 200 || !strings.Contains(got.Body, "Zoe") {
		t.Errorf("/dashboard afterwards = %d, want Zoe's", got.Status)
	}
}

func htmlOf(s string) string { return strings.ReplaceAll(s, "'", "&#39;") }
