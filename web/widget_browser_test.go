package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// strict is the policy of a partner's page that allows nothing but what the widget's manual asks for, and its own script.
const strict = "default-src 'none'; script-src 'self' DESK; frame-src DESK; base-uri 'none'; form-action 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// partnerScript is the partner's own: it notes what the browser complains about, and calls the widget before it is there.
const partnerScript = `
window.complaints = [];
document.addEventListener("securitypolicyviolation", e => complaints.push(e.violatedDirective + " " + e.blockedURI));
const error = console.error;
console.error = (...what) => { complaints.push(what.join(" ")); error(...what); };
window.heard = [];
window.addEventListener("message", e => heard.push(JSON.stringify(e.data)));
window.Deskgate = window.Deskgate || function () { (Deskgate.q = Deskgate.q || []).push(arguments); };
window.happened = [];
for (const name of ["ready", "open", "close", "identified", "filed", "error"]) {
  Deskgate("on", name, detail => happened.push(name + (detail && (detail.number || detail.assurance || detail.code) ? " " + (detail.number || detail.assurance || detail.code) : "")));
}
IDENTIFY
`

// shop is a partner's site whose page has the widget of the tenant at desk, and says with the script who its visitor is.
func shop(t *testing.T, host, desk, element, identify string) string {
	t.Helper()
	return webtest.Shop(t, host, strings.ReplaceAll(strict, "DESK", desk), map[string]string{
		"/": `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title><script src="/shop.js"></script>` +
			`<script src="` + desk + `/widget.js" async ` + element + `></script><h1>Shop</h1><button id="mine">Buy</button>`,
		"/shop.js": strings.ReplaceAll(partnerScript, "IDENTIFY", identify),
	})
}

const zoeHere = `Deskgate("identify", {email: "zoe@example.com", name: "Zoe Park"});`

// launcher is the widget's button.
const launcher = `document.querySelector("deskgate-widget").shadowRoot.querySelector(".b")`

// openWidget opens the panel and returns its frame.
func openWidget(b *webtest.Browser, desk string) *webtest.Browser {
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	b.Script(launcher + `.click(), ""`)
	return b.Frame(desk + "/widget/frame")
}

// complainsOfNothing fails the test unless the browser has complained of nothing at the partner's page, and no secret came there.
func complainsOfNothing(t *testing.T, b *webtest.Browser) {
	t.Helper()
	b.Until(`complaints.join("; ")`, "")
	if got := b.Script(`heard.join("\n") + JSON.stringify(Object.entries(localStorage)) + document.cookie`); strings.Contains(got, "dgw_") {
		t.Errorf("the partner's page has a bearer: %s", got)
	}
}

// TestWidgetStrictPolicy: one line on a page with the strictest policy gives a widget in which a visitor files a request, finds
// it in the list, answers it, and is still there after a reload, whether the browser blocks third-party cookies or not.
func TestWidgetStrictPolicy(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	for _, blocked := range []bool{true, false} {
		b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: blocked})
		b.Open(partner)
		frame := openWidget(b, n.Acme.URL)
		frame.See(".w-foot", "Signed in as Zoe Park · address not verified")
		frame.Fill("#f-title", "The lamp flickers")
		frame.Fill("#f-text", "Since **yesterday** <b>evening</b>.")
		frame.Click("main form .primary")
		frame.See("main h2", "The lamp flickers")
		frame.See(".w-thread", "Since yesterday <b>evening</b>.")
		frame.Until(`[...document.querySelectorAll(".w-text b")].map(b => b.textContent).join()`, "yesterday")
		frame.Fill("#f-text", "And it hums.")
		frame.Click("main form .primary")
		frame.See(".w-thread", "And it hums.")
		frame.Click(".w-back")
		frame.See(".w-list", "The lamp flickers")
		frame.Until(`getComputedStyle(document.querySelector("main > .btn")).display`, "none") // there is no more
		b.Until(`happened.join(", ").replace(/filed \d/, "filed")`, "open, ready, identified asserted, filed")

		b.Reload()
		frame = openWidget(b, n.Acme.URL)
		frame.See(".w-list", "The lamp flickers")
		b.Until(`(s => s.backgroundColor + s.color)(getComputedStyle(`+launcher+`))`, "rgb(36, 80, 200)rgb(255, 255, 255)")
		complainsOfNothing(t, b)
	}
}

