package webtest

import (
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Person is a tab of somebody else's in the same browser: with cookies and storage of their own.
func (b *Browser) Person() *Browser {
	b.tb.Helper()
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.tb.Cleanup(leave)
	ok(b.tb, chromedp.Do(ctx))
	return &Browser{tb: b.tb, ctx: ctx}
}

// Scripts sets whether pages that are opened from now on may run scripts.
func (b *Browser) Scripts(run bool) {
	b.tb.Helper()
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
}

// Focus has a field take what is typed.
func (b *Browser) Focus(css string) {
	b.tb.Helper()
	b.do("focus "+css, chromedp.Focus(chromedp.CSS(css)))
}

// Choose takes the option of a select whose text begins like this, by typing it.
func (b *Browser) Choose(css, text string) {
	b.tb.Helper()
	b.Focus(css)
	b.Strike(text)
	got := b.text(`(s => s.options[s.selectedIndex].text)(document.querySelector(` + quote(css) + `))`)
	if !strings.HasPrefix(strings.ToLower(got), strings.ToLower(text)) {
		b.tb.Fatalf("%s at %s shows %q after %q was typed", css, b.URL(), got, text)
	}
}

// Type puts text in the place of what a field has.
func (b *Browser) Type(css, text string) {
	b.tb.Helper()
	b.Focus(css)
	command(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: "a", Code: "KeyA", Modifiers: int64(chromedp.ModifierCtrl), Commands: []string{"selectAll"},
	})
	b.Fill(css, text)
}

// Upload chooses files in a field.
func (b *Browser) Upload(css string, files ...string) {
	b.tb.Helper()
	b.do("upload to "+css, chromedp.SetUploadFiles(chromedp.CSS(css), files))
}

// Drop drags files from elsewhere over an element, and lets them fall.
func (b *Browser) Drop(css string, files ...string) {
	b.tb.Helper()
	b.do("scroll to "+css, chromedp.ScrollIntoView(chromedp.CSS(css)))
	place := strings.Fields(b.text(`(r => r.x + r.width / 2 + " " + (r.y + r.height / 2))(document.querySelector(` + quote(css) + `).getBoundingClientRect())`))
	at := input.DispatchDragEventParams{
		X: number(b.tb, place[0]), Y: number(b.tb, place[1]), Data: &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1},
	}
	for _, at.Type = range []input.DispatchDragEventType{
		input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop,
	} {
		command(b, input.DispatchDragEvent, at)
	}
}

// AllowClipboard lets pages write to the clipboard of this browser, and read it.
func (b *Browser) AllowClipboard() {
	b.tb.Helper()
	for _, what := range []string{"clipboard-read", "clipboard-write"} {
		command(b, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: what}, Setting: browser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		})
	}
}

// Paste strikes Ctrl+V where the focus is.
func (b *Browser) Paste() {
	b.tb.Helper()
	command(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: "v", Code: "KeyV", Modifiers: int64(chromedp.ModifierCtrl), Commands: []string{"paste"},
	})
}

// Download presses what a file comes from, waits for it, and returns its name and its content.
func (b *Browser) Download(css string) (name, content string) {
	b.tb.Helper()
	folder := b.tb.TempDir()
	command(b, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	b.Click(css)
	for late := time.Now().Add(patience); ; pause() {
		there, err := os.ReadDir(folder)
		ok(b.tb, err)
		if len(there) == 1 && !strings.HasSuffix(there[0].Name(), ".crdownload") && !strings.HasPrefix(there[0].Name(), ".") {
			text, err := fs.ReadFile(os.DirFS(folder), there[0].Name())
			ok(b.tb, err)
			return there[0].Name(), string(text)
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s at %s gave no file: %v", css, b.URL(), there)
		}
	}
}

// Online cuts the tab off from all networks, or has it back on.
func (b *Browser) Online(on bool) {
	b.tb.Helper()
	rules := []*network.Conditions{}
	if !on {
		rules = append(rules, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	command(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: rules})
}

// Back presses the button for the page before. It waits for nothing: chromedp's own waits forever behind a page that could not
// be loaded.
func (b *Browser) Back() {
	b.tb.Helper()
	history := command(b, page.GetNavigationHistory, cdp.Empty{})
	command(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
}

// SeeValue waits until a field has this text in it.
func (b *Browser) SeeValue(css, want string) {
	b.tb.Helper()
	for late := time.Now().Add(patience); ; pause() {
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(document.querySelector(`+quote(css)+`) || {value: ""}).value`))
		if err == nil && got == want {
			return
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s at %s has %q, want %q (%v)", css, b.URL(), got, want, err)
		}
	}
}

// Follow presses what leads to another page, and waits until all of that is there.
func (b *Browser) Follow(css string) {
	b.tb.Helper()
	b.text(`window.left = "no"`)
	b.Click(css)
	for late := time.Now().Add(patience); ; pause() {
		there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`window.left === undefined && document.readyState === "complete"`))
		if err == nil && there {
			return
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s leads to no page from %s (%v)", css, b.URL(), err)
		}
	}
}
