package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestPartnerPython: a program reads Location and sends the browser there. It brought the tenant's token, so that a
// bookmark would do as well: nobody is asked.
func TestPartnerPython(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	p := newPrograms(t, n)
	callback := p.run(t, append(p.python(), "testdata/partner/login.py")...)
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
	p := newPrograms(t, n)
	ended := p.run(t, append(p.php(), "testdata/partner/login.php")...)
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
