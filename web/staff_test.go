package web_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

var (
	shownKey   = regexp.MustCompile(`<code class="key">([A-Z2-7 ]+)</code>`)
	shownCodes = regexp.MustCompile(`<li><code>([0-9a-z-]{14})</code></li>`)
	shownLink  = regexp.MustCompile(`<code class="pick">([^<]+)</code>`)
)

// codeFor is what an authenticator shows that was set up with the key on a page.
func codeFor(tb testing.TB, page string) string {
	tb.Helper()
	found := shownKey.FindStringSubmatch(page)
	if found == nil {
		tb.Fatalf("no key in %s", page)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(found[1], " ", ""), time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

// password signs ann in as far as a password leads.
func password(tb testing.TB, n *webtest.Node, c *webtest.Client) webtest.Answer {
	tb.Helper()
	return c.Send(n.Acme.URL+"/agent/login", url.Values{"email": {"ann@acme.example"}, "password": {webtest.Password}, "next": {"/agent?view=mine"}})
}

// A member sets up an authenticator, keeps the recovery codes, and is asked for the one or the other from then on.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	at := func(path string) string { return n.Acme.URL + path }
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	expect(t, ann.Open(at("/agent/settings/security")), 200, "Set up an authenticator")
	got := expect(t, ann.Send(at("/agent/settings/security/authenticator/new"), nil), 303, "")
	page := expect(t, ann.Open(at(got.Location())), 200, "<svg class=\"qr\"")
	expect(t, ann.Send(at(got.Location()), url.Values{"code": {"000000"}}), 401, "This code is wrong")
	shown := expect(t, ann.Send(at(got.Location()), url.Values{"code": {codeFor(t, page.Body)}}), 200, "You see them only now")
	codes := shownCodes.FindAllStringSubmatch(shown.Body, -1)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes in %s", len(codes), shown.Body)
	}
	expect(t, ann.Open(at("/agent/settings/security")), 200, "10 left")

	other := n.Client(t)
	got = expect(t, password(t, n, other), 303, "")
	if got.Location() != "/agent/second-factor?next=%2Fagent%3Fview%3Dmine" {
		t.Fatalf("after the password: %s", got.Location())
	}
	for _, path := range []string{"/agent", "/agent/settings", "/agent/tickets/1", "/agent/step-up", "/agent/settings/security"} {
		if got := other.Open(at(path)); got.Status != 303 || !strings.HasPrefix(got.Location(), "/agent/login") {
			t.Errorf("%s with a password alone = %d to %s", path, got.Status, got.Location())
		}
	}
	if got := other.Get(at("/api/tickets")); got.Status != 401 {
		t.Errorf("the API with a password alone = %d", got.Status)
	}
	expect(t, other.Open(at(got.Location())), 200, `name="next" value="/agent?view=mine"`)
	expect(t, other.Send(at("/agent/second-factor"), url.Values{"code": {codeFor(t, page.Body)}}), 401, "This code is wrong")
	if got := n.Client(t).Send(at("/agent/second-factor"), url.Values{"code": {codes[0][1]}}); got.Status != 303 || !strings.HasPrefix(got.Location(), "/agent/login") {
		t.Errorf("in another browser = %d to %s", got.Status, got.Location())
	}
	in := other.Send(at("/agent/second-factor"), url.Values{"code": {codes[0][1]}, "next": {"/agent?view=mine"}})
	if in.Status != 303 || in.Location() != "/agent?view=mine" {
		t.Fatalf("a recovery code = %d to %s", in.Status, in.Location())
	}
	expect(t, other.Open(at("/agent")), 200, "Signed in as Ann")
	expect(t, other.Open(at("/agent/settings/sessions")), 200, "with a recovery code")

	vouched := n.Vouched(t, n.Acme, "ann@acme.example")
	step := expect(t, vouched.Open(at("/agent/settings/security")), 303, "")
	expect(t, vouched.Open(at(step.Location())), 200, `name="code"`)
	address, form := split(t, at(step.Location()))
	form.Set("password", webtest.Password)
	expect(t, vouched.Send(address, form), 401, "This code is wrong")
	form.Set("code", codes[1][1])
	expect(t, vouched.Send(address, form), 303, "")
	expect(t, vouched.Send(at("/agent/settings/security/recovery"), nil), 200, "You see them only now")
	got = expect(t, vouched.Send(at("/agent/settings/security/authenticator/off"), nil), 303, "")
	expect(t, vouched.Open(at(got.Location())), 200, "no longer asked for")
	expect(t, password(t, n, n.Client(t)), 303, "")
}

