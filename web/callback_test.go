package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestCallbackLeavesTheTokenAlone walks through the rows of the callback's table that consume nothing, and then uses the
// same token.
func TestCallbackLeavesTheTokenAlone(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)
	const ready = `{"status":"handoff_ready"}`
	const document = "Sec-Fetch-Dest: document"
	const navigate = "Sec-Fetch-Mode: navigate"
	for _, tc := range []struct {
		name, method string
		headers      []string
		status       int
		body, origin string
	}{
		{"HEAD", "HEAD", nil, 200, "", ""},
		{"preflight from null", "OPTIONS", []string{"Origin: null", "Access-Control-Request-Method: GET"}, 204, "", "null"},
		{"preflight from the partner", "OPTIONS", []string{"Origin: https://app.acme.example"}, 204, "", "https://app.acme.example"},
		{"preflight from elsewhere", "OPTIONS", []string{"Origin: https://evil.example"}, 204, "", ""},
		{"prefetch", "GET", []string{"Sec-Purpose: prefetch;prerender", navigate, document}, 503, "", ""},
		{"old prefetch", "GET", []string{"Purpose: prefetch", navigate, document}, 503, "", ""},
		{"preview", "GET", []string{"X-Purpose: preview", navigate, document}, 503, "", ""},
		{"Mozilla's prefetch", "GET", []string{"X-Moz: prefetch", navigate, document}, 503, "", ""},
		{"fetch in Chromium", "GET", []string{"Origin: null", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, 200, ready, "null"},
		{"fetch in WebKit", "GET", []string{"Origin: null"}, 200, ready, "null"},
		{"fetch from the partner", "GET", []string{"Origin: https://app.acme.example"}, 200, ready, "https://app.acme.example"},
		{"fetch from elsewhere", "GET", []string{"Origin: https://evil.example"}, 200, ready, ""},
		{"suffix of the partner", "GET", []string{"Origin: https://app.acme.example.evil.example"}, 200, ready, ""},
		{"image", "GET", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 200, ready, ""},
		{"frame", "GET", []string{navigate, "Sec-Fetch-Dest: iframe", asPage}, 200, "<", ""},
	} {
		got := n.Client(t).Do(tc.method, callback, "", tc.headers...)
		if got.Status != tc.status || !strings.HasPrefix(got.Body, tc.body) || tc.body == ready && got.Body != ready {
			t.Errorf("%s = %d %q, want %d %q", tc.name, got.Status, got.Body, tc.status, tc.body)
		}
		h := got.Header
		if h.Get("Access-Control-Allow-Origin") != tc.origin || (h.Get("Access-Control-Allow-Credentials") == "true") != (tc.origin != "") {
			t.Errorf("%s: CORS headers %v, want origin %q", tc.name, h, tc.origin)
		}
		preflight := tc.method == "OPTIONS" && tc.origin != ""
		if (h.Get("Access-Control-Allow-Methods") == "GET") != preflight || (h.Get("Access-Control-Allow-Headers") == "content-type, accept") != preflight {
			t.Errorf("%s: CORS headers %v: what pages may send is for those that are granted the answer", tc.name, h)
		}
		if (h.Get("Retry-After") != "") != (tc.status == 503) {
			t.Errorf("%s: Retry-After %q", tc.name, h.Get("Retry-After"))
		}
		if h["Set-Cookie"] != nil || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v, want no cookie, no-store, no-referrer", tc.name, h)
		}
	}
	if got := n.Client(t).Open(callback); got.Status != http.StatusSeeOther {
		t.Errorf("after all that, a visit = %d %s, want 303", got.Status, got.Body)
	}
}

