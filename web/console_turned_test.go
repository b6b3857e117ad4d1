package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// Who has solved a ticket by mistake is offered to take that back, and nobody else is; it works once, with and without others.
func TestConsoleTurned(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer", "Lamp", "Door")
	at := d.send(d.ann, "/agent/tickets/1/properties?view=all", url.Values{"do": {"resolve"}})
	page := expect(t, d.ann.Open(d.home+at), 200, "#1 is “Resolved” now.")
	expect(t, page, 200, `name="ids" value="1"`)
	if got := d.bob.Open(d.home + at); strings.Contains(got.Body, "“Resolved” now") {
		t.Error("a colleague is offered to take it back")
	}
	if at := d.send(d.bob, "/agent/bulk", url.Values{"ids": {"1"}, "do": {"back"}}); !strings.Contains(at, "done=too-late") || d.ticket(1).Status != tickets.StatusResolved {
		t.Errorf("a colleague's Undo leads to %s, the ticket is %s", at, d.ticket(1).Status)
	}
	at = d.send(d.ann, "/agent/bulk?view=all", url.Values{"ids": {"1"}, "do": {"back"}})
	expect(t, d.ann.Open(d.home+at), 200, "The status is again what it was.")
	if got := d.ticket(1); got.Status != tickets.StatusNew || !strings.HasPrefix(at, "/agent/tickets/1?") || !strings.Contains(at, "view=all") {
		t.Errorf("Undo leads to %s, the ticket is %s", at, got.Status)
	}
	if at := d.send(d.ann, "/agent/bulk", url.Values{"ids": {"1"}, "do": {"back"}}); !strings.Contains(at, "done=too-late") {
		t.Errorf("Undo again leads to %s", at)
	}

	// What changes no status, and a status that came with a reply, is not offered; a note's is.
	at = d.send(d.ann, "/agent/tickets/1/properties", url.Values{"was.priority": {"medium"}, "priority": {"high"}})
	d.instantly(d.ann)
	with := d.send(d.ann, "/agent/tickets/2", url.Values{"body": {"Done."}, "status": {"resolved"}, "seen": {"none"}})
	for _, at := range []string{at, with} {
		if got := d.ann.Open(d.home + at); got.Status != 200 || strings.Contains(got.Body, `id="turned"`) {
			t.Errorf("%s offers to take something back", at)
		}
	}
	at = d.send(d.ann, "/agent/tickets/3", url.Values{"body": {"Same as #1."}, "visibility": {"internal"}, "status": {"closed"}})
	expect(t, d.ann.Open(d.home+at), 200, "#3 is “Closed” now.")
	d.send(d.ann, "/agent/bulk", url.Values{"ids": {"3"}, "do": {"back"}})

	// Many at once.
	at = d.send(d.ann, "/agent/bulk?view=all", url.Values{"ids": {"1", "3"}, "do": {"close"}, "key": {"k"}})
	at = expect(t, d.ann.Open(d.home+at), 303, "").Location()
	page = expect(t, d.ann.Open(d.home+at), 200, "2 tickets were changed.")
	expect(t, page, 200, `name="ids" value="3"`)
	at = d.send(d.ann, "/agent/bulk?view=all", url.Values{"ids": {"1", "3"}, "do": {"back"}})
	expect(t, d.ann.Open(d.home+at), 200, "The status is again what it was.")
	for _, n := range []uint64{1, 3} {
		if got := d.ticket(n); got.Status != tickets.StatusNew {
			t.Errorf("#%d is %s", n, got.Status)
		}
	}
	if at := d.send(d.ann, "/agent/bulk", url.Values{"ids": {"1", "3"}, "do": {"change"}, "add_tags": {"vip"}}); strings.Contains(at, "turned") {
		t.Errorf("tags lead to %s", at)
	}
}

// TestBrowserTurned: by keys alone, a ticket is solved, the next one opened, and the first one is as it was again.
func TestBrowserTurned(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer", "Lamp")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent/tickets/1?view=all")
	b.See("#ticket h1", "Printer")
	b.Strike("e")
	b.See("#toasts", "#1 is “Resolved” now.")
	b.Click(`#rows [data-n="2"] .title`)
	b.See("#ticket h1", "Lamp")
	b.See("#toasts", "#1 is “Resolved” now.")
	b.Strike("z")
	b.See("#toasts", "The status is again what it was.")
	b.See("#ticket h1", "Printer")
	b.Until(`String(document.querySelectorAll("#turned").length) + new URL(location).search`, "0?view=all")
	if got := d.ticket(1); got.Status != tickets.StatusNew {
		t.Errorf("#1 is %s", got.Status)
	}
}
