package webtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Browser is one tab of a headless Chromium that has a profile of its own and finds every name at this machine.
type Browser struct {
	tb   testing.TB
	ctx  context.Context
	look Look
}

// BrowserOptions are what people set differently.
type BrowserOptions struct {
	// BlockThirdPartyCookies as most browsers do by now.
	BlockThirdPartyCookies bool
}

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// NewBrowser starts a browser that ends with the test. It fails the test where Chromium is not installed.
func NewBrowser(tb testing.TB, o BrowserOptions) *Browser {
	tb.Helper()
	profile := tb.TempDir()
	cookies := `{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}`
	if o.BlockThirdPartyCookies {
		cookies = `{"profile":{"cookie_controls_mode":1,"block_third_party_cookies":true}}`
	}
	ok(tb, os.MkdirAll(filepath.Join(profile, "Default"), 0o700))
	ok(tb, os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(cookies), 0o600))
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors, chromedp.UserDataDir(profile),
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
		chromedp.WSURLReadTimeout(patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	b := &Browser{tb: tb, ctx: ctx}
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Logf("end of the browser: %v", err)
		}
		closeTab()
		stop()
	})
	ok(tb, chromedp.Do(ctx))
	return b
}

func (b *Browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	for replaced(err) {
		pause()
		err = chromedp.Do(ctx, steps...)
	}
	if err != nil {
		b.tb.Fatalf("%s, at %s: %v", what, b.URL(), err)
	}
}

// replaced says that the page made room for the next one between finding an element and doing something with it:
// the tab's address is the next page's before its elements are.
func replaced(err error) bool {
	var e *cdproto.Error
	return errors.As(err, &e) && e.Message == "Could not find node with given id"
}

// Open goes to an address as somebody who types it.
func (b *Browser) Open(address string) {
	b.tb.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

// Reload loads the page again.
func (b *Browser) Reload() {
	b.tb.Helper()
	b.do("reload", chromedp.Reload())
}

// Fill types into a field.
func (b *Browser) Fill(css, text string) {
	b.tb.Helper()
	b.do("fill "+css, chromedp.SendKeys(chromedp.CSS(css), text))
}

// Click presses what the selector finds first.
func (b *Browser) Click(css string) {
	b.tb.Helper()
	b.do("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// ClickToTab presses what opens another tab, and returns that tab.
func (b *Browser) ClickToTab(css string) *Browser {
	b.tb.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return i.Type == "page" })
	b.Click(css)
	select {
	case id := <-opened:
		ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
		b.tb.Cleanup(closeTab)
		ok(b.tb, chromedp.Do(ctx))
		return &Browser{tb: b.tb, ctx: ctx}
	case <-time.After(patience):
		b.tb.Fatalf("%s opened no tab", css)
		return nil
	}
}

// See waits until an element is there whose text holds all the words, or any if there are none, and returns its text.
func (b *Browser) See(css, words string) string {
	b.tb.Helper()
	for late := time.Now().Add(patience); ; {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
			`(document.querySelector(`+quote(css)+`) || {innerText: ""}).innerText`))
		if err == nil && text != "" && strings.Contains(text, words) {
			return text
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s at %s reads %q, want %q (%v)", css, b.URL(), text, words, err)
		}
		pause()
	}
}

// At waits until the tab shows an address that begins like this, and returns the whole one.
func (b *Browser) At(address string) string {
	b.tb.Helper()
	for late := time.Now().Add(patience); ; {
		at := b.URL()
		if strings.HasPrefix(at, address) {
			return at
		}
		if time.Now().After(late) {
			b.tb.Fatalf("the tab is at %s, want %s", at, address)
		}
		pause()
	}
}

// URL is the address that the tab shows, empty while it has none.
func (b *Browser) URL() string {
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return ""
	}
	return at
}

// Script runs JavaScript in the page, awaits its promise, and returns the text that it gives.
func (b *Browser) Script(source string) string {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](source, chromedp.EvalAwaitPromise))
	if err != nil {
		b.tb.Fatalf("script at %s: %v", b.URL(), err)
	}
	return got
}

func quote(s string) string { return "`" + s + "`" }

// pause gives a page time to go on.
func pause() { <-time.After(20 * time.Millisecond) }

// Partner serves a partner's page under a name of its own until the test ends, and returns its origin.
func Partner(tb testing.TB, host, page string) string {
	tb.Helper()
	return Site(tb, host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := w.Write([]byte(page)); err != nil {
			tb.Logf("partner's page: %v", err)
		}
	}))
}

// Site serves a partner's site under a name of its own until the test ends, and returns its origin.
func Site(tb testing.TB, host string, site http.Handler) string {
	tb.Helper()
	s := httptest.NewServer(site)
	tb.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	ok(tb, err)
	return "http://" + host + ":" + port
}

// text is what an expression gives, where the page's own scripts may be switched off.
func (b *Browser) text(source string) string {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](source))
	if err != nil {
		b.tb.Fatalf("%s at %s: %v", source, b.URL(), err)
	}
	return got
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	n, err := strconv.ParseFloat(text, 64)
	ok(tb, err)
	return n
}
