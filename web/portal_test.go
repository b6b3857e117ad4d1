package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestLargeForms: a form takes the longest text there may be, and those of strangers take little.
func TestLargeForms(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe, home := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL
	form := func(size int) url.Values {
		return url.Values{"title": {"Long"}, "description": {strings.Repeat("é", size/2)}}
	}
	expect(t, zoe.Send(home+"/tickets", form(64<<10)), 303, "")
	expect(t, zoe.Send(home+"/tickets", form(300<<10)), 413, "")
	for _, door := range []string{"/agent/login", "/auth/invite", "/auth/callback"} {
		expect(t, n.Client(t).Send(home+door, url.Values{"email": {strings.Repeat("a", 17<<10)}}), 413, "")
	}
}

// TestLongThread: a page shows a bounded part of a thread, however many comments there are.
func TestLongThread(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe, home := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL
	expect(t, zoe.Send(home+"/tickets", url.Values{"title": {"Long"}, "description": {"the beginning"}}), 303, "")
	p := caller(t, n, n.Acme)
	for i := range 60 {
		p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"message %d."}`, i))
	}
	page := expect(t, zoe.Open(home+"/tickets/1"), 200, "the beginning")
	if strings.Contains(page.Body, "message 9.") || !strings.Contains(page.Body, "message 10.") || !strings.Contains(page.Body, "message 59.") {
		t.Error("the page has other messages than the newest fifty")
	}
	earlier := regexp.MustCompile(`<a href="(/tickets/1\?before=[^"]+)">Earlier`).FindStringSubmatch(page.Body)
	if earlier == nil {
		t.Fatal("no way to the earlier messages")
	}
	page = expect(t, zoe.Open(home+earlier[1]), 200, "message 9.")
	if strings.Contains(page.Body, "message 10.") || strings.Contains(page.Body, "Earlier messages") || !strings.Contains(page.Body, "message 0.") {
		t.Error("the page of the earlier messages has others")
	}
}

// TestRequesterJourney: sign in, file a request, see the answer, reply, mark as solved, reopen, sign out.
func TestRequesterJourney(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe, home := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL
	expect(t, zoe.Open(home+"/"), 303, "")
	expect(t, zoe.Open(home+"/dashboard"), 200, "Zoe")
	form := expect(t, zoe.Open(home+"/tickets/create"), 200, `name="title"`)

	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(form.Body)[1]
	request := url.Values{"key": {key}, "title": {"Printer <burns>"}, "description": {"First line\r\nsecond line"}}
	expect(t, zoe.Send(home+"/tickets", request), 303, "")
	got := expect(t, zoe.Send(home+"/tickets", request), 303, "")
	if got.Location() != "/tickets/1" {
		t.Errorf("the same form sent twice leads to %s, want /tickets/1", got.Location())
	}
	expect(t, zoe.Open(home+"/tickets/1"), 200, "Printer &lt;burns&gt;")
	expect(t, zoe.Open(home+"/tickets/2"), 404, "Not found.")
	expect(t, zoe.Open(home+"/tickets?show=open&q=printer"), 200, "Printer &lt;burns&gt;")
	expect(t, zoe.Open(home+"/tickets?show=solved"), 200, "")

	p := caller(t, n, n.Acme)
	p.call("POST", "/api/tickets/1/comments", `{"body":"Is it on **fire**?"}`)
	p.call("PATCH", "/api/tickets/1", `{"status":"pending"}`)
	expect(t, zoe.Open(home+"/dashboard"), 200, "Waiting for you")
	expect(t, zoe.Open(home+"/tickets/1"), 200, "fire")

	reply := zoe.Send(home+"/tickets/1/reply", url.Values{"body": {"Yes, it is."}})
	if reply.Status != 303 || !strings.HasPrefix(reply.Location(), "/tickets/1#cmt_") {
		t.Errorf("reply = %d to %s", reply.Status, reply.Location())
	}
	expect(t, zoe.Send(home+"/tickets/1/reply", url.Values{"body": {" "}}), 422, "required")
	if status := p.call("GET", "/api/tickets/1", "").JSON(t)["status"]; status != "open" {
		t.Errorf("status after the reply = %v, want open", status)
	}
	expect(t, zoe.Send(home+"/tickets/1/solved", nil), 303, "")
	expect(t, zoe.Send(home+"/tickets/1/solved", nil), 303, "")
	expect(t, zoe.Open(home+"/tickets/1"), 200, "Reopen")
	expect(t, zoe.Send(home+"/tickets/1/reopen", nil), 303, "")
	if status := p.call("GET", "/api/tickets/1", "").JSON(t)["status"]; status != "open" {
		t.Errorf("status after reopening = %v, want open", status)
	}
	expect(t, zoe.Send(home+"/auth/sign-out", nil), 303, "")
	if got := expect(t, zoe.Open(home+"/dashboard"), 303, ""); !strings.HasPrefix(got.Location(), "/auth/sign-in") {
		t.Errorf("signed out, the dashboard leads to %s", got.Location())
	}
}

func TestBadRequestsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	got := zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {""}, "description": {"A long story"}})
	expect(t, got, 422, "A long story")
	expect(t, got, 422, "The title field is required.")
	got = zoe.Do("POST", n.Acme.URL+"/tickets", "title=a", "Content-Type: text/plain", asPage)
	expect(t, got, 415, "")
	got = zoe.Do("POST", n.Acme.URL+"/tickets", "title="+strings.Repeat("x", 1<<20), asForm, asPage)
	expect(t, got, 413, "")
	got = zoe.Do("POST", n.Acme.URL+"/tickets", "title=%ff&description=b", asForm, asPage)
	expect(t, got, 400, "")
}

// TestAgentJourney: accept the invitation, list, answer in public and in private, conflict, sign out and in.
func TestAgentJourney(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Send(n.Acme.URL+"/tickets", url.Values{"title": {"Printer"}, "description": {"Fire"}})
	n.Visit(t, n.Acme, "max@example.com", "Max").Send(n.Acme.URL+"/tickets", url.Values{"title": {"Screen"}, "description": {"Dark"}})
	ann, home := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent), n.Acme.URL

	list := expect(t, ann.Open(home+"/agent"), 200, "Printer")
	expect(t, list, 200, "not verified")
	expect(t, ann.Open(home+"/agent?view=mine"), 200, "")
	expect(t, ann.Open(home+"/agent?q=screen"), 200, "Screen")
	expect(t, ann.Open(home+"/agent/tickets/1"), 200, "Fire")

	properties := url.Values{"version": {"1"}, "was.status": {"new"}, "status": {"new"}, "was.priority": {"medium"}, "priority": {"high"}, "do": {"mine"}}
	expect(t, ann.Send(home+"/agent/tickets/1/properties", properties), 303, "")
	answer := url.Values{"body": {"We are coming."}, "visibility": {"public"}, "status": {"pending"}, "seen": {"none"}, "do": {"send"}}
	expect(t, ann.Send(home+"/agent/settings/console", nil), 303, "") // without undo
	expect(t, ann.Send(home+"/agent/tickets/1", answer), 303, "")
	ticket := caller(t, n, n.Acme).call("GET", "/api/tickets/1", "").JSON(t)
	assignee, _ := ticket["assignee"].(map[string]any)
	if ticket["status"] != "pending" || ticket["priority"] != "high" || assignee["name"] != "Ann" || ticket["first_response_at"] == nil {
		t.Errorf("after the answer: %v", ticket)
	}
	expect(t, ann.Send(home+"/agent/tickets/1", url.Values{"body": {"x"}, "status": {"new"}}), 409, "can&#39;t change")

	expect(t, ann.Send(home+"/agent/sign-out", nil), 303, "")
	login := expect(t, ann.Open(home+"/agent/tickets/1"), 303, "")
	if login.Location() != "/agent/login?next=%2Fagent%2Ftickets%2F1" {
		t.Errorf("signed out, the ticket leads to %s", login.Location())
	}
	expect(t, ann.Send(home+"/agent/login", url.Values{"email": {"ann@acme.example"}, "password": {"wrong"}}), 401, "wrong")
	for next, want := range map[string]string{
		"/agent/tickets/1?a=b": "/agent/tickets/1?a=b", "//evil.example/agent": "/agent",
		"/agent\\@evil.example": "/agent", "/agent/../dashboard": "/agent",
	} {
		form := url.Values{"email": {"ann@acme.example"}, "password": {webtest.Password}, "next": {next}}
		if got := expect(t, ann.Send(home+"/agent/login", form), 303, ""); got.Location() != want {
			t.Errorf("sign-in with next=%s leads to %s, want %s", next, got.Location(), want)
		}
	}
}

