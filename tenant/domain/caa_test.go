package domain_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

func TestCAA(t *testing.T) {
	const nobody = "No certificate can be had: by its CAA records acme.example lets nobody issue. "
	const add = `Add CAA acme.example 0 issue "ca.example".`
	one := []domain.Authority{{Names: []string{"ca.example", "ca2.example"}, Account: "https://ca.example/acct/1", Methods: []string{"http-01", "tls-alpn-01"}}}
	both := append(one[:1:1], domain.Authority{Names: []string{"other.example"}, Methods: []string{"http-01"}})
	unknown := append(one[:1:1], domain.Authority{})
	for _, tc := range []struct {
		name        string
		authorities []domain.Authority
		zone        []string
		want        string
	}{
		{"none", one, nil, ""},
		{"ours", one, []string{`acme.example. CAA 0 issue "ca.example"`}, ""},
		{"ours by another name, in capitals, among others", one, []string{`acme.example. CAA 0 issue "x.example"`, `acme.example. CAA 0 ISSUE " CA2.example ;"`}, ""},
		{"another", one, []string{`acme.example. CAA 0 issue "x.example"`}, "No certificate can be had: by its CAA records acme.example lets only x.example issue. " + add},
		{"nobody", one, []string{`acme.example. CAA 0 issue ";"`}, nobody + add},
		{"nearer records hide farther ones", one, []string{`acme.example. CAA 0 issue ";"`, host + `. CAA 0 issue "ca.example"`}, ""},
		{"wildcards alone", one, []string{`acme.example. CAA 0 issuewild ";"`}, ""},
		{"reports alone", one, []string{`acme.example. CAA 128 iodef "mailto:x@acme.example"`}, ""},
		{
			"a critical property", one,
			[]string{`acme.example. CAA 0 issue "ca.example"`, `acme.example. CAA 128 tbs "Unknown"`},
			`No certificate can be had: acme.example has a CAA record with the critical property tbs, which authorities do not know. Remove CAA acme.example 128 tbs "Unknown".`,
		},
		{"a property that is not critical", one, []string{`acme.example. CAA 0 tbs "Unknown"`}, ""},
		{"our methods", one, []string{`acme.example. CAA 0 issue "ca.example; validationmethods=dns-01,tls-alpn-01"`}, ""},
		{
			"other methods", one,
			[]string{`acme.example. CAA 0 issue "ca.example; validationmethods=dns-01"`},
			`No certificate can be had: by its CAA records acme.example lets ca.example validate by dns-01 alone, and this node can by http-01, tls-alpn-01. ` +
				`Add CAA acme.example 0 issue "ca.example; validationmethods=http-01,tls-alpn-01".`,
		},
		{"other methods, and a leave without", one, []string{`acme.example. CAA 0 issue "ca.example; validationmethods=dns-01"`, `acme.example. CAA 0 issue "ca.example"`}, ""},
		{"our account", one, []string{`acme.example. CAA 0 issue "ca.example; accounturi=https://ca.example/acct/1"`}, ""},
		{
			"another account", one,
			[]string{`acme.example. CAA 0 issue "ca.example; accounturi=https://ca.example/acct/7"`},
			`No certificate can be had: by its CAA records acme.example lets ca.example issue to the account https://ca.example/acct/7 alone, and this node has another. ` +
				`Add CAA acme.example 0 issue "ca.example; accounturi=https://ca.example/acct/1".`,
		},
		{
			"an account, and we have none",
			[]domain.Authority{{Names: []string{"ca.example"}}},
			[]string{`acme.example. CAA 0 issue "ca.example; accounturi=https://ca.example/acct/7"`},
			"By its CAA records acme.example lets ca.example issue to the account https://ca.example/acct/7 alone, and this node has none there yet: add another record without an account.",
		},
		{
			"the second authority", both,
			[]string{`acme.example. CAA 0 issue "other.example"`},
			"By its CAA records acme.example does not let ca.example issue: certificates come from other.example.",
		},
		{"neither authority", both, []string{`acme.example. CAA 0 issue ";"`}, nobody + add},
		{"an authority whose name nobody knows", unknown, []string{`acme.example. CAA 0 issue "x.example"`}, ""},
		{
			"records of an alias's target", one,
			[]string{"acme.example. CNAME parked.example.", `parked.example. CAA 0 issue "x.example"`},
			`No certificate can be had: by its CAA records parked.example lets only x.example issue. Add CAA parked.example 0 issue "ca.example".`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			z := &zone{}
			z.set(t, append(tc.zone, host+". A 192.0.2.10")...)
			w := newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}}, domain.Options{Resolver: z.serve(t)})
			w.domains.AskAuthorities(func(context.Context) []domain.Authority { return tc.authorities })
			w.add(t, w.acme, host, domain.ByOperator)
			if d := w.verify(t, host); d.Status != domain.Verified || d.Reason.String() != tc.want {
				t.Errorf("%s (%s), want verified (%s)", d.Status, d.Reason, tc.want)
			}
		})
	}
}
