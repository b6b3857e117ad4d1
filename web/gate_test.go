package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

// application is one behind the edge, at /app and below; it answers with what it is told about its visitors. Each level has its
// own route: /app/vouched, /app/asserted, /app/staff.
func application(t *testing.T, n *webtest.Node, tn *webtest.Tenant) {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := map[string]string{"path": r.URL.RequestURI(), "cookie": r.Header.Get("Cookie")}
		for name := range r.Header {
			if field, ours := strings.CutPrefix(name, "X-Deskgate-"); ours {
				told[field] = r.Header.Get(name)
			}
		}
		_ = json.NewEncoder(w).Encode(told)
	}))
	t.Cleanup(app.Close)
	for _, need := range []tenant.Assurance{tenant.Vouched, tenant.Asserted, tenant.Staff} {
		err := n.Tenants.AddRoute(t.Context(), tn.ID, n.Directory.PrimaryHost(tn.Tenant), tenant.Route{
			Prefix: "/app/" + string(need), Upstreams: []string{app.URL}, RequireLogin: need,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestApplicationsHearWhoVisits(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	application(t, n, n.Acme)
	application(t, n, n.Bolt)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	eve := n.Visit(t, n.Acme, "zoe@example.com", "Eve")
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	bob := n.SignIn(t, n.Bolt, "bob@example.com", "Bob")
	stranger := n.Client(t)
	for _, c := range zoe.Cookies(n.Acme.URL) { // of another tenant's host
		stranger.Keep(n.Bolt.URL, &http.Cookie{Name: c.Name, Value: c.Value, Path: "/", Secure: true})
	}
	for _, tc := range []struct {
		name   string
		client *webtest.Client
		at     *webtest.Tenant
		level  string
		status int
		where  string // of the sign-in, or who the application heard of
	}{
		{"a requester", zoe, n.Acme, "vouched", 200, "Zoe vouched"},
		{"a requester", zoe, n.Acme, "asserted", 200, "Zoe vouched"},
		{"a requester", zoe, n.Acme, "staff", 303, "/agent/login?next=%2Fapp%2Fstaff%2Fx%3Fy%3D1"},
		{"a claim", eve, n.Acme, "asserted", 200, "Eve asserted"},
		{"a claim", eve, n.Acme, "vouched", 303, "/auth/confirm?next=%2Fapp%2Fvouched%2Fx%3Fy%3D1"},
		{"an agent", ann, n.Acme, "staff", 200, "Ann staff"},
		{"an agent", ann, n.Acme, "vouched", 200, "Ann staff"},
		{"nobody", n.Client(t), n.Acme, "vouched", 303, "/auth/sign-in?next=%2Fapp%2FLEVEL%2Fx%3Fy%3D1"},
		{"nobody", n.Client(t), n.Acme, "asserted", 303, "/auth/sign-in?next=%2Fapp%2FLEVEL%2Fx%3Fy%3D1"},
		{"the other tenant's", bob, n.Bolt, "vouched", 200, "Bob vouched"},
		{"one tenant's session at the other's", stranger, n.Bolt, "vouched", 303, "/auth/sign-in?next=%2Fapp%2FLEVEL%2Fx%3Fy%3D1"},
	} {
		got := tc.client.Open(tc.at.URL + "/app/" + tc.level + "/x?y=1")
		where := got.Location()
		if got.Status == http.StatusOK {
			told := got.JSON(t)
			where = fmt.Sprint(told["Name"], " ", told["Assurance"])
			if told["Tenant"] != tc.at.Slug || told["Assertion"] == nil || told["cookie"] != "" || told["path"] != "/app/"+tc.level+"/x?y=1" {
				t.Errorf("%s at %s: the application was told %v", tc.name, tc.level, told)
			}
			if _, has := told["User"]; has != (told["Assurance"] != "asserted") {
				t.Errorf("%s at %s: the user is %v", tc.name, tc.level, told["User"])
			}
		}
		tc.where = strings.ReplaceAll(tc.where, "LEVEL", tc.level)
		if got.Status != tc.status || where != tc.where {
			t.Errorf("%s at %s = %d %s, want %d %s", tc.name, tc.level, got.Status, where, tc.status, tc.where)
		}
	}
	for _, header := range []string{"Accept: application/json", "Accept: */*", "Upgrade: websocket"} {
		if got := n.Client(t).Get(n.Acme.URL+"/app/vouched", header); got.Status != http.StatusUnauthorized || got.Code() != "UNAUTHENTICATED" {
			t.Errorf("a program with %s = %d %s, want 401", header, got.Status, got.Body)
		}
	}
}

// TestOtherSitesReachNoApplication has pages of other sites make requests with the visitor's cookies.
func TestOtherSitesReachNoApplication(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	application(t, n, n.Acme)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	const cross = "Sec-Fetch-Site: cross-site"
	for _, tc := range []struct {
		name, method string
		headers      []string
		want         int
	}{
		{"a click on a link", "GET", []string{cross, "Sec-Fetch-Mode: navigate"}, 200},
		{"a form", "POST", []string{cross, "Sec-Fetch-Mode: navigate", "Origin: https://evil.example"}, 403},
		{"a form, old browser", "POST", []string{"Origin: https://evil.example"}, 403},
		{"a script or picture", "GET", []string{cross, "Sec-Fetch-Mode: no-cors"}, 403},
		{"a fetch", "GET", []string{cross, "Sec-Fetch-Mode: cors", "Origin: https://evil.example"}, 403},
		{"another tenant's script or picture", "GET", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"another tenant's fetch", "GET", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors", "Origin: " + n.Bolt.URL}, 403},
		{"another tenant's link", "GET", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"}, 200},
		{"the partner's fetch", "POST", []string{cross, "Sec-Fetch-Mode: cors", "Origin: https://app.acme.example"}, 200},
		{"its own fetch", "POST", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Origin: " + n.Acme.URL}, 200},
		{"a WebSocket", "GET", []string{"Connection: Upgrade", "Upgrade: websocket", "Origin: https://evil.example"}, 403},
		{"its own WebSocket", "GET", []string{"Connection: Upgrade", "Upgrade: websocket", "Origin: " + n.Acme.URL}, 200},
		{"a program", "POST", nil, 200},
	} {
		if got := zoe.Do(tc.method, n.Acme.URL+"/app/vouched", "", tc.headers...); got.Status != tc.want {
			t.Errorf("%s = %d %s, want %d", tc.name, got.Status, got.Body, tc.want)
		}
	}
}

// TestSiblingsOfATenantsDomainAreItsOwn has a page of another host below the tenant's own domain show a picture of the application's.
func TestSiblingsOfATenantsDomainAreItsOwn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Bring(t, n.Acme, "help.acme.example")
	application(t, n, n.Acme)
	url := n.Directory.Node().URLFor(n.Directory.PrimaryHost(n.Acme.Tenant))
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	got := zoe.Do("GET", url+"/app/vouched", "", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors")
	if got.Status != http.StatusOK {
		t.Errorf("at %s: %d %s, want 200", url, got.Status, got.Body)
	}
}

// TestSignInLeadsBackToTheApplication walks from an application to the sign-in and back.
func TestSignInLeadsBackToTheApplication(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	application(t, n, n.Acme)
	c := n.Client(t)
	got := c.Open(n.Acme.URL + "/app/vouched/cart/?id=7")
	if got = c.Open(n.Acme.URL + got.Location()); got.Status != http.StatusOK {
		t.Fatalf("the sign-in page = %d", got.Status)
	}
	got = c.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	if got.Location() != "/app/vouched/cart/?id=7" {
		t.Errorf("the sign-in led to %q, want the page that was asked for", got.Location())
	}
	if got := c.Open(n.Acme.URL + got.Location()); got.Status != http.StatusOK {
		t.Errorf("that page = %d", got.Status)
	}
	if got := c.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)); got.Location() != "/dashboard" {
		t.Errorf("the next sign-in led to %q, want the dashboard", got.Location())
	}

	// A claim proves its address, or does not, and staff signs in at its own door.
	eve := n.Visit(t, n.Acme, "eve@example.com", "Eve")
	got = eve.Open(n.Acme.URL + "/app/vouched/")
	if got = eve.Open(n.Acme.URL + got.Location()); got.Status != http.StatusOK || !strings.Contains(got.Body, "/app/vouched/") {
		t.Errorf("the page for the code = %d, want that it leads on to the application", got.Status)
	}
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	ann.Send(n.Acme.URL+"/agent/sign-out", nil)
	got = ann.Open(n.Acme.URL + "/app/staff/board")
	form := url.Values{"email": {"ann@acme.example"}, "password": {webtest.Password}}
	address, query, _ := strings.Cut(got.Location(), "?")
	next, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("next", next.Get("next")) // as the page does
	if got := ann.Send(n.Acme.URL+address, form); got.Location() != "/app/staff/board" {
		t.Errorf("staff's sign-in = %d, to %q, want the application", got.Status, got.Location())
	}
}
