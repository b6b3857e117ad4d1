package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestMergedThread: of each message that was written in another ticket the thread says in which, and where its messages begin
// it says its title, once.
func TestMergedThread(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer burns", "Lamp <in> the hall")
	expect(t, d.zoe.Send(d.home+"/tickets/2/reply", url.Values{"body": {"It flickers, too."}}), 303, "")
	d.send(d.ann, "/agent/merge", url.Values{"ids": {"1", "2"}, "into": {"1"}})
	expect(t, d.zoe.Send(d.home+"/tickets/1/reply", url.Values{"body": {"After that."}}), 303, "")

	for name, page := range map[string]string{
		"the agent":     expect(t, d.ann.Open(d.home+"/agent/tickets/1?view=all"), 200, "After that.").Body,
		"the requester": expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "After that.").Body,
	} {
		thread := page[strings.Index(page, `<ol class="thread"`):]
		if got := strings.Count(thread, "from #2</span>"); got != 2 {
			t.Errorf("%s reads %d times that a message is from #2, want 2", name, got)
		}
		if got := strings.Count(thread, `<b><bdi>Lamp &lt;in&gt; the hall</bdi></b>`); got != 1 {
			t.Errorf("%s reads the title of #2 %d times, want once", name, got)
		}
		title, words := strings.Index(thread, `<b><bdi>Lamp`), strings.Index(thread, "help with: Lamp")
		if title > words {
			t.Errorf("%s reads the title of #2 behind its first message", name)
		}
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/1?view=all"), 200, `<a href="/agent/tickets/2?view=all">#2</a> <b><bdi>`)

	// Where the requesters differ, only staff reads of it.
	maria := d.SignIn(t, d.Acme, "maria@example.com", "Maria")
	expect(t, maria.Send(d.home+"/tickets", url.Values{"title": {"A secret of Maria"}, "description": {"s"}}), 303, "")
	d.send(d.ann, "/agent/merge", url.Values{"ids": {"1", "3"}, "into": {"1"}, "apart": {"yes"}})
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, `<b><bdi>A secret of Maria</bdi></b>`)
	page := expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "from #2").Body
	lacks(t, page, "secret of Maria")
	lacks(t, page, "from #3")
}
