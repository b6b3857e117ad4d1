package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// reads opens a page as a browser that asks for a language, and returns the language that it comes in.
func reads(t *testing.T, c *webtest.Client, address, accept string) string {
	t.Helper()
	got := c.Get(address, append(webtest.Navigate, "Accept-Language: "+accept)...)
	lang := regexp.MustCompile(`<html lang="([a-z]+)">`).FindStringSubmatch(got.Body)
	if lang == nil {
		t.Fatalf("%s is no page: %d", address, got.Status)
	}
	if said := got.Header.Get("Content-Language"); said != lang[1] {
		t.Errorf("%s says that it is in %q, and is in %q", address, said, lang[1])
	}
	if vary := strings.Join(got.Header.Values("Vary"), ","); !strings.Contains(vary, "Accept-Language") || !strings.Contains(vary, "Cookie") {
		t.Errorf("%s varies by %q", address, vary)
	}
	return lang[1]
}

// TestLanguage: the person's choice counts first, then the browser's, the partner's word, what the browser asks for, and the tenant's.
func TestLanguage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	is := func(c *webtest.Client, address, accept, want string) {
		t.Helper()
		if got := reads(t, c, address, accept); got != want {
			t.Errorf("%s with Accept-Language %q is in %q, want %q", address, accept, got, want)
		}
	}
	is(zoe, home+"/dashboard", "", "en")
	is(zoe, home+"/dashboard", "de-AT,en;q=0.5", "de")
	is(zoe, home+"/dashboard", "fr", "en")
	n.Set(t, n.Acme, map[string]string{"language": "de"})
	is(zoe, home+"/dashboard", "fr", "de")
	is(n.Client(t), home+"/auth/sign-in", "", "de")
	is(n.Client(t), home+"/nowhere", "", "de")
	is(n.Client(t), n.Bolt.URL+"/auth/sign-in", "", "en")
	is(zoe, home+"/dashboard", "en", "en")
	is(zoe, home+"/integration", "de", "en")

	// What is chosen goes with the person, and is nobody else's.
	expect(t, zoe.Send(home+"/auth/account", url.Values{"language": {"de"}, "zone": {"Asia/Tokyo"}}), 303, "")
	is(zoe, home+"/dashboard", "en", "de")
	again := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	is(again, home+"/dashboard", "en", "de")
	expect(t, again.Open(home+"/auth/account"), 200, `value="Asia/Tokyo" selected`)
	is(n.SignIn(t, n.Acme, "bob@example.com", "Bob"), home+"/dashboard", "en", "en")
	is(n.SignIn(t, n.Bolt, "zoe@example.com", "Zoe"), n.Bolt.URL+"/dashboard", "en", "en")
	expect(t, zoe.Send(home+"/auth/account", url.Values{}), 303, "")
	is(zoe, home+"/dashboard", "en", "en")

	expect(t, zoe.Send(home+"/auth/account", url.Values{"language": {"xx"}, "zone": {"Mars/Olympus"}}), 422, "Diese Zeitzone ist nicht bekannt.")
}

// TestLanguageOfBrowser: who is known by the browser alone chooses for that browser; nobody is led elsewhere by choosing.
func TestLanguageOfBrowser(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, choose := n.Acme.URL, n.Acme.URL+"/auth/language"
	c := n.Client(t)
	for next, want := range map[string]string{
		"/auth/sign-in": "/auth/sign-in", "": "/", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/",
	} {
		got := expect(t, c.Send(choose, url.Values{"language": {"de"}, "next": {next}}), 303, "")
		if at := got.Header.Get("Location"); at != want {
			t.Errorf("after choosing with next=%s one is led to %q, want %q", next, at, want)
		}
	}
	if got := reads(t, c, home+"/auth/sign-in", "en"); got != "de" {
		t.Errorf("the sign-in page is in %q after German was chosen", got)
	}
	expect(t, c.Send(choose, url.Values{"language": {"xx"}}), 422, "")
	expect(t, c.Send(choose, nil), 422, "")
	if got := c.Do("POST", choose, "language=de", asForm, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"); got.Status != 403 {
		t.Errorf("another site's page chooses a language: %d", got.Status)
	}
	yan := n.Visit(t, n.Acme, "yan@example.com", "Yan")
	expect(t, yan.Send(home+"/auth/account", url.Values{"language": {"de"}, "zone": {"Europe/Berlin"}}), 303, "")
	expect(t, yan.Open(home+"/auth/account"), 200, `value="Europe/Berlin" selected`)
	// Another visitor who says to have the address, and its owner, have chosen nothing.
	for _, other := range []func(testing.TB, *webtest.Tenant, string, string) *webtest.Client{n.Visit, n.SignIn} {
		if got := reads(t, other(t, n.Acme, "yan@example.com", "Yan"), home+"/dashboard", "en"); got != "en" {
			t.Errorf("another browser speaks %q", got)
		}
	}
}

