package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/web/webtest"
)

const (
	shopOrigin  = "https://shop.partner.example"
	otherOrigin = "https://other.partner.example"
)

// embedded starts a node where both partners' origins may have Acme's widget, and the first one Bolt's.
func embedded(t *testing.T) *webtest.Node {
	t.Helper()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": shopOrigin + "," + otherOrigin})
	n.Set(t, n.Bolt, map[string]string{"allowed_origins": shopOrigin})
	return n
}

// inWidget is what the frame's own page sends along.
func inWidget(desk string) []string {
	return []string{asJSON, "Origin: " + desk, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}
}

// identify signs in at a tenant's widget on a partner's page.
func identify(t *testing.T, c *webtest.Client, desk, origin string, who map[string]string) webtest.Answer {
	t.Helper()
	fields := map[string]string{"origin": origin}
	maps.Copy(fields, who)
	return c.Do("POST", desk+"/widget/session", toJSON(t, fields), append(inWidget(desk), nextVisitor())...)
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bearerOf is the bearer in an answer that signed somebody in.
func bearerOf(t *testing.T, got webtest.Answer) string {
	t.Helper()
	bearer, _ := got.JSON(t)["bearer"].(string)
	if got.Status != 200 || !strings.HasPrefix(bearer, "dgw_") {
		t.Fatalf("sign-in at the widget = %d %s", got.Status, got.Body)
	}
	return "Authorization: Bearer " + bearer
}

func resume(c *webtest.Client, desk, origin string) webtest.Answer {
	return c.Do("POST", desk+"/widget/session/resume", `{"origin":"`+origin+`"}`, append(inWidget(desk), nextVisitor())...)
}

var zoeSaid = map[string]string{"email": "zoe@example.com", "name": "Zoe Park"}

// TestWidgetScript: partners' pages get the script from every host, small, and may keep it for minutes.
func TestWidgetScript(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const limit = 8 << 10
	for address, atNode := range map[string]bool{n.URL: true, n.Acme.URL: false} {
		got := n.Client(t).Get(address+"/widget.js", "Accept-Encoding: gzip, br")
		if got.Status != 200 || got.Header.Get("Content-Encoding") != "gzip" || len(got.Body) > limit ||
			got.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s/widget.js = %d, %d bytes, %v", address, got.Status, len(got.Body), got.Header)
		}
		z, err := gzip.NewReader(strings.NewReader(got.Body))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(z)
		plain := n.Client(t).Get(address+"/widget.js", "Accept-Encoding: identity")
		if err != nil || string(content) != plain.Body || strings.Contains(plain.Body, "atNode = true") != atNode {
			t.Errorf("%s/widget.js unpacked is another one, or of another host (%v)", address, err)
		}
		if again := n.Client(t).Get(address+"/widget.js", "If-None-Match: "+got.Header.Get("ETag")); again.Status != http.StatusNotModified {
			t.Errorf("%s/widget.js with its tag = %d", address, again.Status)
		}
		t.Logf("%s/widget.js: %d bytes, packed %d", address, len(content), len(got.Body))
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(n.Client(t).Get(n.Acme.URL+"/widget.js", "Accept-Encoding: identity").Body)); err != nil || z.Close() != nil || b.Len() > limit {
		t.Errorf("packed by anybody: %d bytes, want at most %d (%v)", b.Len(), limit, err)
	}
}

