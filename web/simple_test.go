package web_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/web/webtest"
)

const partnerSite = "https://app.acme.example"

// simpleToken is a token for SimpleAuth's door with that key. Each has a jti of its own.
func simpleToken(of *webtest.Tenant, key, email string, more ...string) string {
	return jws(sha256.New, of.Keys.Secrets()[key], hs256, fmt.Sprintf(`{"email":%q,"name":"Zoe","exp":%d,"jti":%q%s}`,
		email, time.Now().Unix()+60, rand.Text(), strings.Join(more, "")))
}

func requesterToken(of *webtest.Tenant, email string) string {
	return simpleToken(of, "simpleauth_key", email)
}

func operatorToken(of *webtest.Tenant, email string) string {
	return simpleToken(of, "simpleauth_operator_key", email)
}

// from is a link that was followed on a page of that site, posted a form of it.
func from(site string) []string {
	return []string{asPage, "Referer: " + site + "/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
}

func posted(site string) []string {
	return []string{asPage, asForm, "Origin: " + site, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
}

// email is who the client is at a tenant's host, empty for nobody.
func email(t *testing.T, c *webtest.Client, at string) string {
	t.Helper()
	got := c.Get(at + "/api/users/me")
	if got.Status != http.StatusOK {
		return ""
	}
	address, _ := got.JSON(t)["email"].(string)
	return address
}

func TestSimpleAuthSignsIn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite})
	door := n.Acme.URL + "/simpleauth/login"
	for _, tc := range []struct {
		name, method, query, body, landing string
		headers                            []string
	}{
		{"link on the partner's page", "GET", "", "", "/dashboard", from(partnerSite)},
		{"link in a mail", "GET", "", "", "/dashboard", webtest.Navigate},
		{"with brand_id", "GET", "&brand_id=acme", "", "/dashboard", webtest.Navigate},
		{"with an empty redirect", "GET", "&redirect=", "", "/dashboard", webtest.Navigate},
		{"with a path", "GET", "&redirect=%2Ftickets%3Fx%3D1", "", "/tickets?x=1", webtest.Navigate},
		{"with a URL of its own", "GET", "&redirect=" + url.QueryEscape(n.Acme.URL+"/tickets/create"), "", "/tickets/create", webtest.Navigate},
		{"with a page of the partner's", "GET", "&redirect=" + url.QueryEscape(partnerSite+"/x"), "", "/dashboard", webtest.Navigate},
		{"with another site's page", "GET", "&redirect=https%3A%2F%2Fevil.example", "", "/dashboard", webtest.Navigate},
		{"with two slashes", "GET", "&redirect=%2F%2Fevil.example", "", "/dashboard", webtest.Navigate},
		{"form on the partner's page", "POST", "", "redirect=%2Ftickets", "/tickets", posted(partnerSite)},
		{"form of our own page", "POST", "", "", "/dashboard", posted(n.Acme.URL)},
	} {
		c, token := n.Client(t), requesterToken(n.Acme, "zoe@example.com")
		address, body := door, ""
		if tc.method == "GET" {
			address += "?token=" + token + tc.query
		} else {
			body = "token=" + token + "&" + tc.body
		}
		got := c.Do(tc.method, address, body, tc.headers...)
		if got.Status != http.StatusSeeOther || got.Location() != tc.landing || got.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s = %d to %q, want 303 to %q: %s", tc.name, got.Status, got.Location(), tc.landing, got.Body)
		}
		if who := email(t, c, n.Acme.URL); who != "zoe@example.com" {
			t.Errorf("%s: signed in as %q", tc.name, who)
		}
		if got.Header.Get("X-RateLimit-Limit") != "6000" {
			t.Errorf("%s: limit %q, want the key's", tc.name, got.Header.Get("X-RateLimit-Limit"))
		}
		again := n.Client(t).Do(tc.method, address, body, tc.headers...)
		if again.Status != http.StatusUnauthorized || again.Code() != "TOKEN_REPLAYED" || again.Header["Set-Cookie"] != nil {
			t.Errorf("%s, again = %d %s", tc.name, again.Status, again.Body)
		}
	}
	got := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Get(n.Acme.URL + "/api/users/me")
	if got.JSON(t)["assurance"] != "vouched" {
		t.Errorf("me = %s", got.Body)
	}
}

