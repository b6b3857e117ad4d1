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

// browser is one tab of any of the engines.
type browser[B any] interface {
	Open(address string)
	Reload()
	Fill(css, text string)
	Click(css string)
	ClickToTab(css string) B
	See(css, words string) string
	At(address string) string
	Script(source string) string
}

// work files a ticket in the portal, reloads, and is still signed in.
func work[B browser[B]](b B, desk string) {
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

// byForm: a partner's form opens a tab, which ends signed in on the tenant's own domain.
func byForm[B browser[B]](t *testing.T, n *webtest.Node, b B) {
	t.Helper()
	desk, partner := home(t, n, partnerForm)
	b.Open(partner)
	work(b.ClickToTab("button"), desk)
}

func TestBrowserForm(t *testing.T) {
	t.Parallel()
	byForm(t, webtest.Start(t), webtest.NewBrowser(t, webtest.BrowserOptions{}))
}

// byUnlistedForm: a form on a page that the tenant has not listed leads to a question first.
func byUnlistedForm[B browser[B]](t *testing.T, n *webtest.Node, b B) {
	t.Helper()
	desk, partner := home(t, n, partnerForm)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": ""})
	b.Open(partner)
	tab := b.ClickToTab("button")
	tab.At(desk + "/auth/callback")
	tab.See("h1", "Continue as z")
	tab.Click("main form button")
	work(tab, desk)
}

func TestBrowserUnlisted(t *testing.T) {
	t.Parallel()
	byUnlistedForm(t, webtest.Start(t), webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true}))
}

// byFetch: a script on a page of another site follows the redirect and goes where it leads, with third-party cookies or
// without. The partner's page can use the session that now exists if its answer is 200, and not if it is 401.
func byFetch[B browser[B]](t *testing.T, n *webtest.Node, b B, answer string) {
	t.Helper()
	desk, partner := home(t, n, partnerFetch)
	b.Open(partner)
	b.Click("button")
	work(b, desk)
	b.See(".crumbs", "Back to "+strings.TrimPrefix(partner, "http://"))
	b.Open(partner)
	got := b.Script(`fetch("` + desk + `/api/users/me", {credentials: "include"}).then(r => "" + r.status)`)
	if got != answer && answer != "" {
		t.Errorf("the partner's page with the session's cookie = %s, want %s", got, answer)
	}
	if answer != "200" {
		return
	}
	if got := b.Script(`fetch("` + desk + `/api/tickets", {credentials: "include"}).then(r => r.text())`); !strings.Contains(got, "The lamp flickers") {
		t.Errorf("the partner's page reads %q", got)
	}
}

func TestBrowserFetch(t *testing.T) {
	t.Parallel()
	byFetch(t, webtest.Start(t), webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true}), "401")
}

func TestBrowserFetchWithCookies(t *testing.T) {
	t.Parallel()
	byFetch(t, webtest.Start(t), webtest.NewBrowser(t, webtest.BrowserOptions{}), "200")
}

// consumesOnce: what a page loads by itself, an image, a frame, a prefetch, leaves the token alone; the visitor's own
// navigation uses it up.
func consumesOnce[B browser[B]](t *testing.T, n *webtest.Node, b B) {
	t.Helper()
	desk := n.Bring(t, n.Acme, "help.acme.example")
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe Park", true)
	partner := webtest.Partner(t, "shop.partner.example", strings.ReplaceAll(`<!doctype html><title>Shop</title>
<link rel="prefetch" href="CALLBACK">
<script type="speculationrules">{"prerender": [{"urls": ["CALLBACK"], "eagerness": "immediate"}], "prefetch": [{"urls": ["CALLBACK"], "eagerness": "immediate"}]}</script>
<img src="CALLBACK" alt="" onerror="document.title += ' image'">
<iframe src="CALLBACK" onload="document.title += ' frame'"></iframe>
<a href="CALLBACK">Help</a>`, "CALLBACK", callback))
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b.Open(partner)
	b.Script(`new Promise(done => { const wait = () => document.title.includes("image") && document.title.includes("frame") ? done("") : setTimeout(wait, 20); wait(); })`)
	b.Script(`fetch("` + callback + `", {mode: "no-cors", credentials: "include"}).then(() => "")`)
	b.Click("a")
	work(b, desk)
	b.Open(callback)
	b.See("main", "TOKEN_USED")
}