// TestWidgetFrame: only the tenant's own pages and those that it allows may show the frame.
func TestWidgetFrame(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	got := n.Client(t).Get(n.Acme.URL + "/widget/frame?lang=de&origin=" + url.QueryEscape(shopOrigin))
	expect(t, got, 200, `data-origin="`+shopOrigin+`"`)
	expect(t, got, 200, `lang="de"`)
	policy := got.Header.Get("Content-Security-Policy")
	for _, want := range []string{
		"frame-ancestors 'self' " + n.Acme.URL, " " + shopOrigin + " " + otherOrigin, "script-src 'self'", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the frame's policy %q lacks %q", policy, want)
		}
	}
	said := map[string]bool{}
	for directive := range strings.SplitSeq(policy, "; ") {
		name, _, _ := strings.Cut(directive, " ")
		if said[name] {
			t.Errorf("the frame's policy %q says %s twice", policy, name)
		}
		said[name] = true
	}
	for _, origin := range []string{"https://evil.example", "null", "", shopOrigin + ".evil.example", strings.ToUpper(shopOrigin), "*"} {
		expect(t, n.Client(t).Get(n.Acme.URL+"/widget/frame?origin="+url.QueryEscape(origin)), 200, `data-origin=""`)
	}
	if policy := n.Client(t).Get(n.Bolt.URL + "/widget/frame").Header.Get("Content-Security-Policy"); strings.Contains(policy, otherOrigin) {
		t.Errorf("Bolt's frame lets Acme's partner show it: %q", policy)
	}
	expect(t, n.Client(t).Get(n.URL+"/widget/frame"), 404, "")
	found := n.Client(t).Get(n.Acme.URL + "/.well-known/deskgate/widget?origin=x&lang=de")
	if found.Status != http.StatusSeeOther || found.Location() != "/widget/frame?origin=x&lang=de" {
		t.Errorf("the frame is found at %d %q", found.Status, found.Location())
	}
}

// TestWidgetBearer: a bearer opens a requester's part of the API at one host, and nothing else anywhere.
func TestWidgetBearer(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	c := n.Client(t)
	bearer := bearerOf(t, identify(t, c, n.Acme.URL, shopOrigin, zoeSaid))
	program := n.Client(t) // without the cookie
	expect(t, program.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Lamp","description":"It flickers."}`, asJSON, bearer), 201, `"asserted"`)
	expect(t, program.Get(n.Acme.URL+"/api/tickets", bearer), 200, "Lamp")
	expect(t, program.Get(n.Acme.URL+"/api/tickets", bearer, "Origin: "+n.Acme.URL), 200, "Lamp")

	for what, got := range map[string]webtest.Answer{
		"another tenant's host":           program.Get(n.Bolt.URL+"/api/tickets", bearer),
		"the node's host":                 program.Get(n.URL+"/api/tickets", bearer),
		"a page of the partner":           program.Get(n.Acme.URL+"/api/tickets", bearer, "Origin: "+shopOrigin),
		"a page that hides where it is":   program.Get(n.Acme.URL+"/api/tickets", bearer, "Origin: null"),
		"a part of it":                    program.Get(n.Acme.URL+"/api/tickets", bearer[:len(bearer)-1]),
		"the widget's cookie, at the API": c.Get(n.Acme.URL + "/api/tickets"),
		"as the requester's cookie":       program.Get(n.Acme.URL+"/api/tickets", "Cookie: __Host-deskgate="+strings.TrimPrefix(bearer, "Authorization: Bearer dgw_")),
	} {
		if got.Status != 401 {
			t.Errorf("%s = %d %s, want 401", what, got.Status, got.Body)
		}
	}
	for _, route := range []string{"/api/tenant", "/api/audit"} {
		if got := program.Get(n.Acme.URL+route, bearer); got.Status != 403 && got.Status != 404 {
			t.Errorf("%s = %d %s, want 403", route, got.Status, got.Body)
		}
	}
	for _, page := range []string{"/dashboard", "/agent", "/tickets/1"} {
		if got := c.Get(n.Acme.URL+page, append([]string{bearer}, webtest.Navigate...)...); got.Status != http.StatusSeeOther {
			t.Errorf("%s with bearer and widget's cookie = %d, want the way to the sign-in", page, got.Status)
		}
	}
	// It is no proof for anybody's redirect login either.
	got := program.Do("POST", n.Acme.URL+"/api/auth/redirect/acme", "email=max@example.com&name=Max", asForm, bearer)
	if got.Status != 401 || got.Code() != "SIGNATURE_INVALID" {
		t.Errorf("redirect login with the bearer = %d %s", got.Status, got.Body)
	}
}

// TestWidgetCookie: the cookie is partitioned, and buys a bearer for the same partner's page and nothing else.
func TestWidgetCookie(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	c := n.Client(t)
	got := identify(t, c, n.Acme.URL, shopOrigin, zoeSaid)
	bearer := bearerOf(t, got)
	for _, want := range []string{"__Host-deskgate-widget=", "Path=/", "HttpOnly", "Secure", "SameSite=None", "Partitioned"} {
		if set := got.Header.Values("Set-Cookie"); len(set) != 1 || !strings.Contains(set[0], want) {
			t.Errorf("the cookie %q lacks %s", set, want)
		}
	}
	again := bearerOf(t, resume(c, n.Acme.URL, shopOrigin))
	if again == bearer {
		t.Error("the cookie has bought the same bearer again")
	}
	expect(t, c.Get(n.Acme.URL+"/api/users/me", again), 200, "zoe@example.com")
	for what, got := range map[string]webtest.Answer{
		"another partner's page": resume(c, n.Acme.URL, otherOrigin),
		"no cookie":              resume(n.Client(t), n.Acme.URL, shopOrigin),
		"another tenant": n.Client(t).Do("POST", n.Bolt.URL+"/widget/session/resume", `{"origin":"`+shopOrigin+`"}`,
			append(inWidget(n.Bolt.URL), "Cookie: "+c.Cookies(n.Acme.URL)[0].String())...),
	} {
		if got.Status != http.StatusNoContent || got.Body != "" {
			t.Errorf("a bearer for %s = %d %s, want none", what, got.Status, got.Body)
		}
	}
	if got := resume(c, n.Acme.URL, "https://evil.example"); got.Status != 403 || got.Code() != "ORIGIN_NOT_ALLOWED" {
		t.Errorf("a bearer for a page that is not listed = %d %s", got.Status, got.Body)
	}
	// No other page gets the browser to ask, not even the partner's own.
	for _, origin := range []string{shopOrigin, otherOrigin, "https://evil.example", "null"} {
		for _, path := range []string{"/widget/session", "/widget/session/resume", "/widget/session/end", "/widget/code", "/widget/handoff"} {
			got := c.Do("POST", n.Acme.URL+path, `{"origin":"`+shopOrigin+`"}`, asJSON, "Origin: "+origin, "Sec-Fetch-Site: cross-site")
			if got.Status != 403 || got.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from a page of %s = %d, %v", path, origin, got.Status, got.Header)
			}
		}
	}

	// After the sign-out neither of the bearers opens anything, and the cookie is gone.
	ended := c.Do("POST", n.Acme.URL+"/widget/session/end", `{"origin":"`+shopOrigin+`"}`, append(inWidget(n.Acme.URL), again)...)
	if ended.Status != http.StatusNoContent || len(c.Cookies(n.Acme.URL)) != 0 {
		t.Errorf("sign-out = %d, cookies %v", ended.Status, c.Cookies(n.Acme.URL))
	}
	for _, b := range []string{bearer, again} {
		expect(t, c.Get(n.Acme.URL+"/api/users/me", b), 401, "")
	}
}

