package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// scriptless is a browser that runs no scripts, as tall as a desk's.
func scriptless(t *testing.T) *webtest.Browser {
	t.Helper()
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Scripts(false)
	return b
}

// TestPortalWithoutScripts: all that requesters do works in a browser that runs no scripts.
func TestPortalWithoutScripts(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	desk, partner := home(t, n, strings.ReplaceAll(partnerForm, ` target="_blank"`, ""))
	n.Set(t, n.Acme, map[string]string{"unsigned": "confirm"})
	files := onDisk(t, map[string]string{"one.txt": "One", "two.txt": "Two", "three.txt": "Three"})
	b := scriptless(t)
	b.Open(partner)
	b.Click("button")
	b.At(desk + "/dashboard")
	b.See("footer", "Zoe Park")

	b.Follow("main a.btn.primary")
	b.Fill("#title", "The lamp flickers")
	b.Fill("#description", "Since **yesterday**.")
	b.Upload("#files", files["one.txt"], files["two.txt"])
	b.Follow("main form .primary")
	b.See(".notice", "The lamp flickers")
	b.Follow("main form .primary")
	b.Fill("#code", "00000000")
	b.Follow("main form .primary")
	b.See("#code-errors", "That is not the code.")
	b.Fill("#code", n.Mail.WaitCode(t, "zoe@example.com"))
	b.Follow("main form .primary")
	b.At(desk + "/tickets/1")
	b.See(".files", "two.txt")
	if name, content := b.Download(".files a"); name != "one.txt" || content != "One" {
		t.Errorf("the file is %s: %q", name, content)
	}

	caller(t, n, n.Acme).call("POST", "/api/tickets/1/comments", `{"body":"Which bulb?"}`)
	b.Reload()
	b.See("main", "Which bulb?")
	b.Click("#answer .primary") // with nothing typed: the browser itself asks for it
	b.Fill("#body", "An E27.")
	b.Upload("#files", files["three.txt"])
	b.Follow("#answer .primary")
	b.See("main", "An E27.")
	b.See("main .msg:last-child .files", "three.txt")
	ratesWithoutScripts(b)
	settlesWithoutScripts(t, n, b, desk)
}

// ratesWithoutScripts has the request solved, opened again, solved and rated, and the rating changed.
func ratesWithoutScripts(b *webtest.Browser) {
	b.Follow(`form[action$="/solved"] button`)
	b.See(".head .chip", "Solved")
	b.Follow(`form[action$="/reopen"] button`)
	b.See(".head .chip", "We are on it")
	b.Follow(`form[action$="/solved"] button`)
	b.See(".head .chip", "Solved")
	b.Click(`.rating label:has([value="3"])`)
	b.Fill("#comment", "So-so.")
	b.Follow(".rating button")
	b.See("#rating", "So-so.")
	b.Click("#rating summary")
	b.Click(`.rating label:has([value="5"])`)
	b.Follow(".rating form button")
	b.See("#rating [role=status]", "Thank you!")
	b.Follow(".nav a:nth-child(2)")
	b.Fill("[type=search]", "lamp")
	b.Press(webtest.EnterKey)
	b.See("main .list", "The lamp flickers")
}

// settlesWithoutScripts has the requester choose a language, a time zone and letters, end another session, and sign out.
func settlesWithoutScripts(t *testing.T, n *webtest.Node, b *webtest.Browser, desk string) {
	t.Helper()
	other := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Park")
	b.Follow(".nav a:nth-child(3)")
	b.Choose("#language", "Deutsch")
	b.Choose("#zone", "Asia/Tok")
	b.Follow("main form button")
	b.See("main .notice", "Gespeichert.")
	b.Follow(`.foot [name=language][value=en]`)
	b.See("h1", "Account")
	b.Follow("main section a.btn")
	b.At(desk + "/auth/sessions")
	b.See("main", "this browser")
	b.Follow("main .item:not(:has(.chip.plain)) form button")
	for late := time.Now().Add(20 * time.Second); other.Open(desk+"/dashboard").Status != 303; {
		if time.Now().After(late) {
			t.Fatal("the session that was ended opens the dashboard")
		}
	}
	b.Open(desk + "/auth/notifications")
	b.Click("[name=replies]")
	b.Follow("main form button")
	b.See("main .notice.good", "Saved.")
	b.Follow(".top form button")
	b.See("h1", "You are signed out")
	b.Open(desk + "/tickets/1")
	b.At(desk + "/auth/sign-in")
	if got := b.Script("document.cookie"); strings.Contains(got, "zone") {
		t.Errorf("scripts have run: %s", got)
	}
}

