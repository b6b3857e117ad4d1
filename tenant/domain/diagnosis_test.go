package domain_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestDiagnosis: each mistake that people make is named, with the record that is to be set.
func TestDiagnosis(t *testing.T) {
	const soa = "acme.example. 60 SOA ns.example. x.example. 1 2 3 4 60"
	const name, none = "_deskgate.help.acme.example", "TXT _deskgate.help.acme.example has no record."
	const both = `Add TXT _deskgate.help.acme.example "TEXT" or CNAME help.acme.example TARGET.`
	for _, tc := range []struct {
		name string
		by   domain.By
		zone []string // TEXT and TARGET stand for what the records say, SHOP for the proof of another host
		want domain.Status
		says string // in the reason, whole sentences
	}{
		{
			name: "the provider appends the zone", zone: []string{soa, name + `.acme.example. TXT "TEXT"`},
			says: "TXT is at _deskgate.help.acme.example.acme.example: your DNS provider appends acme.example by itself. Enter the name as _deskgate.help. " + both,
		},
		{
			name: "the provider appends the zone to the alias", zone: []string{soa, "help.acme.example.acme.example. CNAME TARGET."},
			says: "CNAME is at help.acme.example.acme.example: your DNS provider appends acme.example by itself. Enter the name as help. " + both,
		},
		{
			name: "at the host itself", zone: []string{soa, `help.acme.example. TXT "TEXT"`},
			says: none + " CNAME help.acme.example has no record. A and AAAA help.acme.example have no record. " +
				"The proof is at help.acme.example: move it to _deskgate.help.acme.example. " + both,
		},
		{
			name: "at the zone's name", zone: []string{soa, `_deskgate.acme.example. TXT "TEXT"`},
			says: "The proof is at _deskgate.acme.example: move it to _deskgate.help.acme.example. " + both,
		},
		{
			name: "an alias in its place", zone: []string{soa, name + ". CNAME TARGET."},
			says: "_deskgate.help.acme.example is an alias of TARGET: remove that CNAME, and set the TXT record in its place. " + both,
		},
		{
			name: "an alias to where the proof is", zone: []string{soa, name + ". CNAME proofs.acme.example.", `proofs.acme.example. TXT "TEXT"`}, want: domain.Verified,
			says: "The proof is there, but help.acme.example has no address yet. Set CNAME help.acme.example TARGET.",
		},
		{
			name: "another host's", zone: []string{soa, name + `. TXT "SHOP"`},
			says: "TXT _deskgate.help.acme.example is the proof of shop.acme.example: each host has its own. " + both,
		},
		{
			name: "more than the proof", zone: []string{soa, name + `. TXT "_deskgate TXT TEXT"`},
			says: `TXT _deskgate.help.acme.example has more in it than the proof: its whole value has to be "TEXT". ` + both,
		},
		{name: "in quotes", zone: []string{soa, name + `. TXT "\"TEXT\""`, "help.acme.example. A 192.0.2.10"}, want: domain.Verified},
		{name: "in parts", zone: []string{soa, name + `. TXT PARTS`, "help.acme.example. A 192.0.2.10"}, want: domain.Verified},
		{
			name: "a wildcard text", zone: []string{soa, `*.acme.example. TXT "v=spf1 -all"`},
			says: "TXT _deskgate.help.acme.example comes from a wildcard record: one for this very name takes its place. " + both,
		},
		{
			name: "a wildcard alias", zone: []string{soa, "*.acme.example. CNAME parked.example."},
			says: "CNAME help.acme.example comes from a wildcard record: one for this very name takes its place. " +
				`Add TXT _deskgate.help.acme.example "TEXT" or CNAME help.acme.example TARGET instead of the present one.`,
		},
		{
			name: "a private address", by: domain.ByOperator, zone: []string{soa, "help.acme.example. A 10.1.2.3"},
			says: `Add TXT _deskgate.help.acme.example "TEXT" or CNAME help.acme.example TARGET instead of the A and AAAA records. ` +
				"10.1.2.3 is no address of the internet: nobody from outside arrives there.",
		},
		{
			name: "private addresses, and the proof", zone: []string{soa, name + `. TXT "TEXT"`, "help.acme.example. A 100.64.1.1", "help.acme.example. AAAA fd00::1"},
			want: domain.Verified, says: "100.64.1.1 is no address of the internet: nobody from outside arrives there. " +
				"fd00::1 is no address of the internet: nobody from outside arrives there. Set CNAME help.acme.example TARGET.",
		},
		{
			name: "IPv6 alone", by: domain.ByOperator, zone: []string{soa, "help.acme.example. AAAA 2001:db8::10"}, want: domain.Verified,
			says: "Visitors without IPv6 do not arrive: add A help.acme.example 192.0.2.10.",
		},
		{
			name: "a stale address beside", zone: []string{soa, name + `. TXT "TEXT"`, "help.acme.example. A 192.0.2.10", "help.acme.example. A 203.0.113.9", "help.acme.example. AAAA 2001:db8::9"},
			want: domain.Verified, says: "Remove A help.acme.example 203.0.113.9: it leads elsewhere, and so do a part of the visitors. " +
				"Remove AAAA help.acme.example 2001:db8::9: it leads elsewhere, and so do a part of the visitors.",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			z := &zone{}
			w := newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")}},
				domain.Options{Resolver: z.serve(t)})
			if tc.by == "" {
				tc.by = domain.ByTenant
			}
			d := w.add(t, w.acme, host, tc.by)
			text := record(t, d, "TXT").Value
			fill := strings.NewReplacer("TEXT", text, "TARGET", record(t, d, "CNAME").Value, "PARTS", fmt.Sprintf("%q %q", text[:7], text[7:]),
				"SHOP", record(t, w.add(t, w.acme, "shop.acme.example", domain.ByTenant), "TXT").Value)
			for _, line := range tc.zone {
				z.set(t, fill.Replace(line))
			}
			d, err := w.domains.VerifyOwn(t.Context(), w.acme, host)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == "" {
				tc.want = domain.Pending
			}
			said, want := d.Reason.String(), fill.Replace(tc.says)
			if d.Status != tc.want || !strings.HasSuffix(said, want) || want == "" && said != "" {
				t.Errorf("%s (%s), want %s (… %s)", d.Status, said, tc.want, want)
			}
		})
	}
}

// TestLeftOver: the proof of who had the host before is known for what it is.
func TestLeftOver(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	z.set(t, fmt.Sprintf("_deskgate.%s. TXT %q", host, record(t, w.add(t, w.bee, host, domain.ByTenant), "TXT").Value))
	if d := w.verify(t, host); d.Slug != "bee" || d.Status != domain.Verified {
		t.Fatalf("%s of %s (%s)", d.Status, d.Slug, d.Reason)
	}
	if err := w.domains.RemoveOwn(t.Context(), w.bee, host); err != nil {
		t.Fatal(err)
	}
	text := record(t, w.add(t, w.acme, host, domain.ByTenant), "TXT").Value
	want := "Another tenant had this host until lately, so that only the TXT record counts. " +
		"TXT _deskgate.help.acme.example is the proof of another tenant, who had this host before. Add TXT _deskgate.help.acme.example \"" + text + "\"."
	if d := w.verify(t, host); d.Status != domain.Pending || !strings.HasSuffix(d.Reason.String(), want) {
		t.Errorf("%s (%s), want pending (… %s)", d.Status, d.Reason, want)
	}
}
