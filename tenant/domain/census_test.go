package domain_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Domains of all tenants are counted by state, certificates by theirs, and the first one that ends is named.
func TestCensus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		w.add(t, w.acme, host, domain.ByOperator)
		w.add(t, w.bee, "bee.example.org", domain.ByOperator)
		w.add(t, w.bee, "pending.example.org", domain.ByOperator)
		z.set(t, host+". CNAME tickets.example.", "bee.example.org. CNAME tickets.example.")
		w.verify(t, host)
		w.verify(t, "bee.example.org")
		end := time.Now().Add(24 * time.Hour).UTC()
		for host, at := range map[tenant.Host]time.Time{host: end.Add(time.Hour), "bee.example.org": end} {
			r := domain.Report{Status: domain.CertificateActive, NotAfter: at, NextAttempt: at.Add(-time.Hour)}
			if err := w.domains.ReportCertificate(t.Context(), host, r); err != nil {
				t.Fatal(err)
			}
		}
		r := domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("The port is closed."), NotAfter: end, NextAttempt: time.Now().Add(time.Minute).UTC()}
		if err := w.domains.ReportCertificate(t.Context(), "bee.example.org", r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		got, err := w.domains.Census(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := domain.Census{
			Domains:      map[domain.Status]int{domain.Active: 2, domain.Pending: 1},
			Certificates: map[domain.CertificateStatus]int{domain.CertificateActive: 1, domain.CertificateFailing: 1},
			Expires:      end, CertificatesDue: 1, Troubled: []domain.Trouble{{Host: "bee.example.org", Reason: "The port is closed.", NotAfter: end, NextAttempt: r.NextAttempt}}, ChecksDue: got.ChecksDue, CheckDueSince: got.CheckDueSince,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Census (-want +got):\n%s", diff)
		}
		z.clear(host)
		w.verify(t, host)
		after, err := w.domains.Census(t.Context())
		if err != nil || len(after.Drifting) != 1 || after.Drifting[0].Host != host || after.Drifting[0].Reason == "" || !after.Drifting[0].Since.Equal(time.Now()) {
			t.Errorf("drifting: %+v, %v", after.Drifting, err)
		}
		if got.ChecksDue == 0 || !got.CheckDueSince.Before(time.Now()) {
			t.Errorf("%d checks are due since %s, want those that nobody has made", got.ChecksDue, got.CheckDueSince)
		}
	})
}