// Where a second factor is demanded, an invitation leads to setting it up, and nowhere else.
func TestDemandedSecondFactor(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"staff_second_factor": "required"})
	at := func(path string) string { return n.Acme.URL + path }
	i, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, "ann@acme.example", "Ann", auth.RoleAgent, "operator")
	if err != nil {
		t.Fatal(err)
	}
	ann := n.Client(t)
	address, form := split(t, i.URL)
	form.Set("password", webtest.Password)
	if got := ann.Send(address, form); got.Status != 303 || !strings.HasPrefix(got.Location(), "/agent/second-factor/set-up?next=") {
		t.Fatalf("invitation = %d to %s", got.Status, got.Location())
	}
	if got := ann.Open(at("/agent")); got.Status != 303 {
		t.Errorf("the console = %d", got.Status)
	}
	expect(t, ann.Open(at("/agent/second-factor")), 303, "")
	page := expect(t, ann.Open(at("/agent/second-factor/set-up")), 200, "asks its staff for a second factor")
	shown := expect(t, ann.Send(at("/agent/second-factor/set-up"), url.Values{"code": {codeFor(t, page.Body)}}), 200, "Recovery codes")
	if len(shownCodes.FindAllString(shown.Body, -1)) != 10 {
		t.Errorf("no recovery codes in %s", shown.Body)
	}
	expect(t, ann.Open(at("/agent")), 200, "Signed in as Ann")
	expect(t, ann.Send(at("/agent/settings/security/authenticator/off"), nil), 409, "demands a second factor")
	if got := expect(t, password(t, n, n.Client(t)), 303, ""); !strings.HasPrefix(got.Location(), "/agent/second-factor?") {
		t.Errorf("the second sign-in leads to %s", got.Location())
	}
}

// A forgotten password is replaced by a link in a mail; the page says the same to everybody.
func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	at := func(path string) string { return n.Acme.URL + path }
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	n.Mail.Wait(t, "ann@acme.example") // the invitation
	expect(t, n.Client(t).Open(at("/agent/login")), 200, `href="/agent/forgot"`)
	expect(t, n.Client(t).Open(at("/agent/forgot")), 200, "Send the link")
	answers := map[string]bool{}
	for _, email := range []string{"ann@acme.example", "eve@acme.example"} {
		got := expect(t, n.Client(t).Send(at("/agent/forgot"), url.Values{"email": {email}}), 200, "If there is an account")
		answers[strings.ReplaceAll(got.Body, email, "")] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	expect(t, n.Client(t).Send(at("/agent/forgot"), url.Values{"email": {"nothing"}}), 422, "valid email")
	link := n.Mail.Wait(t, "ann@acme.example").Link(t)
	expect(t, n.Client(t).Open(link), 200, "ann@acme.example")
	address, form := split(t, link)
	form.Set("password", "short")
	expect(t, n.Client(t).Send(address, form), 422, "12 characters")
	form.Set("password", "quite another phrase")
	got := expect(t, n.Client(t).Send(address, form), 303, "")
	expect(t, n.Client(t).Open(at(got.Location())), 200, "Your password was changed. Sign in with it.")
	expect(t, ann.Open(at("/agent")), 303, "")
	expect(t, n.Client(t).Open(link), 404, "RESET_INVALID")
	expect(t, n.Client(t).Open(link), 404, "Ask for a new link")
	expect(t, n.Client(t).Send(address, form), 404, "RESET_INVALID")
	if l := n.Mail.Wait(t, "ann@acme.example"); !strings.Contains(strings.ToLower(l.Subject+l.Text), "was changed") {
		t.Errorf("notice %q: %s", l.Subject, l.Text)
	}

	mute := webtest.Start(t)
	expect(t, mute.Client(t).Open(mute.Acme.URL+"/agent/forgot"), 200, "deskgate agent reset")
	expect(t, mute.Client(t).Send(mute.Acme.URL+"/agent/forgot", url.Values{"email": {"ann@acme.example"}}), 503, "sends no mail")
}