func TestCallbackSignsIn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Client(t)
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)
	got := c.Open(callback)
	if got.Status != http.StatusSeeOther || got.Location() != "/dashboard" {
		t.Fatalf("callback = %d to %q, want 303 to /dashboard: %s", got.Status, got.Location(), got.Body)
	}
	cookie := got.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-deskgate=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=None"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %q", cookie, want)
		}
	}
	if strings.Contains(cookie, "Domain") {
		t.Errorf("cookie %q names a domain", cookie)
	}
	for range 2 {
		me := c.Get(n.Acme.URL + "/api/users/me").JSON(t)
		if me["email"] != "zoe@example.com" || me["assurance"] != "vouched" || me["id"] == nil {
			t.Errorf("who am I: %v", me)
		}
	}
	again := n.Client(t).Open(callback)
	if again.Status != 401 || !strings.Contains(again.Body, "TOKEN_USED") {
		t.Errorf("second use = %d %s, want 401 TOKEN_USED", again.Status, again.Body)
	}
	if !strings.Contains(again.Body, "<h1>This sign-in link does not work.</h1>") {
		t.Errorf("the page does not say what went wrong: %s", again.Body)
	}
}

// A frame is told to open a tab: that page has to show up in the frames of the pages that may send visitors, and in no other.
func TestCallbackInAFrame(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)
	for _, tc := range []struct{ origins, ancestors string }{
		{"", "frame-ancestors 'none'"},
		{"https://app.acme.example,https://www.acme.example", "frame-ancestors https://app.acme.example https://www.acme.example"},
	} {
		n.Set(t, n.Acme, map[string]string{"allowed_origins": tc.origins})
		got := n.Client(t).Get(callback, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", asPage)
		if csp := got.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "; "+tc.ancestors) {
			t.Errorf("allowed origins %q: %s, want %s", tc.origins, csp, tc.ancestors)
		}
	}
	if got := n.Client(t).Open(callback); got.Status != http.StatusSeeOther || !strings.HasSuffix(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the tab = %d %v, want 303, never in a frame", got.Status, got.Header)
	}
}

func TestCookieSameSiteIsTheTenantsChoice(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"cookie_samesite": "lax"})
	got := n.Client(t).Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	if cookie := got.Header.Get("Set-Cookie"); !strings.Contains(cookie, "; SameSite=Lax") {
		t.Errorf("cookie %q, want SameSite=Lax", cookie)
	}
}

func TestCallbackAsksBeforeItSignsAStrangerIn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Client(t)
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", false)
	got := c.Open(callback)
	if got.Status != 200 || !strings.Contains(got.Body, "z•••@example.com") || got.Header["Set-Cookie"] != nil {
		t.Fatalf("unproven claim = %d %s, want a page that asks", got.Status, got.Body)
	}
	address, token := split(t, callback)
	cross := c.Do("POST", address, token.Encode(), asForm, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example")
	if cross.Status != 403 {
		t.Errorf("another site posts the token = %d, want 403", cross.Status)
	}
	if got := c.Send(address, token); got.Status != http.StatusSeeOther {
		t.Errorf("Continue = %d %s, want 303", got.Status, got.Body)
	}
	me := c.Get(n.Acme.URL + "/api/users/me").JSON(t)
	if me["assurance"] != "asserted" || me["id"] != nil || me["email"] != "zoe@example.com" {
		t.Errorf("who am I: %v, want an asserted nobody", me)
	}
}

func TestCallbackRefuses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	_, token := split(t, n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	for _, tc := range []struct{ name, address string }{
		{"none", n.Acme.URL + "/auth/callback"},
		{"nonsense", n.Acme.URL + "/auth/callback?token=nonsense"},
		{"at another tenant's host", n.Bolt.URL + "/auth/callback?" + token.Encode()},
		{"at the chain's second step", n.Acme.URL + "/auth/continue?" + token.Encode()},
	} {
		got := n.Client(t).Get(tc.address, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
		if got.Status != 401 || got.Code() != "TOKEN_INVALID" {
			t.Errorf("token %s = %d %s, want 401 TOKEN_INVALID", tc.name, got.Status, got.Body)
		}
	}
	if got := n.Client(t).Open(n.URL + "/auth/callback?" + token.Encode()); got.Status != 404 {
		t.Errorf("at a node host = %d, want 404", got.Status)
	}
}

func TestChainForPartnersServers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	server := n.Client(t)
	got := server.Get(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), "/auth/continue?token=") {
		t.Fatalf("callback = %d to %q, want 302 to /auth/continue", got.Status, got.Location())
	}
	second := n.Acme.URL + got.Location()

	// The server hands the address to the browser instead: a page, and a visit signs in.
	if got := n.Client(t).Get(second); got.Status != 200 || !strings.Contains(got.Body, "<form") {
		t.Errorf("a stranger without Sec-Fetch = %d %s, want a page with a button", got.Status, got.Body)
	}
	if got := server.Get(second); got.Status != http.StatusSeeOther {
		t.Errorf("the client with the cookie = %d %s, want 303", got.Status, got.Body)
	}
	if me := server.Get(n.Acme.URL + "/api/users/me").JSON(t); me["email"] != "zoe@example.com" {
		t.Errorf("who am I: %v", me)
	}
	if got := n.Client(t).Open(second); got.Status != 401 || !strings.Contains(got.Body, "TOKEN_USED") {
		t.Errorf("one chain gives one session; another visit = %d", got.Status)
	}
}

