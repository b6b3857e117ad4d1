package proxy_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestCAA: nothing is ordered from an authority that a host's CAA records do not let issue; the next one is asked that they do.
func TestCAA(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{Names: []string{"one.example"}}, proxytest.ACMEOptions{Names: []string{"two.example"}})
	n.dns.Set(t, `acme.example. 60 IN CAA 0 issue "two.example"`)
	n.start(t)
	if _, err := n.hello(t.Context(), "tickets.example", cas[0].Roots); err != nil {
		t.Fatal(err)
	}
	n.add(t)
	const want = "By its CAA records acme.example does not let one.example issue: certificates come from two.example."
	n.eventually(t, func() string {
		if d := n.verify(t); !strings.Contains(d.Reason.String(), want) {
			return d.Reason.String() + ", want " + want
		}
		return ""
	})
	n.await(t, domain.CertificateActive)
	if one, two := cas[0].OrdersFor(custom), cas[1].OrdersFor(custom); one != 0 || two != 1 {
		t.Errorf("%d orders from the authority that is not let, %d from the one that is; want 0, 1", one, two)
	}
}

// TestCAAForNobody: where no authority may issue, none is asked, and the reason says what to add.
func TestCAAForNobody(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{Names: []string{"one.example"}})
	n.start(t)
	if _, err := n.hello(t.Context(), "tickets.example", cas[0].Roots); err != nil {
		t.Fatal(err)
	}
	n.dns.Set(t, `acme.example. 60 IN CAA 0 issue "one.example; validationmethods=dns-01"`)
	n.add(t)
	n.verify(t)
	d := n.await(t, domain.CertificateFailing)
	const want = `No certificate can be had: by its CAA records acme.example lets one.example validate by dns-01 alone, and this node can by http-01, tls-alpn-01. ` +
		`Add CAA acme.example 0 issue "one.example; validationmethods=http-01,tls-alpn-01".`
	if !strings.HasPrefix(d.Certificate.Reason.String(), want) || !strings.Contains(d.Reason.String(), want) {
		t.Errorf("domain (%s), certificate (%s), want %s", d.Reason, d.Certificate.Reason, want)
	}
	if got := cas[0].OrdersFor(custom); got != 0 {
		t.Errorf("%d orders, want none", got)
	}
}