// A member sees where they are signed in, ends one session or all others, and a new password ends the others, too.
func TestStaffSessions(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	at := func(path string) string { return n.Acme.URL + path }
	first := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	second, third := n.Client(t), n.Client(t)
	for _, c := range []*webtest.Client{second, third} {
		expect(t, password(t, n, c), 303, "")
	}
	stranger := n.Agent(t, n.Acme, "bob@acme.example", "Bob", auth.RoleAdmin)
	page := expect(t, first.Open(at("/agent/settings/sessions")), 200, "This browser")
	ids := regexp.MustCompile(`name="id" value="(ses_[0-9a-f]+)"`).FindAllStringSubmatch(page.Body, -1)
	if len(ids) != 2 {
		t.Fatalf("%d other sessions in %s", len(ids), page.Body)
	}
	expect(t, stranger.Send(at("/agent/settings/sessions/end"), url.Values{"id": {ids[0][1]}}), 404, "")
	expect(t, first.Send(at("/agent/settings/sessions/end"), url.Values{"id": {ids[0][1]}}), 303, "")
	if in := second.Open(at("/agent")).Status == 200; in == (third.Open(at("/agent")).Status == 200) {
		t.Errorf("not exactly one of two sessions ended")
	}
	expect(t, first.Send(at("/agent/settings/sessions/end-others"), nil), 303, "")
	expect(t, second.Open(at("/agent")), 303, "")
	expect(t, third.Open(at("/agent")), 303, "")
	expect(t, first.Open(at("/agent")), 200, "")
	expect(t, password(t, n, second), 303, "")
	expect(t, first.Send(at("/agent/settings/security/password"), url.Values{"password": {"ann@acme.example"}}), 422, "email address")
	expect(t, first.Send(at("/agent/settings/security/password"), url.Values{"password": {"quite another phrase"}}), 303, "")
	expect(t, first.Open(at("/agent")), 200, "")
	expect(t, second.Open(at("/agent")), 303, "")
	expect(t, stranger.Open(at("/agent")), 200, "")
}

