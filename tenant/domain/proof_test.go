package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

const host = "help.acme.example"

func TestProof(t *testing.T) {
	node := []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")}
	const arrives, elsewhere = "help.acme.example. A 192.0.2.10", "help.acme.example. A 198.51.100.1"
	for _, tc := range []struct {
		name   string
		by     domain.By
		zone   []string // TEXT and TARGET stand for what the records say, OTHER for the other tenant's target
		fail   map[string]int
		want   domain.Status
		reason []string // parts of the sentence
	}{
		{
			name: "nothing", by: domain.ByOperator, want: domain.Pending,
			reason: []string{"TXT _deskgate.help.acme.example has no record", "CNAME help.acme.example has no record", "Add TXT", "or CNAME help.acme.example "},
		},
		{
			name: "TXT", by: domain.ByTenant, zone: []string{`_deskgate.help.acme.example. TXT "TEXT"`}, want: domain.Verified,
			reason: []string{"has no address yet"},
		},
		{
			name: "TXT and elsewhere", by: domain.ByTenant, zone: []string{`_deskgate.help.acme.example. TXT "TEXT"`, elsewhere},
			want: domain.Verified, reason: []string{"leads to 198.51.100.1", "CDN"},
		},
		{
			name: "TXT among others, with quotes, and arriving", by: domain.ByTenant, want: domain.Verified,
			zone: []string{`_deskgate.help.acme.example. TXT "v=spf1"`, `_deskgate.help.acme.example. TXT "\"TEXT\""`, arrives},
		},
		{
			name: "wrong TXT", by: domain.ByTenant, zone: []string{`_deskgate.help.acme.example. TXT "something else"`}, want: domain.Pending,
			reason: []string{`TXT _deskgate.help.acme.example is "something else"`},
		},
		{
			name: "TXT of the wrong name", by: domain.ByTenant, zone: []string{`help.acme.example. TXT "TEXT"`}, want: domain.Pending,
		},
		{
			name: "CNAME to the target", by: domain.ByTenant, zone: []string{"help.acme.example. CNAME TARGET.", "TARGET. A 192.0.2.10"},
			want: domain.Verified,
		},
		{
			name: "CNAME to the target, which has no address", by: domain.ByTenant, zone: []string{"help.acme.example. CNAME TARGET."},
			want: domain.Verified, reason: []string{"has no address: the node's operator"},
		},
		{
			name: "CNAME to the default host, over another", by: domain.ByTenant, want: domain.Verified,
			zone: []string{"help.acme.example. CNAME x.acme.example.", "x.acme.example. CNAME Acme.Tickets.Example.", "acme.tickets.example. A 192.0.2.10"},
		},
		{
			name: "CNAME to the other tenant's host, by the operator", by: domain.ByOperator, want: domain.Pending,
			zone:   []string{"help.acme.example. CNAME bee.tickets.example.", "bee.tickets.example. CNAME tickets.example.", "tickets.example. A 192.0.2.10"},
			reason: []string{"belongs to another tenant", "instead of the present one"},
		},
		{
			name: "CNAME to the other tenant's target, by the tenant", by: domain.ByTenant, zone: []string{"help.acme.example. CNAME OTHER."},
			want: domain.Pending, reason: []string{"CNAME help.acme.example is ", "belongs to another tenant"},
		},
		{
			name: "CNAME to the node, by the operator", by: domain.ByOperator, want: domain.Verified,
			zone: []string{"help.acme.example. CNAME tickets.example.", "tickets.example. A 192.0.2.10"},
		},
		{
			name: "CNAME to the node, by the tenant", by: domain.ByTenant, want: domain.Pending,
			zone: []string{"help.acme.example. CNAME tickets.example.", "tickets.example. A 192.0.2.10"}, reason: []string{"does not show whose domain it is"},
		},
		{name: "addresses, by the operator", by: domain.ByOperator, zone: []string{arrives, "help.acme.example. AAAA 2001:db8::10"}, want: domain.Verified},
		{name: "addresses, by the tenant", by: domain.ByTenant, zone: []string{arrives}, want: domain.Pending, reason: []string{"Visitors do arrive"}},
		{
			name: "a stale AAAA", by: domain.ByOperator, zone: []string{arrives, "help.acme.example. AAAA 2001:db8::bad"}, want: domain.Pending,
			reason: []string{"Remove AAAA help.acme.example 2001:db8::bad"},
		},
		{
			name: "elsewhere", by: domain.ByOperator, zone: []string{elsewhere}, want: domain.Pending,
			reason: []string{"A and AAAA help.acme.example are 198.51.100.1"},
		},
		{
			name: "a CNAME to nowhere", by: domain.ByOperator, zone: []string{"help.acme.example. CNAME shop.hoster.example."}, want: domain.Pending,
			reason: []string{"CNAME help.acme.example is shop.hoster.example"},
		},
		{
			name: "a loop", by: domain.ByOperator, want: domain.Pending,
			zone: []string{"help.acme.example. CNAME b.acme.example.", "b.acme.example. CNAME help.acme.example."},
		},
		{
			name: "SERVFAIL for the TXT", by: domain.ByOperator, fail: map[string]int{"_deskgate.help.acme.example": dns.RcodeServerFailure},
			want: domain.Pending, reason: []string{"Nothing was decided", "SERVFAIL"},
		},
		{
			name: "SERVFAIL for the TXT but a CNAME", by: domain.ByTenant, fail: map[string]int{"_deskgate.help.acme.example": dns.RcodeServerFailure},
			zone: []string{"help.acme.example. CNAME TARGET.", "TARGET. A 192.0.2.10"}, want: domain.Verified,
		},
		{
			name: "REFUSED for the host but a TXT", by: domain.ByTenant, fail: map[string]int{host: dns.RcodeRefused},
			zone: []string{`_deskgate.help.acme.example. TXT "TEXT"`}, want: domain.Verified,
		},
		{
			name: "CAA forbids", by: domain.ByOperator, want: domain.Verified,
			zone:   []string{arrives, `acme.example. CAA 0 issue "digicert.com"`, `acme.example. CAA 0 iodef "mailto:x@acme.example"`},
			reason: []string{"acme.example lets only digicert.com issue", `Add CAA acme.example 0 issue "ca.example"`},
		},
		{
			name: "CAA forbids all", by: domain.ByOperator, zone: []string{arrives, `help.acme.example. CAA 0 issue ";"`}, want: domain.Verified,
			reason: []string{"help.acme.example lets nobody issue"},
		},
		{
			name: "CAA allows", by: domain.ByOperator, want: domain.Verified,
			zone: []string{arrives, `acme.example. CAA 0 issue "digicert.com"`, `acme.example. CAA 0 issue "CA.example; validationmethods=http-01"`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			z := &zone{}
			w := newWorld(t, tenant.NodeOptions{Addresses: node}, domain.Options{Resolver: z.serve(t), Authorities: []domain.Authority{{Names: []string{"ca.example"}}}})
			d := w.add(t, w.acme, host, tc.by)
			other := w.directory.Node().Target(w.bee)
			fill := strings.NewReplacer("TEXT", record(t, d, "TXT").Value, "TARGET", record(t, d, "CNAME").Value, "OTHER", string(other))
			for _, line := range tc.zone {
				z.set(t, fill.Replace(line))
			}
			for name, rcode := range tc.fail {
				z.fail(name, rcode)
			}
			d = w.verify(t, host)
			if d.Status != tc.want {
				t.Errorf("status %s (%s), want %s", d.Status, d.Reason, tc.want)
			}
			for _, part := range tc.reason {
				if !strings.Contains(d.Reason.String(), part) {
					t.Errorf("reason %q, want something with %q", d.Reason, part)
				}
			}
			if len(tc.reason) == 0 && tc.want == domain.Verified && d.Reason != nil && !strings.Contains(tc.name, "REFUSED") {
				t.Errorf("reason %q, want none", d.Reason)
			}
			if served := w.serves(); served != (tc.want == domain.Verified) {
				t.Errorf("served: %t", served)
			}
			want := map[domain.Status]domain.CertificateStatus{domain.Verified: domain.CertificateQueued, domain.Pending: domain.CertificateNone}[tc.want]
			if d.Certificate.Status != want {
				t.Errorf("certificate %s, want %s", d.Certificate.Status, want)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")}},
		domain.Options{Resolver: z.serve(t)})
	types := func(d *domain.Domain) string {
		var b strings.Builder
		for _, r := range d.Records {
			b.WriteString(r.Type + " " + r.Name + "; ")
		}
		return b.String()
	}
	sub := w.add(t, w.acme, "Help.Acme.Example.", domain.ByTenant)
	if got, want := types(sub), "TXT _deskgate.help.acme.example; CNAME help.acme.example; "; got != want {
		t.Errorf("records %q, want %q", got, want)
	}
	apex := w.add(t, w.acme, "acme.example", domain.ByOperator)
	if got, want := types(apex), "TXT _deskgate.acme.example; A acme.example; AAAA acme.example; "; got != want {
		t.Errorf("records %q, want %q", got, want)
	}
	// A zone of its own below what is registered is an apex as well: only DNS tells.
	z.set(t, "help.acme.example. SOA ns.example. x.example. 1 2 3 4 5", "help.acme.example. CNAME shop.hoster.example.")
	sub = w.verify(t, host)
	if got, want := types(sub), "TXT _deskgate.help.acme.example; A help.acme.example; AAAA help.acme.example; "; got != want {
		t.Errorf("records %q, want %q", got, want)
	}
	if !strings.Contains(sub.Reason.String(), "top of its zone") {
		t.Errorf("reason %q, want something about the top of the zone", sub.Reason)
	}
	bees := w.add(t, w.bee, "bee.example", domain.ByTenant)
	if record(t, bees, "TXT").Value == record(t, apex, "TXT").Value {
		t.Error("two domains have one proof")
	}
	if again := w.find(t, "acme.example"); !slices.Equal(again.Records, apex.Records) {
		t.Errorf("the records changed from %+v to %+v", apex.Records, again.Records)
	}
}

// TestLongAnswer needs TCP: the answer does not fit into a packet.
func TestLongAnswer(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	d := w.add(t, w.acme, host, domain.ByTenant)
	for i := range 40 {
		z.set(t, fmt.Sprintf(`_deskgate.help.acme.example. TXT "%d %s"`, i, strings.Repeat("x", 200)))
	}
	z.set(t, fmt.Sprintf(`_deskgate.help.acme.example. TXT "%s"`, record(t, d, "TXT").Value))
	if d := w.verify(t, host); d.Status != domain.Verified {
		t.Errorf("status %s (%s), want verified", d.Status, d.Reason)
	}
}

func TestNoAnswer(t *testing.T) {
	closed := "127.0.0.1:1"
	r, err := domain.NewResolver([]string{closed})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: r})
	w.add(t, w.acme, host, domain.ByTenant)
	d := w.verify(t, host)
	if d.Status != domain.Pending || !strings.Contains(d.Reason.String(), "Nothing was decided") || !strings.Contains(d.Reason.String(), closed) {
		t.Errorf("status %s (%s)", d.Status, d.Reason)
	}
	if !d.CheckedAt.IsZero() {
		t.Errorf("checked at %s, but nobody answered", d.CheckedAt)
	}
	if _, err := r.TXT(t.Context(), host); err == nil {
		t.Error("TXT without a server: nil, want an error")
	} else if _, ok := errors.AsType[*domain.UnansweredError](err); !ok {
		t.Errorf("TXT without a server: %v, want an UnansweredError", err)
	}
}

func TestAddRefuses(t *testing.T) {
	w := newWorld(t, tenant.NodeOptions{URLs: []string{"https://tickets.example", "https://desk.other.example"}}, domain.Options{})
	for _, name := range []string{
		"tickets.example", "acme.tickets.example", "x.t.tickets.example", "DESK.other.example:443", "192.0.2.1", "[2001:db8::1]", "*.acme.example",
		"co.uk", "github.io", "localhost", "", "a..b", "https://acme.example",
	} {
		if d, err := w.domains.Add(t.Context(), w.acme, name, domain.ByOperator); !errors.Is(err, tenant.ErrBadHost) {
			t.Errorf("Add(%q): %+v, %v, want ErrBadHost", name, d, err)
		}
	}
	w.add(t, w.acme, host, domain.ByTenant)
	if d := w.add(t, w.acme, host, domain.ByOperator); d.By != domain.ByOperator {
		t.Errorf("added again by the operator: by %s", d.By)
	}
	if _, err := w.domains.Verify(t.Context(), "unknown.example"); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("Verify of an unknown host: %v, want ErrNotFound", err)
	}
	if err := w.domains.Remove(t.Context(), "unknown.example"); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("Remove of an unknown host: %v, want ErrNotFound", err)
	}
}

