package proxy_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/tenant"
)

func (n *node) addRoute(tb testing.TB, r tenant.Route) {
	tb.Helper()
	if err := n.tenants.AddRoute(tb.Context(), n.acme.ID, acmeHost, r); err != nil {
		tb.Fatal(err)
	}
}

func TestMaintenanceOfARoute(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	shop := tenant.Route{Prefix: "/shop", Upstreams: []string{app(t, "shop")}, Maintenance: true, RequireLogin: tenant.Vouched}
	n.addRoute(t, shop)
	a := n.get(t, acmeHost, "/shop", "Accept", "text/html")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !contains(a.body, "<h1>Back soon.</h1>") {
		t.Errorf("got %d %v %s", a.StatusCode, a.Header, a.body)
	}
	var doc struct {
		Success bool
		Code    string
		Retry   int `json:"retry_after"`
	}
	if err := json.Unmarshal([]byte(n.get(t, acmeHost, "/shop").body), &doc); err != nil || doc.Success || doc.Code != "UNDER_MAINTENANCE" || doc.Retry == 0 {
		t.Errorf("the document %+v, %v", doc, err)
	}
	if a := n.get(t, acmeHost, "/"); a.StatusCode != http.StatusOK {
		t.Errorf("the portal beside it: %d", a.StatusCode)
	}
	shop.Maintenance, shop.RequireLogin = false, ""
	n.addRoute(t, shop)
	if a := n.get(t, acmeHost, "/shop"); a.StatusCode != http.StatusOK || a.body != "shop /shop" {
		t.Errorf("after it: %d %s", a.StatusCode, a.body)
	}
}

func TestErrorPageOfARoute(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	n.addRoute(t, tenant.Route{
		Prefix: "/shop", Upstreams: []string{"http://127.0.0.1:1"},
		ErrorPage: "<title>Acme: {{message}}</title><p>{{status}} {{detail}} <code>{{request_id}}</code>{{other}}",
	})
	a := n.get(t, acmeHost, "/shop", "Accept", "text/html", "X-Request-Id", "<script>")
	want := "<title>Acme: This page is not available right now.</title><p>502 The application behind this address does not answer. <code>" +
		a.Header.Get("X-Request-Id") + "</code>{{other}}"
	if a.StatusCode != http.StatusBadGateway || a.body != want {
		t.Errorf("got %d %s, want %s", a.StatusCode, a.body, want)
	}
	if a := n.get(t, acmeHost, "/shop"); !contains(a.body, `"code":"UPSTREAM_UNAVAILABLE"`) {
		t.Errorf("a program got %s, want the error document", a.body)
	}
}

func TestMaxBodyOfARoute(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	n.addRoute(t, tenant.Route{Prefix: "/shop", Upstreams: []string{app(t, "shop")}, MaxBody: 10})
	for size, want := range map[int]int{10: 200, 11: 413} {
		r := n.request(t, http.MethodPost, acmeHost, "/shop")
		r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", size)))
		if a := do(t, r); a.StatusCode != want || want == 413 && !contains(a.body, `"code":"PAYLOAD_TOO_LARGE"`) {
			t.Errorf("%d bytes: got %d %s, want %d", size, a.StatusCode, a.body, want)
		}
	}
}

// gate lets in whoever sends the header Who.
type gate struct{ t *testing.T }

func (g gate) Admit(w http.ResponseWriter, r *http.Request, need tenant.Assurance) (tenant.Visitor, bool) {
	v := tenant.VisitFrom(r.Context())
	who := r.Header.Get("Who")
	if who == "" {
		w.Header().Set("Location", v.Mount+"/auth/sign-in")
		w.WriteHeader(http.StatusSeeOther)
		return tenant.Visitor{}, false
	}
	return tenant.Visitor{ID: "usr_" + who, Email: who + "@" + v.Tenant.Slug + ".example", Name: "Zoë " + who, Assurance: need}, true
}

