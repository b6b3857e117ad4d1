package domain_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// told is what a tenant's domain's history says of its certificate, with who and which.
func (w *world) told(t *testing.T, of *tenant.Tenant, host string) (steps []string) {
	t.Helper()
	d, err := w.domains.FindOwn(t.Context(), of, host)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Full().History {
		if !strings.HasPrefix(s.To, "certificate ") {
			continue
		}
		step := s.To + " by " + s.By
		if c := s.Certificate; c != nil {
			step += fmt.Sprintf(": %s until %s, %.8s, own %t", c.Issuer, c.NotAfter.Time().Format(time.DateOnly), c.Fingerprint, c.Own)
		}
		steps = append(steps, step)
	}
	return steps
}

// TestHistoryOfCertificates: who brings a certificate and takes it back is a step of the domain's life, and so is each other one that
// is served: with what tells it from others, and without its key.
func TestHistoryOfCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const month = 30 * 24 * time.Hour
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		w.add(t, w.acme, host, domain.ByOperator)
		w.add(t, w.bee, host, domain.ByTenant) // who claims it as well
		z.set(t, host+". CNAME tickets.example.")
		w.verify(t, host)
		serve := func(issuer, fingerprint string, own bool, life time.Duration) {
			t.Helper()
			end := time.Now().Add(life)
			w.report(t, domain.Report{Status: domain.CertificateActive, Issuer: issuer, Fingerprint: fingerprint, Own: own, NotAfter: end, NextAttempt: end})
		}
		var want []string
		says := func(more ...string) {
			t.Helper()
			want = append(want, more...)
			if diff := cmp.Diff(want, w.told(t, w.acme, host)); diff != "" {
				t.Errorf("the history (-want, +got):\n%s", diff)
			}
		}
		serve("R12", "aaaaaaaa", false, 3*month)
		says("certificate queued by operator", "certificate active by system: R12 until 2000-03-31, aaaaaaaa, own false")
		serve("R12", "aaaaaaaa", false, 3*month) // it was only looked at
		says()
		if got := w.said(t, w.acme); got != "domain.verified pending>verified, certificate.active none>active, domain.active verified>active" {
			t.Errorf("events %q", got)
		}

		chain, key := proxytest.NewSigner(t, "Own CA", nil).Pair(t, nil, nil, host)
		leaf, _ := pem.Decode(chain)
		sum := sha256.Sum256(leaf.Bytes)
		full := hex.EncodeToString(sum[:])
		bring := func(as string) *domain.OwnCertificate {
			t.Helper()
			own, err := w.domains.As(as).SetCertificate(t.Context(), w.acme, host, chain, key)
			if err != nil {
				t.Fatal(err)
			}
			return own
		}
		own := bring("agent:ann")
		about := fmt.Sprintf("Own CA until %s, %.8s, own true", own.NotAfter.Format(time.DateOnly), full)
		says("certificate uploaded by agent:ann: " + about)
		if got := own.Fingerprint; got != full {
			t.Errorf("fingerprint %s, want %s", got, full)
		}
		bring("agent:bob") // the same again
		says()
		w.said(t, w.acme)
		w.report(t, domain.Report{Status: domain.CertificateActive, Issuer: own.Issuer, Fingerprint: full, Own: true, NotAfter: own.NotAfter, NextAttempt: own.NotAfter})
		says("certificate active by system: " + about)
		if got := w.said(t, w.acme); got != "certificate.active active>active" {
			t.Errorf("events of another certificate: %q", got)
		}
		if d := w.find(t, host); d.Full().Certificate.Fingerprint != full {
			t.Errorf("the domain has %+v", d.Full().Certificate)
		}
		if err := w.domains.As("operator").RemoveCertificate(t.Context(), nil, host); err != nil {
			t.Fatal(err)
		}
		says("certificate removed by operator: " + about)
		serve("R12", "bbbbbbbb", false, 2*month)
		says("certificate active by system: R12 until 2000-03-01, bbbbbbbb, own false")

		if all, err := json.Marshal(w.find(t, host).Full()); err != nil || strings.Contains(string(all), "PRIVATE") {
			t.Errorf("%s, %v", all, err)
		}
		if theirs := w.told(t, w.bee, host); len(theirs) != 0 {
			t.Errorf("the other tenant's history: %q", theirs)
		}
	})
}
