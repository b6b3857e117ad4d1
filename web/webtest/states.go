package webtest

import (
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// stater brings domains of acme's into the states there are.
type stater struct {
	*Node

	tb    testing.TB
	below string
}

// DomainStates brings domains of acme's into each state there is: "pending", "active", "verified" (its certificate is over, and
// the next queued), "failing", "drifted", "suspended" (bolt has it now), "removed", "own". Each has its state's name, below the one that is given.
func (n *Node) DomainStates(tb testing.TB, below string) (states []string) {
	tb.Helper()
	s := &stater{n, tb, below}
	s.Register(tb, s.Acme, s.host("pending"))
	s.bring("active")
	s.certificates()

	s.drift(s.bring("drifted"))
	lost := s.bring("suspended")
	s.drift(lost)
	s.Bring(tb, s.Bolt, lost)
	ok(tb, s.Domains.RemoveOwn(tb.Context(), s.Acme.Tenant, string(s.bring("removed"))))
	return []string{"pending", "active", "verified", "failing", "drifted", "suspended", "removed", "own"}
}

func (s *stater) host(state string) tenant.Host { return tenant.Host(state + "." + s.below) }

// bring is a domain named after its state-to-be that has all it needs.
func (s *stater) bring(state string) tenant.Host {
	s.tb.Helper()
	s.Bring(s.tb, s.Acme, s.host(state))
	return s.host(state)
}

// certificates are the states in which it is the certificate that is not as others are.
func (s *stater) certificates() {
	s.tb.Helper()
	verified := s.bring("verified")
	s.report(verified, domain.Report{Status: domain.CertificateExpired, NotAfter: time.Now().Add(-time.Hour)})
	s.report(verified, domain.Report{Status: domain.CertificateQueued})
	failing := s.bring("failing")
	refused := domain.Say("The certificate authority refused: %s", "acme:error:connection: 192.0.2.7: Fetching http://"+string(failing)+"/.well-known/acme-challenge/x: <Connection refused>")
	for range 3 {
		s.report(failing, domain.Report{Status: domain.CertificateRenewing})
		s.report(failing, domain.Report{Status: domain.CertificateFailing, Reason: refused})
	}

	own := s.bring("own")
	chain, key := proxytest.NewSigner(s.tb, "Example TLS CA 3", proxytest.NewSigner(s.tb, "Example Root", nil)).Pair(s.tb, nil, nil, string(own))
	_, err := s.Domains.SetCertificate(s.tb.Context(), s.Acme.Tenant, string(own), chain, key)
	ok(s.tb, err)
	late, look := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for {
		d, err := s.Domains.FindOwn(s.tb.Context(), s.Acme.Tenant, string(own))
		ok(s.tb, err)
		if d.Certificate.Own {
			return
		}
		select {
		case <-look.C:
		case <-late:
			s.tb.Fatalf("%s is served with another certificate: %+v", own, d.Document())
		}
	}
}

func (s *stater) report(host tenant.Host, rep domain.Report) {
	s.tb.Helper()
	rep.NextAttempt = time.Now().Add(time.Hour)
	ok(s.tb, s.Domains.ReportCertificate(s.tb.Context(), host, rep))
}

// drift takes a domain's records away, and has that seen.
func (s *stater) drift(host tenant.Host) {
	s.tb.Helper()
	s.Withdraw(string(host))
	s.Withdraw("_deskgate." + string(host))
	_, err := s.Domains.As("system").VerifyOwn(s.tb.Context(), s.Acme.Tenant, string(host))
	ok(s.tb, err)
}
