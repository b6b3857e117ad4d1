package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
	"github.com/deskgate/deskgate/web/webtest"
)

// annAtProvider is acme's admin at the provider.
var annAtProvider = oidctest.Person{Subject: "user-1", Email: "ann@acme.example", Name: "Ann Lee"}

// connect lets staff of a tenant sign in at a provider.
func connect(t *testing.T, n *webtest.Node, at *webtest.Tenant, p *oidctest.Provider) {
	t.Helper()
	n.Set(t, at, map[string]string{"oidc_issuer": p.Issuer, "oidc_client_id": oidctest.ClientID})
	if err := n.OIDC.SetSecret(t.Context(), at.Tenant, oidctest.Secret, "operator"); err != nil {
		t.Fatal(err)
	}
}

// leave begins a sign-in and returns where the browser is sent.
func leave(t *testing.T, c *webtest.Client, at *webtest.Tenant, fields url.Values) string {
	t.Helper()
	page := expect(t, c.Send(at.URL+"/auth/oidc/start", fields), 200, "On to login.example.com")
	_, address, found := strings.Cut(page.Header.Get("Refresh"), "0; url=")
	if !found {
		t.Fatalf("the browser is sent to %q", page.Header.Get("Refresh"))
	}
	return address
}

// TestOIDC: an invited admin joins at the tenant's provider, at one tenant, in one browser, once.
func TestOIDC(t *testing.T) {
	t.Parallel()
	n, p := webtest.Start(t), oidctest.New(t, "login")
	connect(t, n, n.Acme, p)
	connect(t, n, n.Bolt, p)
	p.SignIn(annAtProvider)
	if _, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, annAtProvider.Email, "", auth.RoleAdmin, "operator"); err != nil {
		t.Fatal(err)
	}
	c := n.Client(t)
	expect(t, c.Open(n.Acme.URL+"/agent/login?next=/agent/settings"), 200, "Sign in with login.example.com")
	back := p.Approve(t, leave(t, c, n.Acme, url.Values{"next": {"/agent/settings"}})).String()
	if !strings.HasPrefix(back, n.Acme.URL+"/auth/oidc/callback?") {
		t.Fatalf("back at %s", back)
	}

	expect(t, n.Client(t).Open(back), 400, "SIGN_IN_STALE")
	expect(t, c.Open(strings.Replace(back, n.Acme.URL, n.Bolt.URL, 1)), 400, "SIGN_IN_STALE")
	if got := c.Do(http.MethodHead, back, "", webtest.Navigate...); got.Status != 200 || got.Header["Set-Cookie"] != nil {
		t.Errorf("HEAD = %d %v", got.Status, got.Header)
	}
	for _, headers := range [][]string{
		{"Sec-Purpose: prefetch", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"},
		{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"},
		{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"},
		{"Origin: " + n.Acme.URL, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"},
	} {
		if got := c.Get(back, headers...); got.Status != 503 && got.Status != 403 || got.Header["Set-Cookie"] != nil || (got.Header.Get("Retry-After") != "") != (got.Status == 503) {
			t.Errorf("with %v = %d %v", headers, got.Status, got.Header)
		}
	}
	got := c.Open(back)
	if got.Status != 303 || got.Location() != "/agent/settings" || got.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("callback = %d to %q: %s", got.Status, got.Location(), got.Body)
	}
	if policy := strings.Join(got.Header["Set-Cookie"], "\n"); !strings.Contains(policy, "__Host-deskgate-staff=") || !strings.Contains(policy, "__Host-deskgate-oidc=;") {
		t.Errorf("cookies %s", policy)
	}
	expect(t, c.Open(n.Acme.URL+"/agent"), 200, annAtProvider.Email)
	expect(t, c.Open(n.Bolt.URL+"/agent"), 303, "")
	expect(t, c.Open(back), 400, "Go to the staff sign-in")

	// Without an invitation there is no way in; the other tenant has none for her.
	other := n.Client(t)
	expect(t, other.Open(p.Approve(t, leave(t, other, n.Bolt, nil)).String()), 403, "NOT_STAFF")
}

// TestOIDCProof: the provider's word alone is no proof for what matters to others; asked anew, it is.
func TestOIDCProof(t *testing.T) {
	t.Parallel()
	n, p := webtest.Start(t), oidctest.New(t, "login")
	connect(t, n, n.Acme, p)
	p.SignIn(annAtProvider)
	if _, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, annAtProvider.Email, "", auth.RoleAdmin, "operator"); err != nil {
		t.Fatal(err)
	}
	c := n.Client(t)
	expect(t, c.Open(p.Approve(t, leave(t, c, n.Acme, nil)).String()), 303, "")
	asked := c.Open(n.Acme.URL + "/agent/settings/provider")
	if asked.Status != 303 || asked.Location() != "/agent/step-up?next=%2Fagent%2Fsettings%2Fprovider" {
		t.Fatalf("settings = %d to %s", asked.Status, asked.Location())
	}
	expect(t, c.Open(n.Acme.URL+asked.Location()), 200, "Confirm with login.example.com")
	fresh := leave(t, c, n.Acme, url.Values{"fresh": {"1"}, "next": {"/agent/settings/provider"}})
	if !strings.Contains(fresh, "max_age=0") {
		t.Errorf("sent to %s", fresh)
	}
	if got := c.Open(p.Approve(t, fresh).String()); got.Status != 303 || got.Location() != "/agent/settings/provider" {
		t.Fatalf("proven = %d to %s: %s", got.Status, got.Location(), got.Body)
	}
	expect(t, c.Open(n.Acme.URL+"/agent/settings/provider"), 200, "Set on ")
}

// TestProviderSettings: an admin names the provider; its secret is never shown, and goes to no other provider.
func TestProviderSettings(t *testing.T) {
	t.Parallel()
	n, p := webtest.Start(t), oidctest.New(t, "login")
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	agent := n.Agent(t, n.Acme, "agent@acme.example", "Agent", auth.RoleAgent)
	address := n.Acme.URL + "/agent/settings/provider"
	expect(t, agent.Open(address), 403, "FORBIDDEN")
	expect(t, boss.Open(address), 200, "<code>"+n.Acme.URL+"/auth/oidc/callback</code>")
	form := url.Values{"oidc_issuer": {"http://login.example.com"}, "oidc_client_id": {oidctest.ClientID}, "secret": {oidctest.Secret}, "oidc_domains": {"acme.example"}}
	refused := expect(t, boss.Send(address, form), 422, "http://login.example.com")
	if strings.Contains(refused.Body, oidctest.Secret) {
		t.Error("a refused form shows the secret")
	}
	form.Set("oidc_issuer", p.Issuer)
	if got := boss.Send(address, form); got.Status != 303 || got.Location() != "/agent/settings/provider?done=provider" {
		t.Fatalf("saved = %d to %s: %s", got.Status, got.Location(), got.Body)
	}
	page := expect(t, boss.Open(address), 200, "Set on ")
	audit, err := n.Tenants.Audit(t.Context(), n.Acme.ID, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(page.Body, boss.Get(n.Acme.URL+"/api/tenant").Body, audit.Events)
	if strings.Contains(shown, oidctest.Secret) {
		t.Error("the secret is shown")
	}
	p.SignIn(oidctest.Person{Subject: "user-7", Email: "carl@acme.example", Name: "Carl"})
	carl := n.Client(t)
	expect(t, carl.Open(p.Approve(t, leave(t, carl, n.Acme, nil)).String()), 303, "")
	expect(t, carl.Open(n.Acme.URL+"/agent"), 200, "Signed in as Carl")
	expect(t, carl.Open(address), 403, "FORBIDDEN")

	form.Del("secret")
	form.Set("oidc_issuer", "https://evil.example.com")
	expect(t, boss.Send(address, form), 303, "")
	expect(t, boss.Open(address), 200, "None is set for this issuer")
	expect(t, n.Client(t).Open(n.Bolt.URL+"/agent/login"), 200, "Staff sign-in")
	if got := n.Client(t).Send(n.Bolt.URL+"/auth/oidc/start", nil); got.Status != 404 {
		t.Errorf("start without a provider = %d", got.Status)
	}
}

// TestBrowserOIDC: the whole way in a browser, with the policies that our pages have.
func TestBrowserOIDC(t *testing.T) {
	t.Parallel()
	n, p := webtest.Start(t), oidctest.New(t, "login")
	desk := n.Bring(t, n.Acme, "help.acme.test")
	connect(t, n, n.Acme, p)
	p.SignIn(annAtProvider)
	if _, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, annAtProvider.Email, "", auth.RoleAdmin, "operator"); err != nil {
		t.Fatal(err)
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(desk + "/agent/settings")
	b.Click("form[action$='/auth/oidc/start'] button")
	b.At(p.Issuer + "/authorize")
	b.Click("#approve")
	b.At(desk + "/agent/settings")
	b.See("footer", "ann@acme.example")
	b.Open(desk + "/agent/settings/provider")
	b.At(desk + "/agent/step-up")
	b.Click("form[action$='/auth/oidc/start'] button")
	b.At(p.Issuer + "/authorize")
	b.Click("#approve")
	b.At(desk + "/agent/settings/provider")
	b.See("h1", "Single sign-on")
}