// TestConsoleWithoutScripts: what agents cannot do without works in a browser that runs no scripts.
func TestConsoleWithoutScripts(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "The printer is on fire", "Printer, again", "Where is my invoice?", "Thank you", "Old question")
	manual := onDisk(t, map[string]string{"manual.txt": "Water."})["manual.txt"]
	if _, err := d.Desk.AddReply(t.Context(), d.Acme.Tenant, tickets.Token("t", "t"), tickets.ReplyChange{
		Name: tickets.Set("On our way"), Body: tickets.Set("Dear {{requester.first_name}}, we are on our way."),
	}); err != nil {
		t.Fatal(err)
	}
	b := scriptless(t)
	joins(t, d.Node, b, "cyd@acme.example", "Cyd Charisse")
	b.Fill("#q", "fire")
	b.Follow(".search button")
	b.See("#rows", "fire")
	b.Follow("#rows .title")
	b.See("#subject", "The printer is on fire")

	b.Choose("#canned", "On our way")
	b.Follow("#answer button[value=insert]")
	b.SeeValue("#body", "Dear Zoe, we are on our way.")
	b.Upload("#files", manual)
	b.Follow("#answer .primary")
	b.See("#toasts", "Your reply to #1 is sent in")
	b.Follow("#toasts button[value=undo]")
	b.SeeValue("#body", "Dear Zoe, we are on our way.")
	b.See("#answer", "manual.txt")
	b.Follow("#answer .primary")
	b.Follow("#toasts button[value=now]")
	b.See("#thread .msg.staff .files", "manual.txt")
	expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "manual.txt")

	b.Click("#as-note")
	b.Fill("#body", "Only for us")
	b.Follow("#answer button[value=draft]")
	b.See("#kept", "Draft, kept")
	b.SeeValue("#body", "Only for us")
	b.Follow("#answer .primary")
	b.See("#thread .msg.internal", "Only for us")

	b.Follow("#mine")
	b.See("#toasts", "Saved.")
	b.Choose("#p-status", "On hold")
	b.Choose("#p-priority", "High")
	b.Fill("#p-tags", "fire, printer")
	b.Follow("#properties button[value=save]")
	b.See("#ticket-head .chip", "On hold")
	b.Follow("#resolve")
	b.See("#ticket-head .chip", "Resolved")
	if got := d.ticket(1); got.Assignee == nil || got.Priority != tickets.PriorityHigh || len(got.Tags) != 2 {
		t.Errorf("after all that: %+v", got)
	}
	manyWithoutScripts(t, d, b)
	conflictWithoutScripts(t, d, b)
	b.Follow(".top form button")
	b.At(d.home + "/agent/login")
	if got := b.Script("document.cookie"); strings.Contains(got, "zone") {
		t.Errorf("scripts have run: %s", got)
	}
}

// manyWithoutScripts changes, merges and closes several tickets at once.
func manyWithoutScripts(t *testing.T, d *consoleDesk, b *webtest.Browser) {
	t.Helper()
	b.Open(d.home + "/agent?view=all")
	b.Click(`#rows [data-n="4"] input`)
	b.Click(`#rows [data-n="5"] input`)
	b.Choose("#bulk [name=priority]", "Low")
	b.Follow("#bulk button[value=change]")
	b.See("#toasts", "2 tickets were changed.")
	b.Click(`#rows [data-n="4"] input`)
	b.Click(`#rows [data-n="5"] input`)
	b.Follow("#bulk button[value=close]")
	b.See(`#rows [data-n="4"] .chip`, "Closed")
	b.Open(d.home + "/agent?view=all")
	b.Click(`#rows [data-n="1"] input`)
	b.Click(`#rows [data-n="2"] input`)
	b.Follow("#bulk button[value=merge]")
	b.See("h1", "Merge tickets")
	b.Follow("main form .primary")
	b.See("#toasts", "The tickets were merged.")
	if got := d.ticket(4); got.Status != tickets.StatusClosed || got.Priority != tickets.PriorityLow {
		t.Errorf("#4 is %s, %s", got.Status, got.Priority)
	}
	if d.ticket(1).MergedInto == "" && d.ticket(2).MergedInto == "" {
		t.Error("nothing was merged")
	}
}

// conflictWithoutScripts changes a ticket that a colleague has changed meanwhile.
func conflictWithoutScripts(t *testing.T, d *consoleDesk, b *webtest.Browser) {
	t.Helper()
	b.Open(d.home + "/agent/tickets/3")
	b.Choose("#p-priority", "High")
	d.interfere()
	b.Follow("#properties button[value=save]")
	b.See("h1", "Changed at the same time")
	b.See("form .clash", "Low")
	b.Follow("main form .primary")
	b.See("#toasts", "Saved.")
	if got := d.ticket(3); got.Priority != tickets.PriorityHigh {
		t.Errorf("#3 is %s", got.Priority)
	}
}
