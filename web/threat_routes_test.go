package web_test

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

// The tests in this file walk through all routes there are, so that a new one is looked at as soon as it exists.

// addressOf fills in a route's parameters: the tenant, an asset, or whatever stands for a ticket.
func addressOf(pattern, ticket string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		switch {
		case part == ":slug":
			parts[i] = "acme"
		case strings.HasPrefix(part, ":"):
			parts[i] = ticket
		}
	}
	return strings.Join(parts, "/")
}

// headerOf are a client's cookies as a header, so that no answer changes what is sent next.
func headerOf(c *webtest.Client, address string) string {
	var pairs []string
	for _, cookie := range c.Cookies(address) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ")
}

// nextVisitor has a request come from an address that nothing has been counted for.
func nextVisitor() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return "X-Forwarded-For: " + netip.AddrFrom16(b).String()
}

// safeFirst are the routes, with those that change something at the end.
func safeFirst(t *testing.T) []web.Route {
	t.Helper()
	routes := slices.Clone(newServer(t).Routes())
	slices.SortStableFunc(routes, func(a, b web.Route) int {
		return strings.Compare(rank(a), rank(b))
	})
	return routes
}

func rank(r web.Route) string {
	switch {
	case r.Method == http.MethodGet:
		return "0"
	case strings.HasSuffix(r.Pattern, "/sign-out"):
		return "2"
	}
	return "1"
}

// TestEveryAnswerIsHardened: whatever is asked by whomever, the answer says what browsers may do with it.
func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"api_requests_per_minute": "100000"})
	caller(t, n, n.Acme).file("One")
	zoe, ann := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	stranger := n.Forgetful(t)
	people := []string{"Cookie: ", headerOf(zoe, n.Acme.URL), headerOf(ann, n.Acme.URL)}
	for _, route := range safeFirst(t) {
		for _, host := range []string{n.URL, n.Acme.URL} {
			for _, who := range people {
				for _, kind := range [][]string{webtest.Submit, {"Accept: application/json", asJSON}} {
					address := host + addressOf(route.Pattern, "1")
					got := stranger.Do(route.Method, address, "", append(slices.Clone(kind), who, nextVisitor())...)
					hardened(t, route, address, got)
				}
			}
		}
	}
	for _, address := range []string{n.URL + "/nothing", n.Acme.URL + "/nothing", n.Acme.URL + "/api/nothing", n.Acme.URL + "/static/x.css"} {
		for _, method := range []string{"GET", "POST", "DELETE", "PATCH"} {
			hardened(t, web.Route{Method: method, Pattern: "none"}, address, stranger.Do(method, address, "", webtest.Submit...))
		}
	}
}

// kept are answers that browsers may keep, for a while or for good.
var kept = regexp.MustCompile(`^/(static/.*|widget\.js|api/(v1/)?openapi\.json)$`)

// framed are the pages that partners' pages show in a frame.
var framed = regexp.MustCompile(`^/widget(/|$)`)

var inline = regexp.MustCompile(`(?i)<script(?:\s+[^>]*)?>[^<]|<style|\sstyle\s*=|\son[a-z]+\s*=\s*["']|javascript:`)

