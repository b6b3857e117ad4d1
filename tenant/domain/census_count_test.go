package domain_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Whatever happens to domains, the census says of them what they say themselves.
func TestCensusIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		chance := rand.New(rand.NewPCG(1, 2))
		reports := []domain.CertificateStatus{
			domain.CertificateIssuing, domain.CertificateActive, domain.CertificateRenewing, domain.CertificateFailing, domain.CertificateExpired,
		}
		seen := map[domain.Status]int{}
		for range 400 {
			host := fmt.Sprintf("help.shop%d.example.org", chance.IntN(25))
			own := w.acme
			if chance.IntN(2) == 0 {
				own = w.bee
			}
			switch chance.IntN(6) {
			case 0, 1:
				_, _ = w.domains.Add(t.Context(), own, host, domain.ByOperator) // if nobody has it
			case 2:
				z.set(t, host+". CNAME tickets.example.")
				_, _ = w.domains.Verify(t.Context(), host)
			case 3:
				z.clear(host)
				_, _ = w.domains.Verify(t.Context(), host)
			case 4:
				next := time.Now().Add(time.Duration(chance.IntN(100)) * time.Hour).UTC()
				_ = w.domains.ReportCertificate(t.Context(), tenant.Host(host), domain.Report{
					Status: reports[chance.IntN(len(reports))], Reason: domain.Say("It is so."), NotAfter: next.Add(30 * time.Hour), NextAttempt: next,
				})
			case 5:
				if chance.IntN(4) == 0 {
					_ = w.domains.Remove(t.Context(), host)
				}
			}
			time.Sleep(time.Duration(chance.IntN(40)) * time.Minute)
			got, err := w.domains.Census(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := w.censusOf(t)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("Census (-want +got):\n%s", diff)
			}
			maps.Copy(seen, got.Domains)
		}
		if len(seen) < 4 {
			t.Errorf("domains were %v only", seen)
		}
	})
}

// censusOf counts the domains one by one.
func (w *world) censusOf(t *testing.T) domain.Census {
	t.Helper()
	all, err := w.domains.List(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, now := domain.Census{Domains: map[domain.Status]int{}, Certificates: map[domain.CertificateStatus]int{}}, time.Now()
	for _, d := range all {
		c.Domains[d.Status]++
		if d.Status == domain.Drifted && len(c.Drifting) < 10 {
			c.Drifting = append(c.Drifting, domain.Drift{Host: d.Host, Since: d.Since, Reason: d.Reason.String()})
		}
		if at := d.NextCheck; at.Before(now) {
			c.ChecksDue++
			if c.CheckDueSince.IsZero() || at.Before(c.CheckDueSince) {
				c.CheckDueSince = at
			}
		}
		if !d.Served() {
			continue
		}
		c.Certificates[d.Certificate.Status]++
		c.Troubled = domain.AppendTrouble(c.Troubled, d.Host, d.Certificate)
		if end := d.Certificate.NotAfter; !end.IsZero() && (c.Expires.IsZero() || end.Before(c.Expires)) {
			c.Expires = end
		}
		if at := d.Certificate.NextAttempt; d.Status != domain.Drifted && !at.IsZero() && at.Before(now) {
			c.CertificatesDue++
		}
	}
	return c
}
