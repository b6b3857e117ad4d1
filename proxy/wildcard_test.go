package proxy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/proxy/proxytest"
)

// newNodeByDNS is a node whose zone is BIND's.
func newNodeByDNS(t *testing.T, key func(string) string) (*node, *proxytest.ACME, *proxytest.BIND) {
	t.Helper()
	n := newNode(t, proxy.ACME)
	n.config.HTTPListener, n.config.HTTPSListener = listen(t), listen(t)
	bind := proxytest.StartBIND(t, "tickets.example")
	ca := proxytest.StartACME(t, proxytest.ACMEOptions{
		HTTPPort: port(t, n.config.HTTPListener), TLSPort: port(t, n.config.HTTPSListener), DNS: bind.DNS,
	})
	writer, err := certificate.NewDNS("rfc2136://"+bind.Addr, key(bind.Key), []string{bind.Addr})
	if err != nil {
		t.Fatal(err)
	}
	n.config.ACME = certificate.ACME{Authorities: []certificate.Authority{{Directory: ca.Directory, Roots: ca.Trust}}, DNS: writer}
	return n, ca, bind
}

// TestWildcard: one certificate, by a record that is written into the zone and taken out again, is served at all tenants' hosts.
func TestWildcard(t *testing.T) {
	n, ca, bind := newNodeByDNS(t, func(key string) string { return key })
	n.start(t)
	for _, host := range []string{acmeHost, "bee.tickets.example"} {
		n.eventually(t, func() string {
			state, err := n.hello(t.Context(), host, ca.Roots)
			if err != nil {
				return err.Error()
			}
			if names := state.PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != "*.tickets.example" {
				return "the certificate of " + host + " is for " + strings.Join(names, ", ")
			}
			return ""
		})
	}
	if got := ca.OrdersFor("*.tickets.example"); got != 1 {
		t.Errorf("%d orders for the wildcard", got)
	}
	if got := ca.OrdersFor("bee.tickets.example"); got != 0 {
		t.Errorf("%d orders for a host that the wildcard covers", got)
	}
	if left := bind.Records("_acme-challenge.tickets.example", dns.TypeTXT); len(left) != 0 {
		t.Errorf("left in the zone: %v", left)
	}
	n.config.HTTPListener, n.config.HTTPSListener = nil, nil
	n.restart(t)
	if _, err := n.hello(t.Context(), acmeHost, ca.Roots); err != nil {
		t.Error(err)
	}
	if got := ca.OrdersFor("*.tickets.example"); got != 1 {
		t.Errorf("%d orders for the wildcard after a restart", got)
	}
}

// slowZone is one whose records are seen only some time after they were written.
type slowZone struct {
	certmagic.DNSProvider

	after time.Duration
}

func (z slowZone) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	time.AfterFunc(z.after, func() { _, _ = z.DNSProvider.AppendRecords(context.WithoutCancel(ctx), zone, records) })
	return records, nil
}

// TestSlowZone: the authority is asked to look when the record is seen, not before.
func TestSlowZone(t *testing.T) {
	n, ca, _ := newNodeByDNS(t, func(key string) string { return key })
	n.config.ACME.DNS.Provider = slowZone{n.config.ACME.DNS.Provider, time.Second}
	n.start(t)
	n.eventually(t, func() string {
		state, err := n.hello(t.Context(), acmeHost, ca.Roots)
		if err != nil {
			return err.Error()
		}
		if names := state.PeerCertificates[0].DNSNames; names[0] != "*.tickets.example" {
			return "the certificate is for " + strings.Join(names, ", ")
		}
		return ""
	})
	if got := ca.OrdersFor("*.tickets.example"); got != 1 {
		t.Errorf("%d orders for the wildcard", got)
	}
}

// TestWildcardFails: where the zone takes no updates, each host gets a certificate of its own.
func TestWildcardFails(t *testing.T) {
	n, ca, _ := newNodeByDNS(t, func(key string) string { return strings.Replace(key, `"deskgate"`, `"stranger"`, 1) })
	n.start(t)
	if _, err := n.hello(t.Context(), acmeHost, ca.Roots); err != nil {
		t.Error(err)
	}
	if got := ca.OrdersFor(acmeHost); got != 1 {
		t.Errorf("%d orders for the host", got)
	}
	for _, line := range n.waitFor(t, "no certificate") {
		if line["host"] == "*.tickets.example" && !strings.Contains(fmt.Sprint(line["error"]), "temporary record") {
			t.Errorf("it is not said why there is no wildcard: %v", line["error"])
		}
	}
}