// TestWidgetLevels: an address alone sees what it has filed itself, a partner's token sees everything of its user, and the
// answer to the former doesn't tell whether the tenant knows the address.
func TestWidgetLevels(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	owner := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Park")
	expect(t, owner.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Old","description":"Secret."}`, asJSON), 201, "")

	c := n.Client(t)
	known := identify(t, c, n.Acme.URL, shopOrigin, zoeSaid)
	bearer := bearerOf(t, known)
	for _, path := range []string{"/api/tickets", "/api/tickets?q=secret", "/api/tickets/1", "/api/tickets/1/comments"} {
		if got := c.Get(n.Acme.URL+path, bearer); strings.Contains(got.Body, "Secret.") {
			t.Errorf("an asserted visitor reads at %s: %s", path, got.Body)
		}
	}
	unknown := identify(t, n.Client(t), n.Acme.URL, shopOrigin, map[string]string{"email": "new@example.com", "name": "Zoe Park"})
	if diff := cmp.Diff(outline(t, known), outline(t, unknown)); diff != "" {
		t.Errorf("known (-) and unknown (+) addresses are told apart:\n%s", diff)
	}

	// A token makes it hers, in a session with a new secret; the old one is over.
	token := signed(t, n.Acme.Keys.Secrets()["jwt_secret"], claims("zoe@example.com"))
	vouched := identify(t, c, n.Acme.URL, shopOrigin, map[string]string{"token": token})
	hers := bearerOf(t, vouched)
	expect(t, c.Get(n.Acme.URL+"/api/tickets/1", hers), 200, "Secret.")
	expect(t, c.Get(n.Acme.URL+"/api/users/me", bearer), 401, "")
	if got := identify(t, c, n.Acme.URL, shopOrigin, map[string]string{"token": token}); got.Status != 401 || got.Code() != "TOKEN_REPLAYED" {
		t.Errorf("the same token again = %d %s", got.Status, got.Body)
	}
	// Her address alone, said by another partner's page in a browser that keeps one cookie for both, is worth what it always was.
	elsewhere := bearerOf(t, identify(t, c, n.Acme.URL, otherOrigin, zoeSaid))
	expect(t, c.Get(n.Acme.URL+"/api/tickets/1", elsewhere), 404, "")
	// The owner sees where the widget knows her, and ends it there.
	list := expect(t, owner.Open(n.Acme.URL+"/auth/sessions"), 200, "in the widget on shop.partner.example")
	id := regexp.MustCompile(`name="session" value="([^"]+)"[^>]*>Sign out<span class="hidden">`).FindAllStringSubmatch(list.Body, -1)
	for _, one := range id[1:] { // the first one is this browser
		expect(t, owner.Send(n.Acme.URL+"/auth/sessions", url.Values{"session": {one[1]}}), 303, "")
	}
	expect(t, c.Get(n.Acme.URL+"/api/users/me", hers), 401, "")
	// The host's own session, vouched as it is, plays no part.
	beside := bearerOf(t, identify(t, owner, n.Acme.URL, shopOrigin, zoeSaid))
	expect(t, owner.Get(n.Acme.URL+"/api/tickets/1", beside), 404, "")
	expect(t, owner.Get(n.Acme.URL+"/api/tickets/1"), 200, "Secret.")
}

// outline is what an answer shows but for what is drawn by lot.
func outline(t *testing.T, got webtest.Answer) map[string]any {
	t.Helper()
	document := got.JSON(t)
	delete(document, "bearer")
	if user, ok := document["user"].(map[string]any); ok {
		delete(user, "email")
	}
	set, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), "=")
	var names []string
	for name := range got.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	return map[string]any{"status": got.Status, "document": document, "cookie": set, "headers": names}
}

