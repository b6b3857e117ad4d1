package web_test

import (
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
		"/": `<!doctype html><html lang="en"><title>Shop</title><script src="/shop.js"></script>` +
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

// TestWidgetStrictPolicy: one line on a page with the strictest policy gives a widget in which a visitor files a request, finds
// it in the list, answers it, and is still there after a reload.
func TestWidgetStrictPolicy(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.See(".w-foot", "Signed in as Zoe Park · address not verified")
	frame.Fill("#f-title", "The lamp flickers")
	frame.Fill("#f-text", "Since yesterday.")
	frame.Click("main form .primary")
	frame.See("main h2", "The lamp flickers")
	frame.See(".w-thread", "Since yesterday.")
	frame.Fill("#f-text", "And it hums.")
	frame.Click("main form .primary")
	frame.See(".w-thread", "And it hums.")
	frame.Click(".w-back")
	frame.See(".w-list", "The lamp flickers")
	b.Until(`happened.join(", ")`, "open, ready, identified asserted, filed 1")

	b.Reload()
	frame = openWidget(b, n.Acme.URL)
	frame.See(".w-list", "The lamp flickers")
	b.Until(`complaints.join("; ")`, "")
	b.Until(`"" + heard.some(m => m.includes("dgw_"))`, "false")
}
