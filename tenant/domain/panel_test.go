package domain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// panel is a world whose DNS is asked at several servers.
type panel struct {
	*world

	zones []*zone
	names *strings.Replacer // of addresses to the servers' numbers
	proof string            // acme's, as it stands in a zone file
}

func newPanel(t *testing.T, servers int) *panel {
	t.Helper()
	p := &panel{}
	var addresses, names []string
	for i := range servers {
		z := &zone{}
		p.zones, addresses = append(p.zones, z), append(addresses, z.listen(t))
		names = append(names, addresses[i], fmt.Sprintf("server%d", i))
	}
	r, err := domain.NewResolver(addresses)
	if err != nil {
		t.Fatal(err)
	}
	p.names = strings.NewReplacer(names...)
	p.world = newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: r})
	d := p.add(t, p.acme, host, domain.ByTenant)
	p.proof = fmt.Sprintf("_deskgate.%s. 60 TXT %q", host, record(t, d, "TXT").Value)
	return p
}

// do has the servers answer: each letter is what one does. It sees a record (y), does not (n), or does not answer (-).
func (p *panel) do(t *testing.T, record, does string) {
	t.Helper()
	name, _, _ := strings.Cut(record, " ")
	for i, z := range p.zones {
		z.clear(name)
		z.fail(name, dns.RcodeSuccess)
		z.fail(host, dns.RcodeSuccess)
		switch does[i] {
		case 'y':
			z.set(t, record)
		case '-':
			z.fail(name, dns.RcodeServerFailure)
			z.fail(host, dns.RcodeServerFailure)
		}
	}
}

func TestSeveralServers(t *testing.T) {
	for _, tc := range []struct {
		servers string
		want    domain.Status // of a new domain
		says    string
		after   domain.Status // of one that was seen by all before
	}{
		{"yy", domain.Verified, "", domain.Verified},
		{"yn", domain.Pending, "the proof is seen by server0, not by server1.", domain.Verified},
		{"y-", domain.Pending, "Nothing was decided: only 1 of 2 DNS servers answered.", domain.Verified},
		{"n-", domain.Pending, "The proof was not found.", domain.Drifted},
		{"nn", domain.Pending, "The proof was not found.", domain.Drifted},
		{"--", domain.Pending, "Nothing was decided: TXT _deskgate.help.acme.example could not be asked: SERVFAIL", domain.Verified},
		{"yyy", domain.Verified, "", domain.Verified},
		{"yyn", domain.Verified, "the proof is seen by server0, server1, not by server2.", domain.Verified},
		{"yy-", domain.Verified, "", domain.Verified},
		{"ynn", domain.Pending, "the proof is seen by server0, not by server1, server2.", domain.Verified},
		{"nny", domain.Pending, "the proof is seen by server2, not by server0, server1.", domain.Verified},
		{"y--", domain.Pending, "only 1 of 3 DNS servers answered", domain.Verified},
		{"n--", domain.Pending, "only 1 of 3 DNS servers answered", domain.Verified},
		{"nn-", domain.Pending, "The proof was not found.", domain.Drifted},
		{"yynn", domain.Pending, "the proof is seen by server0, server1, not by server2, server3.", domain.Verified},
		{"yyynn", domain.Verified, "the proof is seen by server0, server1, server2, not by server3, server4.", domain.Verified},
	} {
		t.Run(tc.servers, func(t *testing.T) {
			t.Parallel()
			p := newPanel(t, len(tc.servers))
			p.do(t, p.proof, tc.servers)
			d := p.verify(t, host)
			said := p.names.Replace(d.Reason.String())
			if d.Status != tc.want || !strings.Contains(said, tc.says) {
				t.Errorf("new: %s (%s), want %s (%s)", d.Status, said, tc.want, tc.says)
			}
			if tc.says == "" && strings.Contains(said, "do not agree") {
				t.Errorf("new: %q, but all who answered agree", said)
			}
			p.do(t, p.proof, strings.Repeat("y", len(tc.servers)))
			if d = p.verify(t, host); d.Status != domain.Verified {
				t.Fatalf("seen by all: %s (%s)", d.Status, d.Reason)
			}
			p.do(t, p.proof, tc.servers)
			if d = p.verify(t, host); d.Status != tc.after {
				t.Errorf("later: %s (%s), want %s", d.Status, p.names.Replace(d.Reason.String()), tc.after)
			}
		})
	}
}

// TestOneLiar: one server of three that tells of another tenant's proof gives nothing away; two of them say that the host has changed
// hands.
func TestOneLiar(t *testing.T) {
	p := newPanel(t, 3)
	p.do(t, p.proof, "yyy")
	if d := p.verify(t, host); d.Slug != "acme" || d.Status != domain.Verified {
		t.Fatalf("%s of %s (%s)", d.Status, d.Slug, d.Reason)
	}
	for _, z := range p.zones { // the other tenant may claim what is in its grace time
		z.clear("_deskgate." + host)
	}
	if d := p.verify(t, host); d.Status != domain.Drifted {
		t.Fatalf("%s (%s), want drifted", d.Status, d.Reason)
	}
	theirs := fmt.Sprintf("_deskgate.%s. 60 TXT %q", host, record(t, p.add(t, p.bee, host, domain.ByTenant), "TXT").Value)
	for _, tc := range []struct{ acme, bee, holder string }{
		{"yyy", "nnn", "acme"},
		{"yyn", "nny", "acme"},
		{"ynn", "nny", "acme"},
		{"nnn", "nny", "acme"},
		{"n--", "y--", "acme"},
		{"ynn", "nyy", "bee"},
		{"nny", "yyn", "bee"},
		{"ynn", "nyn", "bee"},
	} {
		p.do(t, p.proof, tc.acme)
		for i, z := range p.zones {
			if tc.bee[i] == 'y' {
				z.set(t, theirs)
			}
		}
		p.verify(t, host)
		if site, served := p.directory.Lookup(host); !served || site.Tenant.Slug != tc.holder {
			t.Errorf("acme's is seen %s, bee's %s: served %t, %+v; want %s's", tc.acme, tc.bee, served, site, tc.holder)
		}
	}
}