// Admins change how people come in, and look after the team; agents neither see these pages nor reach them.
func TestAdminSettings(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	at := func(path string) string { return n.Acme.URL + path }
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	page := expect(t, ann.Open(at("/agent/settings")), 200, "Sessions").Body
	for _, path := range []string{"/agent/settings/sign-in", "/agent/settings/team"} {
		if strings.Contains(page, path) {
			t.Errorf("an agent sees %s", path)
		}
		expect(t, ann.Open(at(path)), 403, "")
		expect(t, ann.Send(at(path), url.Values{"name": {"x"}}), 403, "")
		expect(t, boss.Open(at("/agent/settings")), 200, path)
		if got := n.Vouched(t, n.Acme, "boss@acme.example").Open(at(path)); got.Status != 303 || !strings.HasPrefix(got.Location(), "/agent/step-up") {
			t.Errorf("%s without a proof = %d to %s", path, got.Status, got.Location())
		}
	}
	expect(t, boss.Open(at("/agent/settings/sign-in")), 200, `value="open" checked`)
	form := url.Values{
		"unsigned": {"signed"}, "origin_mode": {"enforce"}, "staff_second_factor": {"required"}, "simpleauth_operators": {"true"},
		"allowed_origins": {"https://www.acme.example\r\nhttps://app.acme.example:8443"},
	}
	expect(t, boss.Send(at("/agent/settings/sign-in"), form), 303, "")
	now, err := n.Tenants.Find(t.Context(), "acme")
	if err != nil || now.Settings.Unsigned != "signed" || now.Settings.OriginMode != "enforce" || !now.Settings.SimpleAuthOperators ||
		now.Settings.StaffSecondFactor != "required" || len(now.Settings.AllowedOrigins) != 2 {
		t.Errorf("settings %+v, %v", now.Settings, err)
	}
	form.Set("allowed_origins", "not an origin")
	expect(t, boss.Send(at("/agent/settings/sign-in"), form), 422, "not an origin")
	n.Set(t, n.Acme, map[string]string{"staff_second_factor": ""})

	expect(t, boss.Send(at("/agent/settings/team"), url.Values{"email": {"ann@acme.example"}}), 409, "joined already")
	got := expect(t, boss.Send(at("/agent/settings/team"), url.Values{"email": {"new@acme.example"}, "role": {"agent"}}), 200, "Give this link to")
	link := html.UnescapeString(shownLink.FindStringSubmatch(got.Body)[1])
	expect(t, n.Client(t).Open(link), 200, "new@acme.example")
	m, err := n.Staff.ByEmail(t.Context(), n.Acme.Tenant, "ann@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	about := at("/agent/settings/team/" + m.ID)
	expect(t, boss.Open(about), 200, "Remove")
	expect(t, ann.Open(about), 403, "")
	expect(t, boss.Open(at("/agent/settings/team/agt_nobody")), 404, "")
	got = expect(t, boss.Send(about+"/reset", nil), 200, "and to nobody else")
	expect(t, n.Client(t).Open(html.UnescapeString(shownLink.FindStringSubmatch(got.Body)[1])), 200, "New password")
	expect(t, boss.Send(about+"/role", url.Values{"role": {"admin"}}), 303, "")
	expect(t, ann.Open(about), 200, "This is you")
	expect(t, ann.Send(about+"/role", url.Values{"role": {"agent"}}), 403, "Another admin")
	expect(t, ann.Send(about+"/remove", nil), 403, "Another admin")
	expect(t, boss.Send(about+"/end-all", nil), 303, "")
	expect(t, ann.Open(at("/agent")), 303, "")
	expect(t, password(t, n, ann), 303, "")
	expect(t, boss.Send(about+"/remove", nil), 303, "")
	expect(t, ann.Open(at("/agent")), 303, "")
	expect(t, password(t, n, ann), 401, "wrong")
}

// The staff's cookie speaks for nobody on a request that another page had the browser make, be it a sibling host's or an
// origin that the tenant allows: only the click on a link brings it along.
func TestStaffCookieOfOtherPages(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := "https://app.partner.example"
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	document := []string{"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
	frame := []string{"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}
	fetch := []string{"Accept: application/json", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}
	for _, tc := range []struct {
		method, path string
		headers      []string
		site, origin string
		in           bool
	}{
		{"GET", "/agent", document, "none", "", true},
		{"GET", "/agent", document, "cross-site", "", true},
		{"GET", "/agent", document, "same-site", "", true},
		{"GET", "/agent", frame, "cross-site", "", false},
		{"GET", "/agent", frame, "same-site", "", false},
		{"GET", "/api/users/me", fetch, "same-origin", "", true},
		{"GET", "/api/users/me", fetch, "same-site", "", false},
		{"GET", "/api/users/me", fetch, "cross-site", "", false},
		{"GET", "/api/users/me", fetch, "cross-site", partner, false},
		{"GET", "/api/users/me", fetch, "same-site", n.Bolt.URL, false},
		{"GET", "/api/users/me", []string{"Accept: application/json"}, "", partner, false},
		{"GET", "/api/users/me", []string{"Accept: application/json"}, "", "null", false},
		{"GET", "/api/users/me", []string{"Accept: application/json"}, "", n.Acme.URL, true},
		{"PUT", "/api/tenant", fetch, "cross-site", partner, false},
		{"POST", "/agent/settings", document, "same-site", n.Bolt.URL, false},
		{"POST", "/agent/settings", document, "cross-site", "null", false},
		{"POST", "/agent/settings/team", document, "cross-site", partner, false},
	} {
		headers := tc.headers
		if tc.site != "" {
			headers = append([]string{"Sec-Fetch-Site: " + tc.site}, headers...)
		}
		if tc.origin != "" {
			headers = append([]string{"Origin: " + tc.origin}, headers...)
		}
		body := ""
		if tc.method != "GET" {
			body = "name=Mallory"
			headers = append([]string{"Content-Type: application/x-www-form-urlencoded"}, headers...)
		}
		if got := ann.Do(tc.method, n.Acme.URL+tc.path, body, headers...); (got.Status == 200) != tc.in {
			t.Errorf("%s %s from %s %s in %s = %d, signed in: want %t", tc.method, tc.path, tc.site, tc.origin, tc.headers[len(tc.headers)-1], got.Status, tc.in)
		}
	}
	expect(t, ann.Open(n.Acme.URL+"/agent"), 200, "Signed in as Ann")
}
