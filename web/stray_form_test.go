package web_test

import (
	"html"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// madeFor is the field of a page's forms that says whom they were made for.
func madeFor(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`<input type="hidden" name="for" value="([0-9a-f]{16})">`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form says whom it was made for: %s", page)
	}
	return found[1]
}

// TestFormsKnowWhomTheyWereMadeFor: somebody else signs in in the browser, and what is sent from an older page neither gets lost nor is theirs.
func TestFormsKnowWhomTheyWereMadeFor(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	c := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"Zoe's lamp"}, "description": {"Dark."}}), 303, "")
	zoes := madeFor(t, c.Open(home+"/tickets/1").Body)
	expect(t, c.Send(home+"/tickets/1/reply", url.Values{"body": {"Mine"}, "for": {zoes}}), 303, "")
	if got := c.Open(n.Handoff(t, n.Acme, "bob@example.com", "Bob", true)); got.Status == 200 { // "Continue as …"
		_, query, _ := strings.Cut(n.Handoff(t, n.Acme, "bob@example.com", "Bob", true), "?")
		token, _ := url.ParseQuery(query)
		expect(t, c.Send(home+"/auth/callback", token), 303, "")
	}
	expect(t, c.Open(home+"/dashboard"), 200, "Bob")
	bobs := madeFor(t, c.Open(home+"/tickets/create").Body)

	// A reply goes back to where it was made, and is not taken as his.
	got := expect(t, c.Send(home+"/tickets/1/reply", url.Values{"body": {"A long\nthought"}, "key": {"k1"}, "for": {zoes}}), 409, "A long\nthought</textarea>")
	for _, want := range []string{"Somebody else is signed in", "<b>Bob</b>", `name="for" value="` + zoes + `"`, `name="key" value="k1"`, `action="/tickets/1/reply"`} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(got.Body, `name="as"`) {
		t.Error("a reply to somebody's ticket is offered to somebody else")
	}
	// With files as well: none of them becomes his.
	form := url.Values{"body": {"With a file"}, "for": {zoes}}
	expect(t, c.Attach(home+"/tickets/1/reply", form, []webtest.File{{Name: "a.txt", Content: "x"}}), 409, "not kept")
	bob, _ := c.Get(home+"/api/users/me", "Sec-Fetch-Site: same-origin").JSON(t)["id"].(string)
	if got := expect(t, p.call("GET", "/api/users/"+bob+"/export", ""), 200, "unused_attachments"); strings.Contains(got.Body, "a.txt") {
		t.Errorf("the file became Bob's: %s", got.Body)
	}
	// A new request can be his, if he says so.
	form = url.Values{"title": {"New lamp"}, "description": {"Please."}, "for": {zoes}}
	expect(t, c.Send(home+"/tickets", form), 409, `name="as" value="`+bobs+`"`)
	if got, _ := p.call("GET", "/api/tickets", "").JSON(t)["data"].([]any); len(got) != 1 {
		t.Errorf("there are %d tickets", len(got))
	}
	form.Set("as", bobs)
	expect(t, c.Send(home+"/tickets", form), 303, "")
	if mine := p.call("GET", "/api/tickets/2", "").Body; !strings.Contains(mine, "bob@example.com") {
		t.Errorf("the new request is %s", mine)
	}
	for _, path := range []string{"/tickets/1/solved", "/tickets/1/reopen", "/tickets/1/rating", "/auth/account", "/auth/notifications", "/auth/sessions"} {
		expect(t, c.Send(home+path, url.Values{"for": {zoes}, "stars": {"1"}, "language": {"de"}}), 409, "Nothing was done")
	}
	expect(t, c.Do("POST", home+"/tickets/1/reply", url.Values{"for": {zoes}, "body": {"x"}}.Encode(), asForm, "Sec-Fetch-Site: same-origin", "Accept: application/json"), 409, "CONFLICT")
	if got := c.Get(home+"/api/users/me", "Sec-Fetch-Site: same-origin").JSON(t); got["language"] != "en" {
		t.Errorf("Bob is spoken to in %v", got["language"])
	}
}

