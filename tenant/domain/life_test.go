package domain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		var removed []tenant.Host
		w.domains.OnRemove(func(h tenant.Host) { removed = append(removed, h) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.domains.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		is := func(s domain.Status, c domain.CertificateStatus, served bool) {
			t.Helper()
			d := w.find(t, host)
			if d.Status != s || d.Certificate.Status != c || w.serves() != served {
				t.Errorf("%s (%s), certificate %s, served %t; want %s, %s, %t", d.Status, d.Reason, d.Certificate.Status, w.serves(), s, c, served)
			}
		}
		proof := record(t, w.add(t, w.acme, host, domain.ByTenant), "TXT")
		set := func() { z.set(t, fmt.Sprintf("%s. TXT %q", proof.Name, proof.Value)) }
		time.Sleep(time.Hour)
		is(domain.Pending, domain.CertificateNone, false)
		set()
		time.Sleep(15 * time.Minute)
		is(domain.Verified, domain.CertificateQueued, true)
		select {
		case <-w.domains.Wake():
		default:
			t.Error("a certificate was queued, and nobody was woken")
		}
		due, err := w.domains.DueCertificates(t.Context(), time.Now(), 10)
		if err != nil || len(due) != 1 || due[0].Host != host {
			t.Errorf("due: %+v, %v", due, err)
		}
		report := func(r domain.Report) {
			t.Helper()
			if err := w.domains.ReportCertificate(t.Context(), host, r); err != nil {
				t.Fatal(err)
			}
		}
		report(domain.Report{Status: domain.CertificateIssuing, NextAttempt: time.Now().Add(time.Hour)})
		report(domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("the CA says no"), NextAttempt: time.Now().Add(time.Hour)})
		is(domain.Verified, domain.CertificateFailing, true)
		if primary := w.directory.PrimaryHost(w.acme); primary != "acme.tickets.example" {
			t.Errorf("primary host without a certificate: %s", primary)
		}
		report(domain.Report{Status: domain.CertificateActive, NotAfter: time.Now().Add(90 * 24 * time.Hour), NextAttempt: time.Now().Add(60 * 24 * time.Hour)})
		is(domain.Active, domain.CertificateActive, true)
		if primary := w.directory.PrimaryHost(w.acme); primary != host {
			t.Errorf("primary host: %s", primary)
		}
		z.fail(proof.Name, dns.RcodeServerFailure)
		time.Sleep(3 * 24 * time.Hour)
		is(domain.Active, domain.CertificateActive, true) // could not ask is no no
		z.fail(proof.Name, dns.RcodeSuccess)
		z.clear(proof.Name)
		time.Sleep(26 * time.Hour)
		is(domain.Drifted, domain.CertificateActive, true)
		if primary := w.directory.PrimaryHost(w.acme); primary != "acme.tickets.example" {
			t.Errorf("primary host while the domain drifts: %s", primary)
		}
		set()
		time.Sleep(5 * time.Hour)
		is(domain.Active, domain.CertificateActive, true)
		if primary := w.directory.PrimaryHost(w.acme); primary != host {
			t.Errorf("primary host after it drifted: %s", primary)
		}
		z.clear(proof.Name)
		time.Sleep(26*time.Hour + 73*time.Hour)
		is(domain.Suspended, domain.CertificateNone, false)
		if len(removed) != 1 || removed[0] != host {
			t.Errorf("told to forget %q", removed)
		}
		if err := w.domains.ReportCertificate(t.Context(), host, domain.Report{Status: domain.CertificateActive}); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("report on a suspended domain: %v, want ErrNotFound", err)
		}
		set()
		time.Sleep(26 * time.Hour)
		is(domain.Verified, domain.CertificateQueued, true)
		if d := w.find(t, host); len(d.History) < 8 || len(d.History) > 50 {
			t.Errorf("history %+v", d.History)
		}
		page, err := w.tenants.Audit(t.Context(), w.acme.ID, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, e := range page.Events {
			actions = append(actions, e.Action)
		}
		if log := strings.Join(actions, " "); !strings.HasPrefix(log, "certificate.queued domain.verified certificate.none domain.suspended") &&
			!strings.Contains(log, "domain.drifted") {
			t.Errorf("audit log %s", log)
		}
	})
}

func TestVerifyHastensAFailingCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		w.add(t, w.acme, host, domain.ByOperator)
		z.set(t, host+". CNAME tickets.example.")
		w.verify(t, host)
		for range 2 {
			next := time.Now().Add(24 * time.Hour)
			r := domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("The port is closed."), NextAttempt: next}
			if err := w.domains.ReportCertificate(t.Context(), host, r); err != nil {
				t.Fatal(err)
			}
			time.Sleep(59 * time.Minute)
			if c := w.verify(t, host).Certificate; c.Status != domain.CertificateFailing || !c.NextAttempt.After(time.Now()) {
				t.Errorf("59 minutes after a failure: %+v, want the next attempt where it was", c)
			}
			time.Sleep(time.Minute)
			c := w.verify(t, host).Certificate
			if c.Status != domain.CertificateQueued || c.Reason.String() != "The port is closed." || c.NextAttempt.After(time.Now()) || c.Attempts == 0 {
				t.Errorf("an hour after a failure: %+v, want an attempt now", c)
			}
		}
	})
}