// TestSessionEndsWhileWriting: what somebody wrote comes back, and can be sent after signing in again.
func TestSessionEndsWhileWriting(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home, nobody := n.Acme.URL, n.Client(t)
	request := url.Values{"key": {"a"}, "title": {"Printer <1>"}, "description": {"A long\r\nstory"}, "category_id": {"x"}, "password": {"evil"}, "other": {"<evil>"}}
	got := expect(t, nobody.Send(home+"/tickets", request), 401, "A long\nstory</textarea>")
	for _, want := range []string{`value="Printer &lt;1&gt;"`, `action="/tickets"`, `name="key" value="a"`, `name="category_id" value="x"`, `href="/auth/sign-in"`} {
		expect(t, got, 401, want)
	}
	if strings.Contains(got.Body, `"evil"`) || strings.Contains(got.Body, "<evil>") {
		t.Error("the page keeps what opens doors, or what is no text")
	}
	answer := url.Values{"version": {"1"}, "body": {"We come."}, "visibility": {"internal"}}
	got = expect(t, nobody.Send(home+"/agent/tickets/1", answer), 401, "We come.")
	expect(t, got, 401, `name="visibility" value="internal"`)
	expect(t, got, 401, `href="/agent/login"`)
	if got := expect(t, nobody.Send(home+"/tickets/1/solved", nil), 303, ""); got.Location() != "/auth/sign-in" {
		t.Errorf("a form without text leads to %s", got.Location())
	}
	foreign := nobody.Do("POST", home+"/tickets", request.Encode(), asForm, asPage, "Origin: https://evil.example")
	if expect(t, foreign, 403, ""); strings.Contains(foreign.Body, "story") {
		t.Error("another site's page shows its text on ours")
	}
	request.Set("category_id", "")
	expect(t, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Send(home+"/tickets", request), 303, "")
}

// TestFormsSentTwice: a second click changes nothing and says nothing of a conflict; another text is another answer. What becomes of
// public replies, which wait before they are sent, is in TestConsoleUndo.
func TestFormsSentTwice(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe, ann := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	request := url.Values{"key": {"a"}, "title": {"Printer"}, "description": {"Fire"}}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { expect(t, zoe.Send(n.Acme.URL+"/tickets", request), 303, "") })
	}
	all.Wait()
	request.Set("title", "Screen")
	if got := expect(t, zoe.Send(n.Acme.URL+"/tickets", request), 303, ""); got.Location() != "/tickets/2" {
		t.Errorf("another request from the same form is at %s, want /tickets/2", got.Location())
	}
	for _, text := range []string{"On our way.", "On our way.", "No, tomorrow."} {
		expect(t, zoe.Send(n.Acme.URL+"/tickets/1/reply", url.Values{"key": {"b"}, "body": {text}}), 303, "")
	}
	answer := url.Values{"key": {"c"}, "version": {"3"}, "body": {"We come."}, "status": {"pending"}, "visibility": {"internal"}}
	for range 2 {
		expect(t, ann.Send(n.Acme.URL+"/agent/tickets/1", answer), 303, "")
	}
	comments, _ := caller(t, n, n.Acme).call("GET", "/api/tickets/1/comments", "").JSON(t)["data"].([]any)
	if len(comments) != 3 {
		t.Errorf("%d comments, want 3", len(comments))
	}
}

func TestInvitationWorksOnce(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	invitation, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, "ann@acme.example", "Ann", auth.RoleAgent, "operator")
	if err != nil {
		t.Fatal(err)
	}
	address, form := split(t, invitation.URL)
	c := n.Client(t)
	form.Set("password", "short")
	expect(t, c.Send(address, form), 422, "password")
	form.Set("password", webtest.Password)
	expect(t, c.Send(address, form), 303, "")
	expect(t, n.Client(t).Send(address, form), 404, "INVITATION_INVALID")
	expect(t, n.Client(t).Open(invitation.URL), 404, "INVITATION_INVALID")
	expect(t, n.Client(t).Open(invitation.URL), 404, "Go to the staff sign-in")
}

// TestPagesAreHardened: every page says what browsers may do with it.
func TestPagesAreHardened(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	scripted := regexp.MustCompile(`/(agent/login|dashboard|tickets|tickets/create)$`)
	for _, address := range []string{
		n.URL + "/", n.URL + "/nothing", n.Acme.URL + "/dashboard", n.Acme.URL + "/tickets", n.Acme.URL + "/tickets/create",
		n.Acme.URL + "/auth/sign-in", n.Acme.URL + "/agent/login", n.Acme.URL + "/tickets/99", n.Acme.URL + "/auth/invite?token=x",
	} {
		got := zoe.Open(address)
		h := got.Header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %s", address, policy, want)
			}
		}
		// Passkeys and drafts need scripts of ours, files alone.
		scripts := strings.Contains(policy, "script-src 'self'; connect-src 'self'")
		if strings.Contains(policy, "unsafe") || scripts != scripted.MatchString(address) || strings.Count(policy, "script-src") > 1 {
			t.Errorf("%s: policy %q allows scripts", address, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s = %q, want %q", address, name, h.Get(name), want)
			}
		}
		if inline.MatchString(got.Body) {
			t.Errorf("%s has inline script or style: %s", address, got.Body)
		}
		if h.Get("Referrer-Policy") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", address, h)
		}
	}
}