// TestWidgetAnswer: what staff answers is in the thread; what is typed there is still there when the panel was closed.
func TestWidgetAnswer(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, `data-lang="de"`, zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.See(".w-foot", "Angemeldet als Zoe Park")
	frame.Fill("#f-title", "Die Lampe flackert")
	frame.Fill("#f-text", "Seit gestern.")
	b.Script(`Deskgate("close"), ""`)
	b.Until(`"" + document.querySelector("deskgate-widget").shadowRoot.querySelector(".p").hidden`, "true")
	b.Script(`Deskgate("toggle"), ""`)
	frame.Until(`document.querySelector("#f-title").value + document.querySelector("#f-text").value`, "Die Lampe flackertSeit gestern.")
	frame.Click("main form .primary")
	frame.See("main h2", "Die Lampe flackert")
	token := "Authorization: Bearer " + n.Acme.Token
	expect(t, n.Client(t).Do("POST", n.Acme.URL+"/api/tickets/1/comments", `{"body":"Neue Birne?"}`, asJSON, token), 201, "")
	expect(t, n.Client(t).Do("POST", n.Acme.URL+"/api/tickets/1/comments", `{"body":"Unter uns.","visibility":"internal"}`, asJSON, token), 201, "")
	frame.Fill("#f-text", "Danke!")
	frame.Click("main form .primary")
	if got := frame.See(".w-thread", "Danke!"); !strings.Contains(got, "Neue Birne?") || strings.Contains(got, "Unter uns.") {
		t.Errorf("the thread reads %q", got)
	}
	complainsOfNothing(t, b)
}

