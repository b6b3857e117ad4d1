package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

const zoesAddress = "zoe@example.com"

// mailed asks for a code in a browser and returns it.
func mailed(t *testing.T, n *webtest.Node, c *webtest.Client, home, email string) string {
	t.Helper()
	expect(t, c.Send(home+"/auth/confirm/send", nil), http.StatusSeeOther, "")
	return n.Mail.WaitCode(t, email)
}

// confirm proves the address of whoever is signed in at acme in a browser.
func confirm(t *testing.T, n *webtest.Node, c *webtest.Client, email string, more ...string) {
	t.Helper()
	form := url.Values{"code": {mailed(t, n, c, n.Acme.URL, email)}}
	for _, field := range more {
		form.Set(field, "yes")
	}
	expect(t, c.Send(n.Acme.URL+"/auth/confirm", form), http.StatusSeeOther, "")
}

// cookieOf is the value of one of the cookies that a browser has at acme's host.
func cookieOf(n *webtest.Node, c *webtest.Client, name string) string {
	for _, one := range c.Cookies(n.Acme.URL) {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// TestConfirm: the banner, the code, and all that was ever filed with the address.
func TestConfirm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	owner := n.SignIn(t, n.Acme, zoesAddress, "Zoe Park")
	expect(t, owner.Send(home+"/tickets", url.Values{"title": {"Old lamp"}, "description": {"It is dark."}}), 303, "")
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe P.")
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"New lamp"}, "description": {"It is dark again."}}), 303, "")
	if page := expect(t, c.Open(home+"/dashboard"), 200, `href="/auth/confirm"`); strings.Contains(page.Body, "Old lamp") {
		t.Error("who only claims the address sees the owner's request")
	}
	expect(t, c.Open(home+"/auth/confirm"), 200, "Mail me a code")
	before := cookieOf(n, c, "__Host-deskgate")
	code := mailed(t, n, c, home, zoesAddress)
	page := expect(t, c.Open(home+"/auth/confirm"), 200, `autocomplete="one-time-code"`)
	for _, want := range []string{`inputmode="numeric"`, `name="remember"`, "in 15 minutes"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page for the code lacks %s", want)
		}
	}
	if strings.Contains(page.Body, " checked") || strings.Contains(page.Body, code) || strings.Contains(page.Body, "notice ask") {
		t.Error("the page has a ticked box, the code or the banner in it")
	}
	expect(t, c.Send(home+"/auth/confirm", url.Values{"code": {"1234"}}), 422, "8 digits")
	expect(t, c.Send(home+"/auth/confirm", url.Values{"code": {wrongCode(code)}}), 422, "not the code")
	expect(t, c.Open(home+"/auth/confirm"), 200, "4 tries are left")
	often := expect(t, c.Send(home+"/auth/confirm/send", nil), 429, "Confirm your address")
	if often.Header.Get("Retry-After") == "" || often.Header.Get("X-Ratelimit-Remaining") != "0" {
		t.Errorf("who asks too often is told %v", often.Header)
	}

	got := expect(t, c.Send(home+"/auth/confirm?next=ignored", url.Values{"code": {code[:4] + " " + code[4:]}, "next": {"/tickets?show=open"}}), 303, "")
	if got.Location() != "/tickets?show=open" {
		t.Errorf("leads to %s", got.Location())
	}
	after := cookieOf(n, c, "__Host-deskgate")
	if after == before || cookieOf(n, c, "__Host-deskgate-device") != "" {
		t.Error("the session has kept its id, or the browser is remembered without having been asked for")
	}
	if got := n.Client(t).Get(home+"/api/users/me", "Cookie: __Host-deskgate="+before); got.Status != 401 {
		t.Errorf("the asserted session = %d, want 401", got.Status)
	}
	page = expect(t, c.Open(home+"/tickets"), 200, "Old lamp")
	if !strings.Contains(page.Body, "New lamp") || strings.Contains(page.Body, "notice ask") {
		t.Errorf("after the code, the list is %s", page.Body)
	}
	if me := c.Get(home + "/api/users/me").JSON(t); me["assurance"] != "vouched" || me["name"] != "Zoe Park" {
		t.Errorf("who am I: %v, want the user as they were", me)
	}
	expect(t, c.Open(home+"/auth/confirm"), 303, "")
	expect(t, c.Send(home+"/auth/confirm", url.Values{"code": {code}}), 303, "")
	expect(t, n.Client(t).Open(home+"/auth/confirm"), 303, "")
}

