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

// own is a tenant's claim to acme's host.
func (w *world) own(t *testing.T, of *tenant.Tenant) *domain.Domain {
	t.Helper()
	d, err := w.domains.FindOwn(t.Context(), of, host)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// look has DNS asked about a tenant's claim to acme's host.
func (w *world) look(t *testing.T, of *tenant.Tenant) *domain.Domain {
	t.Helper()
	d, err := w.domains.VerifyOwn(t.Context(), of, host)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// publish sets a domain's TXT record.
func publish(t *testing.T, z *zone, d *domain.Domain) {
	t.Helper()
	txt := record(t, d, "TXT")
	z.set(t, fmt.Sprintf("%s. TXT %q", txt.Name, txt.Value))
}

// held says which tenant's the host is, empty if it is not served.
func (w *world) held() string {
	if site, ok := w.directory.Lookup(host); ok {
		return site.Tenant.Slug
	}
	return ""
}

func (w *world) conflicts(t *testing.T, of *tenant.Tenant) {
	t.Helper()
	_, err := w.domains.Add(t.Context(), of, "HELP.acme.example.", domain.ByOperator)
	if conflict, ok := errors.AsType[*domain.ConflictError](err); !ok || conflict.Host != host {
		t.Errorf("Add of a host that another tenant holds: %v, want a ConflictError", err)
	}
}

// TestSquatting: who registers a host and does not prove it is in nobody's way.
func TestSquatting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		squatters := w.add(t, w.bee, host, domain.ByTenant)
		owners := w.add(t, w.acme, host, domain.ByTenant)
		if squatters.Slug != "bee" || owners.Slug != "acme" || record(t, squatters, "TXT").Value == record(t, owners, "TXT").Value {
			t.Errorf("claims %+v and %+v, want one each with a proof of its own", squatters, owners)
		}
		for _, of := range []*tenant.Tenant{w.acme, w.bee} {
			if w.directory.Standing(of, host) != tenant.Registered {
				t.Errorf("%s has no claim in the directory", of.Slug)
			}
			if list, err := w.domains.List(t.Context(), of); err != nil || len(list) != 1 || list[0].Slug != of.Slug {
				t.Errorf("%s lists %+v, %v; want its own claim alone", of.Slug, list, err)
			}
		}
		publish(t, z, owners)
		if d := w.look(t, w.acme); d.Status != domain.Verified || w.held() != "acme" {
			t.Errorf("with the proof: %s (%s), held by %q", d.Status, d.Reason, w.held())
		}
		lost := w.own(t, w.bee)
		if lost.Status != domain.Suspended || lost.Reason.String() != "Somebody else has proved that this host is theirs." ||
			strings.Contains(fmt.Sprint(lost.Document()), "acme ") {
			t.Errorf("the other claim: %s (%s), want suspended, and not by whom", lost.Status, lost.Reason)
		}
		if d := w.add(t, w.bee, host, domain.ByOperator); d.Status != domain.Suspended {
			t.Errorf("the squatter comes again: %s", d.Status)
		}
		if d := w.own(t, w.acme); d.Status != domain.Verified {
			t.Errorf("the holder's after all this: %s", d.Status)
		}
	})
}

// TestFirstProofWins: of two that both have their record in DNS one holds the host, and the other as soon as the first is gone.
func TestFirstProofWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		bees, acmes := w.add(t, w.bee, host, domain.ByTenant), w.add(t, w.acme, host, domain.ByTenant)
		publish(t, z, acmes)
		w.look(t, w.acme)
		publish(t, z, bees)
		if d := w.look(t, w.bee); d.Status != domain.Suspended || w.held() != "acme" {
			t.Errorf("the second proof: %s (%s), held by %q; want acme to keep it", d.Status, d.Reason, w.held())
		}
		if err := w.domains.RemoveOwn(t.Context(), w.acme, host); err != nil {
			t.Fatal(err)
		}
		if w.held() != "" {
			t.Errorf("removed, but served for %q", w.held())
		}
		if d := w.look(t, w.bee); d.Status != domain.Verified || w.held() != "bee" {
			t.Errorf("when the first is gone: %s (%s), held by %q; want bee", d.Status, d.Reason, w.held())
		}
	})
}