// TestNothingTypedIsLost: all that a form had goes along, whoever is signed in by now, but for what opens doors.
func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	p.file("A lamp")
	bea := n.Agent(t, n.Acme, "bea@acme.example", "Bea", auth.RoleAdmin)
	for path, form := range map[string]url.Values{
		"/agent/tickets": {
			"title": {"Lamp"}, "description": {"It is <dark>."}, "email": {"zoe@example.com"}, "name": {"Zoe"}, "tags": {"a, b"},
			"category": {"cat_1"}, "assignee": {"agt_1"}, "priority": {"high"},
		},
		"/agent/tickets/1":                  {"body": {"Here"}, "seen": {"none"}, "do": {"draft"}, "tags": {"x"}, "visibility": {"internal"}},
		"/agent/settings/replies/new":       {"name": {"Thanks"}, "shortcut": {"ty"}, "body": {"Thank you"}, "tags": {"kind"}, "shared": {"1"}},
		"/agent/settings/security/password": {"body": {"x"}, "categories": {"one", "two"}, "password": {"hunter2hunter2"}, "code": {"123456"}},
		"/agent/tickets/1/properties":       {"comment": {"It was good"}, "stars": {"5"}},
	} {
		form.Set("for", "0123456789abcdef")
		for _, c := range []*webtest.Client{bea, n.Client(t)} {
			got := c.Send(home+path, form)
			if got.Status != 409 && got.Status != 401 {
				t.Errorf("%s = %d %s", path, got.Status, got.Location())
				continue
			}
			for name, values := range form {
				for _, v := range values {
					v = html.EscapeString(v)
					there := strings.Contains(got.Body, `name="`+name+`" value="`+v+`"`) || strings.Contains(got.Body, ">"+v+"</textarea>") ||
						strings.Contains(got.Body, `name="`+name+`" dir="auto" value="`+v+`"`)
					if secret := name == "password" || name == "code"; there == secret {
						t.Errorf("%s, %d: %s=%s is there: %t", path, got.Status, name, v, there)
					}
				}
			}
		}
	}
}

// TestVisitorsFormsStayTheirs: who confirms an address is whom their forms were made for before.
func TestVisitorsFormsStayTheirs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	c := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	before := madeFor(t, c.Open(home+"/tickets/create").Body)
	code := mailed(t, n, c, home, "zoe@example.com")
	expect(t, c.Send(home+"/auth/confirm", url.Values{"for": {before}, "code": {code}}), 303, "")
	if after := madeFor(t, c.Open(home+"/tickets/create").Body); after == before {
		t.Error("the confirmed one is called as before")
	}
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"A lamp"}, "description": {"Dark."}, "for": {before}}), 303, "")
	// Without a session the text waits, and still knows whose it is.
	expect(t, c.Send(home+"/auth/sign-out", nil), 303, "")
	expect(t, c.Send(home+"/tickets", url.Values{"title": {"Another"}, "description": {"Dark."}, "for": {before}}), 401, `name="for" value="`+before+`"`)
}

// TestConsolesFormsKnowWhomTheyWereMadeFor: an agent's word is not another agent's.
func TestConsolesFormsKnowWhomTheyWereMadeFor(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, p := n.Acme.URL, caller(t, n, n.Acme)
	p.file("A lamp")
	ann, bea := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin), n.Agent(t, n.Acme, "bea@acme.example", "Bea", auth.RoleAdmin)
	anns, beas := madeFor(t, ann.Open(home+"/agent/tickets/1").Body), madeFor(t, bea.Open(home+"/agent/tickets/1").Body)
	if anns == beas {
		t.Fatal("both are called alike")
	}
	answer := url.Values{"body": {"Ann's answer"}, "visibility": {"public"}, "seen": {"none"}, "do": {"anyway"}, "for": {anns}}
	expect(t, bea.Send(home+"/agent/tickets/1", answer), 409, `name="as" value="`+beas+`"`)
	if got, _ := p.call("GET", "/api/tickets/1/comments", "").JSON(t)["data"].([]any); len(got) != 0 {
		t.Errorf("there are %d comments", len(got))
	}
	expect(t, bea.Send(home+"/agent/tickets/1/draft", answer), 409, "")
	for _, path := range []string{"/agent/tickets/1/properties", "/agent/bulk", "/agent/views", "/agent/settings/account", "/agent/settings/security/password", "/agent/settings/general", "/agent/settings/sla"} {
		if got := bea.Send(home+path, url.Values{"for": {anns}, "name": {"Hers"}}); got.Status != 409 && got.Status != 404 {
			t.Errorf("%s = %d %s", path, got.Status, got.Body)
		}
	}
	answer.Set("as", beas)
	expect(t, bea.Send(home+"/agent/tickets/1", answer), 303, "")
}

// TestEveryFormSaysWhomItWasMadeFor: the field stands in each form of our pages that changes something.
func TestEveryFormSaysWhomItWasMadeFor(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`<form(?:[^>{]|\{\{[^}]*\}\})*>(\{\{\$\.Mine\}\})?`)
	seen := 0
	err := fs.WalkDir(os.DirFS("pages"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "trial/") || strings.HasPrefix(path, "widget/") { // of nobody who is signed in here
			return err
		}
		text, err := fs.ReadFile(os.DirFS("pages"), path)
		for _, one := range form.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(one[0], `method="post"`) {
				if seen++; one[1] == "" {
					t.Errorf("%s: %s has no {{$.Mine}}", path, one[0])
				}
			}
		}
		return err
	})
	if err != nil || seen < 90 {
		t.Errorf("%d forms, %v", seen, err)
	}
}
