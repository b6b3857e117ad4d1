package domain_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

const ours = host + ". A 192.0.2.10"

// arriving is a world whose node's address is 192.0.2.10, where visitors of acme's host arrive.
func arriving(t *testing.T, zones ...*zone) *world {
	t.Helper()
	for _, z := range zones {
		z.set(t, ours)
	}
	return newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}}, domain.Options{Resolver: ask(t, zones...)})
}

// TestArrivingKeepsNobodyOut: a host whose visitors go on to arrive is its former owner's until somebody else proves it, and no longer.
func TestArrivingKeepsNobodyOut(t *testing.T) {
	z := &zone{}
	w := arriving(t, z)
	acmes := w.add(t, w.acme, host, domain.ByTenant)
	publish(t, z, acmes)
	if d := w.look(t, w.acme); d.Status != domain.Verified || d.Proofless {
		t.Fatalf("with the proof: %s (%s), without a proof: %t", d.Status, d.Reason, d.Proofless)
	}
	w.conflicts(t, w.bee)
	z.clear("_deskgate." + host)
	d := w.look(t, w.acme)
	want := "The proof is in DNS no more: visitors still arrive, so that the domain goes on until somebody else proves that it is theirs. Add TXT _deskgate." +
		host + " \"" + record(t, acmes, "TXT").Value + "\" or CNAME " + host
	if d.Status != domain.Verified || !d.Proofless || !strings.HasPrefix(d.Reason.String(), want) {
		t.Errorf("without the proof: %s (%s), without a proof: %t; want it verified, and %q", d.Status, d.Reason, d.Proofless, want)
	}
	bees := w.add(t, w.bee, host, domain.ByTenant)
	if d := w.look(t, w.bee); d.Status != domain.Pending || !strings.Contains(d.Reason.String(), "only the TXT record counts. Add TXT") || w.held() != "acme" {
		t.Errorf("another tenant that has not proved it: %s (%s), held by %q", d.Status, d.Reason, w.held())
	}
	publish(t, z, bees)
	if d := w.look(t, w.bee); d.Status != domain.Verified || w.held() != "bee" {
		t.Errorf("another tenant's proof: %s (%s), held by %q", d.Status, d.Reason, w.held())
	}
	if d := w.own(t, w.acme); d.Status != domain.Suspended || d.Proofless {
		t.Errorf("the one before: %s (%s), without a proof: %t", d.Status, d.Reason, d.Proofless)
	}
	w.conflicts(t, w.third(t))
}

// third is a third tenant.
func (w *world) third(t *testing.T) *tenant.Tenant {
	t.Helper()
	other, _, err := w.tenants.Create(t.Context(), "other", "")
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// TestProofGivesWay: what it takes to get a host from who has it while visitors arrive throughout. Each letter is what one server
// says: the TXT record of acme (a), of bee (b), of both (2), of none (n), or that it can't be asked (-).
func TestProofGivesWay(t *testing.T) {
	for _, tc := range []struct {
		says   string
		by     domain.By // who adds acme's
		holder string
	}{
		{"b", domain.ByTenant, "bee"},
		{"2", domain.ByTenant, "acme"},
		{"bbb", domain.ByTenant, "bee"},
		{"abb", domain.ByTenant, "bee"},
		{"2bb", domain.ByTenant, "bee"},
		{"aab", domain.ByTenant, "acme"},
		{"nnb", domain.ByTenant, "acme"},
		{"n-b", domain.ByTenant, "acme"},
		{"bb-", domain.ByTenant, "bee"},
		{"--b", domain.ByTenant, "acme"},
		{"222", domain.ByTenant, "acme"},
		{"n", domain.ByOperator, "acme"},
		{"b", domain.ByOperator, "bee"},
		{"nbb", domain.ByOperator, "bee"},
		{"nnb", domain.ByOperator, "acme"},
		{"aab", domain.ByOperator, "acme"},
	} {
		t.Run(tc.says+" "+string(tc.by), func(t *testing.T) {
			t.Parallel()
			zones := make([]*zone, len(tc.says))
			for i := range zones {
				zones[i] = &zone{}
			}
			w := arriving(t, zones...)
			acmes, bees := w.add(t, w.acme, host, tc.by), w.add(t, w.bee, host, domain.ByTenant)
			for _, z := range zones {
				publish(t, z, acmes)
			}
			if d := w.look(t, w.acme); d.Status != domain.Verified {
				t.Fatalf("%s (%s)", d.Status, d.Reason)
			}
			for i, z := range zones {
				z.clear("_deskgate." + host)
				switch tc.says[i] {
				case 'a':
					publish(t, z, acmes)
				case 'b':
					publish(t, z, bees)
				case '2':
					publish(t, z, acmes)
					publish(t, z, bees)
				case '-':
					z.fail("_deskgate."+host, 2)
				}
			}
			for _, of := range []*tenant.Tenant{w.acme, w.bee} {
				if d := w.look(t, of); w.held() != tc.holder {
					t.Errorf("%s's: %s (%s), held by %q; want %s", of.Slug, d.Status, d.Reason, w.held(), tc.holder)
				}
			}
		})
	}
}

// TestOperatorsWord: a host that the operator has added, and that nobody else ever had, is proved by its visitors.
func TestOperatorsWord(t *testing.T) {
	w := arriving(t, &zone{})
	w.add(t, w.acme, host, domain.ByOperator)
	if d := w.look(t, w.acme); d.Status != domain.Verified || d.Proofless || len(d.Reason) > 0 {
		t.Errorf("%s (%s), without a proof: %t", d.Status, d.Reason, d.Proofless)
	}
	w.conflicts(t, w.bee)
}

// TestTargetIsAProof: the alias to the tenant's own target holds the host like the TXT record.
func TestTargetIsAProof(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	acmes, bees := w.add(t, w.acme, host, domain.ByTenant), w.add(t, w.bee, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("%s. CNAME %s.", host, record(t, acmes, "CNAME").Value))
	w.look(t, w.acme)
	publish(t, z, bees)
	if d := w.look(t, w.bee); d.Status != domain.Suspended || w.held() != "acme" || w.own(t, w.acme).Proofless {
		t.Errorf("%s (%s), held by %q; want acme to keep it", d.Status, d.Reason, w.held())
	}
}
