package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

func fillTrial(b *webtest.Browser, slug string) {
	if slug != "" {
		b.Fill("#slug", slug)
	}
	b.Fill("#email", "zoe@example.com")
	b.Fill("#name", "Zoe Park")
	b.Click("main form button")
}

// TestTrialByFormInABrowser: the form shows the steps without a script, and goes on for real in another tab.
func TestTrialByFormInABrowser(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(n.URL + formTrial)
	fillTrial(b, "acme")
	b.See("#result", "302 Found")
	b.See("#result", "asserted")
	b.See("#result", "Origin\t"+n.URL)
	work(b.ClickToTab("#result form button"), desk)
}

// TestTrialByScript: the script shows the steps and goes where they lead, at the node's host and at the tenant's.
func TestTrialByScript(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(n.URL + fetchTrial + "?tenant=acme")
	fillTrial(b, "")
	b.See("#result", "asserted")
	b.See("#result", "No warnings.")
	b.Click("[data-go]")
	work(b, desk)

	b.Open(n.Acme.URL + fetchTrial)
	b.Fill("#email", "<img src=x onerror=alert(1)>")
	b.Click("main form button")
	b.See("#result", "VALIDATION_FAILED")
	b.See("#result", "The name field is required.")
	if got := b.Script(`"" + document.querySelectorAll("#result img").length`); got != "0" {
		t.Error("what was typed became HTML")
	}
}

// TestTrialAsksWhereSomebodyElseIsSignedIn: one click signs in whom the visitor typed, but not in the place of another.
func TestTrialAsksWhereSomebodyElseIsSignedIn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(n.Handoff(t, n.Acme, "bob@example.com", "Bob", true))
	b.At(n.Acme.URL + "/dashboard")
	b.Open(n.URL + fetchTrial + "?tenant=acme")
	fillTrial(b, "")
	b.See("#result", "asserted")
	b.Click("[data-go]")
	b.See("h1", "Continue as z")
	b.See("main", "You are signed in as b")
}

// TestTrialIsNoWeapon: another site's page sends its visitor's browser to the test pages in each way that it has. Nobody is
// signed in.
func TestTrialIsNoWeapon(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const fields = `<input name="slug" value="acme"><input name="email" value="eve@evil.example"><input name="name" value="Eve">`
	evil := webtest.Partner(t, "evil.example", strings.NewReplacer("NODE", n.URL, "FIELDS", fields).Replace(`<!doctype html><title>Win!</title>
<form id="form" method="post" action="NODE/test-auth-redirect-form">FIELDS</form>
<form id="login" method="post" action="NODE/api/auth/redirect/acme">FIELDS</form>
<form id="query" method="get" action="NODE/test-auth-redirect">FIELDS</form>
<iframe src="NODE/test-auth-redirect-form" id="frame"></iframe>`))
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	for _, tc := range []struct{ form, sees string }{
		{"form", "This request came from a page that may not make it."},
		{"login", "Continue as e"},
		{"query", "Show each step"},
	} {
		b.Open(evil)
		b.Script(`document.getElementById("` + tc.form + `").submit(), ""`)
		b.See("main", tc.sees)
		if tc.form == "query" && b.Script(`document.getElementById("email").value`) != "" {
			t.Error("the page took the address from its own")
		}
		if me := b.Script(`fetch("` + n.Acme.URL + `/api/users/me", {mode: "no-cors"}).then(() => "", () => "")`); me != "" {
			t.Error(me)
		}
	}
	b.Open(n.Acme.URL + "/dashboard")
	b.At(n.Acme.URL + "/auth/sign-in")
}
