package web_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/web/webtest"
)

// stater brings domains of acme's into the states there are.
type stater struct {
	*webtest.Node

	t     *testing.T
	below string
}

// bring is a domain named after its state-to-be that has all it needs.
func (s *stater) bring(state string) tenant.Host {
	s.t.Helper()
	host := tenant.Host(state + "." + s.below)
	s.Bring(s.t, s.Acme, host)
	return host
}

func (s *stater) look(of *webtest.Tenant, host tenant.Host) {
	s.t.Helper()
	if _, err := s.Domains.As("system").VerifyOwn(s.t.Context(), of.Tenant, string(host)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stater) report(host tenant.Host, rep domain.Report) {
	s.t.Helper()
	if err := s.Domains.ReportCertificate(s.t.Context(), host, rep); err != nil {
		s.t.Fatal(err)
	}
}

// all brings one into each state.
func (s *stater) all() {
	s.t.Helper()
	s.Register(s.t, s.Acme, tenant.Host("pending."+s.below))
	s.bring("active")

	soon := time.Now().Add(time.Hour)
	verified := s.bring("verified")
	s.report(verified, domain.Report{Status: domain.CertificateExpired, NotAfter: time.Now().Add(-time.Hour), NextAttempt: soon})
	s.report(verified, domain.Report{Status: domain.CertificateQueued, NextAttempt: soon})
	refused := domain.Say("The certificate authority refused: %s", "acme:error:connection: 192.0.2.7: Fetching http://failing."+s.below+"/.well-known/acme-challenge/x: Connection refused")
	failing := s.bring("failing")
	for range 3 {
		s.report(failing, domain.Report{Status: domain.CertificateRenewing, NextAttempt: soon})
		s.report(failing, domain.Report{Status: domain.CertificateFailing, Reason: refused, NextAttempt: soon})
	}

	drifted := s.bring("drifted")
	s.withdraw(drifted)
	s.look(s.Acme, drifted)

	lost := s.bring("suspended")
	s.withdraw(lost)
	s.look(s.Acme, lost)
	s.Bring(s.t, s.Bolt, lost)

	if err := s.Domains.RemoveOwn(s.t.Context(), s.Acme.Tenant, string(s.bring("removed"))); err != nil {
		s.t.Fatal(err)
	}

	own := s.bring("own")
	chain, key := proxytest.NewSigner(s.t, "Example TLS CA 3", proxytest.NewSigner(s.t, "Example Root", nil)).Pair(s.t, nil, nil, string(own))
	if _, err := s.Domains.SetCertificate(s.t.Context(), s.Acme.Tenant, string(own), chain, key); err != nil {
		s.t.Fatal(err)
	}
	s.until(own, func(d *domain.Domain) bool { return d.Certificate.Own })
}

func (s *stater) withdraw(host tenant.Host) {
	s.Withdraw(string(host))
	s.Withdraw("_deskgate." + string(host))
}

// until waits for what the edge does in the background.
func (s *stater) until(host tenant.Host, is func(*domain.Domain) bool) {
	s.t.Helper()
	late, look := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for {
		d, err := s.Domains.FindOwn(s.t.Context(), s.Acme.Tenant, string(host))
		if err != nil {
			s.t.Fatal(err)
		}
		if is(d) {
			return
		}
		select {
		case <-look.C:
		case <-late:
			s.t.Fatalf("%s stays %+v", host, d.Document())
		}
	}
}

// domains are the pages about domains, one in each state.
func (d *busyDesk) domains(at string) {
	s := &stater{d.Node, d.t, "acme-coffee.example"}
	s.all()
	for _, state := range []string{"pending", "active", "verified", "failing", "drifted", "suspended", "removed", "own"} {
		d.visit("domain-"+state, d.ann, at+state+"."+s.below)
	}
	pending := at + "pending." + s.below
	d.visit("domain-missing", d.ann, pending+"?done=domain-missing")
	d.after("domain-bring", d.ann, at+"own."+s.below, `document.querySelectorAll("details").forEach(d => d.open = true); ""`)
	d.answer("domain-bring-wrong", d.ann, pending, pending+"/certificate", url.Values{"certificate": {"-----BEGIN"}, "private_key": {""}})
}
