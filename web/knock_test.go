package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// asks has somebody without a session ask for a code at acme's sign-in page, on the way to a page.
func asks(t *testing.T, n *webtest.Node, c *webtest.Client, email, next string) {
	t.Helper()
	got := expect(t, c.Send(n.Acme.URL+"/auth/code/send", url.Values{"email": {email}, "next": {next}}), http.StatusSeeOther, "")
	if want := "/auth/code?next=" + url.QueryEscape(next); next != "" && got.Location() != want {
		t.Errorf("asking for a code leads to %s, want %s", got.Location(), want)
	}
}

// TestSignInByMail: from the link in a letter to the ticket, for somebody whom no partner sends.
func TestSignInByMail(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	expect(t, p.call("POST", "/api/tickets", `{"title":"Lamp","description":"It is dark.","requester":{"email":"`+zoesAddress+`","name":"Zoe Park"}}`), 201, "")
	c := n.Client(t)
	got := expect(t, c.Open(home+"/tickets/1?from=letter"), 303, "")
	if got.Location() != "/auth/sign-in?next=%2Ftickets%2F1%3Ffrom%3Dletter" {
		t.Fatalf("without a session, the ticket leads to %s", got.Location())
	}
	page := expect(t, c.Open(home+got.Location()), 200, `action="/auth/code/send"`)
	if !strings.Contains(page.Body, `name="next" value="/tickets/1?from=letter"`) || strings.Contains(page.Body, "<script") {
		t.Errorf("the way in does not lead on, or needs a script: %s", page.Body)
	}
	expect(t, c.Send(home+"/auth/code/send", url.Values{"email": {"zoe"}, "next": {"/tickets/1"}}), 422, "valid email address")
	asks(t, n, c, "  Zoe@Example.com ", "/tickets/1")
	code := n.Mail.WaitCode(t, zoesAddress)
	page = expect(t, c.Open(home+"/auth/code?next=%2Ftickets%2F1"), 200, `autocomplete="one-time-code"`)
	if !strings.Contains(page.Body, zoesAddress) || strings.Contains(page.Body, code) {
		t.Error("the page does not say where the code is, or says the code")
	}
	asks(t, n, c, zoesAddress, "/tickets/1") // the code of a moment ago is good: nothing is mailed, and nobody is refused
	other := n.Client(t)
	often := expect(t, other.Send(home+"/auth/code/send", url.Values{"email": {zoesAddress}}), 429, "short while ago")
	if often.Header.Get("Retry-After") == "" {
		t.Errorf("who asks too often is told %v", often.Header)
	}
	expect(t, other.Send(home+"/auth/code", url.Values{"code": {code}}), 422, "no longer good")
	expect(t, n.Client(t).Send(n.Bolt.URL+"/auth/code", url.Values{"code": {code}}), 422, "no longer good")

	expect(t, c.Send(home+"/auth/code", url.Values{"code": {"12"}}), 422, "8 digits")
	page = expect(t, c.Send(home+"/auth/code", url.Values{"code": {wrongCode(code)}, "next": {"/tickets/1"}}), 422, "4 tries are left")
	if !strings.Contains(page.Body, `name="next" value="/tickets/1"`) {
		t.Error("after a wrong code, the wanted page is forgotten")
	}
	got = expect(t, c.Send(home+"/auth/code", url.Values{"code": {code}, "next": {"/tickets/1"}}), 303, "")
	if got.Location() != "/tickets/1" {
		t.Errorf("leads to %s, want the ticket", got.Location())
	}
	expect(t, c.Open(home+"/tickets/1"), 200, "It is dark.")
	if me := c.Get(home + "/api/users/me").JSON(t); me["assurance"] != "vouched" || me["name"] != "Zoe Park" {
		t.Errorf("who am I: %v, want Zoe, vouched", me)
	}
	if set := strings.Join(got.Header["Set-Cookie"], "\n"); !strings.Contains(set, "__Host-deskgate-knock=; Path=/; Max-Age=0") {
		t.Errorf("the used code leaves its cookie: %s", set)
	}
	expect(t, c.Send(home+"/auth/code", url.Values{"code": {code}}), 422, "no longer good")
	if got := c.Get(n.Bolt.URL + "/api/users/me"); got.Status != 401 {
		t.Errorf("at the other tenant = %d, want 401", got.Status)
	}
	// Who is signed in already goes straight to the page.
	if got := expect(t, c.Open(home+"/auth/sign-in?next=%2Ftickets%2F1"), 303, ""); got.Location() != "/tickets/1" {
		t.Errorf("signed in, the way in leads to %s", got.Location())
	}
}

