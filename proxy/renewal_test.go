package proxy_test

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
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
