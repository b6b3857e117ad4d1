package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

const arrived = "Your request has arrived. Its number is #1."

// TestReceipt: whoever has filed a request is told so once, by the request's own page, with what happens next.
func TestReceipt(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	home, request := n.Acme.URL, url.Values{"title": {"Printer"}, "description": {"It burns."}}
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	filed := expect(t, zoe.Send(home+"/tickets", request), 303, "")
	if filed.Location() != "/tickets/1" {
		t.Errorf("a new request leads to %s, want /tickets/1 and nothing else in the address", filed.Location())
	}
	lacks(t, expect(t, zoe.Open(home+"/tickets"), 200, "Printer").Body, "has arrived") // another page does not use it up
	page := expect(t, zoe.Open(home+"/tickets/1"), 200, arrived)
	expect(t, page, 200, "an email goes to <b>zoe@example.com</b>")
	lacks(t, expect(t, zoe.Open(home+"/tickets/1"), 200, "Printer").Body, "has arrived")
}

// TestReceiptPromisesNoMail: the receipt names an address only where letters go to it.
func TestReceiptPromisesNoMail(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	request := url.Values{"title": {"Printer"}, "description": {"It burns."}}
	receipt := func(c *webtest.Client, home string) string {
		t.Helper()
		at := expect(t, c.Send(home+"/tickets", request), 303, "").Location()
		return expect(t, c.Open(home+at), 200, "Your request has arrived.").Body
	}

	// Who only claims an address reads the same, whatever its owner wishes.
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(n.Acme.URL+"/auth/notifications", url.Values{"solved": {"on"}}), 303, "")
	if body := receipt(n.Visit(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL); !strings.Contains(body, "an email goes to <b>zoe@example.com</b>") {
		t.Error("a visitor learns what the owner of the address wishes")
	}
	if body := receipt(zoe, n.Acme.URL); strings.Contains(body, "an email goes") || !strings.Contains(body, `under <a href="/tickets">My requests</a>`) {
		t.Error("the receipt promises an email that its reader does not want")
	}
	n.Set(t, n.Bolt, map[string]string{"requester_mail": "off"})
	lacks(t, receipt(n.SignIn(t, n.Bolt, "zoe@example.com", "Zoe"), n.Bolt.URL), "an email goes")
	silent := webtest.Start(t)
	lacks(t, receipt(silent.SignIn(t, silent.Acme, "zoe@example.com", "Zoe"), silent.Acme.URL), "an email goes")
}

// lacks complains of a page that says what it should not.
func lacks(t *testing.T, body, text string) {
	t.Helper()
	if strings.Contains(body, text) {
		t.Errorf("the page says %q", text)
	}
}