// TestSignInByMailIsForRequesters: strangers, staff, and requesters of the other tenant get no letter. Who is staff and a requester gets the
// requester's session. What was filed by a mere claim waits for its owner, who may come by a code.
func TestSignInByMailIsForRequesters(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	n.Agent(t, n.Acme, "both@acme.example", "Both", auth.RoleAdmin)
	n.SignIn(t, n.Acme, "both@acme.example", "Both")
	n.SignIn(t, n.Bolt, "bolts@example.com", "Bolt's")
	for _, email := range []string{"stranger@example.com", "ann@acme.example", "bolts@example.com"} {
		c := n.Client(t)
		asks(t, n, c, email, "")
		expect(t, c.Open(home+"/auth/code"), 200, email)
	}
	both := n.Client(t)
	asks(t, n, both, "both@acme.example", "")
	expect(t, both.Send(home+"/auth/code", url.Values{"code": {n.Mail.WaitCode(t, "both@acme.example")}}), 303, "")
	expect(t, both.Open(home+"/dashboard"), 200, "")
	if got := expect(t, both.Open(home+"/agent"), 303, ""); !strings.HasPrefix(got.Location(), "/agent/login") {
		t.Errorf("a requester's code opens the console: %s", got.Location())
	}
	for _, letter := range n.Mail.Letters() { // an invitation among them
		if letter.To != "both@acme.example" && strings.Contains(letter.Subject, "code") {
			t.Errorf("a code was mailed to %s", letter.To)
		}
	}

	claims := n.Visit(t, n.Acme, "claimed@example.com", "Mallory")
	expect(t, claims.Send(home+"/tickets", url.Values{"title": {"Mine?"}, "description": {"By a claim."}}), 303, "")
	owner := n.Client(t)
	asks(t, n, owner, "claimed@example.com", "")
	got := expect(t, owner.Send(home+"/auth/code", url.Values{"code": {n.Mail.WaitCode(t, "claimed@example.com")}}), 303, "")
	if !strings.HasPrefix(got.Location(), "/auth/claim") {
		t.Errorf("the owner of a claimed address is led to %s, want the claims", got.Location())
	}
	if me := owner.Get(home + "/api/users/me").JSON(t); me["name"] != "claimed" {
		t.Errorf("the owner is called %v, want the address's beginning and not what somebody said", me["name"])
	}
	expect(t, claims.Open(home+"/tickets"), 303, "")
}

// TestSignInByMailIsTheTenantsChoice: auto is off where every login needs a proof, and without mail nobody is promised any.
func TestSignInByMailIsTheTenantsChoice(t *testing.T) {
	t.Parallel()
	n, silent := webtest.Start(t, webtest.WithMail()), webtest.Start(t)
	n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	offers := func(at *webtest.Node) bool {
		return strings.Contains(expect(t, at.Client(t).Open(at.Acme.URL+"/auth/sign-in"), 200, "Sign in").Body, "/auth/code/send")
	}
	for _, tc := range []struct {
		set  map[string]string
		want bool
	}{
		{map[string]string{}, true},
		{map[string]string{"unsigned": "signed"}, false},
		{map[string]string{"mail_sign_in": "on"}, true},
		{map[string]string{"mail_sign_in": "off", "unsigned": "open"}, false},
	} {
		n.Set(t, n.Acme, tc.set)
		if got := offers(n); got != tc.want {
			t.Errorf("with %v, offered: %t, want %t", tc.set, got, tc.want)
		}
	}
	c := n.Client(t)
	expect(t, c.Send(n.Acme.URL+"/auth/code/send", url.Values{"email": {zoesAddress}}), 404, "")
	expect(t, c.Send(n.Acme.URL+"/auth/code", url.Values{"code": {"12345678"}}), 404, "")
	n.Mail.None(t, zoesAddress)
	if offers(silent) {
		t.Error("without mail, codes are promised")
	}
	expect(t, silent.Client(t).Send(silent.Acme.URL+"/auth/code/send", url.Values{"email": {zoesAddress}}), 503, "")
	if got := n.Client(t).Open(n.Acme.URL + "/auth/code"); got.Status != 303 || got.Location() != "/auth/sign-in" {
		t.Errorf("without a code to type = %d %s", got.Status, got.Location())
	}
}

// TestSignInByMailNeedsOurForm: another site's page has no code mailed and signs nobody in.
func TestSignInByMailNeedsOurForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	for _, path := range []string{"/auth/code", "/auth/code/send"} {
		for _, origin := range []string{"https://evil.example", "null", n.Bolt.URL} {
			got := n.Client(t).Do("POST", n.Acme.URL+path, "code=12345678&email="+url.QueryEscape(zoesAddress), asForm, "Origin: "+origin, "Sec-Fetch-Site: cross-site")
			if got.Status != 403 {
				t.Errorf("%s posts to %s = %d, want 403", origin, path, got.Status)
			}
		}
	}
	n.Mail.None(t, zoesAddress)
}

