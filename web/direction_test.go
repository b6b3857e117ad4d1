package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestDirection: nobody's title turns the text of a page around, whichever door it comes in by, and what is written from
// right to left stands apart from our own words.
func TestDirection(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	p := caller(t, d.Node, d.Acme)
	const evil, good = "invoice\u202efdp.exe \u2066x\u2069", "invoicefdp.exe x"
	expect(t, d.zoe.Send(d.home+"/tickets", url.Values{"title": {evil}, "description": {"d"}}), 303, "")
	d.send(d.ann, "/agent/tickets", url.Values{"title": {evil}, "description": {"d"}, "priority": {"low"}, "tags": {"\u202evip"}})
	p.file("to be renamed")
	p.call("PATCH", "/api/tickets/3", `{"title":"`+evil+`","tags":["v\u2067ip"]}`)
	for n := range uint64(3) {
		if got := d.ticket(n + 1); got.Title != good {
			t.Errorf("the title of ticket %d = %q, want %q", n+1, got.Title, good)
		}
	}
	if got := d.ticket(3).Tags; len(got) != 1 || got[0] != "vip" {
		t.Errorf("tags = %q, want vip", got)
	}
	if got := p.call("POST", "/api/categories", `{"name":"`+evil+`"}`).JSON(t)["name"]; got != good {
		t.Errorf("a category's name = %q, want %q", got, good)
	}
	expect(t, p.call("POST", "/api/tickets", `{"title":"\u202e\u2066","description":"d"}`), 422, "The title field is required.")
	expect(t, p.call("POST", "/api/tickets", `{"title":"t","description":"d","requester":{"email":"a@b.example","name":"A\u202eB"}}`), 422, "control characters")

	p.call("PATCH", "/api/tickets/1", `{"title":"שלום עולם"}`)
	for address, c := range map[string]*webtest.Client{
		"/agent/merge?ids=1,2": d.ann, "/agent/tickets/2": d.ann, "/agent/bulk?r.INVALID_TRANSITION=1": d.ann,
	} {
		if address == "/agent/tickets/2" {
			d.send(d.ann, "/agent/tickets", url.Values{"title": {"x"}, "description": {"d"}, "priority": {"low"}, "email": {"zoe@example.com"}, "name": {"Zoe"}})
			address = "/agent/tickets/4"
		}
		page := expect(t, c.Open(d.home+address), 200, "#1").Body
		if !strings.Contains(page, "#1 <bdi>שלום עולם</bdi>") {
			t.Errorf("%s does not keep a title's direction to itself", address)
		}
	}
}
