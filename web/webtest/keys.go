package webtest

import (
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The keys that have no sign of their own.
const (
	EnterKey  = "\r"
	EscapeKey = "\u001b"
	TabKey    = "\t"
)

// Strike strikes keys as a keyboard does, one after the other, wherever the focus is: what a page does with a key keeps its
// sign from being typed.
func (b *Browser) Strike(keys string) {
	b.tb.Helper()
	for _, r := range keys {
		var text string
		for _, k := range kb.Encode(r) {
			if k.Type == kb.KeyChar {
				text = k.Text
			}
		}
		for _, k := range kb.Encode(r) {
			switch k.Type {
			case kb.KeyChar:
				continue
			case kb.KeyDown:
				k.Type, k.Text = input.DispatchKeyEventTypeKeyDown, text
			}
			command(b, input.DispatchKeyEvent, *k)
		}
	}
}

// StrikeWithCtrl strikes a key while Ctrl is held down.
func (b *Browser) StrikeWithCtrl(key string) {
	b.tb.Helper()
	b.do("strike Ctrl+"+key, chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}