// TestGuessedSignInCode: five tries, and then the right code opens nothing either.
func TestGuessedSignInCode(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	c := n.Client(t)
	asks(t, n, c, zoesAddress, "")
	code := n.Mail.WaitCode(t, zoesAddress)
	for range 4 {
		expect(t, c.Send(n.Acme.URL+"/auth/code", url.Values{"code": {wrongCode(code)}}), 422, "not the code")
	}
	expect(t, c.Send(n.Acme.URL+"/auth/code", url.Values{"code": {wrongCode(code)}}), 422, "not the code")
	expect(t, c.Send(n.Acme.URL+"/auth/code", url.Values{"code": {code}}), 422, "no longer good")
	if got := c.Get(n.Acme.URL + "/api/users/me"); got.Status != 401 {
		t.Errorf("who am I = %d, want 401", got.Status)
	}
}

// TestWantedPage: whoever wanted a page and had no session lands there after the partner's hand-off, unless that says where to.
func TestWantedPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	owner := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	expect(t, owner.Send(home+"/tickets", url.Values{"title": {"Lamp"}, "description": {"dark"}}), 303, "")
	lands := func(wanted, redirect string) string {
		t.Helper()
		c := n.Client(t)
		if way := c.Open(home + wanted); way.Status == 303 {
			c.Open(home + way.Location())
		}
		got := expect(t, c.Open(handoffTo(t, n, zoesAddress, redirect)), 303, "")
		if left := cookieOf(n, c, "__Host-deskgate-wanted"); left != "" {
			t.Errorf("the browser still wants %s", left)
		}
		return got.Location()
	}
	for _, tc := range []struct{ wanted, redirect, want string }{
		{"/tickets/1", "", "/tickets/1"},
		{"/tickets/1?a=b", "https://app.acme.example/back", "/tickets/1?a=b"},
		{"/tickets/1", "https://unknown.example/", "/tickets/1"},
		{"/tickets/1", "/tickets/create", "/tickets/create"},
		{"/tickets/1", "/dashboard", "/dashboard"},
		{"/auth/sessions", "", "/dashboard"},
		{"/auth/sign-in?next=//evil.example", "", "/dashboard"},
		{"/auth/sign-in?next=https://app.acme.example/x", "", "/dashboard"},
		{`/auth/sign-in?next=/\evil.example`, "", "/dashboard"},
		{"/auth/sign-in?next=/auth/callback%3Ftoken%3Dx", "", "/dashboard"},
		{"/auth/sign-in?next=/%252f%252fevil.example", "", "/dashboard"},
	} {
		if got := lands(tc.wanted, tc.redirect); got != tc.want {
			t.Errorf("who wanted %s and comes with redirect_url %q lands on %s, want %s", tc.wanted, tc.redirect, got, tc.want)
		}
	}
}

// TestWantedPageOfVisitors: who only claims an address lands on what everybody may see; what needs a proof waits for it.
func TestWantedPageOfVisitors(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	owner := n.SignIn(t, n.Acme, zoesAddress, "Zoe")
	expect(t, owner.Send(home+"/tickets", url.Values{"title": {"Lamp"}, "description": {"dark"}}), 303, "")
	for wanted, want := range map[string]struct {
		landing string
		held    bool
	}{
		"/tickets/create":               {"/tickets/create", false},
		"/tickets/create?category_id=x": {"/tickets/create?category_id=x", false},
		"/tickets?show=solved":          {"/tickets?show=solved", false},
		"/tickets/1?a=b":                {"/dashboard", true},
		"/tickets/created":              {"/dashboard", true},
	} {
		c := n.Client(t)
		expect(t, c.Open(home+expect(t, c.Open(home+wanted), 303, "").Location()), 200, "")
		_, query, _ := strings.Cut(n.Handoff(t, n.Acme, zoesAddress, "Zoe", false), "?")
		token, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := expect(t, c.Send(home+"/auth/callback", token), 303, ""); got.Location() != want.landing {
			t.Errorf("who wanted %s lands on %s, want %s", wanted, got.Location(), want.landing)
		}
		if held := cookieOf(n, c, "__Host-deskgate-wanted") != ""; held != want.held {
			t.Errorf("the browser remembers %s: %t", wanted, held)
		}
	}
}

// handoffTo is the callback of a proven redirect login at acme that wants to land somewhere.
func handoffTo(t *testing.T, n *webtest.Node, email, redirect string) string {
	t.Helper()
	form := url.Values{"email": {email}, "name": {"Zoe"}, "redirect_url": {redirect}}
	return expect(t, n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm, "Authorization: Bearer "+n.Acme.Token), 302, "").Location()
}
