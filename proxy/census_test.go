package proxy_test

import (
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Behind another edge that has TLS nobody here is to obtain a certificate: none is due. What DNS said is counted.
func TestNoCertificateIsDueWithoutTLS(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.dns = proxytest.StartDNS(t)
	resolver, err := domain.NewResolver([]string{n.dns.Addr})
	if err != nil {
		t.Fatal(err)
	}
	n.domains = domain.New(n.store, n.tenants, n.directory, domain.Options{Resolver: resolver})
	n.config.Domains, n.config.Metrics = n.domains, "127.0.0.1:0"
	n.start(t)
	n.add(t)
	if d := n.verify(t); d.Status != domain.Active {
		t.Fatalf("the domain is %s: %s", d.Status, d.Reason)
	}
	now := time.Now() // and what is left of a time with TLS is nobody's concern
	left := domain.Report{Status: domain.CertificateActive, NotAfter: now.Add(time.Minute), NextAttempt: now.Add(-time.Minute)}
	if err := n.domains.ReportCertificate(t.Context(), custom, left); err != nil {
		t.Fatal(err)
	}
	wantMetrics(t, n.metrics(t), map[string]float64{
		`deskgate_domains{state="active"}`: 1, "deskgate_certificates_due": 0, "deskgate_certificate_expires_first_seconds": 0,
	})
	n.dns.Break("_deskgate."+custom, true)
	n.verify(t)
	n.dns.Clear(custom)
	n.verify(t)
	if got := n.domains.Checks(); got["seen"] != 1 || got["unanswered"] != 2 || got["missing"] != 0 {
		t.Errorf("checks: %v, want one that saw the proof and two that got no answer", got)
	}
}
