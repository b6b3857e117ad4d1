package webtest

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Firefox is a headless Firefox ESR that has a profile of its own and finds every name at this machine. It takes no
// certificate that it does not trust. Its tabs are used one after the other.
type Firefox struct {
	remote *marionette
	// shown is the tab that commands go to.
	shown string
}

// FirefoxTab is one tab of a Firefox.
type FirefoxTab struct {
	tb      testing.TB
	firefox *Firefox
	handle  string
}

// CookieRule is what Firefox does with the cookies of sites that are shown inside of others, in its own numbers.
type CookieRule int

// The rules. Firefox comes with the last one.
const (
	AllowCookies           CookieRule = 0
	BlockThirdPartyCookies CookieRule = 1
	PartitionCookies       CookieRule = 5
)

// quiet has Firefox ask nobody but the tests' servers, and choose the port of its remote control itself.
const quiet = `user_pref("marionette.port", 0);
user_pref("network.dns.forceResolve", "127.0.0.1");
user_pref("dom.security.https_first", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.trr.mode", 5);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.startup.page", 0);
user_pref("toolkit.cosmeticAnimations.enabled", false);
`

// NewFirefox starts a Firefox that ends with the test. It fails the test where Firefox ESR is not installed.
func NewFirefox(tb testing.TB) *Firefox {
	tb.Helper()
	home := tb.TempDir()
	profile := filepath.Join(home, "profile")
	ok(tb, os.Mkdir(profile, 0o700))
	ok(tb, os.WriteFile(filepath.Join(profile, "user.js"), []byte(quiet), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	//nolint:gosec // the profile is a folder of the test's own
	c := exec.CommandContext(ctx, "firefox-esr", "--headless", "--marionette", "--remote-allow-system-access",
		"--no-remote", "--profile", profile, "about:blank")
	c.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "MOZ_CRASHREPORTER_DISABLE=1")
	// Its helpers are processes of their own, which end with the group.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	ok(tb, c.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Wait(); err != nil && ctx.Err() == nil {
			tb.Logf("end of Firefox: %v", err)
		}
	}()
	f := &Firefox{}
	tb.Cleanup(func() {
		f.quit(ended)
		cancel()
		<-ended
	})
	f.connect(tb, filepath.Join(profile, "MarionetteActivePort"))
	return f
}

// connect waits until Firefox says where its remote control listens.
func (f *Firefox) connect(tb testing.TB, portFile string) {
	tb.Helper()
	for late := time.Now().Add(patience); ; pause() {
		port, err := os.ReadFile(portFile) //nolint:gosec // a file of the test's own
		if err == nil && len(port) > 0 {
			f.remote, err = dialMarionette(tb.Context(), "127.0.0.1:"+string(port))
			ok(tb, err)
			return
		}
		if time.Now().After(late) {
			tb.Fatalf("Firefox does not start: %v", err)
		}
	}
}

// quit has Firefox end by itself, so that nothing writes to its profile any more.
func (f *Firefox) quit(ended <-chan struct{}) {
	if f.remote == nil {
		return
	}
	if f.remote.do("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}, nil) != nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(patience):
	}
}

// Trust has Firefox believe the node's own authority from now on.
func (f *Firefox) Trust(tb testing.TB, n *Node) {
	tb.Helper()
	block, _ := pem.Decode(n.RootPEM)
	f.inside(tb, `Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(arguments[0], "C,,")`,
		base64.StdEncoding.EncodeToString(block.Bytes))
}

// Tab opens a tab in a Firefox that has forgotten everything but whom it trusts.
func (f *Firefox) Tab(tb testing.TB, rule CookieRule) *FirefoxTab {
	tb.Helper()
	f.inside(tb, `Services.prefs.setIntPref("network.cookie.cookieBehavior", arguments[0]);
		Services.cookies.removeAll(); Services.cache2.clear()`, rule)
	t := &FirefoxTab{tb: tb, firefox: f}
	var opened struct{ Handle string }
	t.ok("new tab", f.remote.do("WebDriver:NewWindow", map[string]any{"type": "tab"}, &opened))
	t.handle = opened.Handle
	return t
}

// inside runs a script with all that Firefox itself may do.
func (f *Firefox) inside(tb testing.TB, script string, args ...any) {
	tb.Helper()
	scope := func(name string) { ok(tb, f.remote.do("Marionette:SetContext", map[string]any{"value": name}, nil)) }
	scope("chrome")
	defer scope("content")
	ok(tb, f.remote.do("WebDriver:ExecuteScript", map[string]any{"script": script, "args": args}, nil))
}