// wrongCode is another code than this one.
func wrongCode(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

// TestConfirmNeedsOurForm: another site's page has no code mailed and types none, and signs nobody out.
func TestConfirmNeedsOurForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	for _, path := range []string{"/auth/confirm", "/auth/confirm/send", "/auth/claim", "/auth/sessions"} {
		for _, origin := range []string{"https://evil.example", "https://app.acme.example", "null"} {
			got := c.Do("POST", n.Acme.URL+path, "everywhere=yes", asForm, "Origin: "+origin, "Sec-Fetch-Site: cross-site")
			if got.Status != 403 {
				t.Errorf("%s posts to %s = %d, want 403", origin, path, got.Status)
			}
		}
	}
	n.Mail.None(t, zoesAddress)
}

// TestRemembered: with the box ticked, the next unsigned redirect in that browser is vouched at once, until it signs out.
func TestRemembered(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	confirm(t, n, c, zoesAddress, "remember")
	device := cookieOf(n, c, "__Host-deskgate-device")
	if device == "" {
		t.Fatal("no cookie for the browser")
	}
	comes := func(email string, cookies ...string) (me map[string]any, set string) {
		t.Helper()
		b := n.Client(t)
		callback := n.Handoff(t, n.Acme, email, "Mallory", false)
		address, token := split(t, callback)
		got := b.Do("POST", address, token.Encode(), append(append([]string{}, webtest.Submit...), cookies...)...)
		expect(t, got, 303, "")
		return b.Get(home + "/api/users/me").JSON(t), strings.Join(got.Header["Set-Cookie"], "\n")
	}
	me, set := comes(zoesAddress, "Cookie: __Host-deskgate-device="+device)
	if me["assurance"] != "vouched" || me["name"] != "Zoe" {
		t.Errorf("the remembered browser: %v, want Zoe, vouched", me)
	}
	want := regexp.MustCompile(`__Host-deskgate-device=` + device + `; Path=/; Max-Age=77(76000|75999|75998); HttpOnly; Secure; SameSite=Lax`)
	if !want.MatchString(set) {
		t.Errorf("cookies %s, want the browser's for another 90 days", set)
	}
	if me, _ := comes("bob@example.com", "Cookie: __Host-deskgate-device="+device); me["assurance"] != "asserted" {
		t.Errorf("another address in that browser: %v, want asserted", me)
	}
	twice := "Cookie: __Host-deskgate-device=" + device + "; __Host-deskgate-device=" + device
	if me, _ := comes(zoesAddress, twice); me["assurance"] != "asserted" {
		t.Errorf("with two cookies: %v, want asserted", me)
	}
	got := expect(t, c.Send(home+"/auth/sign-out", nil), 303, "")
	if set := strings.Join(got.Header["Set-Cookie"], "\n"); !strings.Contains(set, "__Host-deskgate-device=; Path=/; Max-Age=0") {
		t.Errorf("signing out sets %s, want the browser to be forgotten", set)
	}
	if me, _ := comes(zoesAddress, "Cookie: __Host-deskgate-device="+device); me["assurance"] != "asserted" {
		t.Errorf("a copy of the cookie after signing out: %v, want asserted", me)
	}
}

// TestConfirmFirst: where the tenant wants it so, a request waits for the code and then goes out, as it was written.
func TestConfirmFirst(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"unsigned": "confirm"})
	home := n.Acme.URL
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	got := c.Do("POST", home+"/api/tickets", `{"title":"a","description":"b"}`, asJSON)
	if got.Status != 403 || got.Code() != "CONFIRMATION_REQUIRED" {
		t.Errorf("API = %d %s, want 403 CONFIRMATION_REQUIRED", got.Status, got.Body)
	}
	expect(t, c.Open(home+"/tickets/create"), 200, "we mail you a code")
	written := url.Values{"title": {"Lamp <dark>"}, "description": {"First line\r\n\r\nlast \"line\""}, "key": {"k1"}}
	expect(t, c.Send(home+"/tickets", url.Values{"title": {""}, "description": {"x"}}), 422, "New request")
	page := expect(t, c.Send(home+"/tickets", written), 403, "Mail me a code")
	kept := hidden(page.Body)
	page = expect(t, c.Send(home+"/auth/confirm/send", kept), 200, "is kept")
	kept = hidden(page.Body)
	code := n.Mail.WaitCode(t, zoesAddress)
	kept.Set("code", wrongCode(code))
	page = expect(t, c.Send(home+"/auth/confirm", kept), 422, "not the code")
	kept = hidden(page.Body)
	kept.Set("code", code)
	got = expect(t, c.Send(home+"/auth/confirm", kept), 303, "")
	if got.Location() != "/tickets/1" {
		t.Errorf("leads to %s, want the request", got.Location())
	}
	p := caller(t, n, n.Acme)
	ticket := p.call("GET", "/api/tickets/1", "").JSON(t)
	if ticket["title"] != "Lamp <dark>" || ticket["description"] != "First line\n\nlast \"line\"" || ticket["requester_assurance"] != "vouched" {
		t.Errorf("filed: %v", ticket)
	}
	if got := p.call("GET", "/api/tickets?include_total=true", "").JSON(t); got["total"] != 1.0 {
		t.Errorf("%v requests, want 1", got["total"])
	}
	// Vouched people, staff and programs file as before, and so do visitors of the other tenant.
	expect(t, n.SignIn(t, n.Acme, "bob@example.com", "Bob").Send(home+"/tickets", written), 303, "")
	expect(t, p.call("POST", "/api/tickets", `{"title":"a","description":"b"}`), 201, "")
	expect(t, n.Visit(t, n.Bolt, zoesAddress, "Zoe").Send(n.Bolt.URL+"/tickets", written), 303, "")
}

