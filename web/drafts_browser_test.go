package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// draftsKept are all drafts that the browser keeps for this origin.
func draftsKept(b *webtest.Browser) string {
	return b.Script(`JSON.stringify(Object.entries(localStorage).filter(([key]) => key.startsWith("deskgate-draft")))`)
}

// begin writes half a request and waits until the browser keeps it.
func begin(b *webtest.Browser, desk, title string) {
	b.Open(desk + "/tickets/create")
	b.Type("#title", title)
	b.Type("#description", "Half a sentence of "+title)
	b.Until(`"" + JSON.stringify({...localStorage}).includes("Half a sentence of `+title+`")`, "true")
}

// comes has somebody arrive from the partner's server, whoever was there before.
func comes(t *testing.T, n *webtest.Node, b *webtest.Browser, tn *webtest.Tenant, email, name string) {
	t.Helper()
	b.Open(n.Handoff(t, tn, email, name, true))
	if strings.Contains(b.URL(), "/auth/callback") {
		b.Click("main form button")
	}
	b.See("footer", name)
}

func wantDraft(t *testing.T, b *webtest.Browser, desk, title string) {
	t.Helper()
	b.Open(desk + "/tickets/create")
	if got := b.Script(`document.getElementById("title").value`); got != title {
		t.Errorf("the form's title is %q, want %q; the browser keeps %s", got, title, draftsKept(b))
	}
	if title == "" && draftsKept(b) != "[]" {
		t.Errorf("the browser keeps %s", draftsKept(b))
	}
}

// TestBrowserDrafts: what somebody typed and did not send is theirs alone, on a browser that many use.
func TestBrowserDrafts(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	desk := n.Bring(t, n.Acme, "help.shared.example")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})

	comes(t, n, b, n.Acme, "zoe@example.com", "Zoe Park")
	begin(b, desk, "Zoe's lamp")
	wantDraft(t, b, desk, "Zoe's lamp")
	comes(t, n, b, n.Acme, "bob@example.com", "Bob Lane") // Zoe has not signed out
	if got := draftsKept(b); got != "[]" {
		t.Errorf("when Bob has come, the browser keeps %s", got)
	}
	comes(t, n, b, n.Acme, "zoe@example.com", "Zoe Park")
	wantDraft(t, b, desk, "")

	for name, out := range map[string]string{
		"sign out": ".top form button", "sign out everywhere": "[name=everywhere]", "sign out here": ".item:has(.chip.plain) [name=session]",
	} {
		begin(b, desk, "Zoe's fan")
		b.Open(desk + "/auth/sessions")
		b.Click(out)
		b.At(desk + "/auth/sign-in")
		if got := draftsKept(b); got != "[]" {
			t.Errorf("after %q, the browser keeps %s", name, got)
		}
		comes(t, n, b, n.Acme, "zoe@example.com", "Zoe Park")
	}
	begin(b, desk, "Zoe's old lamp")
	b.Script(`for (const [key, text] of Object.entries(localStorage)) localStorage.setItem(key, JSON.stringify({...JSON.parse(text), at: Date.now() - 7.01 * 86400e3})); ""`)
	b.Open(desk + "/dashboard")
	wantDraft(t, b, desk, "")

	// What was sent and did not arrive is there still; what arrived is not.
	begin(b, desk, "Zoe's new lamp")
	b.Online(false)
	b.Click("main form .primary")
	b.At("chrome-error://")
	b.Online(true)
	b.Back()
	b.At(desk + "/tickets/create")
	b.Until(`document.getElementById("title").value`, "Zoe's new lamp")
	wantDraft(t, b, desk, "Zoe's new lamp")
	b.Click("main form .primary")
	b.At(desk + "/tickets/1")
	b.See("main", "Half a sentence of Zoe's new lamp")
	wantDraft(t, b, desk, "")

	// The domain becomes another tenant's: what was typed for the first one is not shown there.
	begin(b, desk, "For Acme only")
	if err := n.Domains.Remove(t.Context(), "help.shared.example"); err != nil {
		t.Fatal(err)
	}
	if got := n.Bring(t, n.Bolt, "help.shared.example"); got != desk {
		t.Fatalf("Bolt's domain is %s", got)
	}
	comes(t, n, b, n.Bolt, "zoe@example.com", "Zoe Park")
	wantDraft(t, b, desk, "")
}

// TestBrowserDraftsOutliveTheConfirmation: who confirms their address finds what they were writing.
func TestBrowserDraftsOutliveTheConfirmation(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(n.Handoff(t, n.Acme, "yan@example.com", "Yan", false))
	b.Click("main form button")
	b.See("footer", "Yan")
	begin(b, n.Acme.URL, "Yan's lamp")
	b.Click(".notice.ask .btn")
	b.Click("main form button")
	b.Fill("#code", n.Mail.WaitCode(t, "yan@example.com"))
	b.Click("main form button")
	b.At(n.Acme.URL + "/dashboard")
	wantDraft(t, b, n.Acme.URL, "Yan's lamp")
}