// command carries out a command in this tab.
func (t *FirefoxTab) command(name string, params map[string]any, result any) error {
	if t.firefox.shown != t.handle {
		to := map[string]any{"handle": t.handle, "focus": true}
		if err := t.firefox.remote.do("WebDriver:SwitchToWindow", to, nil); err != nil {
			return err
		}
		t.firefox.shown = t.handle
	}
	return t.firefox.remote.do(name, params, result)
}

// Open goes to an address as somebody who types it.
func (t *FirefoxTab) Open(address string) {
	t.tb.Helper()
	t.ok("open "+address, t.command("WebDriver:Navigate", map[string]any{"url": address}, nil))
}

// Reload loads the page again.
func (t *FirefoxTab) Reload() {
	t.tb.Helper()
	t.ok("reload", t.command("WebDriver:Refresh", map[string]any{}, nil))
}

// Fill types into a field.
func (t *FirefoxTab) Fill(css, text string) {
	t.tb.Helper()
	t.ok("fill "+css, t.command("WebDriver:ElementSendKeys", map[string]any{"id": t.find(css), "text": text}, nil))
}

// Click presses what the selector finds first.
func (t *FirefoxTab) Click(css string) {
	t.tb.Helper()
	t.ok("click "+css, t.command("WebDriver:ElementClick", map[string]any{"id": t.find(css)}, nil))
}

// find waits until there is an element, and returns what commands call it.
func (t *FirefoxTab) find(css string) string {
	t.tb.Helper()
	for late := time.Now().Add(patience); ; pause() {
		var found struct{ Value map[string]string }
		err := t.command("WebDriver:FindElement", map[string]any{"using": "css selector", "value": css}, &found)
		for _, id := range found.Value {
			return id
		}
		if time.Now().After(late) {
			t.tb.Fatalf("no %s at %s: %v", css, t.URL(), err)
		}
	}
}

// ClickToTab presses what opens another tab, and returns that tab.
func (t *FirefoxTab) ClickToTab(css string) *FirefoxTab {
	t.tb.Helper()
	before := t.tabs()
	t.Click(css)
	for late := time.Now().Add(patience); ; pause() {
		for _, handle := range t.tabs() {
			if !slices.Contains(before, handle) {
				return &FirefoxTab{tb: t.tb, firefox: t.firefox, handle: handle}
			}
		}
		if time.Now().After(late) {
			t.tb.Fatalf("%s opened no tab", css)
		}
	}
}

func (t *FirefoxTab) tabs() []string {
	t.tb.Helper()
	var handles []string
	t.ok("list of tabs", t.firefox.remote.do("WebDriver:GetWindowHandles", map[string]any{}, &handles))
	return handles
}

// See waits until an element is there whose text holds all the words, and returns its text.
func (t *FirefoxTab) See(css, words string) string {
	t.tb.Helper()
	for late := time.Now().Add(patience); ; pause() {
		text, err := t.evaluate(`(document.querySelector(` + quote(css) + `) || {innerText: ""}).innerText`)
		if err == nil && strings.Contains(text, words) {
			return text
		}
		if time.Now().After(late) {
			t.tb.Fatalf("%s at %s reads %q, want %q (%v)", css, t.URL(), text, words, err)
		}
	}
}

// At waits until the tab shows an address that begins like this, and returns the whole one.
func (t *FirefoxTab) At(address string) string {
	t.tb.Helper()
	for late := time.Now().Add(patience); ; pause() {
		at := t.URL()
		if strings.HasPrefix(at, address) {
			return at
		}
		if time.Now().After(late) {
			t.tb.Fatalf("the tab is at %s, want %s", at, address)
		}
	}
}

// URL is the address that the tab shows, empty while it has none.
func (t *FirefoxTab) URL() string {
	var at struct{ Value string }
	if t.command("WebDriver:GetCurrentURL", map[string]any{}, &at) != nil {
		return ""
	}
	return at.Value
}

// Script runs JavaScript in the page, awaits its promise, and returns the text that it gives.
func (t *FirefoxTab) Script(source string) string {
	t.tb.Helper()
	got, err := t.evaluate(source)
	t.ok("script", err)
	return got
}

func (t *FirefoxTab) evaluate(source string) (string, error) {
	var got struct{ Value *string }
	err := t.command("WebDriver:ExecuteScript", map[string]any{"script": "return " + source, "args": []any{}}, &got)
	if err == nil && got.Value == nil {
		err = errors.New("the script gives no text")
	}
	if err != nil {
		return "", err
	}
	return *got.Value, nil
}

func (t *FirefoxTab) ok(what string, err error) {
	t.tb.Helper()
	if err != nil {
		t.tb.Fatalf("%s, at %s: %v", what, t.URL(), err)
	}
}