func TestAssetsMayBeKept(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	page := n.Client(t).Open(n.Acme.URL + "/auth/sign-in").Body
	style := regexp.MustCompile(`href="(/static/base\.[0-9a-f]+\.css)"`).FindStringSubmatch(page)
	if style == nil {
		t.Fatalf("no style in %s", page)
	}
	for _, host := range []string{n.Acme.URL, n.URL} {
		got := n.Client(t).Get(host + style[1])
		if got.Status != 200 || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/css") {
			t.Errorf("%s = %d %v", host+style[1], got.Status, got.Header)
		}
	}
	if got := n.Client(t).Get(n.Acme.URL + "/static/base.css"); got.Status != 404 {
		t.Errorf("a style without its hash = %d, want 404", got.Status)
	}
}

// TestMountedPortal: where a tenant's own site has the root, the portal lives in a folder, and all its links do.
func TestMountedPortal(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	host := n.Directory.PrimaryHost(n.Acme.Tenant)
	if err := n.Tenants.Mount(t.Context(), n.Acme.ID, host, "/support"); err != nil {
		t.Fatal(err)
	}
	expect(t, n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAgent).Open(n.Acme.URL+"/support/agent"), 200, "Ana")
	zoe := n.Client(t)
	if got := expect(t, zoe.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)), 303, ""); got.Location() != "/support/dashboard" {
		t.Errorf("landing = %s, want /support/dashboard", got.Location())
	}
	page := expect(t, zoe.Open(n.Acme.URL+"/support/dashboard"), 200, "Zoe")
	for _, address := range regexp.MustCompile(`(?:href|action)="(/[^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
		if !strings.HasPrefix(address[1], "/support/") {
			t.Errorf("the dashboard links to %s", address[1])
		}
	}
	if got := expect(t, zoe.Open(n.Acme.URL+"/"), 303, ""); got.Location() != "/support/" {
		t.Errorf("the root leads to %s, want /support/", got.Location())
	}
	expect(t, zoe.Open(n.Acme.URL+"/dashboard"), 404, `href="/support/"`)
	expect(t, zoe.Open(n.Acme.URL+"/supporter/dashboard"), 404, "")
	got := expect(t, zoe.Send(n.Acme.URL+"/support/tickets", url.Values{"title": {"a"}, "description": {"b"}}), 303, "")
	if got.Location() != "/support/tickets/1" {
		t.Errorf("the new ticket is at %s", got.Location())
	}
	made := zoe.Do("POST", n.Acme.URL+"/support/api/tickets", `{"title":"a","description":"b"}`, asJSON)
	if expect(t, zoe.Get(n.Acme.URL+made.Location()), 200, `"number":2`); !strings.HasPrefix(made.Location(), "/support/api/tickets/") {
		t.Errorf("what the API made is at %s", made.Location())
	}
	ticket := zoe.Get(n.Acme.URL + "/support/api/tickets/1").JSON(t)
	if ticket["url"] != n.Acme.URL+"/support/tickets/1" {
		t.Errorf("url = %v", ticket["url"])
	}
	if got := zoe.Get(n.Acme.URL+"/auth/callback?token=x", "Accept: application/json"); got.Code() != "TOKEN_INVALID" {
		t.Errorf("the callback is at the root of every host: %d %s", got.Status, got.Body)
	}
}

// TestBackLink: where a partner sent the visitor from is on every page.
func TestBackLink(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	form := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "redirect_url": {"https://app.acme.example/account"}}
	login := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm, "Authorization: Bearer "+n.Acme.Token)
	zoe := n.Client(t)
	expect(t, zoe.Open(login.Location()), http.StatusSeeOther, "")
	for _, path := range []string{"/dashboard", "/tickets", "/tickets/create"} {
		page := expect(t, zoe.Open(n.Acme.URL+path), 200, "Back to app.acme.example")
		if !strings.Contains(page.Body, `href="https://app.acme.example/account"`) {
			t.Errorf("%s has no way back", path)
		}
	}
}

// TestAnswerToAClosedTicket: what is closed can be answered, which opens it again.
func TestAnswerToAClosedTicket(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"a"}, "description": {"b"}}), 303, "")
	_, err := n.Desk.Update(t.Context(), n.Acme.Tenant, tickets.System("test"), tickets.ByNumber(1), tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, zoe.Open(n.Acme.URL+"/tickets/1"), 200, "Closed")
	expect(t, zoe.Send(n.Acme.URL+"/tickets/1/reply", url.Values{"body": {"Not quite"}}), 303, "")
}

func expect(t *testing.T, got webtest.Answer, status int, text string) webtest.Answer {
	t.Helper()
	// Whether a name's direction is its own matters to TestDirection only.
	read := strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(got.Body)
	if got.Status != status || !strings.Contains(read, text) && !strings.Contains(got.Body, text) {
		t.Errorf("answer = %d %.2000s, want %d with %q", got.Status, got.Body, status, text)
	}
	return got
}