// The token is left alone by everything that is not a person's visit.
func TestSimpleAuthLeavesTheTokenAlone(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite, "simpleauth_operators": "true"})
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	const navigate, document = "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
	for _, door := range []struct{ address, token string }{
		{n.Acme.URL + "/simpleauth/login", requesterToken(n.Acme, "zoe@example.com")},
		{n.URL + "/simpleauth/login", requesterToken(n.Acme, "zoe@example.com")},
		{n.Acme.URL + "/admin/simpleauth/login", operatorToken(n.Acme, "ann@acme.example")},
		{n.Acme.URL + "/simpleauth/logout", requesterToken(n.Acme, "zoe@example.com")},
	} {
		address := door.address + "?brand_id=acme&token=" + door.token
		logout := strings.HasSuffix(door.address, "logout")
		for _, tc := range []struct {
			name, method string
			headers      []string
			status       int
		}{
			{"HEAD", "HEAD", nil, 200},
			{"HEAD by a browser", "HEAD", webtest.Navigate, 200},
			{"preflight", "OPTIONS", []string{"Origin: " + partnerSite, "Access-Control-Request-Method: GET"}, 204},
			{"prefetch", "GET", []string{"Sec-Purpose: prefetch;prerender", navigate, document}, 503},
			{"old prefetch", "GET", []string{"Purpose: prefetch", navigate, document}, 503},
			{"preview", "GET", []string{"X-Purpose: preview"}, 503},
			{"fetch", "GET", []string{"Origin: " + partnerSite, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, 200},
			{"fetch in WebKit", "GET", []string{"Origin: null"}, 200},
			{"fetch that posts", "POST", []string{asForm, "Origin: " + partnerSite, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, 200},
			{"image", "GET", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 200},
			{"frame", "GET", []string{navigate, "Sec-Fetch-Dest: iframe", asPage}, 200},
			{"form in a frame", "POST", []string{asForm, "Origin: " + partnerSite, navigate, "Sec-Fetch-Dest: iframe", asPage}, 200},
		} {
			if logout && tc.status == 200 && tc.method != "HEAD" {
				continue // partners sign people out in this way
			}
			got := n.Client(t).Do(tc.method, address, "", tc.headers...)
			if got.Status != tc.status || got.Header["Set-Cookie"] != nil || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s at %s = %d %v %s, want %d", tc.name, door.address, got.Status, got.Header, got.Body, tc.status)
			}
			wantOrigin := strings.Contains(strings.Join(tc.headers, " "), partnerSite)
			if granted := got.Header.Get("Access-Control-Allow-Origin") == partnerSite; granted != wantOrigin {
				t.Errorf("%s at %s: headers %v", tc.name, door.address, got.Header)
			}
		}
		if got := n.Client(t).Open(address); got.Status != http.StatusSeeOther && got.Status != http.StatusFound {
			t.Errorf("after all that, a visit of %s = %d %s", door.address, got.Status, got.Body)
		}
	}
}

