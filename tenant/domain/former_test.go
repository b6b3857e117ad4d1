package domain_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// kept are the hosts that are kept for a tenant.
func (w *world) kept(t *testing.T, of *tenant.Tenant) (hosts []string) {
	t.Helper()
	all, err := w.domains.ListRemoved(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		hosts = append(hosts, string(d.Host))
	}
	return hosts
}

// TestRemovedIsKept: a domain that was taken away is kept for its tenant for 30 days, with its history, and nobody else sees that.
func TestRemovedIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		for _, h := range []string{"one.acme.example", "never.acme.example", host} {
			d := w.add(t, w.acme, h, domain.ByTenant)
			if h != "never.acme.example" {
				publish(t, z, d)
				w.verify(t, h)
			}
			time.Sleep(time.Hour)
			if err := w.domains.As("agent:agt_acme").RemoveOwn(t.Context(), w.acme, h); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.kept(t, w.acme); !slices.Equal(got, []string{host, "one.acme.example"}) {
			t.Errorf("kept for acme: %q, want those that were verified, the last one first", got)
		}
		if all := w.kept(t, nil); len(all) != 2 {
			t.Errorf("kept for all: %q", all)
		}
		if got := w.kept(t, w.bee); got != nil {
			t.Errorf("kept for bee: %q", got)
		}
		if _, err := w.domains.FindRemoved(t.Context(), w.bee, host); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("bee finds acme's: %v", err)
		}
		d, err := w.domains.FindRemoved(t.Context(), w.acme, "HELP.acme.example")
		if err != nil {
			t.Fatal(err)
		}
		doc := d.Full()
		last := doc.History[len(doc.History)-1]
		if doc.Status != domain.Removed || doc.Tenant != "acme" || last.To != "removed" || last.By != "agent:agt_acme" || len(doc.History) < 3 ||
			doc.QuarantinedUntil.Time().Sub(doc.Since.Time()) != 30*24*time.Hour {
			t.Errorf("removed: %+v", doc)
		}
		again := w.add(t, w.acme, host, domain.ByTenant)
		if n := len(again.History); again.Status != domain.Pending || n != len(doc.History)+1 || again.History[n-1].To != "pending" {
			t.Errorf("added again: %s, %+v; want the history to go on", again.Status, again.History)
		}
		if got := w.kept(t, w.acme); !slices.Equal(got, []string{"one.acme.example"}) {
			t.Errorf("when one was added again: %q", got)
		}
		publish(t, z, w.add(t, w.bee, "one.acme.example", domain.ByTenant))
		if got := w.kept(t, w.acme); len(got) != 1 {
			t.Errorf("when somebody else claims the other: %q, want it kept", got)
		}
		if d, err := w.domains.VerifyOwn(t.Context(), w.bee, "one.acme.example"); err != nil || !d.Served() {
			t.Fatal(d, err)
		}
		if got := w.kept(t, w.acme); got != nil {
			t.Errorf("when somebody else has proved it: %q", got)
		}
		claims, err := w.domains.Claims(t.Context(), "one.acme.example")
		if err != nil || len(claims) != 1 || claims[0].Slug != "bee" || len(claims[0].History) != 3 {
			t.Errorf("claims of the new holder: %+v, %v; want its own history alone", claims, err)
		}
	})
}

// TestQuarantineEnds after 30 days.
func TestQuarantineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		publish(t, z, w.add(t, w.acme, host, domain.ByTenant))
		w.verify(t, host)
		if err := w.domains.Remove(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		claims, err := w.domains.Claims(t.Context(), host)
		if err != nil || len(claims) != 1 || claims[0].Status != domain.Removed || claims[0].Slug != "acme" {
			t.Errorf("claims: %+v, %v", claims, err)
		}
		time.Sleep(30*24*time.Hour - time.Millisecond)
		if got := w.kept(t, w.acme); len(got) != 1 {
			t.Errorf("on the last day: %q", got)
		}
		time.Sleep(time.Millisecond)
		if got := slices.Concat(w.kept(t, w.acme), w.kept(t, nil)); got != nil {
			t.Errorf("after the last day: %q", got)
		}
		if _, err := w.domains.Claims(t.Context(), host); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("claims after that: %v", err)
		}
	})
}

// TestGraceIsShown: a drifted domain says until when it is served, and is suspended then; its certificate is told of no more.
func TestGraceIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}, Grace: 10 * time.Hour})
		publish(t, z, w.add(t, w.acme, host, domain.ByTenant))
		w.verify(t, host)
		rep := domain.Report{
			Status: domain.CertificateActive, NotAfter: time.Now().Add(90 * 24 * time.Hour), NextAttempt: time.Now().Add(60 * 24 * time.Hour),
			Issuer: "Example CA", Own: true,
		}
		if err := w.domains.ReportCertificate(t.Context(), host, rep); err != nil {
			t.Fatal(err)
		}
		doc := w.find(t, host).Document()
		if doc.ServesUntil != nil || doc.Certificate.Issuer != "Example CA" || !doc.Certificate.Own || doc.History != nil || doc.NextCheckAt == nil ||
			!doc.Certificate.NextAttemptAt.Time().Equal(rep.NextAttempt.UTC()) {
			t.Errorf("active: %+v", doc)
		}
		z.clear("_deskgate." + host)
		time.Sleep(time.Hour)
		if doc = w.verify(t, host).Document(); doc.Status != domain.Drifted || doc.ServesUntil.Time().Sub(doc.Since.Time()) != 10*time.Hour {
			t.Errorf("drifted: %+v", doc)
		}
		time.Sleep(time.Until(doc.ServesUntil.Time()))
		doc = w.verify(t, host).Document()
		if c := doc.Certificate; doc.Status != domain.Suspended || doc.ServesUntil != nil || c.Issuer != "" || c.Own || c.NotAfter != nil || c.NextAttemptAt != nil {
			t.Errorf("suspended: %+v", doc)
		}
	})
}

// TestHistoryKeepsBoth: a certificate that fails for days does not push the hostname's own steps out of the history.
func TestHistoryKeepsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		publish(t, z, w.add(t, w.acme, host, domain.ByTenant))
		w.verify(t, host)
		long := strings.Repeat("Ä", 1000)
		for i := range 60 {
			for _, rep := range []domain.Report{
				{Status: domain.CertificateIssuing},
				{Status: domain.CertificateFailing, Reason: domain.Say("The authority said %s for the %s time.", long, strconv.Itoa(i)).Also(domain.Say("More."))},
			} {
				if err := w.domains.ReportCertificate(t.Context(), host, rep); err != nil {
					t.Fatal(err)
				}
			}
		}
		d := w.find(t, host)
		if len(d.History) != 50 || d.History[0].To != "pending" || d.History[1].To != "verified" {
			t.Errorf("%d steps, the first %+v and %+v", len(d.History), d.History[0], d.History[1])
		}
		last := d.History[49]
		if text := last.Reason.String(); len(text) > 400 || !strings.HasPrefix(text, "The authority said ÄÄ") || !strings.HasSuffix(text, "… for the 59 time.") {
			t.Errorf("reason %q", text)
		}
		if status, is := last.Certificate(); !is || status != domain.CertificateFailing {
			t.Errorf("%q is %s, %t", last.To, status, is)
		}
	})
}