var (
	inputs = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	areas  = regexp.MustCompile(`(?s)<textarea name="([^"]+)" hidden>(.*?)</textarea>`)
)

// hidden are the fields that the first form of a page sends along, as a browser reads them.
func hidden(page string) url.Values {
	page, _, _ = strings.Cut(page[strings.Index(page, "<main"):], "</form>")
	values := url.Values{}
	plain := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&", "\n", "\r\n")
	for _, all := range [][][]string{inputs.FindAllStringSubmatch(page, -1), areas.FindAllStringSubmatch(page, -1)} {
		for _, m := range all {
			values.Set(m[1], plain.Replace(m[2]))
		}
	}
	return values
}

// TestConfirmWithoutMail: nobody is asked for what they can't get, and all else works.
func TestConfirmWithoutMail(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	if page := expect(t, c.Open(home+"/dashboard"), 200, "not confirmed"); strings.Contains(page.Body, "/auth/confirm") {
		t.Error("the banner promises codes that nobody gets")
	}
	page := expect(t, c.Open(home+"/auth/confirm"), 200, "send mail")
	if strings.Contains(page.Body, "Mail me") {
		t.Error("the page offers to mail codes")
	}
	expect(t, c.Send(home+"/auth/confirm/send", nil), 503, "send mail")
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"a"}, "description": {"b"}}), 303, "")
	n.Set(t, n.Acme, map[string]string{"unsigned": "confirm"})
	expect(t, c.Open(home+"/tickets/create"), 200, "can’t mail codes")
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"a"}, "description": {"What I wrote"}}), 403, "What I wrote</textarea>")
}