// Nobody is signed in as somebody else by a page that the tenant has not listed.
func TestSimpleAuthAsksFirst(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite, "simpleauth_operators": "true"})
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	eve := n.Agent(t, n.Acme, "eve@acme.example", "Eve", auth.RoleAgent)
	const evil = "https://evil.example"
	for _, tc := range []struct {
		name    string
		c       *webtest.Client
		token   string
		door    string
		headers []string
	}{
		{"link on a page that nobody has listed", n.Client(t), requesterToken(n.Acme, "eve@example.com"), "", from(evil)},
		{"page that hides where it is", n.Client(t), requesterToken(n.Acme, "eve@example.com"), "", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}},
		{"form of a page that nobody has listed", n.Client(t), requesterToken(n.Acme, "eve@example.com"), "", posted(evil)},
		{"form of a page that hides where it is", n.Client(t), requesterToken(n.Acme, "eve@example.com"), "", posted("null")},
		{"form that confirms by itself", n.Client(t), requesterToken(n.Acme, "eve@example.com") + "&confirmed=yes", "", posted(evil)},
		{"a sibling's form that confirms by itself", n.Client(t), requesterToken(n.Acme, "eve@example.com") + "&confirmed=yes", "", append(posted(n.Bolt.URL)[:3:3], "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")},
		{"another user is signed in", n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), requesterToken(n.Acme, "eve@example.com"), "", from(partnerSite)},
		{"a link in a mail, and another user is signed in", n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), requesterToken(n.Acme, "eve@example.com"), "", webtest.Navigate},
		{"staff from a page that nobody has listed", n.Client(t), operatorToken(n.Acme, "eve@acme.example"), "/admin", from(evil)},
		{"staff by a form of such a page", n.Client(t), operatorToken(n.Acme, "eve@acme.example"), "/admin", posted(evil)},
		{"another member is signed in", ann, operatorToken(n.Acme, "eve@acme.example"), "/admin", from(partnerSite)},
	} {
		before := headerOf(tc.c, n.Acme.URL)
		method, address, body := "GET", n.Acme.URL+tc.door+"/simpleauth/login?redirect=%2Ftickets&token="+tc.token, ""
		if strings.Contains(strings.Join(tc.headers, " "), "Origin") {
			method, address, body = "POST", n.Acme.URL+tc.door+"/simpleauth/login", "redirect=%2Ftickets&token="+tc.token
		}
		got := tc.c.Do(method, address, body, tc.headers...)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, "Continue as e•••@") || got.Header["Set-Cookie"] != nil {
			t.Errorf("%s = %d %v %s, want a question", tc.name, got.Status, got.Header, got.Body)
		}
		if headerOf(tc.c, n.Acme.URL) != before {
			t.Errorf("%s: the cookies changed", tc.name)
		}
		token, _, _ := strings.Cut(tc.token, "&")
		yes := tc.c.Do("POST", n.Acme.URL+tc.door+"/simpleauth/login", "confirmed=yes&redirect=%2Ftickets&token="+token,
			append([]string{"Origin: " + n.Acme.URL}, webtest.Submit...)...)
		if yes.Status != http.StatusSeeOther || yes.Location() != "/tickets" || len(yes.Header["Set-Cookie"]) != 1 {
			t.Errorf("%s, confirmed = %d to %q: %s", tc.name, yes.Status, yes.Location(), yes.Body)
		}
	}
	_ = eve
}