// TestRoutesThatDemandALogin has an application read who its visitors are, and verify it by the keys that the host shows.
func TestRoutesThatDemandALogin(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Gate = gate{t}
	n.start(t)
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(s.Close)
	if err := n.tenants.Mount(t.Context(), n.acme.ID, acmeHost, "/support"); err != nil {
		t.Fatal(err)
	}
	n.addRoute(t, tenant.Route{Prefix: "/", Upstreams: []string{s.URL}})
	n.addRoute(t, tenant.Route{Prefix: "/private", Upstreams: []string{s.URL}, RequireLogin: tenant.Vouched})
	if a := n.get(t, acmeHost, "/private/x"); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/support/auth/sign-in" || got != nil {
		t.Errorf("nobody: %d %v, want the gate's answer", a.StatusCode, a.Header)
	}
	spoofed := []string{
		"X-Deskgate-User", "root", "X_Deskgate_Email", "root@x", "x-deskgate_name", "root", "X-Deskgate-Assertion", "root",
		"X-DESKGATE-ASSURANCE", "staff", "X.Deskgate.Tenant", "bee", "X-Deskgate-Anything", "root", "Who", "zoe",
	}
	n.get(t, acmeHost, "/public", spoofed...)
	for name := range got {
		if strings.Contains(strings.ToLower(name), "deskgate") {
			t.Errorf("a public path's application sees %s: %q", name, got[name])
		}
	}
	n.get(t, acmeHost, "/private/x", spoofed...)
	token := got.Get("X-Deskgate-Assertion")
	for name, want := range map[string]string{
		"X-Deskgate-User": "usr_zoe", "X-Deskgate-Email": "zoe@acme.example", "X-Deskgate-Name": "Zoë zoe", "X-Deskgate-Tenant": "acme",
		"X-Deskgate-Assurance": "vouched", "X-Deskgate-Assertion": token,
	} {
		if values := got.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s = %q, want %q", name, values, want)
		}
		delete(got, name)
	}
	for name := range got {
		if strings.Contains(strings.ToLower(name), "deskgate") {
			t.Errorf("the application sees %s: %q", name, got[name])
		}
	}
	n.verifyAssertion(t, token)
}

// verifyAssertion has a foreign library fetch the keys from the host, and check the assertion as an ID token.
func (n *node) verifyAssertion(t *testing.T, token string) {
	t.Helper()
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		r.Host, r.URL.Host = r.URL.Host, n.server.HTTPAddr().String()
		return http.DefaultTransport.RoundTrip(r)
	})
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: transport})
	at := func(host string) *oidc.RemoteKeySet {
		return oidc.NewRemoteKeySet(ctx, "http://"+host+"/.well-known/deskgate/jwks.json")
	}
	check := func(host, audience string) (map[string]any, error) {
		config := &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}}
		verified, err := oidc.NewVerifier("http://"+acmeHost, at(host), config).Verify(context.WithoutCancel(ctx), token)
		if err != nil {
			return nil, err
		}
		var all map[string]any
		return all, verified.Claims(&all)
	}
	claims, err := check(acmeHost, acmeHost)
	if err != nil || claims["sub"] != "usr_zoe" || claims["tenant"] != "acme" || claims["assurance"] != "vouched" {
		t.Errorf("the assertion says %v, %v", claims, err)
	}
	if _, err := check(acmeHost, "bee.tickets.example"); err == nil {
		t.Error("the assertion is good for another host")
	}
	if _, err := check("bee.tickets.example", acmeHost); err == nil {
		t.Error("another tenant's keys verify the assertion")
	}
	if a := n.get(t, "tickets.example", "/.well-known/deskgate/jwks.json"); strings.Contains(a.body, `"kty"`) {
		t.Errorf("a node host shows keys: %s", a.body)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRoutesThatDemandALoginWithoutAGate(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the application was asked") }))
	t.Cleanup(s.Close)
	n.addRoute(t, tenant.Route{Prefix: "/private", Upstreams: []string{s.URL}, RequireLogin: tenant.Asserted})
	if a := n.get(t, acmeHost, "/private"); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", a.StatusCode)
	}
}

