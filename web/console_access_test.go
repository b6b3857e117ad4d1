package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// An agent opens a ticket for somebody who has called.
func TestConsoleNewTicket(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	expect(t, d.ann.Open(d.home+"/agent/tickets/new"), 200, "Requester&#39;s email")
	form := url.Values{"email": {"new@example.com"}, "name": {"Nia"}, "title": {"Called"}, "description": {"She called."}, "priority": {"high"}, "tags": {"phone"}, "key": {"k"}}
	for range 2 {
		if at := d.send(d.ann, "/agent/tickets", form); !strings.HasPrefix(at, "/agent/tickets/1?") {
			t.Errorf("the new ticket is at %s", at)
		}
	}
	got := d.ticket(1)
	if got.Requester == nil || got.Requester.Email != "new@example.com" || got.Priority != tickets.PriorityHigh || got.Source != "agent" {
		t.Errorf("the new ticket: %+v", got)
	}
	wrong := expect(t, d.ann.Send(d.home+"/agent/tickets", url.Values{"email": {"no address"}, "name": {"X"}, "title": {"Kept title"}, "description": {"d"}, "priority": {"low"}}), 422, "Kept title")
	expect(t, wrong, 422, `id="email" name="email" type="email" autocomplete="off" value="no address"`)
	expect(t, d.zoe.Send(d.home+"/agent/tickets", form), 401, "")
}

// TestConsoleIsStaffs: no page and no form of the console does anything for requesters, visitors, other tenants' agents or
// nobody, and none of them reads a word.
func TestConsoleIsStaffs(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Secret of Acme")
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"held secret"}})
	strangers := map[string]*webtest.Client{
		"requester": d.zoe, "visitor": d.Visit(t, d.Acme, "zoe@example.com", "Zoe"), "nobody": d.Client(t),
		"other tenant's agent": d.Agent(t, d.Bolt, "eve@bolt.example", "Eve", auth.RoleAdmin),
	}
	for name, who := range strangers {
		for _, path := range []string{
			"/agent", "/agent?q=secret", "/agent/tickets/1", "/agent/tickets/1?history=1", "/agent/tickets/new", "/agent/tickets/1/split", "/agent/bulk?r.ok=1", "/agent/merge?ids=1,2", "/agent/live?ticket=1",
		} {
			got := who.Open(d.home + path)
			if got.Status != 303 || !strings.HasPrefix(got.Location(), "/agent/login") || strings.Contains(got.Body, "ecret") {
				t.Errorf("%s at %s = %d to %s %s", name, path, got.Status, got.Location(), got.Body)
			}
		}
		for _, path := range []string{
			"", "/draft", "/undo", "/properties", "/title", "/state", "/split",
		} {
			if got := who.Send(d.home+"/agent/tickets/1"+path, url.Values{"body": {"x"}, "do": {"deleted"}, "title": {"x"}, "priority": {"high"}}); got.Status != 401 || strings.Contains(got.Body, "ecret") {
				t.Errorf("%s posts to %q = %d %s", name, path, got.Status, got.Body)
			}
		}
		for _, path := range []string{"/agent/bulk", "/agent/merge", "/agent/views", "/agent/tickets", "/agent/settings/console"} {
			if got := who.Send(d.home+path, url.Values{"ids": {"1"}, "do": {"delete"}, "name": {"x"}}); got.Status != 401 && !strings.HasPrefix(got.Location(), "/agent/login") {
				t.Errorf("%s posts to %s = %d to %s", name, path, got.Status, got.Location())
			}
		}
	}
	if got := d.ticket(1); got.Version != 1 {
		t.Errorf("somebody changed the ticket: %+v", got)
	}
	// At the own host, the other tenant's agent finds nothing of that number, and the names of others' views lead to the inbox.
	eve := strangers["other tenant's agent"]
	expect(t, eve.Open(d.Bolt.URL+"/agent/tickets/1"), 404, "")
	expect(t, eve.Send(d.Bolt.URL+"/agent/tickets/1/draft", url.Values{"body": {"x"}}), 404, "")
	if got := eve.Open(d.Bolt.URL + "/agent?view=all"); got.Status != 200 || strings.Contains(got.Body, "ecret") {
		t.Errorf("the other tenant's list = %d", got.Status)
	}
}

// The console's script keeps within its budget, and its pages let no script make HTML.
func TestConsoleScript(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	page := expect(t, d.ann.Open(d.home+"/agent"), 200, "")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "require-trusted-types-for 'script'; trusted-types 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	script := regexp.MustCompile(`/static/console\.[0-9a-f]+\.js`).FindString(page.Body)
	got := d.ann.Get(d.home+script, "Accept-Encoding: gzip")
	if got.Status != 200 || got.Header.Get("Content-Encoding") != "gzip" || len(got.Body) > 10_000 || len(got.Body) == 0 {
		t.Errorf("the script = %d, %q, %d bytes as it is served, want at most 10,000", got.Status, got.Header.Get("Content-Encoding"), len(got.Body))
	}
}

// The live connection is for event streams of agents, and ends with the session.
func TestConsoleLive(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	expect(t, d.ann.Get(d.home+"/agent/live?ticket=1", "Accept: text/html"), 406, "")
	stream := d.ann.Listen(d.home + "/agent/live?ticket=1")
	defer stream.Close()
	for late := time.Now().Add(20 * time.Second); ; {
		if strings.Contains(d.bob.Open(d.home+"/agent/tickets/1").Body, "Ann Arbor is looking at this") {
			break
		}
		if time.Now().After(late) {
			t.Fatal("a colleague is not shown who looks at the ticket")
		}
	}
	d.send(d.bob, "/agent/tickets/1/properties", url.Values{"was.priority": {"medium"}, "priority": {"high"}})
	d.send(d.ann, "/agent/sign-out", nil)
	var changes []string
	for e, on := stream.Next(); on; e, on = stream.Next() { // it ends with the session
		if e.Name == "change" {
			changes = append(changes, e.Data)
		}
	}
	if fmt.Sprint(changes) != `[{"number":1,"mine":false}]` {
		t.Errorf("the connection said %q", changes)
	}
	if strings.Contains(d.bob.Open(d.home+"/agent/tickets/1").Body, "Ann Arbor is looking at this") {
		t.Error("who has gone is shown still")
	}
}

// TestConsolePreviews: a list shows what stands in a message, without the marks that begin lines, and the composer says what a reply does.
func TestConsolePreviews(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	p := caller(t, d.Node, d.Acme)
	body := `{"title":"List","description":"# Hello\\n\\n> quoted\\n>> twice\\n\\nif a > b then snake_case #5 | x ~ y **bold**"}`
	expect(t, p.call("POST", "/api/tickets", strings.ReplaceAll(body, `\\n`, `\n`)), 201, "")
	expect(t, d.ann.Open(d.home+"/agent?view=all"), 200, `<span class="snippet">Hello quoted twice if a &gt; b then snake_case #5 | x ~ y bold</span>`)
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "Open with the reply")
	if strings.Contains(page.Body, "Leave New") {
		t.Error("the composer says that a reply leaves the ticket new")
	}
}