// TestWidgetToken: a partner's token shows what its user has asked before, on any page and device; an address alone does not,
// not even where the very browser is signed in at the portal and sends its cookies everywhere.
func TestWidgetToken(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	owner := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Park")
	expect(t, owner.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"An old one","description":"Of hers."}`, asJSON), 201, "")
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	signedIn := shop(t, "signed.partner.example", n.Acme.URL, "", `Deskgate("identify", {token: async () => "`+signed(t, secret, claims("zoe@example.com"))+`"});`)
	claimed := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": claimed + "," + signedIn})

	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe Park", true))
	b.At(n.Acme.URL + "/dashboard")
	b.See("main", "An old one")

	b.Open(claimed)
	frame := openWidget(b, n.Acme.URL)
	frame.See(".w-foot", "address not verified")
	frame.See("main", "What is it about?")
	frame.Click(`[data-view="list"]`)
	frame.See("main", "No requests yet.")

	b.Open(signedIn)
	frame = openWidget(b, n.Acme.URL)
	frame.See(".w-list", "An old one")
	frame.Click(".w-card")
	frame.See(".w-thread", "Of hers.")
	complainsOfNothing(t, b)

	// The token has been used up: after a reload the page has to bring another one, and the visitor is told.
	b.Reload()
	frame = openWidget(b, n.Acme.URL)
	frame.See("[role=alert]", "used already")
	b.Until(`complaints.length + happened.at(-1)`, "1error TOKEN_REPLAYED")
}

// TestWidgetPartitions: the widget on one partner's site knows nothing of the widget on another's, and nothing of another
// tenant's.
func TestWidgetPartitions(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	first := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	second := shop(t, "shop.other.example", n.Acme.URL, "", "")
	third := shop(t, "shop.third.example", n.Bolt.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": first + "," + second})
	n.Set(t, n.Bolt, map[string]string{"allowed_origins": third})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(first)
	frame := openWidget(b, n.Acme.URL)
	frame.Fill("#f-title", "The lamp flickers")
	frame.Fill("#f-text", "Since yesterday.")
	frame.Click("main form .primary")
	frame.See(".w-thread", "Since yesterday.")

	b.Open(second)
	frame = openWidget(b, n.Acme.URL)
	frame.See("main", "Who are you?")
	frame.Fill("#f-name", "Max")
	frame.Fill("#f-email", "max@example.com")
	frame.Click("main form .primary")
	frame.See(".w-foot", "Signed in as Max")

	b.Open(third)
	frame = openWidget(b, n.Bolt.URL)
	frame.See(".w-foot", "Signed in as Zoe Park")
	frame.See("main", "Category") // what the widget shows by itself, now that it knows who this is
	frame.Click(`[data-view="list"]`)
	frame.See("main", "No requests yet.")
	complainsOfNothing(t, b)

	b.Open(first)
	frame = openWidget(b, n.Acme.URL)
	frame.See(".w-list", "The lamp flickers")
}

// TestWidgetForeign: a page that the tenant does not allow sees nothing of the frame, nothing that the frame says, and is not
// heard; its console says what to set. One that is allowed, and names another in its place, isn't either.
func TestWidgetForeign(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	allowed := shop(t, "shop.partner.example", n.Acme.URL, "", "")
	liar := shop(t, "liar.partner.example", n.Acme.URL, "", "")
	foreign := shop(t, "evil.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": allowed + "," + liar})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})

	b.Open(foreign)
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	b.Script(launcher + `.click(), ""`)
	b.Until(`"" + happened.includes("error UNREACHABLE")`, "true")
	if got := b.Script(`complaints.join("; ")`); !strings.Contains(got, "allowed_origins="+foreign) {
		t.Errorf("the console says %q, and not what to set", got)
	}
	if got := b.Script(launcher + `.parentNode.querySelector(".c").innerText`); !strings.Contains(got, "can’t be shown") || !strings.Contains(got, "Try again") {
		t.Errorf("the panel says %q", got)
	}
	if got := b.Script(`heard.join()`); got != "" {
		t.Errorf("a foreign page hears %s", got)
	}

	// A frame that names somebody else, and every message that there is, from the page around it.
	b.Open(liar)
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	b.Script(`const f = document.createElement("iframe"); f.src = "` + n.Acme.URL + `/widget/frame?origin=` + allowed + `"; document.body.append(f);
new Promise(done => f.onload = () => { for (const type of ["hello", "identify", "show", "logout"])
  f.contentWindow.postMessage({deskgate: 1, type, color: "#ff0000", ink: "#ffffff", email: "zoe@example.com", name: "Zoe"}, "*"); setTimeout(() => done(""), 500); })`)
	frame := b.Frame(n.Acme.URL + "/widget/frame")
	frame.See("main", "One moment…")
	frame.Until(`document.documentElement.style.length + ""`, "0")
	if got := b.Script(`heard.join()`); got != "" {
		t.Errorf("a page that names another hears %s", got)
	}
}

// TestWidgetMessages: what is not of the right form, or comes from another window of the right origin, is not heard.
func TestWidgetMessages(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", "")
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.See("main", "Who are you?")
	b.Script(`const to = document.querySelector("deskgate-widget").shadowRoot.querySelector("iframe").contentWindow;
for (const m of [null, 1, "identify", [], {type: "identify", email: "a@example.com", name: "A"}, {deskgate: 2, type: "identify", email: "a@example.com", name: "A"},
  {deskgate: 1, type: "identify", email: {}, name: "A"}, {deskgate: 1, type: "identify", email: "a@example.com", name: "A", token: "x"},
  {deskgate: 1, type: "identify", email: "a".repeat(300), name: "A"}, {deskgate: 1, type: "toString"}, {deskgate: 1, type: "constructor"}, {deskgate: 1, type: "bearer"},
  {deskgate: 1, type: "hello", color: "url(//evil.example)", ink: "red"}]) to.postMessage(m, "` + n.Acme.URL + `");
new Promise(done => setTimeout(() => done(""), 300))`)
	frame.See("main", "Who are you?")
	// The page itself says to its widget what only the frame may say.
	b.Script(`for (const type of ["close", "event"]) window.postMessage({deskgate: 1, type, name: "filed", detail: {number: 7}}, "*"); new Promise(done => setTimeout(() => done(""), 300))`)
	b.Until(`happened.join(", ")`, "open, ready")
	complainsOfNothing(t, b)
}

// TestWidgetKeyboard: the widget is used without a mouse; focus goes in, and back to where it came from.
func TestWidgetKeyboard(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	focused := `document.querySelector("deskgate-widget").shadowRoot.activeElement?.className + ""`
	expanded := launcher + `.getAttribute("aria-expanded")`
	b.Until(expanded, "false")
	b.Script(`document.querySelector("#mine").focus(), ""`)
	b.Press("\t")
	b.Until(focused, "b")
	b.Press("\r")
	b.Until(expanded, "true")
	frame := b.Frame(n.Acme.URL + "/widget/frame")
	frame.See("main", "What is it")
	frame.Until(`document.activeElement.id`, "f-category")
	b.Press("\t")
	frame.Until(`document.activeElement.id`, "f-title")
	b.Until(`document.querySelector("deskgate-widget").shadowRoot.activeElement.tagName`, "IFRAME")
	b.Press("The lamp")
	frame.Until(`document.querySelector("#f-title").value`, "The lamp")
	b.Press("\u001b")
	b.Until(expanded, "false")
	b.Until(focused, "b")
	b.Press("\r")
	frame.Until(`document.activeElement.id + document.querySelector("#f-title").value`, "f-categoryThe lamp")
	b.Press("\t")
	// What is missing is said at its field, and the focus is there.
	b.Press("\r")
	frame.Until(`document.activeElement.id + document.activeElement.getAttribute("aria-invalid")`, "f-texttrue")
	frame.See("#f-text-error", "This is needed.")
	for what, got := range map[string]string{
		"panel": b.Script(`(p => p.getAttribute("role") + " " + p.getAttribute("aria-label"))(document.querySelector("deskgate-widget").shadowRoot.querySelector(".p"))`),
		"frame": b.Script(`"dialog " + document.querySelector("deskgate-widget").shadowRoot.querySelector("iframe").title`),
	} {
		if got != "dialog Help desk" {
			t.Errorf("%s is %q, want a dialog with a name", what, got)
		}
	}
}

// TestWidgetLogout: when the partner's page signs its visitor out, the session is over, also where the panel was never opened
// on that page.
func TestWidgetLogout(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", `if (!location.search) `+zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	openWidget(b, n.Acme.URL).See(".w-foot", "Zoe Park")
	b.Open(partner + "/?nobody") // the page doesn't say who it is, and the session goes on
	openWidget(b, n.Acme.URL).See(".w-foot", "Zoe Park")
	b.Script(`Deskgate("logout"), ""`)
	b.Frame(n.Acme.URL+"/widget/frame").See("main", "Who are you?")

	b.Open(partner)
	openWidget(b, n.Acme.URL).See(".w-foot", "Zoe Park")
	b.Open(partner + "/?nobody")
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	b.Script(`Deskgate("logout"), ""`)
	b.Frame(n.Acme.URL+"/widget/frame").Until(`document.querySelector("main h2")?.textContent`, "Who are you?")
	b.Reload()
	openWidget(b, n.Acme.URL).See("main", "Who are you?")
	complainsOfNothing(t, b)
}

// TestWidgetRemember: only where the partner's page says so does the browser keep who its visitor is.
func TestWidgetRemember(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	keeps := shop(t, "keeps.partner.example", n.Acme.URL, "data-remember", `if (!location.search) `+zoeHere)
	forgets := shop(t, "forgets.other.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": keeps + "," + forgets})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	for partner, kept := range map[string]string{keeps: `["{\"email\":\"zoe@example.com\",\"name\":\"Zoe Park\"}"]`, forgets: "[]"} {
		b.Open(partner)
		openWidget(b, n.Acme.URL).See(".w-foot", "Zoe Park")
		b.Until(`JSON.stringify(Object.values(localStorage))`, kept)
	}
	b.Open(keeps + "/?nobody")
	b.Script(`Deskgate("logout"), ""`)
	b.Until(`localStorage.length + ""`, "0")
}

// TestWidgetFullPage: the visitor goes on in a tab of the help desk, at the same request.
func TestWidgetFullPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Bring(t, n.Acme, "help.acme.example")
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.Fill("#f-title", "The lamp flickers")
	frame.Fill("#f-text", "Since yesterday.")
	frame.Click("main form .primary")
	frame.See(".w-thread", "Since yesterday.")
	tab := frame.ClickToTab(".w-foot button:last-child")
	tab.At(n.Acme.URL + "/tickets/1") // not at the primary host: only here it is seen to be the same browser
	tab.See("main", "The lamp flickers")
	tab.See(".crumbs", "Back to "+strings.TrimPrefix(partner, "https://"))
	tab.Reload()
	tab.See("footer", "Zoe Park")
}

// TestWidgetAtNode: the script from the node's host finds the tenant that its element names, wherever its portal is mounted, and
// a plain page of the partner's will do.
func TestWidgetAtNode(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := webtest.Partner(t, "shop.partner.example", `<!doctype html><html lang="de"><title>Shop</title><script src="`+n.URL+`/widget.js" data-tenant="acme" data-position="left" data-color="gold"></script>
<body><h1>Shop</h1><script>`+zoeHere+`</script>`)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	if err := n.Tenants.Mount(t.Context(), n.Acme.ID, n.Directory.Node().TenantHost("acme"), "/support"); err != nil {
		t.Fatal(err)
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
	b.Script(launcher + `.click(), ""`)
	frame := b.Frame(n.Acme.URL + "/support/widget/frame")
	frame.See(".w-foot", "Angemeldet als Zoe Park")
	frame.Fill("#f-title", "Die Lampe")
	frame.Fill("#f-text", "Sie flackert.")
	frame.Click("main form .primary")
	frame.See(".w-thread", "Sie flackert.")
	b.Until(`(s => s.backgroundColor + s.color + s.left)(getComputedStyle(`+launcher+`))`, "rgb(255, 215, 0)rgb(0, 0, 0)16px")
}

// TestWidgetTrouble: what goes wrong is said in words with a way to try again, and nothing that was typed is lost.
func TestWidgetTrouble(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "unsigned": "signed"})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.See("[role=alert]", "signed sign-ins only")
	n.Set(t, n.Acme, map[string]string{"unsigned": "open"})
	frame.Click("main button")
	frame.See(".w-foot", "Zoe Park")
	frame.Fill("#f-title", "The lamp flickers")
	frame.Fill("#f-text", "Since yesterday.")
	// The connection is down for a moment.
	frame.Script(`window.real = window.fetch; window.fetch = () => Promise.reject(new TypeError("down")); ""`)
	frame.Click("main form .primary")
	frame.See("[role=alert]", "could not be reached")
	frame.Script(`window.fetch = window.real; ""`)
	// Meanwhile the session has ended elsewhere; who the visitor is stands on the page.
	ended := frame.Script(`fetch("/widget/session/end", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({origin: document.body.dataset.origin})}).then(r => "" + r.status)`)
	if ended != "204" {
		t.Fatalf("end = %s", ended)
	}
	frame.Click("main form .primary")
	frame.See("[role=alert]", "Your session is over")
	frame.Until(`document.querySelector("#f-title").value + document.querySelector("#f-text").value`, "The lamp flickersSince yesterday.")
	frame.See(".w-foot", "Zoe Park")
	frame.Click("main form .primary")
	frame.See(".w-thread", "Since yesterday.")
}

// TestWidgetFirefox: the same page does the same in Firefox, whatever it does with the cookies of frames; where it keeps none at
// all, the visitor is forgotten with the page.
func TestWidgetFirefox(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	policy := strings.ReplaceAll(strict, "DESK", n.Acme.URL) + "; img-src 'self'" // it asks for the page's icon
	files := map[string]string{
		"/":        `<!doctype html><html lang="en"><title>Shop</title><script src="/shop.js"></script><script src="` + n.Acme.URL + `/widget.js" async></script><h1>Shop</h1>`,
		"/shop.js": strings.ReplaceAll(partnerScript, "IDENTIFY", `if (!location.search) `+zoeHere),
	}
	partner := webtest.Site(t, "shop.partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/shop.js" {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		}
		if _, err := w.Write([]byte(files[r.URL.Path])); err != nil {
			t.Logf("partner's site: %v", err)
		}
	}))
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	firefox := webtest.NewFirefox(t)
	firefox.Trust(t, n)
	// opened opens the panel and waits for what the frame says of its visitor, for a moment.
	const opened = `new Promise(done => {
  const begun = Date.now();
  const look = () => {
    if (window.Deskgate?.here && !happened.includes("open")) Deskgate("open");
    const last = happened.at(-1) + "";
    if (last.startsWith("identified") || last.startsWith("error") || Date.now() - begun > PATIENCE) done(happened.join(", ") + complaints.join(", "));
    else setTimeout(look, 20);
  };
  look();
})`
	for rule, again := range map[webtest.CookieRule]string{
		webtest.PartitionCookies: "open, ready, identified asserted", webtest.BlockThirdPartyCookies: "open, ready",
	} {
		tab := firefox.Tab(t, rule)
		tab.Open(partner)
		if got := tab.Script(strings.ReplaceAll(opened, "PATIENCE", "20000")); got != "open, ready, identified asserted" {
			t.Errorf("with cookie rule %d: %q", rule, got)
		}
		tab.Open(partner + "/?nobody")
		if got := tab.Script(strings.ReplaceAll(opened, "PATIENCE", "3000")); got != again {
			t.Errorf("with cookie rule %d, on a page that doesn't say who is there: %q, want %q", rule, got, again)
		}
	}
}