// TestPathsThatApplicationsReadOtherwise has a login stand before some paths of an application, which takes several spellings for them.
func TestPathsThatApplicationsReadOtherwise(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Gate = gate{t}
	n.start(t)
	if err := n.tenants.Mount(t.Context(), n.acme.ID, acmeHost, "/support"); err != nil {
		t.Fatal(err)
	}
	open := app(t, "open")
	n.addRoute(t, tenant.Route{Prefix: "/", Upstreams: []string{open}})
	n.addRoute(t, tenant.Route{Prefix: "/a/private", Upstreams: []string{app(t, "private")}, RequireLogin: tenant.Vouched})
	const refused, login = http.StatusBadRequest, http.StatusSeeOther
	for path, want := range map[string]int{
		"/a/private": login, "/a/private/": login, "/a/private/x//y;z": login, "/a/%70rivate": login, "/a%2fprivate": login,
		"/a/private;v=1": login, "/a/private;v=1/x": login,
		"//a/private": refused, "/a//private": refused, "/%2fa/private": refused, "/a%2f%2fprivate/x": refused, `/a\private`: refused,
		"/a%5cprivate": refused, "/%5ca/private": refused, "/a;v=1/private": refused, "/;/a/private": refused, "/a/;v/private": refused,
		"/x/..;/a/private": refused, "/x/..;v=1/a/private": refused, "/x/..%5ca/private": refused, "/x%5c..%5ca%5cprivate": refused,
		"/a/private%00": refused, "/a/private/%00": refused, "/a%00": refused, "/a/./private": refused, "/a/.": refused, "/..": refused,
		"/a/.;v/private": refused, "/x/%2e%2e/a/private": refused,
		"/a/privately": 200, "/a/private.": 200, "/b//c": 200, "//": 200, "/b;v=1/c": 200, "/b%5cc": 200, "/.well-known/x": 200, "/b/...": 200,
		"/b/.c": 200, "/b/..c": 200, "/b/c.": 200, "//b/https://acme.example/": 200,
		"//support": refused, "/support;x": refused, "//auth/callback": refused,
	} {
		a := n.get(t, acmeHost, path)
		if a.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", path, a.StatusCode, a.body, want)
		}
	}
}

// TestApplicationsAreToldOurName has visitors spell the host and make up ports: applications make links of what they are told.
func TestApplicationsAreToldOurName(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = []string{r.Host, r.Header.Get("X-Forwarded-Host"), r.Header.Get("Forwarded")}
	}))
	t.Cleanup(s.Close)
	n.addRoute(t, tenant.Route{Prefix: "/shop", Upstreams: []string{s.URL}, PreserveHost: true})
	_, ours, _ := net.SplitHostPort(n.server.HTTPAddr().String())
	for said, want := range map[string]string{
		acmeHost: acmeHost, strings.ToUpper(acmeHost): acmeHost, acmeHost + ".": acmeHost, acmeHost + ":": acmeHost, acmeHost + ":443": acmeHost,
		acmeHost + ":1": acmeHost, acmeHost + ":99999": acmeHost, acmeHost + ".:1": acmeHost, acmeHost + ":" + ours: acmeHost + ":" + ours,
	} {
		got = nil
		if a := n.get(t, said, "/shop"); a.StatusCode != http.StatusOK || len(got) == 0 {
			t.Errorf("%s: %d", said, a.StatusCode)
			continue
		}
		if got[0] != want || got[1] != want || !strings.Contains(got[2], `;host="`+want+`";`) {
			t.Errorf("%s: the application is told %q, want %s", said, got, want)
		}
	}
}