// TestNobodyLearnsWhoGotIt: to the tenant that lost its claim, it was the node that ended it.
func TestNobodyLearnsWhoGotIt(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
	w.add(t, w.bee, host, domain.ByTenant)
	publish(t, z, w.add(t, w.acme, host, domain.ByTenant))
	if d, err := w.domains.As("agent:agt_acme").VerifyOwn(t.Context(), w.acme, host); err != nil || d.Status != domain.Verified {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, one := range []struct {
		of          *tenant.Tenant
		by, instead string
	}{{w.acme, "agent:agt_acme", "system"}, {w.bee, "system", "agent:agt_acme"}} {
		page, err := w.tenants.Audit(t.Context(), one.of.ID, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, e := range page.Events {
			if e.Object == host && e.Actor == one.by {
				named++
			}
			if e.Actor == one.instead {
				t.Errorf("%s reads of %s: %+v", one.of.Slug, one.instead, e)
			}
		}
		last := w.own(t, one.of).History
		if named == 0 || last[len(last)-1].By != one.by {
			t.Errorf("%s reads %+v, and its domain says %+v", one.of.Slug, page.Events, last)
		}
	}
}

// TestMove: a domain that drifts goes to the tenant whose TXT record its owner sets, and by nothing less.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		var forgotten []tenant.Host
		w.domains.OnRemove(func(h tenant.Host) { forgotten = append(forgotten, h) })
		acmes := w.add(t, w.acme, host, domain.ByTenant)
		publish(t, z, acmes)
		w.look(t, w.acme)
		w.conflicts(t, w.bee)
		if _, err := w.domains.FindOwn(t.Context(), w.bee, host); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("a refused claim is there: %v", err)
		}
		z.clear("_deskgate." + host)
		if d := w.look(t, w.acme); d.Status != domain.Drifted || w.held() != "acme" {
			t.Fatalf("without the proof: %s (%s), held by %q", d.Status, d.Reason, w.held())
		}
		bees := w.add(t, w.bee, host, domain.ByOperator)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, bees, "CNAME").Value))
		if d := w.look(t, w.bee); d.Status != domain.Pending || w.held() != "acme" {
			t.Errorf("by a CNAME: %s (%s), held by %q; want it still acme's", d.Status, d.Reason, w.held())
		}
		publish(t, z, bees)
		z.fail("_deskgate."+host, dns.RcodeServerFailure)
		if w.look(t, w.bee); w.held() != "acme" {
			t.Errorf("while DNS could not be asked: held by %q", w.held())
		}
		z.fail("_deskgate."+host, dns.RcodeSuccess)
		if d := w.look(t, w.bee); d.Status != domain.Verified || w.held() != "bee" || len(forgotten) != 1 {
			t.Errorf("by a TXT record: %s (%s), held by %q, forgotten %q; want it bee's", d.Status, d.Reason, w.held(), forgotten)
		}
		lost := w.own(t, w.acme)
		if lost.Status != domain.Suspended || lost.Certificate.Status != domain.CertificateNone || lost.NextCheck.Before(time.Now()) {
			t.Errorf("the one before: %+v", lost)
		}
		due, err := w.domains.DueCertificates(t.Context(), time.Now(), 10)
		if err != nil || len(due) != 1 || due[0].Tenant != w.bee.ID {
			t.Errorf("certificates due: %+v, %v; want bee's", due, err)
		}
	})
}

// TestDoubt: a holder is looked at again when somebody else wants the host, which may have changed hands.
func TestDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		acmes := w.add(t, w.acme, host, domain.ByTenant)
		publish(t, z, acmes)
		w.look(t, w.acme)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.domains.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		z.clear("_deskgate." + host)
		asked := func() int { z.mu.Lock(); defer z.mu.Unlock(); return z.asked["_deskgate."+host+"."] }
		before := asked()
		w.conflicts(t, w.bee)
		synctest.Wait()
		if asked() != before {
			t.Error("DNS was asked again five minutes after the last time")
		}
		time.Sleep(10 * time.Minute)
		w.conflicts(t, w.bee)
		synctest.Wait()
		if d := w.own(t, w.acme); d.Status != domain.Drifted {
			t.Errorf("a holder without a proof: %s, want drifted", d.Status)
		}
		w.add(t, w.bee, host, domain.ByTenant)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestClaimAtOnce: of two tenants that prove a host at the same time, one gets it.
func TestClaimAtOnce(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	both := []*tenant.Tenant{w.acme, w.bee}
	for _, tn := range both {
		publish(t, z, w.add(t, tn, host, domain.ByTenant))
	}
	errs := make(chan error, len(both))
	for _, tn := range both {
		go func() {
			_, err := w.domains.VerifyOwn(t.Context(), tn, host)
			errs <- err
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	one, two := w.own(t, w.acme), w.own(t, w.bee)
	if one.Served() == two.Served() || w.held() == "" {
		t.Errorf("%s and %s, held by %q; want one of them to have it", one.Status, two.Status, w.held())
	}
}

// TestHolderThatCannotBeAsked keeps the host, whatever another tenant shows.
func TestHolderThatCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		bees, acmes := w.add(t, w.bee, host, domain.ByTenant), w.add(t, w.acme, host, domain.ByTenant)
		z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, acmes, "CNAME").Value))
		w.look(t, w.acme)
		publish(t, z, bees)
		z.fail(host, dns.RcodeServerFailure)
		if d := w.look(t, w.bee); d.Served() || w.held() != "acme" {
			t.Errorf("while the holder's CNAME could not be asked: %s, held by %q", d.Status, w.held())
		}
		z.fail(host, dns.RcodeSuccess)
		z.clear(host)
		if d := w.look(t, w.bee); d.Status != domain.Verified || w.held() != "bee" {
			t.Errorf("when it is gone for certain: %s (%s), held by %q", d.Status, d.Reason, w.held())
		}
	})
}