func TestSimpleAuthAtTheNode(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite, "simpleauth_operators": "true", "admin_folder": "backoffice"})
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)

	c := n.Client(t)
	got := c.Do("GET", n.URL+"/simpleauth/login?brand_id=acme&redirect=%2Ftickets&token="+requesterToken(n.Acme, "zoe@example.com"), "", from(partnerSite)...)
	if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), n.Acme.URL+"/auth/callback?token=") || got.Header["Set-Cookie"] != nil {
		t.Fatalf("at the node = %d to %q: %s", got.Status, got.Location(), got.Body)
	}
	if policy := got.Header.Get("Referrer-Policy"); policy != "strict-origin-when-cross-origin" {
		t.Errorf("Referrer-Policy %q would hide the partner's page", policy)
	}
	if in := c.Do("GET", got.Location(), "", from(partnerSite)...); in.Status != http.StatusSeeOther || in.Location() != "/tickets" {
		t.Errorf("the hand-off = %d to %q: %s", in.Status, in.Location(), in.Body)
	}

	c = n.Client(t)
	got = c.Do("GET", n.URL+"/backoffice/simpleauth/login?brand_id=acme&token="+operatorToken(n.Acme, "ann@acme.example"), "", from(partnerSite)...)
	if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), n.Acme.URL+"/backoffice/simpleauth/login?token=") {
		t.Fatalf("an operator at the node = %d to %q: %s", got.Status, got.Location(), got.Body)
	}
	in := c.Do("GET", got.Location(), "", from(partnerSite)...)
	if in.Status != http.StatusSeeOther || in.Location() != "/agent" || !strings.HasPrefix(in.Header.Get("Set-Cookie"), "__Host-deskgate-staff=") {
		t.Errorf("there = %d to %q: %v %s", in.Status, in.Location(), in.Header, in.Body)
	}
	if page := c.Open(n.Acme.URL + "/agent"); page.Status != http.StatusOK {
		t.Errorf("the console = %d", page.Status)
	}
	for _, address := range []string{
		n.URL + "/admin/simpleauth/login?brand_id=acme&token=x", n.Acme.URL + "/admin/simpleauth/login?token=x",
		n.Acme.URL + "/admin/simpleauth/logout?token=x", n.Acme.URL + "/Backoffice/simpleauth/login", n.Acme.URL + "//simpleauth/login",
		n.Acme.URL + "/backoffice/simpleauth/", n.Acme.URL + "/backoffice/simpleauth/login/x", n.Acme.URL + "/x/backoffice/simpleauth/login",
	} {
		if got := n.Client(t).Open(address); got.Status != http.StatusNotFound {
			t.Errorf("%s = %d %s, want 404", address, got.Status, got.Body)
		}
	}
	if got := n.Client(t).Open(n.Bolt.URL + "/admin/simpleauth/login"); got.Status != http.StatusForbidden {
		t.Errorf("the other tenant's folder = %d %s", got.Status, got.Body)
	}
}