func TestChainEndsInTheBrowser(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	got := n.Client(t).Get(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	second, browser := n.Acme.URL+got.Location(), n.Client(t)
	if got := n.Client(t).Get(second); got.Status != 200 {
		t.Fatalf("PHP with a cookie jar that is off = %d, want 200", got.Status)
	}
	if got := browser.Open(second); got.Status != http.StatusSeeOther {
		t.Errorf("the browser at the effective URL = %d %s, want 303", got.Status, got.Body)
	}
}

// TestChainOfPOSTs: curl -X POST -L, and PHP with CURLOPT_CUSTOMREQUEST, keep the method across the redirects.
func TestChainOfPOSTs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	server := n.Client(t)
	got := expect(t, server.Do("POST", n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true), ""), http.StatusFound, "")
	expect(t, n.Client(t).Do("POST", n.Acme.URL+got.Location(), ""), 200, "<form")
	expect(t, n.Client(t).Do("POST", n.Acme.URL+got.Location(), "", "Origin: https://evil.example"), 403, "")
	expect(t, server.Do("POST", n.Acme.URL+got.Location(), ""), http.StatusSeeOther, "")
}

func TestOneOfManyCallbacksWins(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		c := n.Client(t)
		wg.Go(func() {
			switch got := c.Open(callback); {
			case got.Status == http.StatusSeeOther:
				won.Add(1)
			case got.Status == 401 && strings.Contains(got.Body, "TOKEN_USED"):
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 63 {
		t.Errorf("%d of 64 signed in and %d were refused, want 1 and 63", won.Load(), lost.Load())
	}
}

func TestTwoCookiesMeanSignedOut(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	secret := c.Cookies(n.Acme.URL)[0].Value
	me := n.Acme.URL + "/api/users/me"
	if got := n.Client(t).Get(me, "Cookie: __Host-deskgate="+secret); got.Status != 200 {
		t.Errorf("one cookie = %d, want 200", got.Status)
	}
	tossed := "Cookie: __Host-deskgate=" + secret + "; __Host-deskgate=" + secret
	if got := n.Client(t).Get(me, tossed); got.Status != 401 {
		t.Errorf("two cookies = %d, want 401", got.Status)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	secret := c.Cookies(n.Acme.URL)[0].Value
	if got := c.Do("POST", n.Acme.URL+"/auth/sign-out", "", asForm, "Sec-Fetch-Site: cross-site"); got.Status != 403 {
		t.Errorf("another site signs out = %d, want 403", got.Status)
	}
	if got := c.Send(n.Acme.URL+"/auth/sign-out", nil); got.Status != http.StatusSeeOther {
		t.Fatalf("sign out = %d %s", got.Status, got.Body)
	}
	if cookies := c.Cookies(n.Acme.URL); len(cookies) != 0 {
		t.Errorf("cookies left: %v", cookies)
	}
	if got := n.Client(t).Get(n.Acme.URL+"/api/users/me", "Cookie: __Host-deskgate="+secret); got.Status != 401 {
		t.Errorf("the old cookie still opens: %d", got.Status)
	}
}

func split(t *testing.T, address string) (string, url.Values) {
	t.Helper()
	path, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return path, values
}
