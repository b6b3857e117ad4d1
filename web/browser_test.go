package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// What partners have on their pages: a form that opens a tab, and ten lines of script.
const (
	partnerForm = `<!doctype html><title>Shop</title>
<form method="post" action="ENDPOINT" target="_blank">
<input type="hidden" name="email" value="zoe@example.com">
<input type="hidden" name="name" value="Zoe Park">
<button>Help</button>
</form>`

	partnerFetch = `<!doctype html><title>Shop</title>
<button onclick="help()">Help</button>
<script>
async function help() {
  const response = await fetch("ENDPOINT", {
    method: "POST", credentials: "include",
    headers: {"Content-Type": "application/json", "Accept": "application/json"},
    body: JSON.stringify({email: "zoe@example.com", name: "Zoe Park", redirect_url: window.location.href}),
  });
  if (response.redirected) window.location = response.url;
  else document.title = "not redirected: " + response.status;
}
</script>`
)

// home starts a node where Acme has a domain of its own and a partner whose origin it allows. It returns the tenant's
// and the partner's base URL.
func home(t *testing.T, n *webtest.Node, page string) (desk, partner string) {
	t.Helper()
	desk = n.Bring(t, n.Acme, "help.acme.example")
	partner = webtest.Partner(t, "shop.partner.example", strings.ReplaceAll(page, "ENDPOINT", n.URL+"/api/auth/redirect/acme"))
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	return desk, partner
}

// work files a ticket in the portal, reloads, and is still signed in.
func work(t *testing.T, b *webtest.Browser, desk string) {
	t.Helper()
	b.At(desk + "/dashboard")
	b.See("main", "Hello Zoe Park")
	b.Open(desk + "/tickets/create")
	b.Fill("#title", "The lamp flickers")
	b.Fill("#description", "Since yesterday.")
	b.Click("main form button")
	b.At(desk + "/tickets/1")
	b.See("main", "The lamp flickers")
	b.Reload()
	b.See("main", "The lamp flickers")
	b.See("footer", "Zoe Park")
}

// TestBrowserForm: a partner's form opens a tab, which ends signed in on the tenant's own domain.
func TestBrowserForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := home(t, n, partnerForm)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	tab := b.ClickToTab("button")
	work(t, tab, desk)
}

// TestBrowserUnlisted: a form on a page that the tenant has not listed leads to a question first.
func TestBrowserUnlisted(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := home(t, n, partnerForm)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": ""})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	tab := b.ClickToTab("button")
	tab.At(desk + "/auth/callback")
	tab.See("h1", "Continue as z")
	tab.Click("main form button")
	work(t, tab, desk)
}

// TestBrowserFetch: a script on a page of another site follows the redirect and goes where it leads, without third-party
// cookies.
func TestBrowserFetch(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := home(t, n, partnerFetch)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	b.Click("button")
	work(t, b, desk)
	b.See(".crumbs", "Back to "+strings.TrimPrefix(partner, "http://"))

	// Third-party cookies are blocked indeed: the partner's page can't use the session that now exists.
	b.Open(partner)
	got := b.Script(`fetch("` + desk + `/api/users/me", {credentials: "include"}).then(r => "" + r.status)`)
	if got != "401" {
		t.Errorf("the partner's page with the session's cookie = %s, want 401", got)
	}
}

// TestBrowserFetchWithCookies: the same where third-party cookies are allowed, and then the partner's page may use
// the session.
func TestBrowserFetchWithCookies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := home(t, n, partnerFetch)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	b.Click("button")
	work(t, b, desk)
	b.Open(partner)
	got := b.Script(`fetch("` + desk + `/api/tickets", {credentials: "include"}).then(r => r.text())`)
	if !strings.Contains(got, "The lamp flickers") {
		t.Errorf("the partner's page reads %q", got)
	}
}

// TestBrowserConsumesOnce: what a page loads by itself, an image, a frame, a prefetch, leaves the token alone; the
// visitor's own navigation uses it up.
func TestBrowserConsumesOnce(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe Park", true)
	partner := webtest.Partner(t, "shop.partner.example", strings.ReplaceAll(`<!doctype html><title>Shop</title>
<link rel="prefetch" href="CALLBACK">
<script type="speculationrules">{"prerender": [{"urls": ["CALLBACK"], "eagerness": "immediate"}], "prefetch": [{"urls": ["CALLBACK"], "eagerness": "immediate"}]}</script>
<img src="CALLBACK" alt="" onerror="document.title += ' image'">
<iframe src="CALLBACK" onload="document.title += ' frame'"></iframe>
<a href="CALLBACK">Help</a>`, "CALLBACK", callback))
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	b.Script(`new Promise(done => { const wait = () => document.title.includes("image") && document.title.includes("frame") ? done("") : setTimeout(wait, 20); wait(); })`)
	b.Script(`fetch("` + callback + `", {mode: "no-cors", credentials: "include"}).then(() => "")`)
	b.Click("a")
	work(t, b, desk)
	b.Open(callback)
	b.See("main", "TOKEN_USED")
}