func TestSimpleAuthRefuses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Bolt, map[string]string{"simpleauth_operators": "true"})
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	now := time.Now().Unix()
	key := n.Acme.Keys.Secrets()["simpleauth_key"]
	with := func(payload string) string { return "token=" + jws(sha256.New, key, hs256, payload) }
	invited := operatorToken(n.Bolt, "ivy@bolt.example")
	if _, err := n.Staff.Invite(t.Context(), n.Bolt.Tenant, "ivy@bolt.example", "Ivy", auth.RoleAgent, "operator"); err != nil {
		t.Fatal(err)
	}
	const (
		expired   = "The access token has expired."
		invalid   = "The access token provided is invalid."
		nobody    = "Cannot login as not a valid user."
		operators = "Operators cannot currently login with SimpleAuth."
	)
	acme, bolt := n.Acme.URL, n.Bolt.URL
	for _, tc := range []struct {
		name, address, query string
		status               int
		message, code        string
	}{
		{"expired", acme + "/simpleauth/login", with(fmt.Sprintf(`{"email":"zoe@example.com","exp":%d,"jti":"a"}`, now-60)), 401, expired, "TOKEN_EXPIRED"},
		{"no token", acme + "/simpleauth/login", "", 401, invalid, "TOKEN_INVALID"},
		{"garbage", acme + "/simpleauth/login", "token=x", 401, invalid, "TOKEN_INVALID"},
		{"no exp", acme + "/simpleauth/login", with(`{"email":"zoe@example.com","jti":"a"}`), 401, invalid, "TOKEN_INVALID"},
		{"no jti", acme + "/simpleauth/login", with(fmt.Sprintf(`{"email":"zoe@example.com","exp":%d}`, now+60)), 401, invalid, "TOKEN_INVALID"},
		{"no email", acme + "/simpleauth/login", with(fmt.Sprintf(`{"exp":%d,"jti":"a"}`, now+60)), 401, invalid, "TOKEN_INVALID"},
		{"an address that is none", acme + "/simpleauth/login", with(fmt.Sprintf(`{"email":"zoe","exp":%d,"jti":"a"}`, now+60)), 403, nobody, "NOT_A_USER"},
		{"an hour", acme + "/simpleauth/login", with(fmt.Sprintf(`{"email":"zoe@example.com","exp":%d,"jti":"a"}`, now+3600)), 401, invalid, "TOKEN_INVALID"},
		{"the JWT login's key", acme + "/simpleauth/login", "token=" + simpleToken(n.Acme, "jwt_secret", "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"the operators' key", acme + "/simpleauth/login", "token=" + operatorToken(n.Acme, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"the other tenant's key", acme + "/simpleauth/login", "token=" + requesterToken(n.Bolt, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"the other tenant's brand_id", acme + "/simpleauth/login", "brand_id=bolt&token=" + requesterToken(n.Bolt, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"no brand_id at the node", n.URL + "/simpleauth/login", "token=" + requesterToken(n.Acme, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"nobody's brand_id", n.URL + "/simpleauth/login", "brand_id=nobody&token=" + requesterToken(n.Acme, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"another brand_id", n.URL + "/simpleauth/login", "brand_id=bolt&token=" + requesterToken(n.Acme, "zoe@example.com"), 401, invalid, "TOKEN_INVALID"},
		{"operators are off", acme + "/admin/simpleauth/login", "token=" + operatorToken(n.Acme, "ann@acme.example"), 403, operators, "OPERATORS_DISABLED"},
		{"operators are off, logout", acme + "/admin/simpleauth/logout", "token=" + operatorToken(n.Acme, "ann@acme.example"), 403, operators, "OPERATORS_DISABLED"},
		{"operators are off, at the node", n.URL + "/admin/simpleauth/login", "brand_id=acme&token=" + operatorToken(n.Acme, "ann@acme.example"), 403, operators, "OPERATORS_DISABLED"},
		{"a requester's token for operators", bolt + "/admin/simpleauth/login", "token=" + requesterToken(n.Bolt, "bo@bolt.example"), 401, invalid, "TOKEN_INVALID"},
		{"no agent", bolt + "/admin/simpleauth/login", "token=" + operatorToken(n.Bolt, "zoe@example.com"), 403, nobody, "NOT_A_USER"},
		{"the other tenant's agent", bolt + "/admin/simpleauth/login", "token=" + operatorToken(n.Bolt, "ann@acme.example"), 403, nobody, "NOT_A_USER"},
		{"somebody who has not joined", bolt + "/admin/simpleauth/login", "token=" + invited, 403, nobody, "NOT_A_USER"},
		{"a logout that expired", acme + "/simpleauth/logout", with(fmt.Sprintf(`{"email":"zoe@example.com","exp":%d,"jti":"a"}`, now-60)), 401, expired, "TOKEN_EXPIRED"},
		{"a logout without a token", acme + "/simpleauth/logout", "redirect=%2F", 401, invalid, "TOKEN_INVALID"},
		{"a domain that is not verified", acme + "/simpleauth/login", "redirect=https%3A%2F%2Fhelp.acme.example&token=" + requesterToken(n.Acme, "zoe@example.com"), 403, "Forbidden.", "DOMAIN_NOT_VERIFIED"},
		{"two tokens", acme + "/simpleauth/login", "token=a&token=b", 400, "Bad request.", "BAD_REQUEST"},
		{"a list", acme + "/simpleauth/login", "token[]=a", 400, "Bad request.", "BAD_REQUEST"},
	} {
		if tc.code == "DOMAIN_NOT_VERIFIED" {
			if _, err := n.Domains.Add(t.Context(), n.Acme.Tenant, "help.acme.example", domain.ByOperator); err != nil {
				t.Fatal(err)
			}
		}
		for _, method := range []string{"GET", "POST"} {
			address, body, headers := tc.address+"?"+tc.query, "", append([]string{nextVisitor()}, webtest.Navigate...)
			if method == "POST" {
				address, body, headers = tc.address, tc.query, append([]string{nextVisitor()}, posted(partnerSite)...)
			}
			got := n.Client(t).Do(method, address, body, headers...)
			doc := got.JSON(t)
			if got.Status != tc.status || doc["message"] != tc.message || doc["code"] != tc.code || doc["success"] != false || got.Header["Set-Cookie"] != nil {
				t.Errorf("%s %s = %d %s, want %d %s", method, tc.name, got.Status, got.Body, tc.status, tc.message)
			}
			if limit := got.Header.Get("X-RateLimit-Limit"); limit != "60" && tc.status != 403 {
				t.Errorf("%s %s: counted for %q, want the address", method, tc.name, limit)
			}
		}
	}
}

func TestSimpleAuthSignsOut(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite, "simpleauth_operators": "true"})
	logout := n.Acme.URL + "/simpleauth/logout?token="
	bye := url.QueryEscape(partnerSite + "/bye")

	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	if got := zoe.Open(logout + requesterToken(n.Acme, "eve@example.com") + "&redirect=" + bye); got.Status != http.StatusSeeOther || got.Header["Set-Cookie"] != nil {
		t.Errorf("with another one's token = %d %v", got.Status, got.Header)
	}
	if email(t, zoe, n.Acme.URL) != "zoe@example.com" {
		t.Error("another one's token ends the session")
	}
	token := requesterToken(n.Acme, "zoe@example.com")
	got := zoe.Open(logout + token + "&redirect=" + bye)
	if got.Status != http.StatusSeeOther || got.Location() != partnerSite+"/bye" || !strings.HasPrefix(got.Header.Get("Set-Cookie"), "__Host-deskgate=; ") {
		t.Errorf("logout = %d to %q, %v: %s", got.Status, got.Location(), got.Header, got.Body)
	}
	if email(t, zoe, n.Acme.URL) != "" {
		t.Error("still signed in")
	}
	if again := zoe.Open(logout + token); again.Code() != "TOKEN_REPLAYED" {
		t.Errorf("the token again = %d %s", again.Status, again.Body)
	}
	for redirect, want := range map[string]string{
		"": "/auth/sign-in?out", "/tickets": "/tickets", "https://evil.example/": "/auth/sign-in?out", "//evil.example": "/auth/sign-in?out",
		n.Acme.URL + "/x": "/x",
	} {
		got := n.Client(t).Open(logout + requesterToken(n.Acme, "zoe@example.com") + "&redirect=" + url.QueryEscape(redirect))
		if got.Status != http.StatusSeeOther || got.Location() != want {
			t.Errorf("logout to %q = %d to %q, want %q", redirect, got.Status, got.Location(), want)
		}
	}
	// Partners sign people out from a picture, too, and by a form.
	for _, headers := range [][]string{{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, posted(partnerSite)} {
		zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
		method, address, body := "GET", logout+requesterToken(n.Acme, "zoe@example.com"), ""
		if len(headers) > 3 {
			method, address, body = "POST", n.Acme.URL+"/simpleauth/logout", "token="+requesterToken(n.Acme, "zoe@example.com")
		}
		if zoe.Do(method, address, body, headers...); email(t, zoe, n.Acme.URL) != "" {
			t.Errorf("still signed in after %s with %v", method, headers)
		}
	}
	// The node knows no session of the tenant's host, and leads there.
	zoe = n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	got = zoe.Open(n.URL + "/simpleauth/logout?brand_id=acme&redirect=" + bye + "&token=" + requesterToken(n.Acme, "zoe@example.com"))
	if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), n.Acme.URL+"/simpleauth/logout?") {
		t.Fatalf("at the node = %d to %q", got.Status, got.Location())
	}
	if got = zoe.Open(got.Location()); got.Location() != partnerSite+"/bye" || email(t, zoe, n.Acme.URL) != "" {
		t.Errorf("there = %d to %q", got.Status, got.Location())
	}
	// Requesters and staff have doors of their own.
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	if ann.Open(logout + requesterToken(n.Acme, "ann@acme.example")); ann.Open(n.Acme.URL+"/agent").Status != http.StatusOK {
		t.Error("a requester's token signs staff out")
	}
	got = ann.Open(n.Acme.URL + "/admin/simpleauth/logout?token=" + operatorToken(n.Acme, "ann@acme.example"))
	if got.Location() != "/agent/login" || ann.Open(n.Acme.URL+"/agent").Status == http.StatusOK {
		t.Errorf("an operator's logout = %d to %q", got.Status, got.Location())
	}
}