func TestDocument(t *testing.T) {
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t)})
	w.add(t, w.acme, "acme.example", domain.ByTenant)
	b, err := json.Marshal(w.find(t, "acme.example").Document())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	records, _ := doc["records"].([]any)
	certificate, _ := doc["certificate"].(map[string]any)
	if doc["host"] != "acme.example" || doc["tenant"] != "acme" || doc["status"] != "pending" || doc["checked_at"] != nil ||
		certificate["status"] != "none" || certificate["not_after"] != nil || len(records) != 2 {
		t.Errorf("document %s", b)
	}
	z.set(t, "acme.example. A 198.51.100.7")
	if d := w.verify(t, "acme.example"); d.Document().CheckedAt == nil || strings.Contains(d.Reason.String(), "or CNAME") {
		t.Errorf("after the check: %s, checked at %v", d.Reason, d.Document().CheckedAt)
	}
	z.set(t, fmt.Sprintf("_deskgate.acme.example. TXT %q", record(t, w.find(t, "acme.example"), "TXT").Value))
	if d := w.verify(t, "acme.example"); !strings.Contains(d.Reason.String(), "Set ALIAS acme.example") {
		t.Errorf("reason %q, want something about an ALIAS", d.Reason)
	}
}

func TestNewResolver(t *testing.T) {
	for server, ok := range map[string]bool{
		"192.0.2.53:53": true, "192.0.2.53": true, "dns.example": true, "[2001:db8::53]:5353": true, "2001:db8::53": true, ":53": false, "": false,
	} {
		if _, err := domain.NewResolver([]string{server}); (err == nil) != ok {
			t.Errorf("NewResolver(%q): %v, want ok = %t", server, err, ok)
		}
	}
	if _, err := domain.NewResolver(nil); err != nil {
		t.Errorf("NewResolver of the system's: %v", err)
	}
}