// TestLanguageOfStaff: members choose on their own page, or in any page's foot.
func TestLanguageOfStaff(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAgent)
	expect(t, ann.Send(home+"/auth/language", url.Values{"language": {"de"}, "staff": {"yes"}, "next": {"/agent"}}), 303, "")
	expect(t, ann.Open(home+"/agent"), 200, "Angemeldet als Ann Lee")
	expect(t, ann.Open(home+"/agent/settings"), 200, `<option value="de" selected lang="de">`)
	expect(t, ann.Send(home+"/agent/settings", url.Values{"name": {"Ann Lee"}, "language": {"en"}, "zone": {"America/New_York"}}), 303, "")
	expect(t, ann.Get(home+"/agent", append(webtest.Navigate, "Accept-Language: de")...), 200, "Signed in as Ann Lee")
}

// TestTimesInReadersZone: the person's zone counts, then the browser's, then the tenant's.
func TestTimesInReadersZone(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	account := n.Acme.URL + "/auth/account"
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	shown := func(cookie string) string {
		t.Helper()
		headers := webtest.Navigate
		if cookie != "" {
			headers = append(headers, "Cookie: __Host-deskgate-zone="+url.QueryEscape(cookie))
		}
		line := regexp.MustCompile(`shown like this: [^<]*`).FindString(zoe.Get(account, headers...).Body)
		return line[strings.LastIndex(line, ",")+2:]
	}
	if got := shown(""); !strings.HasSuffix(got, "UTC") {
		t.Errorf("without a zone it is %q", got)
	}
	hour := func(clock string) string { return clock[:2] }
	utc := hour(shown(""))
	n.Set(t, n.Acme, map[string]string{"time_zone": "Asia/Tokyo"})
	tokyo := shown("")
	honolulu := shown("Pacific/Honolulu")
	if strings.Contains(tokyo, "UTC") || hour(tokyo) == utc || hour(honolulu) == hour(tokyo) || hour(honolulu) == utc {
		t.Errorf("at %s UTC it is %s in Tokyo and %s in Honolulu", utc, tokyo, honolulu)
	}
	for _, odd := range []string{"Mars/Olympus", "../../etc/passwd", strings.Repeat("A", 300), "Local", "<script>"} {
		if got := hour(shown(odd)); got != hour(shown("")) {
			t.Errorf("with the zone %q it is %s", odd, got)
		}
	}
	expect(t, zoe.Send(account, url.Values{"zone": {"Pacific/Honolulu"}}), 303, "")
	if got := hour(shown("")); got != hour(honolulu) && got != hour(shown("Asia/Tokyo")) {
		t.Errorf("after Honolulu was chosen it is %s", got)
	}
}

// TestStylePageIsForBuilders: the page of the design system is in no build but those with the tag dev.
func TestStylePageIsForBuilders(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	want := 404
	for _, route := range newServer(t).Routes() {
		if route.Pattern == "/agent/style" {
			want = 200
		}
	}
	expect(t, n.Client(t).Open(n.Acme.URL+"/agent/style"), want, "")
}

// TestReasonsAreInTheReadersLanguage: what other rooms say about a domain or a search is said in German to who reads German, and in
// English by the API.
func TestReasonsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Register(t, n.Acme, "help.acme.example")
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	german := func(path string) webtest.Answer {
		return ann.Get(n.Acme.URL+path, append(webtest.Navigate, "Accept-Language: de")...)
	}
	page := german("/agent/settings/domains/help.acme.example")
	expect(t, page, 200, "Im DNS wurde noch nicht nachgesehen.")
	expect(t, page, 200, "weist nach, dass die Domain Ihnen gehört")
	expect(t, ann.Send(n.Acme.URL+"/agent/settings/domains/help.acme.example/verify", nil), 303, "")
	page = german("/agent/settings/domains/help.acme.example")
	expect(t, page, 200, "<li>Der Nachweis wurde nicht gefunden. </li><li>Zu TXT _deskgate.help.acme.example gibt es keinen Eintrag. ")
	if strings.Contains(page.Body, "has no record") {
		t.Errorf("a German page says %s", page.Body)
	}
	said := caller(t, n, n.Acme).call("GET", "/api/tenant/domains/help.acme.example", "").Body
	if !strings.Contains(said, "TXT _deskgate.help.acme.example has no record. CNAME help.acme.example has no record.") {
		t.Errorf("the API says %s", said)
	}
	for search, want := range map[string]string{"status:odd": "Diesen Status gibt es nicht.", "created:soon": "Hier gehört ein Tag wie", "assignee:nobodyhere": "Diese Person gibt es im Team nicht."} {
		expect(t, german("/agent?q="+url.QueryEscape(search)), 200, want)
	}
}

// TestFieldsAreExplainedInTheReadersLanguage: what is wrong with a field is said in German to who reads German.
func TestFieldsAreExplainedInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	form := url.Values{"title": {strings.Repeat("x", 201)}, "description": {""}}
	got := zoe.Do("POST", n.Acme.URL+"/tickets", form.Encode(), append(webtest.Submit, "Accept-Language: de")...)
	expect(t, got, 422, "Bitte schreiben Sie höchstens 200 Zeichen.")
	expect(t, got, 422, "Bitte füllen Sie dieses Feld aus.")
	if strings.Contains(got.Body, " field ") {
		t.Errorf("a German page says %s", got.Body)
	}
	expect(t, zoe.Do("POST", n.Acme.URL+"/tickets", form.Encode(), append(webtest.Submit, "Accept-Language: en")...), 422, "The description field is required.")
}
