package web_test

import (
	"testing"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// hands are what an agent sees of the keyboard's work.
type hands struct {
	*webtest.Browser

	t *testing.T
}

// leads expects that after these keys the field with this id has the focus, and leaves it again.
func (h hands) leads(keys, id string) {
	h.t.Helper()
	h.Strike(keys)
	h.Until(`document.activeElement.id`, id)
	h.Strike(webtest.EscapeKey)
	h.Until(`document.activeElement.id === "`+id+`" ? "still" : "left"`, "left")
}

// row expects that the focus is in the list, at this ticket.
func (h hands) row(keys, number string) {
	h.t.Helper()
	h.Strike(keys)
	h.Until(`document.activeElement.closest(".row")?.dataset.n ?? ""`, number)
}

// TestBrowserKeys: each key of the console does what the page of keys says, nothing while somebody types, and nothing at all
// for those who have switched them off.
func TestBrowserKeys(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "One", "Two", "Three")
	if _, err := d.Desk.AddReply(t.Context(), d.Acme.Tenant, tickets.Token("t", "t"), tickets.ReplyChange{Name: tickets.Set("On our way"), Body: tickets.Set("Soon.")}); err != nil {
		t.Fatal(err)
	}
	b := hands{webtest.NewBrowser(t, webtest.BrowserOptions{}), t}
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent")
	b.See("#rows", "Three")

	// The list: the latest change stands first.
	b.row("j", "3")
	b.row("j", "2")
	b.row("j", "1")
	b.row("k", "2")
	b.Strike("x")
	b.See("#chosen", "1")
	b.Strike("x")
	b.Strike(webtest.EnterKey)
	b.See("#subject", "Two")
	b.Strike("k")
	b.See("#subject", "Three")
	b.Strike("j")
	b.See("#subject", "Two")
	b.At(d.home + "/agent/tickets/2")
	b.row("u", "2") // back where one came from
	b.Until(`location.pathname + document.getElementById("desk").dataset.ticket`, "/agent")
	b.Strike("k" + webtest.EnterKey)
	b.See("#subject", "Three")

	// The ticket.
	b.leads("r", "body")
	b.Until(`"" + document.getElementById("as-reply").checked`, "true")
	b.leads("n", "body")
	b.Until(`"" + document.getElementById("as-note").checked`, "true")
	for key, field := range map[string]string{"a": "p-assignee", "s": "p-status", "p": "p-priority", "t": "p-tags", "c": "canned", "/": "q"} {
		b.leads(key, field)
	}
	b.Strike("?")
	b.See("#keys", "Choose a canned reply")
	b.Strike("e" + webtest.EscapeKey) // which is for the dialog
	b.Until(`"" + document.getElementById("keys").open`, "false")
	b.Strike("m")
	b.See("#toasts", "Saved.")
	if got := d.ticket(3); got.Assignee == nil || got.Assignee.Name != "Ann Arbor" || got.Status != tickets.StatusOpen {
		t.Errorf("after m: %+v, %s", got.Assignee, got.Status)
	}
	b.Strike("n")
	b.Strike("jumped e x")
	b.StrikeWithCtrl(webtest.EnterKey)
	b.See("#thread .msg.internal", "jumped e x")
	b.Strike(webtest.EscapeKey)
	b.Strike("e")
	b.See("#ticket-head .chip", "Resolved")

	b.keysOff(d)
}

// keysOff switches the keys off, as the agent does it, and tries them.
func (h hands) keysOff(d *consoleDesk) {
	h.t.Helper()
	h.Open(d.home + "/agent/settings")
	h.Click("#console [name=keys]")
	h.Click("#console button")
	h.See(".notice.good", "Saved.")
	h.Open(d.home + "/agent/tickets/2")
	h.See("#subject", "Two")
	h.Strike("e?m/xju")
	h.Strike("n")
	h.Until(`document.activeElement.id === "body" || document.querySelector("dialog[open]") ? "keys" : "none"`, "none")
	h.At(d.home + "/agent/tickets/2")
	h.Focus("#body")
	h.Strike("No keys")
	h.StrikeWithCtrl(webtest.EnterKey) // no single key
	h.See("#toasts", "Your reply to #2 is sent in")
	if got := d.ticket(2); got.Status != tickets.StatusNew || got.Assignee != nil {
		h.t.Errorf("keys that are off have made the ticket %s, of %+v", got.Status, got.Assignee)
	}
}
