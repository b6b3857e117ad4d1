package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// widgetState is something that the widget shows.
type widgetState struct {
	name string
	// page is the address below the partner's that is opened for it; empty: the page stays.
	page string
	// do leads to it; see is what is there then, in the frame.
	do       func(b, frame *webtest.Browser)
	see, has string
}

// widgetStates are the states that a visitor meets, in this order.
func widgetStates(t *testing.T, n *webtest.Node, look webtest.Look) []widgetState {
	t.Helper()
	submit := func(_, frame *webtest.Browser) { frame.Click("main form:not([hidden]) .primary") }
	tab := func(name string) func(_, frame *webtest.Browser) {
		return func(_, frame *webtest.Browser) { frame.Click(`[data-view="` + name + `"]`) }
	}
	return []widgetState{
		{name: "sign-in", page: "/?nobody", see: "main", has: "Who are you?", do: func(b, _ *webtest.Browser) { b.Script(`Deskgate("logout"), Deskgate("open"), ""`) }},
		{name: "sign-in-wrong", do: submit, see: ".error:not([hidden])", has: "This is needed."},
		{name: "form", page: "/", see: "main", has: "What is it about?", do: func(_, frame *webtest.Browser) { frame.See(".w-foot", "Zoe"); tab("new")(nil, frame) }},
		{name: "form-wrong", see: "#f-text-error", has: "This is needed.", do: func(_, frame *webtest.Browser) {
			frame.Fill("#f-title", "The lamp flickers")
			frame.Upload("#f-files", keepFile(t, "A picture of the lamp in the hall, taken on Monday.jpeg", png), keepFile(t, "empty.txt", ""))
			submit(nil, frame)
		}},
		{name: "offline", see: "[role=alert]", has: "could not be reached", do: func(_, frame *webtest.Browser) {
			frame.Fill("#f-text", "Since **yesterday** evening, see https://www.acme.example/lamp?serial=4471-0924.")
			frame.Script(`window.real = window.fetch; window.fetch = () => Promise.reject(new TypeError("down")); ""`)
			submit(nil, frame)
		}},
		{name: "sent", see: ".w-thread", has: "Since", do: func(_, frame *webtest.Browser) {
			frame.Script(`window.fetch = window.real; ""`)
			submit(nil, frame)
		}},
		{name: "ticket", see: ".w-thread .staff", has: "bulb", do: func(_, frame *webtest.Browser) {
			p := caller(t, n, n.Acme)
			number := frame.Script(`document.querySelector("main .row .muted").textContent.slice(1)`)
			ids := p.attach(webtest.File{Name: "How to change a bulb.pdf", Content: "%PDF-1.7"})
			p.call("POST", "/api/tickets/"+number+"/comments", `{"body":"Please change the bulb.","attachment_ids":["`+ids[0]+`"]}`)
			p.call("PATCH", "/api/tickets/"+number, `{"status":"pending"}`)
			tab("list")(nil, frame)
			frame.Click(".w-card")
		}},
		{name: "list", do: tab("list"), see: ".w-list", has: "Waiting for you"},
		// Each look is somebody else's: an address gets one code in a quarter of an hour.
		{name: "code", page: "/?code-" + look.String(), see: "main", has: "Send me the code", do: func(_, frame *webtest.Browser) {
			frame.See(".w-foot", "Zoe")
			tab("new")(nil, frame)
			frame.Fill("#f-title", "The lamp flickers")
			frame.Fill("#f-text", "Since yesterday.")
			submit(nil, frame)
		}},
		{name: "code-sent", see: "main", has: "We have sent a code", do: func(_, frame *webtest.Browser) {
			frame.Click("main > .btn.primary")
			frame.See("main form:not([hidden])", "Confirm")
		}},
		{name: "code-wrong", see: "main form", has: "That is not the code.", do: func(_, frame *webtest.Browser) {
			frame.Fill("#f-code", "00000000")
			submit(nil, frame)
		}},
		{name: "refused", page: "/?other", see: "[role=alert]", has: "signed sign-ins only"},
	}
}

// TestWidgetInEveryLook: axe-core finds nothing serious in any state of the widget, in either theme, on a phone and on a desk; nothing
// sticks out of it, and thumbs find what they press. With DESKGATE_SHOTS set to a folder, pictures of all states are left there.
func TestWidgetInEveryLook(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("testdata/npm/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("npm's modules are not installed, run make tools: ", err)
	}
	n := webtest.Start(t, webtest.WithMail())
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", `if (location.search !== "?nobody") Deskgate("identify", {email: location.search ? location.search.slice(1) + "@example.com" : "zoe@example.com", name: "Zoe Margarethe Park"});`)
	shots, looks := os.Getenv("DESKGATE_SHOTS"), []webtest.Look{{Width: 360, Dark: true, Language: "en"}, {Width: 900, Language: "en"}}
	if shots != "" {
		looks = []webtest.Look{{Width: 360}, {Width: 360, Dark: true}, {Width: 900}, {Width: 900, Dark: true}}
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	check := func(look webtest.Look, name string, shown ...*webtest.Browser) {
		if shots != "" {
			b.Shot(filepath.Join(shots, "widget-"+name+"-"+look.String()+".png"))
		}
		for _, one := range shown {
			wrong := one.Violations(string(axe))
			if out := one.Overflow(); out != "" {
				wrong = append(wrong, out+" stick out")
			}
			for _, what := range wrong {
				t.Errorf("%s at %s: %s", name, look, what)
			}
		}
	}
	for _, look := range looks {
		look.Language = "en"
		b.Wear(look)
		n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "unsigned": "open"})
		b.Open(partner)
		b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
		check(look, "closed", b)
		var frame *webtest.Browser
		for _, state := range widgetStates(t, n, look) {
			if state.page != "" {
				if unsigned := map[string]string{"refused": "signed", "code": "confirm"}[state.name]; unsigned != "" {
					n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "unsigned": unsigned})
				}
				b.Open(partner + state.page)
				frame = openWidget(b, n.Acme.URL)
			}
			if state.do != nil {
				state.do(b, frame)
			}
			frame.See(state.see, state.has)
			check(look, state.name, b, frame)
		}
		// The desk can't be reached at all.
		n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://www.acme.example", "unsigned": "open"})
		b.Open(partner)
		b.Until(`"" + Boolean(document.querySelector("deskgate-widget"))`, "true")
		b.Script(launcher + `.click(), ""`)
		b.Until(`"" + happened.includes("error UNREACHABLE")`, "true")
		check(look, "unreachable", b)
	}
}