// TestUnsignedSeesNothingOfTheOwner: an unsigned login as somebody who has tickets sees none of them, by whatever way, and after
// the code all of them.
func TestUnsignedSeesNothingOfTheOwner(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	owner := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	expect(t, owner.Send(home+"/tickets", url.Values{"title": {"Secret lamp"}, "description": {"Xylophone in the cellar"}}), 303, "")
	elsewhere := n.SignIn(t, n.Bolt, zoesAddress, "Zoe")
	expect(t, elsewhere.Send(n.Bolt.URL+"/tickets", url.Values{"title": {"Bolt's lamp"}, "description": {"Elsewhere"}}), 303, "")
	ticket := owner.Get(home + "/api/tickets/1").JSON(t)
	id, _ := ticket["id"].(string)
	user, _ := owner.Get(home + "/api/users/me").JSON(t)["id"].(string)
	caller(t, n, n.Acme).call("POST", "/api/tickets/1/comments", `{"body":"Answer of the team"}`)

	c := n.Visit(t, n.Acme, zoesAddress, "Zoe")
	ways := []struct {
		path   string
		status int // for who only claims the address
	}{
		{"/dashboard", 200},
		{"/tickets", 200},
		{"/tickets?q=xylophone", 200},
		{"/tickets?show=open", 200},
		{"/tickets/1", 404},
		{"/tickets/" + id, 404},
		{"/api/tickets", 200},
		{"/api/tickets?q=xylophone", 200},
		{"/api/tickets?status=open", 200},
		{"/api/tickets?include_total=true", 200},
		{"/api/tickets?requester_id=" + user, 200},
		{"/api/tickets/1", 404},
		{"/api/tickets/" + id, 404},
		{"/api/v1/tickets/1", 404},
		{"/api/tickets/1/comments", 404},
		{"/api/tickets/" + id + "/comments", 404},
		{"/api/events", 200},
		{"/api/events?type=ticket.created", 200},
		{"/api/events?ticket_id=1", 200},
		{"/api/events?ticket_id=" + id, 200},
		{"/auth/claim", 303},
	}
	secret := regexp.MustCompile(`Secret lamp|ylophone|Answer of the team|Bolt's lamp|Elsewhere|"total":1|/tickets/1"|` + id)
	for _, way := range ways {
		got := c.Open(home + way.path)
		body := got.Body
		if strings.Contains(way.path, "q=") { // the word that was searched for is in the form
			body = strings.NewReplacer(`value="xylophone"`, "", "q=xylophone", "").Replace(body)
		}
		if got.Status != way.status || secret.MatchString(body) {
			t.Errorf("who claims the address, at %s: %d %s", way.path, got.Status, secret.FindString(body))
		}
	}
	for _, change := range []struct{ method, path, body, kind string }{
		{"POST", "/tickets/1/reply", "body=x", asForm},
		{"POST", "/tickets/1/solved", "", asForm},
		{"POST", "/api/tickets/1/comments", `{"body":"x"}`, asJSON},
		{"PATCH", "/api/tickets/1", `{"status":"resolved"}`, asJSON},
		{"DELETE", "/api/tickets/1", "", asJSON},
		{"GET", "/api/tickets/1/activity", "", asJSON},
		{"GET", "/api/users", "", asJSON},
		{"GET", "/api/users?email=" + zoesAddress, "", asJSON},
		{"GET", "/api/users/" + user, "", asJSON},
		{"PUT", "/api/users/" + user, `{"name":"x"}`, asJSON},
		{"GET", "/api/users/" + user + "/export", "", asJSON},
		{"POST", "/api/users/" + user + "/erase", "", asJSON},
		{"GET", "/api/tokens", "", asJSON},
		{"GET", "/api/tenant/domains", "", asJSON},
	} {
		if got := c.Do(change.method, home+change.path, change.body, change.kind); got.Status != 404 && got.Status != 403 {
			t.Errorf("%s %s = %d %s", change.method, change.path, got.Status, got.Body)
		}
	}
	if n := c.Get(home + "/api/tickets?include_total=true").JSON(t)["total"]; n != 0.0 {
		t.Errorf("the total is %v, want 0", n)
	}

	confirm(t, n, c, zoesAddress)
	shown := regexp.MustCompile(`Secret lamp|Answer of the team|"type":"ticket.created"`)
	for _, way := range ways[:len(ways)-1] {
		if got := c.Open(home + way.path); got.Status != 200 || !shown.MatchString(got.Body) && !strings.Contains(way.path, "status=open") {
			t.Errorf("after the code, %s = %d %.300s", way.path, got.Status, got.Body)
		} else if strings.Contains(got.Body, "Bolt's lamp") {
			t.Errorf("after the code, %s shows the other tenant's", way.path)
		}
	}
	if n := c.Get(home + "/api/tickets?include_total=true").JSON(t)["total"]; n != 1.0 {
		t.Errorf("after the code the total is %v, want 1", n)
	}
}