func hardened(t *testing.T, route web.Route, address string, got webtest.Answer) {
	t.Helper()
	at := func(what string, args ...any) {
		t.Helper()
		t.Errorf("%s %s = %d: "+what, append([]any{route.Method, address, got.Status}, args...)...)
	}
	h, policy := got.Header, got.Header.Get("Content-Security-Policy")
	if got.Status >= 500 {
		at("%s", got.Body)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin"} {
		if h.Get(name) != want {
			at("%s is %q, want %q", name, h.Get(name), want)
		}
	}
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, want) {
			at("the policy %q lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(strings.Replace(policy, "script-src 'self'", "", 1), "script-src") {
		at("the policy %q is too wide", policy)
	}
	if !strings.HasSuffix(policy, "frame-ancestors 'none'") && !framed.MatchString(route.Pattern) {
		at("the policy %q lets others frame it", policy)
	}
	// What has a version may be kept, if it is asked for each time.
	mayKeep := h.Get("ETag") != "" && h.Get("Cache-Control") == "private, no-cache"
	if !strings.HasPrefix(h.Get("Cache-Control"), "no-store") && !mayKeep && (got.Status != 200 || !kept.MatchString(route.Pattern)) {
		at("Cache-Control is %q", h.Get("Cache-Control"))
	}
	if h.Get("Referrer-Policy") == "" && route.Pattern != "/api/auth/redirect/:slug" {
		at("there is no Referrer-Policy")
	}
	if h.Get("X-Request-Id") == "" || h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
		at("headers %v", h)
	}
	saved := strings.HasPrefix(h.Get("Content-Disposition"), "attachment")
	if kind := h.Get("Content-Type"); got.Body != "" && !saved && !strings.Contains(kind, "charset=utf-8") && !strings.HasPrefix(kind, "font/") && !strings.HasPrefix(kind, "image/") {
		at("Content-Type is %q", kind)
	}
	for _, cookie := range h["Set-Cookie"] {
		for _, want := range []string{"__Host-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite="} {
			if !strings.Contains(cookie, want) {
				at("the cookie %q lacks %q", cookie, want)
			}
		}
	}
	if strings.HasPrefix(h.Get("Content-Type"), "text/html") && inline.MatchString(got.Body) {
		at("the page has script or style in it: %q", inline.FindString(got.Body))
	}
}

// doors are the routes that pages of other sites call by design. None of them acts for whoever is signed in.
var doors = regexp.MustCompile(`^/(api/(test/)?auth/redirect/:slug|api/jwt/login|(:folder/|admin/)?simpleauth/(login|logout))$`)

// TestOtherSitesCannotAct: no route that changes something does so for a page of another site, however it asks, in the
// browser of somebody who is signed in.
func TestOtherSitesCannotAct(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "api_requests_per_minute": "100000"})
	caller(t, n, n.Acme).file("One")
	zoe, ann := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	const evil = "https://evil.example"
	stranger := n.Forgetful(t)
	attacks := []struct {
		name    string
		headers []string
	}{
		{"a form", []string{asForm, "Origin: " + evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}},
		{"a form in a sandbox", []string{asForm, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}},
		{"text", []string{"Content-Type: text/plain", "Origin: " + evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}},
		{"JSON", []string{asJSON, "Origin: " + evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}},
		{"no type at all", []string{"Origin: " + evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}},
		{"a sibling's page", []string{asForm, "Origin: " + n.Bolt.URL, "Sec-Fetch-Site: same-site"}},
		{"the node's page", []string{asForm, "Origin: " + n.URL, "Sec-Fetch-Site: same-site"}},
		{"an old browser", []string{asForm, "Origin: " + evil}},
		{"an old browser's sandbox", []string{asForm, "Origin: null"}},
		{"a look-alike", []string{asJSON, "Origin: " + n.Acme.URL + ".evil.example"}},
		{"plain HTTP", []string{asJSON, "Origin: " + strings.Replace(n.Acme.URL, "https:", "http:", 1), "Sec-Fetch-Site: cross-site"}},
	}
	for _, who := range []string{headerOf(zoe, n.Acme.URL), headerOf(ann, n.Acme.URL)} {
		for _, route := range safeFirst(t) {
			if route.Method == http.MethodGet || route.Method == http.MethodOptions || doors.MatchString(route.Pattern) {
				continue
			}
			address := n.Acme.URL + addressOf(route.Pattern, "1")
			for _, attack := range attacks {
				got := stranger.Do(route.Method, address, "", append(slices.Clone(attack.headers), who, nextVisitor())...)
				if got.Status != http.StatusForbidden && got.Status != http.StatusUnauthorized || got.Header["Set-Cookie"] != nil {
					t.Errorf("%s %s by %s = %d %s, want 401 or 403", route.Method, address, attack.name, got.Status, got.Body)
				}
			}
			// It was the other site, and nothing else: our own page may ask.
			own := stranger.Do(route.Method, address, "", asForm, "Origin: "+n.Acme.URL, "Sec-Fetch-Site: same-origin", "Accept: application/json", who, nextVisitor())
			if own.Code() == "CROSS_ORIGIN" {
				t.Errorf("%s %s by our own page = %d %s", route.Method, address, own.Status, own.Body)
			}
		}
	}
}