// TestOldAnswers: it is said how long servers may go on with what they remember.
func TestOldAnswers(t *testing.T) {
	p := newPanel(t, 2)
	p.do(t, p.proof, "yn")
	p.zones[1].set(t, "acme.example. 3600 SOA ns.example. x.example. 1 2 3 4 900")
	want := "The DNS servers do not agree: the proof is seen by server0, not by server1. It may take 900 s until they do. The proof was not found."
	if d := p.verify(t, host); !strings.HasPrefix(p.names.Replace(d.Reason.String()), want) {
		t.Errorf("nothing there: %q, want %q", p.names.Replace(d.Reason.String()), want)
	}
	p.zones[1].set(t, fmt.Sprintf(`_deskgate.%s. 240 TXT "old"`, host))
	if d := p.verify(t, host); !strings.Contains(d.Reason.String(), "It may take 240 s until they do.") {
		t.Errorf("an old record there: %q", d.Reason)
	}
}

// TestForgedAnswers: who answers without the question's capitals is not believed, but asked again over TCP.
func TestForgedAnswers(t *testing.T) {
	z := &zone{flat: true}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	d := w.add(t, w.acme, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("_deskgate.%s. TXT %q", host, record(t, d, "TXT").Value))
	if d = w.verify(t, host); d.Status != domain.Verified || !z.capital {
		t.Errorf("%s (%s), asked with capitals: %t; want verified", d.Status, d.Reason, z.capital)
	}
}

// TestBrokenDNS: a server that can't answer is asked why.
func TestBrokenDNS(t *testing.T) {
	const dnssec = "DNSSEC is broken at _deskgate.help.acme.example: have its zone signed anew, or take its DS record out of the zone above."
	for _, tc := range []struct {
		name   string
		rcode  int
		ede    uint16
		signed bool
		says   string
	}{
		{"nothing is said", dns.RcodeServerFailure, 0, false, "SERVFAIL from ADDRESS."},
		{"signatures too old", dns.RcodeServerFailure, dns.ExtendedErrorCodeSignatureExpired, false, "SERVFAIL (Signature Expired) from ADDRESS. " + dnssec},
		{"no keys", dns.RcodeServerFailure, dns.ExtendedErrorCodeDNSKEYMissing, false, "SERVFAIL (DNSKEY Missing) from ADDRESS. " + dnssec},
		{"only unchecked", dns.RcodeServerFailure, 0, true, "SERVFAIL from ADDRESS. " + dnssec},
		{
			"lame", dns.RcodeServerFailure, dns.ExtendedErrorCodeNoReachableAuthority, false, "SERVFAIL (No Reachable Authority) from ADDRESS. " +
				"The name servers of _deskgate.help.acme.example do not answer: have its NS records corrected, in the zone and at its registrar.",
		},
		{"refused", dns.RcodeRefused, 0, false, "REFUSED from ADDRESS. ADDRESS does not serve this node: its operator has to let it, or to name another with --dns-resolver."},
		{"a reason that nobody knows", dns.RcodeServerFailure, 4711, false, "SERVFAIL from ADDRESS."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			z := &zone{ede: tc.ede, signed: tc.signed}
			address := z.listen(t)
			r, err := domain.NewResolver([]string{address})
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: r})
			w.add(t, w.acme, host, domain.ByTenant)
			z.fail("_deskgate."+host, tc.rcode)
			want := "Nothing was decided: TXT _deskgate.help.acme.example could not be asked: " + strings.ReplaceAll(tc.says, "ADDRESS", address)
			if d := w.verify(t, host); d.Reason.String() != want {
				t.Errorf("%q, want %q", d.Reason, want)
			}
		})
	}
}

func TestServersWithAVote(t *testing.T) {
	six := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"}
	if _, err := domain.NewResolver(six); err == nil || !strings.Contains(err.Error(), "name at most 5") {
		t.Errorf("six servers: %v", err)
	}
	if _, err := domain.NewResolver(append(six[:5], "192.0.2.1:53", "192.0.2.2")); err != nil {
		t.Errorf("five servers, two of them twice: %v", err)
	}
	// Who is named twice has one vote.
	z := &zone{}
	address := z.listen(t)
	r, err := domain.NewResolver([]string{address, address})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: r})
	d := w.add(t, w.acme, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("_deskgate.%s. TXT %q", host, record(t, d, "TXT").Value))
	if d = w.verify(t, host); d.Status != domain.Verified {
		t.Errorf("one server, named twice: %s (%s)", d.Status, d.Reason)
	}
}
