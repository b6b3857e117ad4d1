package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// What somebody attaches is saved, not shown: no script in it runs at the help desk's address.
func TestAttachmentsDoNotRun(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const script = `<script>document.cookie = "ran=1; path=/"</script>`
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	got := zoe.Attach(n.Acme.URL+"/tickets", url.Values{"title": {"t"}, "description": {"d"}}, []webtest.File{
		{Name: "a.html", Content: "<!doctype html>" + script, Type: "text/html"},
		{Name: "b.svg", Content: `<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`, Type: "image/svg+xml"},
		{Name: "c.png", Content: png},
	})
	if got.Status != 303 {
		t.Fatalf("file = %d %s", got.Status, got.Body)
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Open(n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true))
	b.Open(n.Acme.URL + "/tickets/1")
	b.See(".files", "a.html")
	for _, file := range []string{"li:nth-child(1)", "li:nth-child(2)"} {
		b.Click(".files " + file + " a")
		b.At(n.Acme.URL + "/tickets/1")
	}
	if got := b.Script("document.cookie"); strings.Contains(got, "ran=") {
		t.Errorf("a script in a file has set %q", got)
	}
	if got := b.Script("String(document.querySelector('.files img').naturalWidth)"); got != "1" {
		t.Errorf("the picture is %s pixels wide, want 1", got)
	}
}