// TestClaimingSomebodyShowsNothing: an unproven login as somebody who has tickets sees none of them, on no route, in no tab
// and no widget, and changes none; with a proof or the code, there they are.
func TestClaimingSomebodyShowsNothing(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "api_requests_per_minute": "100000"})
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	got := expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Heliotrope"}, "description": {"My diagnosis is known to nobody."}}), 303, "")
	expect(t, zoe.Send(n.Acme.URL+got.Location()+"/reply", url.Values{"body": {"Vermilion"}}), 303, "")
	ticket := zoe.Get(n.Acme.URL + "/api/tickets/1").JSON(t)
	id, _ := ticket["id"].(string)
	secrets := []string{"Heliotrope", "diagnosis", "Vermilion", id}

	claims := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, claims.Open(n.Acme.URL+"/tickets"), 200, "Zoe")
	widget := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "origin": {partner}}
	bearer, _ := claims.Do("POST", n.Acme.URL+"/widget/session", widget.Encode(), asForm, "Origin: "+n.Acme.URL, "Sec-Fetch-Site: same-origin").JSON(t)["bearer"].(string)
	expect(t, n.Client(t).Get(n.Acme.URL+"/api/users/me", "Authorization: Bearer "+bearer), 200, "asserted")
	for _, who := range []string{headerOf(claims, n.Acme.URL), "Authorization: Bearer " + bearer} {
		showsNone(t, n, who, id, secrets)
	}
	for _, change := range []struct{ method, path, body string }{
		{"PATCH", "/api/tickets/" + id, `{"title":"Mine"}`},
		{"PUT", "/api/tickets/1", `{"status":"closed"}`},
		{"DELETE", "/api/tickets/1", ""},
		{"POST", "/api/tickets/1/comments", `{"body":"x"}`},
		{"POST", "/api/tickets/1/restore", ""},
	} {
		if got := claims.Do(change.method, n.Acme.URL+change.path, change.body, asJSON); got.Status != 404 && got.Status != 403 {
			t.Errorf("%s %s = %d %s", change.method, change.path, got.Status, got.Body)
		}
	}
	if after := zoe.Get(n.Acme.URL + "/api/tickets/1").JSON(t); after["version"] != ticket["version"] || after["title"] != "Heliotrope" {
		t.Errorf("the ticket was %v and is %v", ticket, after)
	}

	code := n.Mail.WaitCode(t, "zoe@example.com") // one of the routes has mailed it
	expect(t, claims.Send(n.Acme.URL+"/auth/confirm", url.Values{"code": {code}}), 303, "")
	for _, proven := range []*webtest.Client{claims, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")} {
		for _, path := range []string{"/tickets", "/tickets/1", "/api/tickets", "/api/tickets/" + id, "/api/tickets?q=heliotrope"} {
			expect(t, proven.Open(n.Acme.URL+path), 200, "Heliotrope")
		}
	}
}

// showsNone asks for everything there is in somebody's name.
func showsNone(t *testing.T, n *webtest.Node, who, id string, secrets []string) {
	t.Helper()
	stranger := n.Forgetful(t)
	for _, route := range safeFirst(t) {
		if doors.MatchString(route.Pattern) || strings.HasSuffix(route.Pattern, "/sign-out") || strings.HasPrefix(route.Pattern, "/widget/session") {
			continue
		}
		for _, name := range []string{id, "1"} {
			for _, query := range []string{"", "?q=heliotrope&search=heliotrope", "?include_total=true", "?requester_id=me", "?limit=100&sort=created_at"} {
				if query != "" && route.Method != http.MethodGet {
					continue
				}
				path := addressOf(route.Pattern, name)
				got := stranger.Do(route.Method, n.Acme.URL+path+query, "", append(slices.Clone(webtest.Submit), who, nextVisitor())...)
				body := strings.ReplaceAll(got.Body, path, "") // what was asked for may be named
				for _, secret := range secrets {
					if strings.Contains(body, secret) {
						t.Errorf("%s %s%s = %d shows %q", route.Method, path, query, got.Status, secret)
					}
				}
			}
		}
	}
}
