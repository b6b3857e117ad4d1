package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// keepFile puts a file where a browser can choose it.
func keepFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWidgetFiles: with all third-party cookies blocked, on a page with the strictest policy, a visitor sends files, takes one out
// again, sees those of the thread, and saves them under their names with all their bytes. No address ever holds the bearer.
func TestWidgetFiles(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	partner := shop(t, "shop.partner.example", n.Acme.URL, "", zoeHere)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner, "attachment_mib": "1"})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	frame := openWidget(b, n.Acme.URL)
	frame.See(".w-foot", "Zoe Park")
	frame.Upload("#f-files", keepFile(t, "huge.bin", strings.Repeat("x", 1<<20+1)))
	frame.See("#f-files-error", "huge.bin is too large. A file may have at most 1.0 MiB.")
	frame.Upload("#f-files", keepFile(t, "lamp ö & 1.txt", "a\x00b"), keepFile(t, "page.html", "<script>alert(1)</script>"), keepFile(t, "wrong.txt", "no"))
	frame.See(".w-files", "wrong.txt")
	frame.Click(`[aria-label="Remove wrong.txt"]`)
	frame.Until(`document.querySelector("#f-files-error").hidden + document.activeElement.id`, "truef-files")
	frame.Fill("#f-title", "The lamp flickers")
	frame.Fill("#f-text", "See the log.")
	frame.Click("main form .primary")
	if got := frame.See(".w-thread", "lamp ö & 1.txt"); !strings.Contains(got, "page.html") || strings.Contains(got, "wrong.txt") {
		t.Errorf("the request shows %q", got)
	}
	if name, content := frame.Download(".w-thread li li:nth-child(1) .w-file"); name != "lamp ö & 1.txt" || content != "a\x00b" {
		t.Errorf("the first file is %q with %q", name, content)
	}
	if name, content := frame.Download(".w-thread li li:nth-child(2) .w-file"); name != "page.html" || content != "<script>alert(1)</script>" {
		t.Errorf("the second file is %q with %q", name, content)
	}

	p := caller(t, n, n.Acme)
	ids := p.attach(webtest.File{Name: "answer.pdf", Content: "%PDF-1.7"})
	p.call("POST", "/api/tickets/1/comments", `{"body":"Look at [the manual](https://acme.example/lamp?a=1), or https://acme.example/help.","attachment_ids":["`+ids[0]+`"]}`)
	frame.Drop("#f-text", keepFile(t, "dropped.txt", "late"))
	frame.See("form .w-files", "dropped.txt")
	frame.Fill("#f-text", "And this.")
	frame.Click("main form .primary")
	frame.See(".w-thread > li:last-child", "dropped.txt")
	frame.Until(`document.querySelectorAll("form .w-files li").length + document.querySelector("#f-text").value`, "0")
	frame.Until(`[...document.querySelectorAll(".w-text a")].map(a => a.textContent + " " + a.href + " " + a.rel).join(", ")`,
		"the manual https://acme.example/lamp?a=1 noopener noreferrer, https://acme.example/help https://acme.example/help noopener noreferrer")
	if name, content := frame.Download(".w-thread .staff .w-file"); name != "answer.pdf" || content != "%PDF-1.7" {
		t.Errorf("staff's file is %q with %q", name, content)
	}
	if got := frame.Script(`performance.getEntriesByType("resource").map(e => e.name).join(" ")`); strings.Contains(got, "dgw_") || !strings.Contains(got, "/api/attachments/att_") {
		t.Errorf("the frame has asked for %s", got)
	}
	// One that was removed meanwhile says so, and nothing else breaks.
	if got := p.Do("DELETE", p.base+"/api/attachments/"+ids[0], "", p.auth); got.Status != 204 {
		t.Fatalf("delete = %d %s", got.Status, got.Body)
	}
	frame.Click(".w-thread .staff .w-file")
	frame.See(".w-thread .staff .error", "no longer there")
	complainsOfNothing(t, b)
}
