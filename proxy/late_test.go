package proxy_test

import (
	"testing"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestLateDirectory: a domain may be due before the edge's directory has heard of it. It gets its certificate at once all
// the same.
func TestLateDirectory(t *testing.T) {
	t.Parallel()
	n := newNode(t, proxy.Internal)
	n.dns = proxytest.StartDNS(t)
	resolver, err := domain.NewResolver([]string{n.dns.Addr})
	if err != nil {
		t.Fatal(err)
	}
	n.domains = domain.New(n.store, n.tenants, n.directory, domain.Options{Resolver: resolver})
	late := tenant.NewDirectory(n.store, n.directory.Node(), nil) // nobody tells this one of changes
	if err := late.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.config.Directory, n.config.Domains = late, n.domains
	n.start(t)
	n.add(t)
	n.verify(t)
	n.await(t, domain.CertificateActive)
}