// TestEqualAnswers: for known and unknown addresses, every step of an unsigned login and of the code answers the same.
func TestEqualAnswers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	known := n.SignIn(t, n.Acme, "known@example.com", "Somebody")
	expect(t, known.Send(home+"/tickets", url.Values{"title": {"Lamp"}, "description": {"dark"}}), 303, "")
	walk := func(email string) (steps []string) {
		c := n.Client(t)
		say := func(got webtest.Answer) webtest.Answer {
			h := got.Header.Clone()
			for _, name := range []string{"Date", "X-Request-Id", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
				h.Del(name)
			}
			steps = append(steps, normal(got, h, email))
			return got
		}
		form := url.Values{"email": {email}, "name": {"Visitor"}}
		got := say(c.Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm))
		say(c.Open(got.Location()))
		address, token := split(t, got.Location())
		say(c.Send(address, token))
		for _, path := range []string{"/dashboard", "/tickets", "/tickets/1", "/api/tickets", "/api/users/me", "/auth/confirm", "/auth/sessions", "/auth/claim"} {
			say(c.Open(home + path))
		}
		say(c.Send(home+"/auth/confirm/send", nil))
		say(c.Open(home + "/auth/confirm"))
		say(c.Send(home+"/auth/confirm", url.Values{"code": {wrongCode(n.Mail.WaitCode(t, email))}}))
		say(c.Send(home+"/auth/confirm/send", nil))
		return steps
	}
	same := func(a, b []string) {
		t.Helper()
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("step %d differs:\n%s\n\n%s", i, a[i], b[i])
			}
		}
	}
	same(walk("known@example.com"), walk("other@example.com"))
	// Who comes from nowhere and asks for a code, up to the last try.
	knock := func(email string) (steps []string) {
		c := n.Client(t)
		say := func(got webtest.Answer) {
			h := got.Header.Clone()
			for _, name := range []string{"Date", "X-Request-Id", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
				h.Del(name)
			}
			steps = append(steps, normal(got, h, email))
		}
		say(c.Open(home + "/tickets/1"))
		say(c.Open(home + "/auth/sign-in?next=%2Ftickets%2F1"))
		send := url.Values{"email": {email}, "next": {"/tickets/1"}}
		say(c.Send(home+"/auth/code/send", send))
		say(c.Open(home + "/auth/code?next=%2Ftickets%2F1"))
		say(c.Send(home+"/auth/code/send", send))
		say(n.Client(t).Send(home+"/auth/code/send", send))
		for range 7 {
			say(c.Send(home+"/auth/code", url.Values{"code": {"0000 0000"}, "next": {"/tickets/1"}}))
		}
		say(c.Open(home + "/auth/code"))
		say(c.Send(home+"/auth/code/send", send))
		return steps
	}
	n.SignIn(t, n.Acme, "mailed@example.com", "Somebody")
	n.Agent(t, n.Acme, "agents@example.com", "Ann", auth.RoleAgent)
	first := knock("mailed@example.com")
	same(first, knock("nobody@example.com"))
	same(first, knock("agents@example.com"))
}

var varying = regexp.MustCompile(`token=[^"&\s]+|value="[A-Za-z0-9_-]{20,}"|(data-owner|name="for" value)="[0-9a-f]{16}"|ses_[0-9a-f]+|__Host-deskgate(-knock)?=[A-Za-z0-9_-]+|\d\d:\d\d(:\d\d)?( UTC|Z)?|req_\w+|[0-9A-Z]{26}`)

// normal is an answer without what differs from one visit to the next.
func normal(got webtest.Answer, h http.Header, email string) string {
	var headers strings.Builder
	if err := h.Write(&headers); err != nil {
		return err.Error()
	}
	text := http.StatusText(got.Status) + "\n" + headers.String() + "\n" + got.Body
	text = strings.ReplaceAll(strings.ReplaceAll(text, email, "EMAIL"), url.QueryEscape(email), "EMAIL")
	text = strings.ReplaceAll(text, email[:1]+"•••", "MASKED")
	return varying.ReplaceAllString(text, "VARIES")
}

// TestPreHijacking: whoever claimed an address before its owner came is out when the owner comes, by whatever door.
func TestPreHijacking(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	for _, tc := range []struct {
		name, email string
		comes       func(email string) *webtest.Client
	}{
		{"by a proof of the partner's", "a@example.com", func(email string) *webtest.Client { return n.SignIn(t, n.Acme, email, "Owner") }},
		{"by a code", "b@example.com", func(email string) *webtest.Client {
			c := n.Visit(t, n.Acme, email, "Owner")
			confirm(t, n, c, email)
			return c
		}},
	} {
		early := n.Visit(t, n.Acme, tc.email, "Mallory")
		got := expect(t, early.Send(home+"/tickets", url.Values{"title": {"Give me everything"}, "description": {"of " + tc.email}}), 303, "")
		owner := tc.comes(tc.email)
		expect(t, early.Open(home+got.Location()), 303, "")
		if got := early.Get(home + "/api/tickets"); got.Status != 401 {
			t.Errorf("%s: who came before = %d, want 401", tc.name, got.Status)
		}
		if page := expect(t, owner.Open(home+"/tickets"), 200, "/auth/claim"); strings.Contains(page.Body, "Give me everything") {
			t.Errorf("%s: the owner has the other's request", tc.name)
		}
		expect(t, owner.Open(home+got.Location()), 404, "")
	}
	if got := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent).Open(home + "/agent"); strings.Count(got.Body, "not verified") != 2 {
		t.Errorf("the team sees %d requests as not verified, want 2", strings.Count(got.Body, "not verified"))
	}
}
