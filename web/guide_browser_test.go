package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// guidePartner is a partner's page with one of the guide's snippets in it, on an origin that the tenant allows.
func guidePartner(t *testing.T, n *webtest.Node, snippet string) (desk, partner string) {
	t.Helper()
	desk = n.Bring(t, n.Acme, "help.acme.example")
	code := shown(t, n, desk+"/integration")[snippet]
	partner = webtest.Partner(t, "shop.partner.example", "<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>"+code)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	return desk, partner
}

// TestGuideForm: the guide's form opens a tab in which its user is signed in, without a question.
func TestGuideForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := guidePartner(t, n, "form.html")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	work(b.ClickToTab("form button"), desk)
}

// TestGuideFetch: the guide's script takes its user over, with a way back. From a page that is not on the list, it says that it
// can't.
func TestGuideFetch(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := guidePartner(t, n, "fetch.html")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	b.Click("#help")
	work(b, desk)
	b.See(".crumbs", "Back to "+strings.TrimPrefix(partner, "http://"))

	n.Set(t, n.Acme, map[string]string{"allowed_origins": ""})
	b.Open(partner)
	b.Click("#help")
	b.See("#help-problem", "The help desk can't be reached")
}

// TestGuideWidget: the guide's line gives a widget that knows who is there: on the page's word, or on the token's.
func TestGuideWidget(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
	library := p.write(t, "jwt.mjs", snippets["jwt-jsonwebtoken.mjs"])
	pages := http.NewServeMux()
	for path, file := range map[string]string{"GET /asserted": "widget.html", "GET /vouched": "widget-token.html"} {
		pages.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>"+snippets[file])
		})
	}
	pages.HandleFunc("POST /help-token", func(w http.ResponseWriter, _ *http.Request) {
		token, err := p.output(t, "node", "testdata/guide/token.mjs", library, `{"id":7,"email":"zoe@example.com","name":"Zoe Park"}`)
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, token)
	})
	partner := webtest.Site(t, "shop.partner.example", pages)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner + "/asserted")
	openWidget(b, n.Acme.URL).See(".w-foot", "Signed in as Zoe Park · address not verified")
	b.Open(partner + "/vouched")
	if foot := openWidget(b, n.Acme.URL).See(".w-foot", "Signed in as Zoe Park"); strings.Contains(foot, "not verified") {
		t.Errorf("with a token, the widget says %q", foot)
	}
}

// TestGuideReact: the guide's component, bundled as partners do, takes the user over whom the partner's server vouches for.
func TestGuideReact(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	p := newPrograms(t, n)
	component := p.write(t, "HelpButton.jsx", shown(t, n, desk+"/integration")["HelpButton.jsx"])
	script := p.run(t, "node", "testdata/guide/react.mjs", component)
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe Park", true)
	var down atomic.Bool
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><meta charset=utf-8><title>Shop</title><div id="app"></div><script src="/app.js"></script>`)
	})
	pages.HandleFunc("GET /app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = io.WriteString(w, script)
	})
	pages.HandleFunc("POST /help", func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"url": callback})
	})
	partner := webtest.Site(t, "shop.partner.example", pages)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	b.See("button", "Get help")
	b.Click("button")
	work(b, desk)

	down.Store(true)
	b.Open(partner)
	b.See("button", "Get help")
	b.Click("button")
	b.See("[role=alert]", "The help desk can't be reached")
}

// TestGuideInABrowser: the guide's own script copies what is shown, and one language is shown at a time.
func TestGuideInABrowser(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(n.Acme.URL + "/integration")
	b.See("h1", "Integration guide")
	b.See("#form .copy", "Copy")
	b.Script(`navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }, ""`)
	b.Click("#form .copy")
	b.See("#form .copy", "Copied")
	if got, want := b.Script("window.copied"), shown(t, n, n.Acme.URL+"/integration")["form.html"]; got != strings.TrimSpace(want) {
		t.Errorf("copied %q, want %q", got, want)
	}
	visible := `[...document.querySelectorAll("#jwt .panel")].filter(p => p.offsetHeight > 0).map(p => p.querySelector("code").dataset.file).join(" ")`
	if got := b.Script(visible); got != "jwt-jsonwebtoken.mjs" {
		t.Errorf("at first the page shows %q", got)
	}
	b.Click("#jwt label[for=jwt-3]")
	if got := b.Script(visible); got != "jwt.py" {
		t.Errorf("after a click on Python it shows %q", got)
	}
}
