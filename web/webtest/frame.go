package webtest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Frame waits until the tab shows a frame of another site whose address begins like this, and returns it.
func (b *Browser) Frame(address string) *Browser {
	b.tb.Helper()
	for late := time.Now().Add(patience); ; {
		all, err := chromedp.Targets(b.ctx)
		ok(b.tb, err)
		for _, one := range all {
			if one.Type == "iframe" && strings.HasPrefix(one.URL, address) {
				ctx, detach := chromedp.NewContext(b.ctx, chromedp.WithTargetID(one.TargetID))
				b.tb.Cleanup(detach)
				ok(b.tb, chromedp.Do(ctx))
				return b.dressed(&Browser{tb: b.tb, ctx: ctx})
			}
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s shows no frame %s", b.URL(), address)
		}
		pause()
	}
}

// dressed has a frame of another site's, which is a page of its own to the browser, show itself as the tab's look wants.
func (b *Browser) dressed(frame *Browser) *Browser {
	b.tb.Helper()
	if b.look.Width != 0 {
		frame.look = b.look
		frame.media()
	}
	return frame
}

// Press types keys to whatever has the focus.
func (b *Browser) Press(keys string) {
	b.tb.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// Until waits until a script gives the text.
func (b *Browser) Until(source, want string) {
	b.tb.Helper()
	for late := time.Now().Add(patience); ; {
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](source, chromedp.EvalAwaitPromise))
		if err == nil && got == want {
			return
		}
		if time.Now().After(late) {
			b.tb.Fatalf("%s at %s gives %q, want %q (%v)", source, b.URL(), got, want, err)
		}
		pause()
	}
}

// Shop serves a partner's files by path, over TLS and with a content security policy, until the test ends, and returns its
// origin.
func Shop(tb testing.TB, host, policy string, files map[string]string) string {
	tb.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, there := files[r.URL.Path]
		if !there {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		}
		if _, err := w.Write([]byte(content)); err != nil {
			tb.Logf("partner's site: %v", err)
		}
	}))
	tb.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	ok(tb, err)
	return "https://" + host + ":" + port
}
