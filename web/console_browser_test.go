package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// morning is a desk before an agent's morning: an inbox, a canned reply, and a colleague.
func morning(t *testing.T) *consoleDesk {
	t.Helper()
	d := newConsoleDesk(t, "The printer is on fire", "Printer, again", "Where is my invoice?", "Thank you", "Old question")
	_, err := d.Desk.AddReply(t.Context(), d.Acme.Tenant, tickets.Token("t", "t"), tickets.ReplyChange{
		Name: tickets.Set("On our way"), Body: tickets.Set("Dear {{requester.first_name}}, we are on our way."),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wait waits until a piece of script says "yes".
func wait(b *webtest.Browser, claim string) {
	b.Script(`new Promise((done, fail) => { const late = Date.now() + 25000; const look = () => {
		if (` + claim + `) done("yes"); else if (Date.now() > late) fail(new Error(` + "`" + strings.ReplaceAll(claim, "`", "'") + "`" + `)); else setTimeout(look, 30); }; look(); })`)
}

// endOfMorning is what has to be true after it, however it was done.
func (d *consoleDesk) endOfMorning() {
	d.t.Helper()
	expect(d.t, d.zoe.Open(d.home+"/tickets/1"), 200, "Dear Zoe, we are on our way.")
	if got := d.zoe.Open(d.home + "/tickets/1"); strings.Contains(got.Body, "Only for us") {
		d.t.Error("the requester reads the note")
	}
	one, two, three := d.ticket(1), d.ticket(2), d.ticket(3)
	if two.MergedInto != one.ID || three.Priority != tickets.PriorityHigh {
		d.t.Errorf("after the morning: #2 was merged into %q, #3 has the priority %s", two.MergedInto, three.Priority)
	}
	for _, n := range []uint64{4, 5} {
		if got := d.ticket(n); got.Status != tickets.StatusClosed {
			d.t.Errorf("after the morning, #%d is %s", n, got.Status)
		}
	}
}

// interfere has a colleague change the third ticket's priority while the agent has it open.
func (d *consoleDesk) interfere() {
	d.t.Helper()
	page := properties(d.bob.Open(d.home + "/agent/tickets/3").Body)
	page.Set("priority", "low")
	d.send(d.bob, "/agent/tickets/3/properties", page)
}

// TestBrowserMorning: an agent's morning by mouse.
func TestBrowserMorning(t *testing.T) {
	t.Parallel()
	d := morning(t)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent")
	b.See("#views [aria-current]", "5")
	b.Script(`window.stayed = true, "yes"`)
	b.Fill("#q", "fire")
	b.Click(".search button")
	wait(b, `document.querySelectorAll("#rows .row").length === 1`)
	b.Click("#rows .title")
	b.See("#subject", "The printer is on fire")

	// A canned reply, sent, undone, and sent once more.
	b.Click("#body")
	b.Script(`document.getElementById("canned").selectedIndex = 1, "yes"`)
	b.Click("#answer button[value=insert]")
	wait(b, `document.getElementById("body").value === "Dear Zoe, we are on our way."`)
	b.Click("#answer .primary")
	b.See("#toasts", "Your reply to #1 is sent in")
	b.Click("#toasts button[value=undo]")
	wait(b, `document.getElementById("body").value === "Dear Zoe, we are on our way."`)
	b.Click("#answer .primary")
	b.Click("#toasts button[value=now]")
	wait(b, `document.querySelector("#thread .msg.staff:not(.pending)") && !document.querySelector(".busy")`)

	b.Click("#as-note")
	b.Fill("#body", "Only for us")
	b.Click("#answer .primary")
	b.See("#thread .msg.internal", "Only for us")
	if b.Script(`"" + window.stayed`) != "true" {
		t.Error("a whole page was loaded where parts are swapped")
	}

	b.Open(d.home + "/agent?view=all")
	b.Click(`#rows [data-n="1"] input`)
	b.Click(`#rows [data-n="2"] input`)
	b.Click("#bulk button[value=merge]")
	b.See("h1", "Merge tickets")
	b.Click("main form .primary")
	b.See("#toasts", "The tickets were merged.")

	b.Open(d.home + "/agent?view=all")
	b.Click(`#rows [data-n="4"] input`)
	b.Click(`#rows [data-n="5"] input`)
	b.See("#chosen", "2")
	b.Click("#bulk button[value=close]")
	b.See("#toasts", "2 tickets were changed.")

	b.Open(d.home + "/agent/tickets/3")
	b.Script(`document.getElementById("p-priority").value = "high", "yes"`)
	d.interfere()
	b.Click("#properties button[value=save]")
	b.See("h1", "Changed at the same time")
	b.See("form .clash", "Low")
	b.Click("main form .primary")
	b.See("#toasts", "Saved.")
	d.endOfMorning()
}

// TestBrowserMorningByKeys: the same morning without a mouse.
func TestBrowserMorningByKeys(t *testing.T) {
	t.Parallel()
	d := morning(t)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent")
	b.See("#views [aria-current]", "5")
	b.Strike("?")
	b.See("#keys", "Next and previous ticket of the list")
	b.Strike(webtest.EscapeKey)
	b.Strike("/")
	b.Strike("fire" + webtest.EnterKey)
	wait(b, `document.querySelectorAll("#rows .row").length === 1`)
	b.Strike(webtest.EscapeKey)
	b.Strike("j")
	b.Strike(webtest.EnterKey)
	b.See("#subject", "The printer is on fire")

	b.Strike("c")
	b.Strike("O" + webtest.TabKey + webtest.EnterKey)
	wait(b, `document.getElementById("body").value === "Dear Zoe, we are on our way."`)
	wait(b, `document.activeElement.id === "body"`)
	b.StrikeWithCtrl(webtest.EnterKey)
	b.See("#toasts", "Your reply to #1 is sent in")
	b.Script(`document.querySelector("#toasts button[value=undo]").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	wait(b, `document.getElementById("body").value === "Dear Zoe, we are on our way." && document.activeElement.id === "body"`)
	b.StrikeWithCtrl(webtest.EnterKey)
	b.See("#toasts", "Your reply to #1 is sent in")
	b.Script(`document.querySelector("#toasts button[value=now]").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	wait(b, `document.querySelector("#thread .msg.staff:not(.pending)") && !document.querySelector(".busy")`)
	b.Strike(webtest.EscapeKey)
	b.Strike("n")
	b.Strike("Only for us")
	b.StrikeWithCtrl(webtest.EnterKey)
	b.See("#thread .msg.internal", "Only for us")

	// The list is in the order of the latest change: 1, 5, 4, 3, 2.
	b.Open(d.home + "/agent?view=all")
	b.Strike("jx")
	b.Strike("jjjjx")
	b.See("#chosen", "2")
	b.Script(`document.querySelector("#bulk button[value=merge]").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	b.See("h1", "Merge tickets")
	b.Script(`document.querySelector("main form .primary").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	b.See("#toasts", "The tickets were merged.")

	b.Open(d.home + "/agent?view=inbox")
	wait(b, `document.querySelectorAll("#rows .row").length === 4`)
	b.Strike("jjx")
	b.Strike("jx")
	b.See("#chosen", "2")
	b.Script(`document.querySelector("#bulk button[value=close]").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	b.See("#toasts", "2 tickets were changed.")

	b.Open(d.home + "/agent/tickets/3")
	b.Strike("p")
	b.Strike("H")
	d.interfere()
	b.Strike(webtest.TabKey)
	b.Script(`document.querySelector("#properties button[value=save]").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	b.See("h1", "Changed at the same time")
	b.Script(`document.querySelector("main form .primary").focus(), "yes"`)
	b.Strike(webtest.EnterKey)
	b.See("#toasts", "Saved.")
	d.endOfMorning()
}

// TestBrowserLive: what happens elsewhere is announced, moves no row, and loads when the agent says so; the open ticket's
// thread grows by itself, and colleagues are shown.
func TestBrowserLive(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "The first", "The second")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent/tickets/1")
	b.See("#subject", "The first")
	caller(t, d.Node, d.Acme).file("Just now")
	wait(b, `document.getElementById("fresh").hidden === false`)
	b.See("#views [aria-current]", "3")
	if list := b.See("#rows", "The second"); strings.Contains(list, "Just now") {
		t.Error("a row came by itself")
	}
	b.Click("#fresh button")
	b.See("#rows", "Just now")

	b.Fill("#body", "My half sentence")
	caller(t, d.Node, d.Acme).call("POST", "/api/tickets/1/comments", `{"body":"An answer by a program"}`)
	b.See("#thread", "An answer by a program")
	if got := b.Script(`document.getElementById("body").value`); got != "My half sentence" {
		t.Errorf("the text in the editor became %q", got)
	}
	b.See("#kept", "Draft kept")
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "My half sentence</textarea>")
	if err := d.Desk.Attend(t.Context(), d.Acme.Tenant, tickets.Agent(tickets.Person{ID: "agt_x", Name: "Carl"}), tickets.ByNumber(1), true); err != nil {
		t.Fatal(err)
	}
	b.See("#present", "Carl is replying")
	expect(t, d.bob.Open(d.home+"/agent/tickets/1"), 200, "Ann Arbor is replying")
}

// TestBrowserKeepsProperties: who goes on without saving what they chose has saved it, and learns if that could not be.
func TestBrowserKeepsProperties(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "The first", "The second", "The third")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent/tickets/2")
	b.Choose("#p-priority", "Urgent")
	b.See("#properties .primary", "Save properties")
	b.Click(`#rows [data-n="3"] .title`)
	b.See("#subject", "The third")
	if got := d.ticket(2).Priority; got != tickets.PriorityUrgent {
		t.Errorf("the priority that was chosen is %s", got)
	}
	b.Fill("#p-tags", strings.Repeat("t", 200))
	b.Click(`#rows [data-n="1"] .title`)
	b.See("#properties .error", "tag")
	b.See("#subject", "The third")
	b.Type("#p-tags", "paper")
	b.Choose("#p-priority", "High")
	d.interfere()
	b.Click(`#rows [data-n="1"] .title`)
	b.See("h1", "Changed at the same time")

	b.Open(d.home + "/agent?view=all")
	b.Click(`#rows [data-n="1"] input`)
	b.Click("#bulk [data-all]")
	b.See("#chosen", "3")
	b.Fill("#bulk [name=add_tags]", "paper")
	b.Click("#bulk button[value=change]")
	b.See("#toasts", "3 tickets were changed.")
	again := url.Values{"ids": {"1", "2"}, "do": {"change"}, "remove_tags": {"paper"}, "body": {"Done."}, "key": {"k"}}
	for range 2 {
		expect(t, d.ann.Send(d.home+"/agent/bulk", again), 303, "")
	}
	if page := d.ann.Open(d.home + "/agent/tickets/1"); strings.Count(page.Body, "Done.") != 1 {
		t.Error("a form that was sent twice has written twice")
	}
	for n, want := range map[uint64]int{1: 0, 2: 0, 3: 1} {
		if got := d.ticket(n).Tags; len(got) != want {
			t.Errorf("#%d has the tags %q", n, got)
		}
	}
}
