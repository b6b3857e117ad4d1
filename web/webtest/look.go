package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Look is how somebody looks at pages.
type Look struct {
	// Width is that of the window, in CSS pixels.
	Width int64
	Dark  bool
	// Language is what the browser asks for, e.g. "de".
	Language string
}

// String names the look for files: 360-dark-de.
func (l Look) String() string {
	theme := "light"
	if l.Dark {
		theme = "dark"
	}
	return fmt.Sprintf("%d-%s-%s", l.Width, theme, l.Language)
}

// height is how high windows are.
const height = 900

// Wear has the tab show pages in this way from now on. A narrow one is a phone's, which is pressed by thumbs.
func (b *Browser) Wear(l Look) {
	b.tb.Helper()
	b.look = l
	b.window(l.Width, height)
	b.media()
	command(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: l.phone()})
	command(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l.Language}})
}

func (l Look) phone() bool { return l.Width < 600 }

func (b *Browser) window(width, height int64) {
	b.tb.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: b.look.phone(),
	})
}

// media has the tab show pages as its look wants, and as is asked for besides.
func (b *Browser) media(also ...emulation.MediaFeature) {
	b.tb.Helper()
	scheme := "light"
	if b.look.Dark {
		scheme = "dark"
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	for _, f := range also {
		features = append(features, &f)
	}
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

// Enter goes to an address as whoever the client is signed in as, and as nobody else.
func (b *Browser) Enter(c *Client, address string) {
	b.tb.Helper()
	command(b, network.ClearBrowserCookies, cdp.Empty{})
	for _, cookie := range c.Cookies(address) {
		command(b, network.SetCookie, network.SetCookieParams{
			Name: cookie.Name, Value: cookie.Value, URL: address, Path: "/", Secure: new(true),
		})
	}
	b.Open(address)
}

// Submit posts a form from the page that the tab shows, and waits for the page that answers it.
func (b *Browser) Submit(address string, form url.Values) {
	b.tb.Helper()
	fields, err := json.Marshal(form)
	ok(b.tb, err)
	b.Script(`window.waits = true; (() => {
		const form = document.createElement("form");
		form.method = "post"; form.action = ` + quote(address) + `;
		for (const [name, values] of Object.entries(` + string(fields) + ` || {})) for (const value of values) {
			const field = document.createElement("textarea");
			field.name = name; field.value = value; form.append(field);
		}
		document.body.append(form);
		form.submit();
	})(); ""`)
	for late := time.Now().Add(patience); time.Now().Before(late); pause() {
		ready, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!window.waits && document.readyState === "complete"`))
		if err == nil && ready {
			return
		}
	}
	b.tb.Fatalf("no page answers the form to %s", address)
}

// Shot writes a picture of the whole page to a PNG file.
func (b *Browser) Shot(file string) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	const png = 100
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(png))
	ok(b.tb, err)
	ok(b.tb, os.MkdirAll(filepath.Dir(file), 0o755)) //nolint:gosec // pictures are no secret
	ok(b.tb, os.WriteFile(file, picture, 0o600))
}

// Violations are what axe-core finds wrong with the page that the tab shows, at least serious: a sentence for each. Axe is the
// source of axe-core.
func (b *Browser) Violations(axe string) []string {
	b.tb.Helper()
	b.Script(axe + `; ""`)
	got := b.Script(`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " (" + n.failureSummary.split("\n").slice(1).join(" ").trim() + ")").join("; "))))`)
	var found []string
	ok(b.tb, json.Unmarshal([]byte(got), &found))
	return found
}

// Overflow is what sticks out of the window at the side; empty: nothing does, so that nobody has to scroll in two directions.
func (b *Browser) Overflow() string {
	b.tb.Helper()
	return strings.TrimSpace(b.Script(`(() => {
		const wide = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= wide) return "";
		return [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > wide + 1)
			.slice(0, 5).map(e => e.tagName + "." + e.className).join(", ") || "something";
	})()`))
}
