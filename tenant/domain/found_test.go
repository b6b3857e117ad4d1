package domain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestRecordsFound: each record says whether DNS showed it, and what DNS does not tell changes nothing about that.
func TestRecordsFound(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
	d := w.add(t, w.acme, host, domain.ByTenant)
	says := func(when, want string) {
		t.Helper()
		var found []string
		for _, r := range w.verify(t, host).Document().Records {
			if r.Found {
				found = append(found, r.Type)
			}
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: found %q, want %q", when, got, want)
		}
	}
	text := fmt.Sprintf("_deskgate.%s. TXT %q", host, record(t, d, "TXT").Value)
	alias := fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value)
	says("at first", "")
	z.set(t, text)
	says("with the text", "TXT")
	z.set(t, alias)
	says("with both", "TXT CNAME")
	z.clear("_deskgate." + host)
	says("with the alias", "CNAME")
	z.clear(host)
	z.set(t, host+". CNAME elsewhere.example.")
	says("with another alias", "")
	z.clear(host)
	z.set(t, text, alias)
	says("with both again", "TXT CNAME")
	z.fail("_deskgate."+host, dns.RcodeServerFailure)
	says("without an answer about the text", "TXT CNAME")
	z.clear(host)
	says("without an answer about the text, and the alias gone", "TXT CNAME")
}
