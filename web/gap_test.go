package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// firstNews is what a stream tells first that is about a ticket.
func firstNews(t *testing.T, c *webtest.Client, address string) webtest.Event {
	t.Helper()
	s := c.Listen(address)
	defer s.Close()
	for {
		e, more := s.Named()
		if !more {
			t.Fatalf("%s = %d, and ends", address, s.Status)
		}
		if e.Name == "change" || strings.HasPrefix(e.Name, "ticket.") {
			return e
		}
	}
}

// TestNothingHappensInTheGap: what happens after a page was made and before it listens is told to it, in the console and in the
// portal.
func TestNothingHappensInTheGap(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	console := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "data-seen")
	thread := expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "data-live")
	d.send(d.bob, "/agent/settings/console", nil)
	d.send(d.bob, "/agent/tickets/1", url.Values{"body": {"In the gap"}, "visibility": {"public"}, "key": {"k"}})

	seen := regexp.MustCompile(`data-seen="(\d+)"`).FindStringSubmatch(console.Body)
	if e := firstNews(t, d.ann, d.home+"/agent/live?ticket=1&seen="+seen[1]); e.Data != `{"number":1,"mine":false}` {
		t.Errorf("the console hears %+v", e)
	}
	live := regexp.MustCompile(`data-live="([^"]+)"`).FindStringSubmatch(thread.Body)
	if e := firstNews(t, d.zoe, d.home+live[1]); !strings.Contains(e.Data, `"ticket_number":1`) {
		t.Errorf("the portal hears %+v", e)
	}
}