// TestWidgetRules: the tenant's settings and everybody's budgets hold in the widget as well.
func TestWidgetRules(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	refused := func(what, code string, status int, got webtest.Answer) {
		t.Helper()
		if got.Status != status || got.Code() != code || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s = %d %s, want %d %s", what, got.Status, got.Body, status, code)
		}
	}
	c := n.Client(t)
	refused("a page that is not listed", "ORIGIN_NOT_ALLOWED", 403, identify(t, c, n.Acme.URL, "https://evil.example", zoeSaid))
	refused("no page", "ORIGIN_NOT_ALLOWED", 403, identify(t, c, n.Acme.URL, "", zoeSaid))
	refused("no address", "VALIDATION_FAILED", 422, identify(t, c, n.Acme.URL, shopOrigin, nil))
	refused("a wrong token", "TOKEN_INVALID", 401, identify(t, c, n.Acme.URL, shopOrigin, map[string]string{"token": "a.b.c"}))
	refused("another tenant's token", "TOKEN_INVALID", 401, identify(t, c, n.Acme.URL, shopOrigin,
		map[string]string{"token": signed(t, n.Bolt.Keys.Secrets()["jwt_secret"], claims("zoe@example.com"))}))
	refused("token and address", "BAD_REQUEST", 400, identify(t, c, n.Acme.URL, shopOrigin, map[string]string{"token": "a.b.c", "email": "zoe@example.com"}))

	n.Set(t, n.Acme, map[string]string{"unsigned": "signed"})
	refused("an address alone where a proof is demanded", "SIGNATURE_REQUIRED", 401, identify(t, c, n.Acme.URL, shopOrigin, zoeSaid))
	bearerOf(t, identify(t, c, n.Acme.URL, shopOrigin, map[string]string{"token": signed(t, n.Acme.Keys.Secrets()["jwt_secret"], claims("zoe@example.com"))}))
	n.Set(t, n.Acme, map[string]string{"unsigned": "open"})

	// The budget is that of the redirect login: sixty an hour for an address, whichever of the two it uses.
	const visitor = "X-Forwarded-For: 203.0.113.77"
	for i := range 60 {
		body := toJSON(t, map[string]string{"origin": shopOrigin, "email": "n" + strconv.Itoa(i) + "@example.com", "name": "N"})
		if got := n.Client(t).Do("POST", n.Acme.URL+"/widget/session", body, append(inWidget(n.Acme.URL), visitor)...); got.Status != 200 {
			t.Fatalf("sign-in %d = %d %s", i+1, got.Status, got.Body)
		}
	}
	last := n.Client(t).Do("POST", n.Acme.URL+"/widget/session", toJSON(t, map[string]string{"origin": shopOrigin, "email": "a@example.com", "name": "N"}),
		append(inWidget(n.Acme.URL), visitor)...)
	refused("the 61st sign-in", "RATE_LIMITED", 429, last)
	if last.Header.Get("Retry-After") == "" {
		t.Error("the 61st sign-in is not told when to come back")
	}
	form := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", "email=a@example.com&name=N", asForm, visitor)
	refused("a redirect login after them", "RATE_LIMITED", 429, form)
}