// An operator's session by SimpleAuth is the word of another site: it may read, and has to prove itself before what matters.
func TestSimpleAuthOperators(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partnerSite, "simpleauth_operators": "true"})
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	for _, tc := range []struct{ redirect, want string }{
		{"", "/agent"}, {"/agent/tickets/1", "/agent/tickets/1"}, {"https://evil.example/", "/agent"}, {partnerSite + "/x", "/agent"},
	} {
		c := n.Client(t)
		got := c.Open(n.Acme.URL + "/admin/simpleauth/login?token=" + operatorToken(n.Acme, "ann@acme.example") + "&redirect=" + url.QueryEscape(tc.redirect))
		if got.Status != http.StatusSeeOther || got.Location() != tc.want || !strings.Contains(got.Header.Get("Set-Cookie"), "SameSite=Lax") {
			t.Errorf("to %q = %d to %q: %s", tc.redirect, got.Status, got.Location(), got.Body)
		}
		if page := c.Open(n.Acme.URL + "/agent"); page.Status != http.StatusOK {
			t.Errorf("the console = %d", page.Status)
		}
		change := c.Do("PUT", n.Acme.URL+"/api/tenant", `{"name":"Mine"}`, asJSON, "Origin: "+n.Acme.URL, "Sec-Fetch-Site: same-origin")
		if change.Code() != "STEP_UP_REQUIRED" {
			t.Errorf("a setting = %d %s, want STEP_UP_REQUIRED", change.Status, change.Body)
		}
	}
	// A client that is no browser has nobody to ask.
	got := n.Client(t).Get(n.Acme.URL + "/admin/simpleauth/login?token=" + operatorToken(n.Acme, "ann@acme.example"))
	if got.Status != http.StatusSeeOther || got.Header["Set-Cookie"] == nil {
		t.Errorf("a program = %d %s", got.Status, got.Body)
	}
	if got := n.Client(t).Get(n.Acme.URL + "/simpleauth/login?token=" + requesterToken(n.Acme, "zoe@example.com")); got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), "/auth/continue?token=") {
		t.Errorf("a partner's server = %d to %q", got.Status, got.Location())
	}
}

// 61 bad tokens from one address: refused, whatever the door; good ones count for the key.
func TestSimpleAuthLimits(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c, visitor := n.Client(t), nextVisitor()
	var last webtest.Answer
	for i := range 61 {
		door := []string{"/simpleauth/login", "/simpleauth/logout", "/admin/simpleauth/login"}[i%3]
		last = c.Get(n.Acme.URL+door+"?token=x", visitor)
	}
	if last.Status != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" || last.JSON(t)["retry_after"] == nil {
		t.Errorf("the 61st = %d %v %s", last.Status, last.Header, last.Body)
	}
	if got := c.Get(n.Acme.URL+"/simpleauth/login?token="+requesterToken(n.Acme, "zoe@example.com"), visitor); got.Status != http.StatusFound {
		t.Errorf("a good token from there = %d %s", got.Status, got.Body)
	}
	if got := c.Get(n.Acme.URL+"/simpleauth/login?token=x", nextVisitor()); got.Status != http.StatusUnauthorized {
		t.Errorf("another address = %d", got.Status)
	}
}
