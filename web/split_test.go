package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestSplitInTheAPI: staff makes a comment a ticket of its own, with its files; nobody else can, and nobody reads more by it.
func TestSplitInTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	zoe, yan := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.SignIn(t, n.Acme, "yan@example.com", "Yan")
	expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"First"}, "description": {"amaranth"}}), 303, "")
	uploaded := expect(t, zoe.Attach(n.Acme.URL+"/api/attachments", nil, []webtest.File{{Name: "lamp.txt", Content: "a lamp"}}), 201, "")
	file := regexp.MustCompile(`att_\w+`).FindString(uploaded.Body)
	said := expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets/1/comments", fmt.Sprintf(`{"body":"celadon","attachment_ids":[%q]}`, file), asJSON), 201, "").JSON(t)["id"]
	note := expect(t, p.call("POST", "/api/tickets/1/comments", `{"body":"saffron","visibility":"internal"}`), 201, "").JSON(t)["id"]
	body := fmt.Sprintf(`{"comment_id":%q,"title":"Second","tags":["x"],"priority":"high"}`, said)

	expect(t, p.call("POST", "/api/tickets/1/split", `{}`), 422, "comment_ids")
	expect(t, p.call("POST", "/api/tickets/1/split", `{"comment_id":"cmt_x"}`), 422, "There is no comment with this id in this ticket.")
	expect(t, p.call("POST", "/api/tickets/1/split", `{"comments":["x"]}`), 422, "comments")
	expect(t, p.call("POST", "/api/tickets/9/split", body), 404, "NOT_FOUND")
	expect(t, p.call("POST", "/api/tickets/1/split", body, `If-Match: "9"`), 412, "VERSION_CONFLICT")
	expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets/1/split", body, asJSON), 403, "FORBIDDEN")
	expect(t, yan.Do("POST", n.Acme.URL+"/api/tickets/1/split", body, asJSON), 404, "NOT_FOUND")
	expect(t, caller(t, n, n.Bolt).call("POST", "/api/tickets/1/split", body), 404, "NOT_FOUND")

	first := p.call("POST", "/api/tickets/1/split", body, "Idempotency-Key: s", `If-Match: "3"`)
	expect(t, first, 201, `"split_from":"tkt_`)
	expect(t, first, 201, `"name":"lamp.txt"`)
	if first.Location() != "/api/tickets/"+fmt.Sprint(first.JSON(t)["id"]) || first.Header.Get("ETag") != `"1"` {
		t.Errorf("Location %q, ETag %q", first.Location(), first.Header.Get("ETag"))
	}
	if again := p.call("POST", "/api/tickets/1/split", body, "Idempotency-Key: s", `If-Match: "3"`); again.Header.Get("Idempotency-Replayed") != "true" || again.Body != first.Body {
		t.Errorf("again = %d %s", again.Status, again.Body)
	}
	expect(t, p.call("GET", "/api/tickets/1", ""), 200, `"split_into":["tkt_`)
	expect(t, p.call("POST", "/api/tickets/1/split", fmt.Sprintf(`{"comment_ids":[%q],"title":"Hidden"}`, note)), 201, `"requester":null`)

	expect(t, zoe.Get(n.Acme.URL+"/api/tickets/2"), 200, `"description":"celadon"`)
	expect(t, zoe.Get(n.Acme.URL+"/api/attachments/"+file), 200, "a lamp")
	expect(t, zoe.Get(n.Acme.URL+"/api/tickets/3"), 404, "")
	expect(t, yan.Get(n.Acme.URL+"/api/attachments/"+file), 404, "")
	for who, hidden := range map[*webtest.Client][]string{yan: {"amaranth", "celadon", "saffron", "Second"}, zoe: {"saffron", "Hidden", `"split_from"`, `"split_into":`, "#3"}} {
		for _, path := range []string{"/api/tickets", "/api/tickets/1", "/api/tickets/2", "/api/tickets/3", "/api/tickets/2/comments", "/api/events", "/api/tickets?q=saffron", "/tickets", "/tickets/1", "/tickets/2"} {
			got := who.Open(n.Acme.URL + path)
			for _, word := range hidden {
				if strings.Contains(got.Body, word) && !strings.Contains(path, word) {
					t.Errorf("%s = %d shows %q: %s", path, got.Status, word, got.Body)
				}
			}
		}
	}
}

// TestConsoleSplit: a message leads to a page that asks what the new ticket is called; it works once, however often it is sent.
func TestConsoleSplit(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	expect(t, d.zoe.Send(d.home+"/tickets/1/reply", url.Values{"body": {"The lamp is broken, too"}}), 303, "")
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1?view=all"), 200, "Split off")
	at := strings.ReplaceAll(regexp.MustCompile(`href="(/agent/tickets/1/split\?[^"]+)"`).FindStringSubmatch(page.Body)[1], "&amp;", "&")
	form := expect(t, d.ann.Open(d.home+at), 200, `value="The lamp is broken, too"`)
	comment := regexp.MustCompile(`name="comment" value="(cmt_\w+)" checked`).FindStringSubmatch(form.Body)[1]
	key := regexp.MustCompile(`name="key" value="(\w+)"`).FindStringSubmatch(form.Body)[1]
	values := url.Values{"comment": {comment}, "title": {"Lamp"}, "category": {""}, "key": {key}}
	expect(t, d.ann.Send(d.home+"/agent/tickets/1/split", url.Values{"title": {"Lamp"}, "key": {key}}), 422, "There must be 1 to 20 comments.")
	expect(t, d.ann.Send(d.home+"/agent/tickets/1/split", url.Values{"comment": {comment}, "title": {strings.Repeat("x", 201)}, "key": {key}}), 422, "checked")
	expect(t, d.zoe.Send(d.home+"/agent/tickets/1/split", values), 401, "")
	for range 2 {
		if at := d.send(d.ann, "/agent/tickets/1/split?view=all", values); at != "/agent/tickets/2?done=split&view=all" {
			t.Errorf("it leads to %s", at)
		}
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/2?done=split"), 200, "split off #1</a>")
	expect(t, d.ann.Open(d.home+"/agent/tickets/1?history=1"), 200, "#2 was split off</a>")
	expect(t, d.zoe.Open(d.home+"/tickets/2"), 200, "The lamp is broken, too")
	if got := d.zoe.Open(d.home + "/tickets/1"); strings.Contains(got.Body, "The lamp is broken") {
		t.Error("the message stands in both tickets")
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/2/split?comment=x"), 200, "no messages that could be split off")
	expect(t, d.ann.Open(d.home+"/agent/tickets/77/split"), 404, "")
}
