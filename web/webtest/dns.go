package webtest

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// zone is all the DNS there is: names that are aliases of others, texts, and addresses.
type zone struct {
	mu        sync.Mutex
	aliases   map[string]string
	texts     map[string]string
	addresses map[string]netip.Addr
}

func newZone() *zone {
	return &zone{aliases: map[string]string{}, texts: map[string]string{}, addresses: map[string]netip.Addr{}}
}

var _ domain.Resolver = (*zone)(nil)

// add puts a record in, as somebody does who copies it.
func (z *zone) add(tb testing.TB, kind, name, value string) {
	tb.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	switch kind {
	case "CNAME":
		z.aliases[name] = value
	case "TXT":
		z.texts[name] = value
	case "A":
		address, err := netip.ParseAddr(value)
		ok(tb, err)
		z.addresses[name] = address
	default:
		tb.Fatalf("%s %s: this DNS has no such records", kind, name)
	}
}

// Publish puts a record into the DNS that the node asks.
func (n *Node) Publish(tb testing.TB, kind, name, value string) {
	tb.Helper()
	n.dns.add(tb, kind, name, value)
}

// Withdraw takes all records of a name out of the DNS that the node asks.
func (n *Node) Withdraw(name string) {
	n.dns.mu.Lock()
	defer n.dns.mu.Unlock()
	delete(n.dns.aliases, name)
	delete(n.dns.texts, name)
	delete(n.dns.addresses, name)
}

// CNAMEs returns the name that this one is an alias of.
func (z *zone) CNAMEs(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if target, there := z.aliases[name]; there {
		return []string{target}, nil
	}
	return nil, nil
}

// TXT returns the text of this name.
func (z *zone) TXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if text, there := z.texts[name]; there {
		return []string{text}, nil
	}
	return nil, nil
}

// Addresses returns the address of this name itself.
func (z *zone) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if address, there := z.addresses[name]; there {
		return []netip.Addr{address}, nil
	}
	return nil, nil
}

// CAA returns nothing.
func (*zone) CAA(context.Context, string) ([]domain.CAA, error) { return nil, nil }

// Apex knows of no zone.
func (*zone) Apex(context.Context, string) (string, error) { return "", nil }

// Bring makes a custom domain the tenant's, waits for its certificate, and returns its base URL.
func (n *Node) Bring(tb testing.TB, t *Tenant, host tenant.Host) string {
	tb.Helper()
	n.Register(tb, t, host)
	d, err := n.Domains.FindOwn(tb.Context(), t.Tenant, string(host))
	ok(tb, err)
	for _, r := range d.Document().Records {
		n.dns.add(tb, r.Type, r.Name, r.Value)
	}
	return n.awaitCertificate(tb, t, host)
}

// awaitCertificate has a domain's records looked for, waits for its certificate, and returns its base URL.
func (n *Node) awaitCertificate(tb testing.TB, t *Tenant, host tenant.Host) string {
	tb.Helper()
	d, err := n.Domains.VerifyOwn(tb.Context(), t.Tenant, string(host))
	ok(tb, err)
	if !d.Served() {
		tb.Fatalf("%s is %s: %s", host, d.Status, d.Reason)
	}
	late, look := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for n.Directory.Standing(t.Tenant, host) != tenant.Fit {
		select {
		case <-look.C:
		case <-late:
			tb.Fatalf("%s got no certificate", host)
		}
	}
	return n.Directory.Node().URLFor(host)
}

// Register adds a custom domain of the tenant's whose proof is still to be seen.
func (n *Node) Register(tb testing.TB, t *Tenant, host tenant.Host) {
	tb.Helper()
	_, err := n.Domains.Add(tb.Context(), t.Tenant, string(host), domain.ByOperator)
	ok(tb, err)
}