// TestRestart ends the background in the middle of the back-off and begins it anew.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		w.add(t, w.acme, host, domain.ByTenant)
		run := func(d *domain.Registry, long time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), long)
			defer cancel()
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
		}
		checks := func() int {
			z.mu.Lock()
			defer z.mu.Unlock()
			return z.asked["_deskgate."+host+"."]
		}
		run(w.domains, 11*time.Minute+30*time.Second)
		before := checks()
		if before < 9 || before > 11 {
			t.Errorf("%d checks in the first eleven minutes and a half, want about 10", before)
		}
		again := domain.New(w.store, w.tenants, w.directory, domain.Options{Resolver: memory{z}})
		run(again, time.Second)
		if checks() > before+1 {
			t.Errorf("%d checks right after a restart", checks()-before)
		}
		run(again, 7*24*time.Hour)
		week := checks()
		if week < 60 || week > 120 {
			t.Errorf("%d checks in a week", week)
		}
		run(again, 7*24*time.Hour)
		if n := checks() - week; n < 6 || n > 8 {
			t.Errorf("%d checks in the second week, want one a day", n)
		}
	})
}

func TestQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		w.add(t, w.acme, host, domain.ByOperator)
		z.set(t, host+". CNAME tickets.example.")
		d := w.verify(t, host)
		if d.Status != domain.Verified {
			t.Fatalf("status %s (%s), want verified", d.Status, d.Reason)
		}
		remove := func() {
			t.Helper()
			if err := w.domains.Remove(t.Context(), host); err != nil {
				t.Fatal(err)
			}
			if w.serves() {
				t.Error("a removed domain is still served")
			}
		}
		remove()
		if _, err := w.domains.Find(t.Context(), host); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("Find of a removed domain: %v, want ErrNotFound", err)
		}
		// The same tenant may come back.
		w.add(t, w.acme, host, domain.ByOperator)
		if d = w.verify(t, host); d.Status != domain.Verified {
			t.Errorf("back with the same tenant: %s (%s), want verified", d.Status, d.Reason)
		}
		remove()
		// Another needs the TXT record, even its own target does not do.
		d = w.add(t, w.bee, host, domain.ByOperator)
		z.clear(host)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value))
		if d = w.verify(t, host); d.Status != domain.Pending || !strings.Contains(d.Reason.String(), "only the TXT record counts") {
			t.Errorf("during the quarantine: %s (%s), want pending", d.Status, d.Reason)
		}
		txt := record(t, d, "TXT")
		z.set(t, fmt.Sprintf("%s. TXT %q", txt.Name, txt.Value))
		if d = w.verify(t, host); d.Status != domain.Verified || d.Slug != "bee" {
			t.Errorf("with a fresh TXT record: %s (%s) of %s, want verified of bee", d.Status, d.Reason, d.Slug)
		}
		remove()
		// After the quarantine the target does, but that it arrives never again shows whose it is.
		time.Sleep(31 * 24 * time.Hour)
		z.clear(txt.Name)
		w.add(t, w.acme, host, domain.ByOperator)
		z.clear(host)
		z.set(t, host+". CNAME tickets.example.")
		if d = w.verify(t, host); d.Status != domain.Pending || !strings.Contains(d.Reason.String(), "another tenant had this host") {
			t.Errorf("arriving, after another tenant had it: %s (%s), want pending", d.Status, d.Reason)
		}
		z.clear(host)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value))
		if d = w.verify(t, host); d.Status != domain.Verified {
			t.Errorf("with its own target: %s (%s), want verified", d.Status, d.Reason)
		}
	})
}

func TestTLSOff(t *testing.T) {
	z := &zone{}
	off := tenant.NodeOptions{URLs: []string{"http://tickets.example:8080"}, TLSOff: true}
	w := newWorld(t, off, domain.Options{Resolver: z.serve(t)})
	d := w.add(t, w.acme, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value))
	d = w.verify(t, host)
	if d.Status != domain.Active || d.Certificate.Status != domain.CertificateNone {
		t.Errorf("status %s (%s), certificate %s; want active, none", d.Status, d.Reason, d.Certificate.Status)
	}
	if got := w.directory.PrimaryURL(w.acme); got != "http://help.acme.example:8080" {
		t.Errorf("PrimaryURL = %s", got)
	}
	if due, err := w.domains.DueCertificates(t.Context(), time.Now(), 10); err != nil || len(due) != 0 {
		t.Errorf("due %+v, %v; want none", due, err)
	}
}

