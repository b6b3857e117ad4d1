package mail_test

import (
	"fmt"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

// Whatever somebody is called, their letters come: of each kind, with the name as it is, but for what no header may hold.
func TestEveryNameIsDeliverable(t *testing.T) {
	names := map[string]string{ // and what mail programs show
		`12" Vinyl Records`:              `12" Vinyl Records`,
		`end"`:                           `end"`,
		`"><img src=x>`:                  `"><img src=x>`,
		`back\`:                          `back\`,
		`<a@b.example>, "c" <d@e.f>`:     `<a@b.example>, "c" <d@e.f>`,
		"Ann\r\nBcc: eve@evil.example":   "Ann Bcc: eve@evil.example",
		"a\x00b\tc\x7fd":                 "a b c d",
		"=?utf-8?q?=22?=":                "=?utf-8?q?=22?=",
		"Jürgen \"Jü\" Müller 株式会社":      "Jürgen \"Jü\" Müller 株式会社",
		strings.Repeat("x", 200):         strings.Repeat("x", 200),
		strings.Repeat("ü\"", 100):       strings.Repeat("ü\"", 100),
		strings.Repeat(`a "b" `, 33):     strings.TrimSpace(strings.Repeat(`a "b" `, 33)),
		"(comment) ; group: a@b.example": "(comment) ; group: a@b.example",
		"bad \xff bytes":                 "bad bytes",
		" \t ":                           "",
	}
	letters := []mail.Letter{
		{Kind: mail.Code, Fields: map[string]string{"code": "12345678"}},
		{Kind: mail.Invite, Fields: map[string]string{"url": "https://x.example/"}},
		{Kind: mail.Reset, Fields: map[string]string{"url": "https://x.example/"}},
		{Kind: mail.Notice, Fields: map[string]string{"what": mail.NoticePassword, "when": time.Now().Format(time.RFC3339)}},
		{Kind: mail.Request, Fields: map[string]string{"ticket": "tkt_1", "reader": "usr_1", "what": "received"}},
		{Kind: mail.Claimed, Fields: map[string]string{"ticket": "tkt_1", "reader": "x", "what": "replied"}},
		{Kind: mail.Work, Fields: map[string]string{"ticket": "tkt_1", "reader": "x", "what": "opened"}},
	}
	h, server := open(t), mailtest.Start(t, mailtest.Options{})
	p := h.post(server.Server(t))
	start(t, p)
	shown := map[string]string{}
	for name, want := range names {
		if strings.TrimSpace(name) != "" {
			_, err := h.tenants.Set(t.Context(), h.acme.Slug, map[string]string{"name": name})
			if err != nil { // not every name may be a tenant's
				_, err = h.tenants.Set(t.Context(), h.acme.Slug, map[string]string{"name": "Acme"})
				ok(t, err)
			}
		}
		named, found := h.directory.ByID(h.acme.ID)
		if !found {
			t.Fatal("the tenant is gone")
		}
		for _, l := range letters {
			l.To = fmt.Sprintf("%s%d@x.example", l.Kind, len(shown))
			if l.Kind != mail.Code {
				l.Name, shown[l.To] = name, want
			} else {
				shown[l.To] = ""
			}
			h.write(t, p, named, l)
			came := server.Wait(t, l.To)
			from, err := netmail.ParseAddress(came.Header.Get("From"))
			if err != nil || from.Address != "desk@tickets.example" || from.Name != strings.Join(strings.Fields(named.Name), " ") {
				t.Errorf("%s of %q: From: %q, %v", l.Kind, named.Name, came.Header.Get("From"), err)
			}
			to, err := netmail.ParseAddress(came.Header.Get("To"))
			if err != nil || to.Address != l.To || to.Name != shown[l.To] {
				t.Errorf("%s to %q: To: %q, %v", l.Kind, name, came.Header.Get("To"), err)
			}
			if came.Header.Get("Bcc") != "" {
				t.Errorf("%q has put in a header", name)
			}
		}
	}
	if failed := h.events(t, h.acme); len(failed) != 0 {
		t.Errorf("given up: %q", failed)
	}
}
