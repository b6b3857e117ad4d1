package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/ca"
)

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Internal), newPipes()
		n.config.HTTP, n.config.HTTPSListener = "", l
		n.start(t)
		roots := n.roots(t)
		for day := range 12 {
			for _, host := range []string{"tickets.example", "acme.tickets.example"} {
				c := tls.Client(l.dial(), &tls.Config{ServerName: host, RootCAs: roots})
				if err := c.HandshakeContext(t.Context()); err != nil {
					t.Fatalf("day %d, %s: %v", day, host, err)
				}
				leaf := c.ConnectionState().PeerCertificates[0]
				if left := time.Until(leaf.NotAfter); left < 2*24*time.Hour {
					t.Errorf("day %d: the certificate of %s has %s left", day, host, left)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

// TestRootIsRotated: while another process rotates the node's own authority, no client that has what was announced is turned away, and
// hosts that had certificates come over to the new root when it begins to sign.
func TestRootIsRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Internal), newPipes()
		n.config.HTTP, n.config.HTTPSListener = "", l
		n.start(t)
		other := ca.New(n.store)
		pool := func(roots ...ca.Root) *x509.CertPool {
			p := x509.NewCertPool()
			p.AppendCertsFromPEM(ca.PEM(roots))
			return p
		}
		look := func(when string, trusted *x509.CertPool, want bool) {
			t.Helper()
			for _, host := range []string{"tickets.example", "acme.tickets.example", "bee.tickets.example"} {
				c := tls.Client(l.dial(), &tls.Config{ServerName: host, RootCAs: trusted})
				if err := c.HandshakeContext(t.Context()); (err == nil) != want {
					t.Errorf("%s, %s: %v", when, host, err)
				}
				_ = c.Close()
			}
		}
		roots, err := other.Roots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old := pool(roots[0])
		look("before", old, true)
		time.Sleep(time.Hour)
		if roots, err = other.Rotate(t.Context(), 2*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		both, fresh := pool(roots...), pool(ca.Root{PEM: roots[1].PEM})
		time.Sleep(2*24*time.Hour - time.Minute)
		look("announced, old root", old, true)
		look("announced, both roots", both, true)
		look("announced, new root", fresh, false)
		time.Sleep(2 * time.Minute)
		look("signing, old root", old, true)
		look("signing, both roots", both, true)
		look("signing, new root", fresh, true)
		if roots, err = other.Rotate(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		look("at once, newest root", pool(roots[0]), true)
		look("at once, oldest root", old, true)
		if got := n.server.Roots(); len(got) != 3 || got[0].Fingerprint != roots[0].Fingerprint {
			t.Errorf("the node knows of the roots %+v", got)
		}
		if said := n.log.named("the node's own CA will have another root: clients need it by then (deskgate ca)"); len(said) != 1 {
			t.Errorf("announced %d times", len(said))
		}
	})
}
