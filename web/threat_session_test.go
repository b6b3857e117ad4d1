package web_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

const (
	requesterCookie = "__Host-deskgate"
	staffCookie     = "__Host-deskgate-staff"
)

// value is what the browser holds in a cookie, empty if it has none.
func value(c *webtest.Client, address, name string) string {
	for _, cookie := range c.Cookies(address) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// TestFixation: nobody ends up in a session whose secret was there before the sign-in, and one that was signed in with is
// over after the next.
func TestFixation(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	me := n.Acme.URL + "/api/users/me"
	eve := n.SignIn(t, n.Acme, "eve@example.com", "Eve")
	known := func() string {
		return value(n.SignIn(t, n.Acme, "eve@example.com", "Eve"), n.Acme.URL, requesterCookie)
	}
	for name, planted := range map[string]string{
		"made up": strings.Repeat("A", 43), "of the attacker's session": known(), "of an unproven session": value(n.Visit(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL, requesterCookie),
	} {
		for way, enter := range map[string]func(c *webtest.Client){
			"hand-off": func(c *webtest.Client) {
				address, token := split(t, n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
				if got := c.Open(address + "?" + token.Encode()); got.Status == 200 { // somebody else is signed in: asked first
					expect(t, c.Send(address, token), 303, "")
				}
			},
			"unproven hand-off": func(c *webtest.Client) {
				address, token := split(t, n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", false))
				expect(t, c.Send(address, token), 303, "")
			},
			"JWT login": func(c *webtest.Client) {
				token := jws(sha256.New, n.Acme.Keys.Secrets()["jwt_secret"], hs256, payload(name))
				expect(t, c.Do("POST", n.Acme.URL+"/api/jwt/login", url.Values{"token": {token}}.Encode(), asForm), 200, "")
			},
		} {
			c := n.Client(t)
			c.Keep(n.Acme.URL, &http.Cookie{Name: requesterCookie, Value: planted, Path: "/", Secure: true})
			enter(c)
			secret := value(c, n.Acme.URL, requesterCookie)
			if secret == planted || len(secret) != 43 {
				t.Errorf("%s, a secret %s: the session is %q", way, name, secret)
			}
			if who := c.Get(me).JSON(t); who["email"] != "zoe@example.com" {
				t.Errorf("%s, a secret %s: signed in as %v", way, name, who)
			}
			if got := n.Client(t).Get(me, "Cookie: "+requesterCookie+"="+planted); got.Status != 401 {
				t.Errorf("%s, a secret %s still opens: %d %s", way, name, got.Status, got.Body)
			}
			planted = secret // the next way begins with what this one ended with
		}
	}
	expect(t, eve.Get(me), 200, "eve@example.com") // another browser's session is none of it
}

// TestStaffFixation is the same for staff.
func TestStaffFixation(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	before := value(ann, n.Acme.URL, staffCookie)
	form := url.Values{"email": {"ann@acme.example"}, "password": {webtest.Password}}
	expect(t, ann.Send(n.Acme.URL+"/agent/login", form), 303, "")
	if after := value(ann, n.Acme.URL, staffCookie); after == before || after == "" {
		t.Errorf("the session is %q after %q", after, before)
	}
	if got := n.Client(t).Get(n.Acme.URL+"/api/users/me", "Cookie: "+staffCookie+"="+before); got.Status != 401 {
		t.Errorf("the session before still opens: %d", got.Status)
	}
	// The two sides know nothing of each other.
	for _, name := range []string{requesterCookie, "deskgate", "__Secure-deskgate-staff", "__host-deskgate-staff", "\u2000" + staffCookie, staffCookie + "\u0085"} {
		if got := n.Client(t).Get(n.Acme.URL+"/api/users/me", "Cookie: a=b; "+name+"="+value(ann, n.Acme.URL, staffCookie)); got.Status != 401 {
			t.Errorf("a member's secret as %q = %d", name, got.Status)
		}
	}
}

// TestCookieTossing: where a sibling host has planted a second cookie, nobody is signed in, and nobody is signed in by it.
func TestCookieTossing(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe, ann := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	eve := value(n.SignIn(t, n.Acme, "eve@example.com", "Eve"), n.Acme.URL, requesterCookie)
	stranger := n.Forgetful(t)
	for name, secret := range map[string]string{requesterCookie: value(zoe, n.Acme.URL, requesterCookie), staffCookie: value(ann, n.Acme.URL, staffCookie)} {
		for _, planted := range []string{eve, secret, "", "x"} {
			for _, header := range []string{name + "=" + secret + "; " + name + "=" + planted, name + "=" + planted + "; a=b; " + name + "=" + secret} {
				if got := stranger.Get(n.Acme.URL+"/api/users/me", "Cookie: "+header); got.Status != 401 {
					t.Errorf("%s with %q beside it = %d %s, want 401", name, planted, got.Status, got.Body)
				}
			}
			if got := stranger.Get(n.Acme.URL+"/api/users/me", "Cookie: "+name+"="+secret, "Cookie: "+name+"="+planted); got.Status != 401 {
				t.Errorf("%s in two headers = %d, want 401", name, got.Status)
			}
		}
	}
	// The chain's cookie: an attacker's chain must not sign a visitor in without a question.
	chain := n.Client(t)
	got := chain.Get(n.Handoff(t, n.Acme, "eve@example.com", "Eve", false))
	planted := value(chain, n.Acme.URL, "__Host-deskgate-chain")
	visit := n.Client(t).Get(n.Acme.URL+got.Location(), append(slices.Clone(webtest.Navigate), "Cookie: __Host-deskgate-chain="+planted, "Referer: https://evil.example/")...)
	if visit.Status != 200 || visit.Header["Set-Cookie"] != nil {
		t.Errorf("a visitor with a planted chain = %d, want a question", visit.Status)
	}
}

// TestTenantConfusion: however a host is written, it is its tenant's, and what is another tenant's opens nothing there.
func TestTenantConfusion(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	host := strings.TrimPrefix(n.Acme.URL, "https://")
	name, port, _ := strings.Cut(host, ":")
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	bob := n.SignIn(t, n.Bolt, "bob@example.com", "Bob")
	written := []string{
		host, strings.ToUpper(host), "Acme.Desk.Example:" + port, name + ".:" + port, name + ":1", name, name + ":0" + port, "ACME.desk.example.:" + port,
	}
	stranger := n.Forgetful(t)
	for _, as := range written {
		base := "https://" + as
		for secret, email := range map[string]string{
			headerOf(zoe, n.Acme.URL): "zoe@example.com", headerOf(bob, n.Bolt.URL): "",
			"Authorization: Bearer " + n.Acme.Token: "", "Authorization: Bearer " + n.Bolt.Token: "", "X-Tenant-API-Token: " + n.Bolt.Token: "",
		} {
			got := stranger.Get(base+"/api/users/me", secret, "Accept: application/json")
			if strings.Contains(got.Body, "bob@example.com") || email == "" && got.Status == 200 && strings.Contains(secret, "Cookie") {
				t.Errorf("%s with %.30s = %d %s", as, secret, got.Status, got.Body)
			}
			if email != "" && got.Status == 200 && !strings.Contains(got.Body, email) {
				t.Errorf("%s with %.30s = %d %s, want %s", as, secret, got.Status, got.Body, email)
			}
		}
		if got := stranger.Get(base+"/api/tenant", "Authorization: Bearer "+n.Bolt.Token); got.Status == 200 {
			t.Errorf("%s takes the other tenant's token: %s", as, got.Body)
		}
		_, token := split(t, n.Handoff(t, n.Bolt, "bob@example.com", "Bob", true))
		if got := stranger.Open(base + "/auth/callback?" + token.Encode()); got.Status != 401 && got.Status != 421 {
			t.Errorf("%s takes the other tenant's hand-off: %d", as, got.Status)
		}
		_, token = split(t, n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
		got := stranger.Open(base + "/auth/callback?" + token.Encode())
		if got.Status != 303 && got.Status != 421 || got.Status == 303 && got.Location() != "/dashboard" {
			t.Errorf("%s and its own hand-off: %d %q", as, got.Status, got.Location())
		}
	}
	// No header but Host names the tenant.
	bolt := strings.TrimPrefix(n.Bolt.URL, "https://")
	for _, header := range []string{"X-Forwarded-Host: ", "X-Host: ", "X-Original-Host: ", "Forwarded: host=", "X-HTTP-Host-Override: ", "X-Tenant: ", "X-Forwarded-Server: "} {
		got := stranger.Get(n.Acme.URL+"/api/tenant", header+bolt, "Authorization: Bearer "+n.Bolt.Token)
		if got.Status != 401 {
			t.Errorf("with %s%s, the other tenant's token = %d %s, want 401", header, bolt, got.Status, got.Body)
		}
		login := stranger.Do("POST", n.Acme.URL+"/api/auth/redirect/acme", "email=a%40b.example&name=A", asForm, header+"evil.example", nextVisitor())
		if !strings.HasPrefix(login.Location(), n.Acme.URL+"/auth/callback?") {
			t.Errorf("with %sevil.example, the sign-in leads to %q", header, login.Location())
		}
	}
	// A slug is written in one way.
	for _, slug := range []string{"ACME", "Acme", "acme.", "acme%00", "acme%20", "%20acme", "acme%2f", "acme%2f..%2fbolt", "a%C4%89me", "acme%E2%80%8B", "..%2facme", "acme;x", string(n.Acme.ID)} {
		got := stranger.Do("POST", n.URL+"/api/auth/redirect/"+slug, "email=a%40b.example&name=A", asForm, nextVisitor())
		if got.Status != 404 && got.Status != 400 {
			t.Errorf("slug %s = %d to %q, want 404", slug, got.Status, got.Location())
		}
	}
	// A proof for one tenant is none for the other, wherever it is shown.
	for _, at := range []string{n.URL, n.Bolt.URL} {
		token := jws(sha256.New, n.Acme.Keys.Secrets()["jwt_secret"], hs256, payload("confused at "+at))
		for _, login := range []webtest.Answer{
			stranger.Do("POST", at+"/api/jwt/login", fmt.Sprintf(`{"token":%q,"tenant_slug":"bolt"}`, token), asJSON),
			stranger.Do("POST", at+"/api/auth/redirect/bolt", url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "token": {token}}.Encode(), asForm),
			stranger.Do("POST", at+"/api/auth/redirect/bolt", "email=zoe%40example.com&name=Zoe", asForm, "Authorization: Bearer "+n.Acme.Token),
		} {
			if login.Status != 401 || login.Header["Set-Cookie"] != nil {
				t.Errorf("acme's proof at bolt's door = %d %s, want 401", login.Status, login.Body)
			}
		}
	}
}
