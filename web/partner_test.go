package web_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// everyName has Python find every name at this machine. It is loaded before the partner's program, which stays as it is.
const everyName = `
import socket
_ask = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: _ask("127.0.0.1", *rest, **more)
`

// partnerProgram runs a partner's program against the node and returns the address that it printed.
func partnerProgram(t *testing.T, n *webtest.Node, command ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), []byte(everyName), 0o600); err != nil {
		t.Fatal(err)
	}
	root := rootFile(t, n)
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Env = append(os.Environ(), "DESKGATE_URL="+n.URL, "DESKGATE_TOKEN="+n.Acme.Token, "PYTHONPATH="+dir,
		"PYTHONDONTWRITEBYTECODE=1", "REQUESTS_CA_BUNDLE="+root)
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%s: %v %s (are the tools there? make tools)", strings.Join(command, " "), err, stderr(err))
	}
	return strings.TrimSpace(string(out))
}

func stderr(err error) string {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // straight from Output
		return string(exit.Stderr)
	}
	return ""
}

// TestPartnerPython: a program reads Location and sends the browser there. It brought the tenant's token, so that a
// bookmark would do as well: nobody is asked.
func TestPartnerPython(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	callback := partnerProgram(t, n, "python3", "testdata/partner/login.py")
	if !strings.HasPrefix(callback, desk+"/auth/callback?token=") {
		t.Fatalf("Location = %s", callback)
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(callback)
	work(b, desk)
}

// TestPartnerPHP: a program follows the redirects to their end, uses up the first token on the way, and sends the
// browser there.
func TestPartnerPHP(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	ended := partnerProgram(t, n, "php", "-d", "curl.cainfo="+rootFile(t, n), "testdata/partner/login.php")
	if !strings.HasPrefix(ended, desk+"/auth/continue?token=") {
		t.Fatalf("the program ended at %s", ended)
	}
	partner := webtest.Partner(t, "shop.partner.example", `<!doctype html><title>Shop</title><a href="`+ended+`">Help</a>`)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	b.Click("a")
	work(b, desk)
}

func rootFile(t *testing.T, n *webtest.Node) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, n.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
