package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestOwnCertificate: what somebody brings is served at once, at all nodes of the store, and what they take back is not. The key comes
// out nowhere.
func TestOwnCertificate(t *testing.T) {
	n, ca := newACMENode(t)
	n.start(t)
	n.add(t)
	n.verify(t)
	n.await(t, domain.CertificateActive)
	other := *n
	other.config.HTTPListener, other.config.HTTPSListener = nil, nil
	other.start(t)
	served := func(roots *x509.CertPool) {
		t.Helper()
		for _, edge := range []*node{n, &other} {
			edge.eventually(t, func() string {
				if _, err := edge.hello(t.Context(), custom, roots); err != nil {
					return "handshake: " + err.Error()
				}
				return ""
			})
		}
	}
	served(ca.Roots)
	orders := ca.OrdersFor(custom)
	signer := proxytest.NewSigner(t, "Own CA", proxytest.NewSigner(t, "Own root", nil))
	chain, key := signer.Pair(t, nil, nil, custom)
	if _, err := n.domains.SetCertificate(t.Context(), n.bee, custom, chain, key); err == nil {
		t.Error("another tenant set the certificate")
	}
	if _, err := n.domains.SetCertificate(t.Context(), n.acme, custom, chain, key); err != nil {
		t.Fatal(err)
	}
	served(signer.Roots)
	n.eventually(t, func() string {
		if d := n.await(t, domain.CertificateActive); !d.Certificate.Own || d.Certificate.Issuer != "Own CA" {
			return "the domain does not say whose the certificate is"
		}
		return ""
	})
	state, err := n.hello(t.Context(), custom, signer.Roots)
	if err != nil || len(state.PeerCertificates) != 2 {
		t.Errorf("%d certificates in the chain, %v; want the host's and one authority's", len(state.PeerCertificates), err)
	}
	if err := n.domains.RemoveCertificate(t.Context(), n.acme, custom); err != nil {
		t.Fatal(err)
	}
	served(ca.Roots)
	if got := ca.OrdersFor(custom); got != orders {
		t.Errorf("%d orders for a host that had a certificate", got-orders)
	}
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	if strings.Contains(n.log.b.String(), "PRIVATE KEY") {
		t.Error("the key is in the log")
	}
}

// TestOwnWildcard: what the operator brings for everything below the node's name is served at all tenants' hosts, and nothing
// is ordered for them.
func TestOwnWildcard(t *testing.T) {
	n, ca := newACMENode(t)
	signer := proxytest.NewSigner(t, "Own CA", nil)
	chain, key := signer.Pair(t, nil, nil, "*.tickets.example")
	if _, err := n.domains.SetCertificate(t.Context(), nil, "*.tickets.example", chain, key); err != nil {
		t.Fatal(err)
	}
	n.start(t)
	for _, host := range []string{acmeHost, "bee.tickets.example"} {
		if _, err := n.hello(t.Context(), host, signer.Roots); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if got := ca.OrdersFor(host); got != 0 {
			t.Errorf("%d orders for %s", got, host)
		}
	}
	if _, err := n.hello(t.Context(), "nobody.tickets.example", signer.Roots); !unrecognized(err) {
		t.Errorf("a name below that is nobody's: %v", err)
	}
}

// TestOwnCertificateEnds: before its end the node has one by itself.
func TestOwnCertificateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Internal), newPipes()
		n.config.HTTP, n.config.HTTPSListener = "", l
		signer := proxytest.NewSigner(t, "Own CA", nil)
		chain, key := signer.Pair(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(6 * 24 * time.Hour) }, acmeHost)
		if _, err := n.domains.SetCertificate(t.Context(), nil, acmeHost, chain, key); err != nil {
			t.Fatal(err)
		}
		n.start(t)
		roots := n.roots(t)
		issuer := func(roots *x509.CertPool) error {
			c := tls.Client(l.dial(), &tls.Config{ServerName: acmeHost, RootCAs: roots})
			defer c.Close()
			return c.HandshakeContext(t.Context())
		}
		for day := range 8 {
			own, internal := issuer(signer.Roots), issuer(roots)
			if want := day < 4; (own == nil) != want || (internal == nil) == want {
				t.Errorf("after %d h: with the own root %v, with the node's %v", 25*day, own, internal)
			}
			time.Sleep(25 * time.Hour) // a renewal may be an hour late
		}
		if _, err := n.domains.SetCertificate(t.Context(), nil, acmeHost, chain, key); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("one that is over: %v", err)
		}
	})
}

// TestOwnCertificateOfTheNode has the operator bring one for the node's own name: it is news once at most, and not again at each start.
func TestOwnCertificateOfTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, proxy.Internal)
		n.config.HTTP, n.config.HTTPSListener = "", newPipes()
		chain, key := proxytest.NewSigner(t, "Own CA", nil).Pair(t, nil, nil, "tickets.example")
		if _, err := n.domains.SetCertificate(t.Context(), nil, "tickets.example", chain, key); err != nil {
			t.Fatal(err)
		}
		news := func() (count int) {
			synctest.Wait()
			for _, r := range n.log.named("certificate") {
				if r["host"] == "tickets.example" && r["own"] == true {
					count++
				}
			}
			return count
		}
		n.start(t)
		first := news()
		n.config.HTTPSListener = newPipes()
		n.restart(t)
		if again := news(); first > 1 || again != first {
			t.Errorf("told of %d times, and %d after another start", first, again)
		}
	})
}