func TestBrowserConsumesOnce(t *testing.T) {
	t.Parallel()
	consumesOnce(t, webtest.Start(t), webtest.NewBrowser(t, webtest.BrowserOptions{}))
}

// byCode: somebody from a partner's page writes a request, is asked for the code that was mailed, and has the browser
// remembered: the next time they are vouched at once.
func byCode[B browser[B]](t *testing.T, n *webtest.Node, b B) {
	t.Helper()
	desk, partner := home(t, n, partnerFetch)
	n.Set(t, n.Acme, map[string]string{"unsigned": "confirm"})
	b.Open(partner)
	b.Click("button")
	b.At(desk + "/dashboard")
	b.See(".notice", "not confirmed")
	b.Open(desk + "/tickets/create")
	b.Fill("#title", "The lamp flickers")
	b.Fill("#description", "Since yesterday.")
	b.Click("main form button")
	b.See(".notice", "The lamp flickers")
	b.Click("main form button")
	b.See("main", "We mailed a code to zoe@example.com")
	b.Fill("#code", n.Mail.WaitCode(t, "zoe@example.com"))
	b.Click("[name=remember]")
	b.Click("main form button")
	b.At(desk + "/tickets/1")
	b.See("main", "Since yesterday.")

	n.EndSessions(t, n.Acme, "zoe@example.com")
	b.Open(desk + "/tickets/1")
	b.At(desk + "/auth/sign-in")
	b.Open(partner)
	b.Click("button")
	b.At(desk + "/tickets/1")
	b.See("main", "The lamp flickers")
	b.See(".foot", "zoe@example.com\nWhere")
}

func TestBrowserCode(t *testing.T) {
	t.Parallel()
	byCode(t, webtest.Start(t, webtest.WithMail()), webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true}))
}

// TestFirefox makes the same journeys in Firefox, which believes the node's own authority: one after the other, as it
// takes long to start.
func TestFirefox(t *testing.T) {
	t.Parallel()
	firefox := webtest.NewFirefox(t)
	// As it comes, Firefox lets a page use the cookies of a site that it has just sent its visitor to, or not, by rules
	// of its own: there the answer is not looked at.
	fetch := func(answer string) func(*testing.T, *webtest.Node, *webtest.FirefoxTab) {
		return func(t *testing.T, n *webtest.Node, b *webtest.FirefoxTab) {
			t.Helper()
			byFetch(t, n, b, answer)
		}
	}
	for _, tc := range []struct {
		name    string
		cookies webtest.CookieRule
		journey func(*testing.T, *webtest.Node, *webtest.FirefoxTab)
	}{
		{"form", webtest.PartitionCookies, byForm[*webtest.FirefoxTab]},
		{"form on a page that is not listed", webtest.BlockThirdPartyCookies, byUnlistedForm[*webtest.FirefoxTab]},
		{"fetch, cookies allowed", webtest.AllowCookies, fetch("200")},
		{"fetch, cookies blocked", webtest.BlockThirdPartyCookies, fetch("401")},
		{"fetch, cookies as Firefox comes", webtest.PartitionCookies, fetch("")},
		{"consumes once", webtest.AllowCookies, consumesOnce[*webtest.FirefoxTab]},
		{"code", webtest.BlockThirdPartyCookies, byCode[*webtest.FirefoxTab]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := webtest.Start(t, webtest.WithMail())
			firefox.Trust(t, n)
			tc.journey(t, n, firefox.Tab(t, tc.cookies))
		})
	}
}
