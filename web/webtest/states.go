package webtest

import (
	"fmt"
	"strconv"
	"strings"
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
// the next queued), "failing", "drifted", "suspended" (bolt has it now), "removed", "own"; and in some that people meet: "cdn" (behind
// one), "astray" (visitors arrive elsewhere), "proofless", "long" (much has happened). Each has its state's name, below the one that
// is given.
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
	s.ways()
	s.eventful(s.bring("long"))
	return []string{
		"pending", "active", "verified", "failing", "drifted", "suspended", "removed", "own", "cdn", "astray", "proofless", "long",
	}
}

// ways are the states in which visitors arrive otherwise than by the domain's records, or do not.
func (s *stater) ways() {
	s.tb.Helper()
	for state, address := range map[string]string{"cdn": CDNAddress, "astray": OtherAddress} {
		s.Register(s.tb, s.Acme, s.host(state))
		s.Publish(s.tb, "A", string(s.host(state)), address)
		s.prove(s.host(state))
	}
	proofless := s.host("proofless")
	_, err := s.Domains.Add(s.tb.Context(), s.Acme.Tenant, string(proofless), domain.ByTenant)
	ok(s.tb, err)
	s.prove(proofless)
	s.Withdraw("_deskgate." + string(proofless))
	s.Publish(s.tb, "CNAME", string(proofless), string(s.Directory.Node().Hosts()[0]))
	s.awaitCertificate(s.tb, s.Acme, proofless)
}

// prove puts a domain's proof into DNS, and nothing that brings visitors.
func (s *stater) prove(host tenant.Host) {
	s.tb.Helper()
	d, err := s.Domains.FindOwn(s.tb.Context(), s.Acme.Tenant, string(host))
	ok(s.tb, err)
	s.Publish(s.tb, "TXT", d.Records[0].Name, d.Records[0].Value)
	s.awaitCertificate(s.tb, s.Acme, host)
}

// eventful is a domain to which more has happened than is remembered.
func (s *stater) eventful(host tenant.Host) {
	s.tb.Helper()
	for year := range 40 {
		end := time.Now().Add(time.Duration(year+1) * time.Hour)
		s.report(host, domain.Report{Status: domain.CertificateRenewing})
		if year%5 == 0 {
			s.report(host, domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("The certificate authority is out of order: %s", "acme: 503")})
		}
		s.report(host, domain.Report{
			Status: domain.CertificateActive, NotAfter: end, Issuer: "Let's Encrypt R1" + strconv.Itoa(year/4%3), Fingerprint: strings.Repeat(fmt.Sprintf("%02x", year), 32),
		})
		if year%9 == 0 {
			s.drift(host)
			s.prove(host)
		}
	}
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