// TestWidgetHandoff: the visitor goes on in the portal, at the same request, with the same rights.
func TestWidgetHandoff(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	for level, who := range map[string]map[string]string{
		"asserted": zoeSaid, "vouched": {"token": signed(t, n.Acme.Keys.Secrets()["jwt_secret"], claims("max@example.com"))},
	} {
		bearer := bearerOf(t, identify(t, n.Client(t), n.Acme.URL, shopOrigin, who))
		made := n.Client(t).Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Filed in the widget","description":"d"}`, asJSON, bearer)
		expect(t, made, 201, "")
		number, _ := made.JSON(t)["number"].(float64)
		fields := url.Values{"bearer": {strings.TrimPrefix(bearer, "Authorization: Bearer ")}, "ticket": {strconv.Itoa(int(number))}}
		tab := n.Client(t)
		left := tab.Send(n.Acme.URL+"/widget/handoff", fields)
		if left.Status != http.StatusSeeOther || !strings.HasPrefix(left.Location(), n.Acme.URL+"/auth/callback?token=") {
			t.Fatalf("%s: hand-off = %d %q", level, left.Status, left.Location())
		}
		headers := []string{"Accept: text/html", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Referer: " + n.Acme.URL + "/"}
		in := tab.Get(left.Location(), headers...)
		if in.Status != http.StatusSeeOther || in.Location() != "/tickets/"+strconv.Itoa(int(number)) {
			t.Fatalf("%s: callback = %d %q", level, in.Status, in.Location())
		}
		expect(t, tab.Open(n.Acme.URL+in.Location()), 200, "Filed in the widget")
	}
	// Nobody's bearer, and another tenant's.
	bearer := bearerOf(t, identify(t, n.Client(t), n.Bolt.URL, shopOrigin, zoeSaid))
	for _, secret := range []string{"", "dgw_", "dgw_" + strings.Repeat("A", 43), strings.TrimPrefix(bearer, "Authorization: Bearer ")} {
		if got := n.Client(t).Send(n.Acme.URL+"/widget/handoff", url.Values{"bearer": {secret}}); got.Status != 401 {
			t.Errorf("hand-off with %q = %d, want 401", secret, got.Status)
		}
	}
}

// TestWidgetLineageStays: a hand-off from the widget signs another browser in, but never into the lineage: whoever began it would
// read what is filed there. Neither has a lineage of that browser's own, nor a client that is no browser.
func TestWidgetLineageStays(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	bearer := bearerOf(t, identify(t, n.Client(t), n.Acme.URL, shopOrigin, zoeSaid))
	leave := func() string {
		secret := strings.TrimPrefix(bearer, "Authorization: Bearer ")
		return n.Client(t).Send(n.Acme.URL+"/widget/handoff", url.Values{"bearer": {secret}}).Location()
	}
	link := []string{"Accept: text/html", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
	stranger, server := n.Visit(t, n.Acme, "zoe@example.com", "Zoe Park"), n.Client(t)
	mine := stranger.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Mine","description":"d"}`, asJSON)
	expect(t, mine, 201, "")
	if got := stranger.Get(leave(), append(link, "Referer: https://evil.example/")...); got.Status != http.StatusSeeOther {
		t.Fatalf("a link of another page's = %d", got.Status)
	}
	expect(t, stranger.Get(n.Acme.URL+"/api/tickets"), 200, "Mine")
	expect(t, stranger.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Secret","description":"d"}`, asJSON), 201, "")
	hop := server.Get(leave())
	expect(t, server.Get(n.Acme.URL+hop.Location()), 303, "")
	expect(t, server.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Secret","description":"d"}`, asJSON), 201, "")
	if got := n.Client(t).Get(n.Acme.URL+"/api/tickets", bearer); got.Status != 200 || strings.Contains(got.Body, "Secret") {
		t.Errorf("who began the lineage sees %s", got.Body)
	}
}

// TestWidgetCode: where the tenant wants addresses confirmed before the first request, the code is asked for in the widget and
// makes the widget's session a vouched one.
func TestWidgetCode(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"allowed_origins": shopOrigin, "unsigned": "confirm"})
	owner := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Park")
	expect(t, owner.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Old","description":"Secret."}`, asJSON), 201, "")
	c := n.Client(t)
	bearer := bearerOf(t, identify(t, c, n.Acme.URL, shopOrigin, zoeSaid))
	n.Set(t, n.Acme, map[string]string{"unsigned": "open"})
	expect(t, c.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"Before","description":"Mine."}`, asJSON, bearer), 201, "")
	n.Set(t, n.Acme, map[string]string{"unsigned": "confirm"})
	bearer = bearerOf(t, identify(t, c, n.Acme.URL, shopOrigin, zoeSaid))
	first := c.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"New","description":"d"}`, asJSON, bearer)
	if first.Status != 403 || first.Code() != "CONFIRMATION_REQUIRED" {
		t.Fatalf("the first request = %d %s", first.Status, first.Body)
	}
	send := func(path, body string, headers ...string) webtest.Answer {
		return c.Do("POST", n.Acme.URL+path, body, append(inWidget(n.Acme.URL), headers...)...)
	}
	expect(t, send("/widget/code/send", ""), 401, "")
	if got := send("/widget/code/send", "", bearer); got.Status != http.StatusNoContent {
		t.Fatalf("send = %d %s", got.Status, got.Body)
	}
	code := n.Mail.WaitCode(t, "zoe@example.com")
	expect(t, send("/widget/code", `{"code":"00000000"}`, bearer), 422, "")
	expect(t, send("/widget/code", `{"code":"`+code+`"}`), 401, "")
	vouched := bearerOf(t, send("/widget/code", `{"code":"`+code+`"}`, bearer))
	expect(t, c.Get(n.Acme.URL+"/api/users/me", bearer), 401, "")
	expect(t, c.Get(n.Acme.URL+"/api/tickets/1", vouched), 200, "Secret.")
	expect(t, c.Get(n.Acme.URL+"/api/tickets/2", vouched), 200, "Mine.")
	expect(t, c.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"New","description":"d"}`, asJSON, vouched), 201, "")
	expect(t, c.Get(n.Acme.URL+"/api/tickets/1", bearerOf(t, resume(c, n.Acme.URL, shopOrigin))), 200, "Secret.")
}

// TestWidgetMount: where the portal lives in a folder, so does the widget, and it is found from the root.
func TestWidgetMount(t *testing.T) {
	t.Parallel()
	n := embedded(t)
	host := n.Directory.Node().TenantHost("acme")
	if err := n.Tenants.Mount(t.Context(), n.Acme.ID, host, "/support"); err != nil {
		t.Fatal(err)
	}
	c := n.Client(t)
	if got := c.Get(n.Acme.URL + "/.well-known/deskgate/widget?lang=de"); got.Location() != "/support/widget/frame?lang=de" {
		t.Errorf("the frame is found at %d %q", got.Status, got.Location())
	}
	expect(t, c.Get(n.Acme.URL+"/support/widget.js"), 200, "Deskgate")
	expect(t, c.Get(n.Acme.URL+"/support/widget/frame?origin="+shopOrigin), 200, `data-base="/support"`)
	expect(t, c.Get(n.Acme.URL+"/widget/frame"), 404, "")
	bearer := bearerOf(t, identify(t, c, n.Acme.URL+"/support", shopOrigin, zoeSaid))
	left := c.Send(n.Acme.URL+"/support/widget/handoff", url.Values{"bearer": {strings.TrimPrefix(bearer, "Authorization: Bearer ")}})
	in := c.Get(left.Location(), "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Referer: "+n.Acme.URL+"/")
	if in.Status != http.StatusSeeOther || in.Location() != "/support/dashboard" {
		t.Errorf("the hand-off leads to %d %q", in.Status, in.Location())
	}
}
