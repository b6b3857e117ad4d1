package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// join has somebody who is invited to a tenant's staff choose a password in the browser.
func join(t *testing.T, n *webtest.Node, b *webtest.Browser, of *webtest.Tenant, email string) {
	t.Helper()
	i, err := n.Staff.Invite(t.Context(), of.Tenant, email, "", auth.RoleAdmin, "operator")
	if err != nil {
		t.Fatal(err)
	}
	b.Open(i.URL)
	b.Fill("#password", webtest.Password)
	b.Click("main form button")
}

const (
	addPasskey = "[data-passkey=add] button"
	usePasskey = "[data-passkey=use] button"
)

// signOut signs the member out, with nobody at the authenticator.
func signOut(b *webtest.Browser, device *webtest.Authenticator, desk string) {
	device.Present(false)
	b.Click(".top form button")
	b.At(desk + "/agent/login")
}

// TestBrowserPasskey: the invitation offers a passkey; with it the member signs in without saying who they are, and proves
// once more who they are. What is not good enough signs nobody in.
func TestBrowserPasskey(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Acme.URL
	host := strings.Split(strings.TrimPrefix(desk, "https://"), ":")[0]
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	device := b.Authenticator()
	join(t, n, b, n.Acme, "ann@acme.example")
	b.At(desk + "/agent/settings/passkeys?done=joined")
	b.Fill("#name", "Laptop")
	b.Click(addPasskey)
	b.At(desk + "/agent/settings/passkeys?done=passkey-added")
	b.See("main", "Laptop")
	made := device.Passkeys()
	if len(made) != 1 || made[0].RpID != host || made[0].UserName != "ann@acme.example" || !made[0].IsResidentCredential {
		t.Fatalf("passkeys %+v", made)
	}
	b.Click(addPasskey)
	b.See("[role=alert]", "You have a passkey there already.")

	// The browser offers it by itself, in the field for the address.
	signOut(b, device, desk)
	b.Open(desk + "/agent/settings/passkeys")
	b.At(desk + "/agent/login") // and only now, or the page before this one takes it
	device.Present(true)
	b.At(desk + "/agent/settings/passkeys")
	b.See("main", "last used")

	// And once more, before what matters.
	b.Open(desk + "/agent/step-up?next=%2Fagent%2Fsettings%2Fsessions")
	b.Click(usePasskey)
	b.At(desk + "/agent/settings/sessions")

	// A copy of before: its count has gone back.
	signOut(b, device, desk)
	device.Empty()
	made[0].SignCount = 1
	device.Keep(made[0])
	device.Present(true)
	b.Click(usePasskey)
	b.See("[role=alert]", "seems to be copied")
}

// TestBrowserPasskeyIsBound: a passkey works at the host that it was made for, for its owner alone, as long as it is listed.
func TestBrowserPasskeyIsBound(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, own := n.Acme.URL, n.Bring(t, n.Acme, "help.acme.test")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	device := b.Authenticator()
	i, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, "ann@acme.example", "", auth.RoleAdmin, "operator")
	if err != nil {
		t.Fatal(err)
	}
	b.Open(strings.Replace(i.URL, own, desk, 1))
	b.Fill("#password", webtest.Password)
	b.Click("main form button")
	b.At(desk + "/agent/settings/passkeys")
	b.Click(addPasskey)
	b.At(desk + "/agent/settings/passkeys?done=passkey-added")
	b.See("h2", "Passkey")

	for _, elsewhere := range []string{own, n.Bolt.URL} {
		b.Open(elsewhere + "/agent/login")
		b.Click(usePasskey)
		b.See("[role=alert]", "No passkey was used.")
	}
	signOut(b, device, goTo(b, desk))
	device.Verify(false)
	device.Present(true)
	b.Click(usePasskey)
	b.See("[role=alert]", "No passkey was used.")
	device.Verify(true)
	b.Click(usePasskey)
	b.At(desk + "/agent")
	b.See("footer", "ann@acme.example")

	b.Open(desk + "/agent/settings/passkeys")
	b.Click(".passkey .btn.bad")
	b.At(desk + "/agent/settings/passkeys?done=passkey-removed")
	b.See("main", "You have no passkey yet.")
	signOut(b, device, desk)
	device.Present(true)
	b.Click(usePasskey)
	b.See("[role=alert]", "not known here")
}

// goTo opens the console at a host, and returns the host's address.
func goTo(b *webtest.Browser, desk string) string {
	b.Open(desk + "/agent")
	return desk
}

// TestBrowserPasskeyReplay: what an authenticator has answered once is worth nothing a second time, nor in another browser.
func TestBrowserPasskeyReplay(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Acme.URL
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	device := b.Authenticator()
	join(t, n, b, n.Acme, "ann@acme.example")
	b.At(desk + "/agent/settings/passkeys")
	b.Click(addPasskey)
	b.At(desk + "/agent/settings/passkeys?done=passkey-added")
	signOut(b, device, desk)
	b.Script(`(async () => { const sent = window.fetch; window.fetch = async (address, options) => {
		if (address.endsWith("/sign-in")) { window.kept = window.kept || options.body; return new Response("{}", {status: 400}); }
		return sent(address, options); }; return ""; })()`)
	device.Present(true)
	b.Click(usePasskey)
	answer := b.Script(`new Promise(done => { const wait = () => window.kept ? done(window.kept) : setTimeout(wait, 20); wait(); })`)

	stolen := n.Client(t).Do("POST", desk+"/auth/passkey/sign-in", answer, asJSON, "Accept: application/json", "Sec-Fetch-Site: same-origin")
	if stolen.Status != 400 || stolen.Code() != "SIGN_IN_STALE" {
		t.Errorf("in another browser = %d %s", stolen.Status, stolen.Body)
	}
	first := b.Script(replay)
	if !strings.HasPrefix(first, "200 ") {
		t.Errorf("the first time = %s", first)
	}
	if second := b.Script(replay); !strings.HasPrefix(second, "400 ") || !strings.Contains(second, "SIGN_IN_STALE") {
		t.Errorf("the second time = %s", second)
	}
}

// replay sends what the page has kept.
const replay = `new Promise(done => { const x = new XMLHttpRequest(); x.open("POST", "/auth/passkey/sign-in");
	x.setRequestHeader("Content-Type", "application/json"); x.setRequestHeader("Accept", "application/json");
	x.onloadend = () => done(x.status + " " + x.responseText); x.send(window.kept); })`