// TestTLSModeChanges starts the same store without and then with TLS.
func TestTLSModeChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{URLs: []string{"http://tickets.example"}, TLSOff: true}, domain.Options{Resolver: memory{z}})
		d := w.add(t, w.acme, host, domain.ByTenant)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value))
		w.verify(t, host)
		n, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
		if err != nil {
			t.Fatal(err)
		}
		directory := tenant.NewDirectory(w.store, n, nil)
		later := domain.New(w.store, tenant.NewRegistry(w.store, directory), directory, domain.Options{Resolver: memory{z}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := later.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if d := w.find(t, host); d.Status != domain.Verified || d.Certificate.Status != domain.CertificateQueued {
			t.Errorf("with TLS: %s, certificate %s; want verified, queued", d.Status, d.Certificate.Status)
		}
	})
}

func TestDueCertificatesAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		ready := func(of *tenant.Tenant, name string) {
			d := w.add(t, of, name, domain.ByOperator)
			z.set(t, fmt.Sprintf("%s. CNAME %s.", name, record(t, d, "CNAME").Value))
			if d := w.verify(t, name); d.Status != domain.Verified {
				t.Fatalf("%s: %s (%s)", name, d.Status, d.Reason)
			}
			time.Sleep(time.Second)
		}
		for i := range 20 {
			ready(w.acme, fmt.Sprintf("h%d.acme.example", i))
		}
		for i := range 20 { // these failed before
			h := tenant.Host(fmt.Sprintf("h%d.acme.example", i))
			r := domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("no"), NextAttempt: time.Now()}
			if i < 15 {
				if err := w.domains.ReportCertificate(t.Context(), h, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		ready(w.bee, "help.bee.example")
		due, err := w.domains.DueCertificates(t.Context(), time.Now(), 4)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range due {
			got = append(got, string(d.Host))
		}
		if want := "h15.acme.example help.bee.example h16.acme.example h17.acme.example"; strings.Join(got, " ") != want {
			t.Errorf("due %q, want %s", got, want)
		}
		if all, err := w.domains.DueCertificates(t.Context(), time.Now(), 100); err != nil || len(all) != 21 {
			t.Errorf("%d due in all, %v; want 21", len(all), err)
		}
	})
}

func TestDeletedTenant(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	d := w.add(t, w.acme, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, d, "CNAME").Value))
	w.verify(t, host)
	w.add(t, w.bee, "help.bee.example", domain.ByTenant)
	if err := w.tenants.Delete(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if w.serves() {
		t.Error("a deleted tenant's domain is still served")
	}
	if list, err := w.domains.List(t.Context(), nil); err != nil || len(list) != 1 || list[0].Slug != "bee" {
		t.Errorf("domains left: %+v, %v; want the other tenant's", list, err)
	}
	w.add(t, w.bee, host, domain.ByTenant)
	if d := w.verify(t, host); !strings.Contains(d.Reason.String(), "only the TXT record counts") {
		t.Errorf("reason %q, want the quarantine", d.Reason)
	}
}

func TestMount(t *testing.T) {
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{})
	w.add(t, w.acme, host, domain.ByTenant)
	for _, h := range []string{host, "Bee.tickets.example"} {
		if err := w.domains.Mount(t.Context(), h, "/support"); err != nil {
			t.Errorf("Mount of %s: %v", h, err)
		}
	}
	if s, _ := w.directory.Lookup("bee.tickets.example"); s.Mount != "/support" {
		t.Errorf("mounted at %s", s.Mount)
	}
	for _, h := range []string{"nobody.tickets.example", "elsewhere.example", "tickets.example", "-"} {
		if err := w.domains.Mount(t.Context(), h, "/support"); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("Mount of %s: %v, want ErrNotFound", h, err)
		}
	}
}

// TestBrokenDomains: names whose DNS does not answer must not keep others waiting.
func TestBrokenDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: slow{memory{z}}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = w.domains.Run(ctx) }()
		for i := range 100 {
			w.add(t, w.bee, fmt.Sprintf("broken%d.bee.example", i), domain.ByOperator)
		}
		time.Sleep(10 * time.Minute)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, w.directory.Node().Target(w.acme)))
		w.add(t, w.acme, host, domain.ByTenant)
		time.Sleep(time.Second)
		if d := w.find(t, host); d.Status != domain.Verified {
			t.Errorf("a second later: %s (%s), want verified", d.Status, d.Reason)
		}
		cancel()
		synctest.Wait()
	})
}

// slow does not answer for names with "broken" in them, as long as anybody waits.
type slow struct{ memory }

func (s slow) TXT(ctx context.Context, name string) ([]string, error) {
	if strings.Contains(name, "broken") {
		<-ctx.Done()
		return nil, &domain.UnansweredError{Type: "TXT", Name: name, Server: "slow", Why: "no answer in time"}
	}
	return s.memory.TXT(ctx, name)
}
