package proxy_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
)

const custom = "tickets.acme.example"

// newACMENode is a node whose certificates come from an authority that looks at its listeners.
func newACMENode(t *testing.T) (*node, *proxytest.ACME) {
	t.Helper()
	n := newNode(t, proxy.ACME)
	n.config.HTTPListener, n.config.HTTPSListener = listen(t), listen(t)
	ca := proxytest.StartACME(t, proxytest.ACMEOptions{
		HTTPPort: port(t, n.config.HTTPListener), TLSPort: port(t, n.config.HTTPSListener), DNS: n.dns,
	})
	n.config.ACME = certificate.ACME{Authorities: []certificate.Authority{{Directory: ca.Directory, Roots: ca.Trust}}}
	return n, ca
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func port(t *testing.T, l net.Listener) int {
	t.Helper()
	a, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return int(a.Port())
}

// add registers the custom domain for acme and sets its DNS.
func (n *node) add(t *testing.T) {
	t.Helper()
	d, err := n.domains.Add(t.Context(), n.acme, custom, domain.ByOperator)
	if err != nil {
		t.Fatal(err)
	}
	n.dns.Set(t, custom+". 60 IN A 127.0.0.1")
	for _, r := range d.Records {
		if r.Type == "TXT" {
			n.dns.Set(t, r.Name+". 60 IN TXT \""+r.Value+"\"")
		}
	}
}

func (n *node) verify(t *testing.T) *domain.Domain {
	t.Helper()
	d, err := n.domains.Verify(t.Context(), custom)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// await waits until the custom domain's certificate is in one of the states.
func (n *node) await(t *testing.T, want ...domain.CertificateStatus) *domain.Domain {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		d, err := n.domains.Find(ctx, custom)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(want, d.Certificate.Status) {
			return d
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the certificate is %s (%s), want %v", d.Certificate.Status, d.Certificate.Reason, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestIssuance(t *testing.T) {
	for _, tc := range []struct {
		challenge string
		set       func(*certificate.ACME)
	}{
		{"http-01", func(o *certificate.ACME) { o.NoTLSChallenge = true }},
		{"tls-alpn-01", func(o *certificate.ACME) { o.NoHTTPChallenge = true }},
	} {
		t.Run(tc.challenge, func(t *testing.T) {
			n, ca := newACMENode(t)
			tc.set(&n.config.ACME)
			n.start(t)
			n.add(t)
			if _, err := n.hello(t.Context(), custom, ca.Roots); !unrecognized(err) {
				t.Errorf("before the domain is verified: %v, want the alert unrecognized_name", err)
			}
			if a := n.get(t, custom, "/"); a.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("before the domain is verified: %d over HTTP, want 421", a.StatusCode)
			}
			if d := n.verify(t); d.Status != domain.Verified {
				t.Fatalf("the domain is %s: %s", d.Status, d.Reason)
			}
			d := n.await(t, domain.CertificateActive)
			if d.Status != domain.Active || d.Certificate.NotAfter.Before(time.Now().Add(89*24*time.Hour)) {
				t.Errorf("domain: %+v", d)
			}
			before := ca.Orders()
			if _, err := n.hello(t.Context(), custom, ca.Roots); err != nil {
				t.Errorf("handshake: %v", err)
			}
			if ca.Orders() != before {
				t.Error("a handshake made an order for a certificate that was there")
			}
		})
	}
}

func TestManyFirstHandshakesMakeOneOrder(t *testing.T) {
	const many = 1000
	n, ca := newACMENode(t)
	n.dns.Set(t, "acme.tickets.example. 60 IN A 127.0.0.1")
	n.start(t)
	var wg sync.WaitGroup
	errs := make(chan error, many)
	for range many {
		wg.Go(func() {
			_, err := n.hello(t.Context(), "acme.tickets.example", ca.Roots)
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	failed := 0
	var last error
	for err := range errs {
		if err != nil {
			failed, last = failed+1, err
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d handshakes failed, the last with %v", failed, many, last)
	}
	// The node's own host, which has no DNS here, is ordered at the start.
	if got := ca.OrdersFor("acme.tickets.example"); got != 1 {
		t.Errorf("%d handshakes made %d orders, want 1", many, got)
	}
}

func TestRestartMakesNoOrder(t *testing.T) {
	n, ca := newACMENode(t)
	n.start(t)
	n.add(t)
	n.verify(t)
	n.await(t, domain.CertificateActive)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	orders := ca.OrdersFor(custom)
	n.config.HTTPListener, n.config.HTTPSListener = nil, nil
	n.restart(t)
	if _, err := n.hello(t.Context(), custom, ca.Roots); err != nil {
		t.Errorf("handshake after a restart: %v", err)
	}
	if got := ca.OrdersFor(custom); got != orders {
		t.Errorf("a restart made %d orders", got-orders)
	}
}

func TestRemovedDomainStopsAtOnce(t *testing.T) {
	n, ca := newACMENode(t)
	n.start(t)
	n.add(t)
	n.verify(t)
	n.await(t, domain.CertificateActive)
	client := n.secureClient(t, "", ca.Roots)
	res, err := client.Get("https://" + custom)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := n.domains.Remove(t.Context(), custom); err != nil {
		t.Fatal(err)
	}
	if res, err = client.Get("https://" + custom); err != nil { // the connection is there still
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("over an open connection: %d, want 421", res.StatusCode)
	}
	if _, err := n.hello(t.Context(), custom, ca.Roots); !unrecognized(err) {
		t.Errorf("after the domain was removed: %v, want the alert unrecognized_name", err)
	}
	stored, err := certificate.NewAssetStore(n.store, n.config.Log).List(t.Context(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range stored {
		if strings.Contains(f, custom) {
			t.Errorf("%s is stored still", f)
		}
	}
}

func TestFailingIssuance(t *testing.T) {
	n, ca := newACMENode(t)
	n.start(t)
	n.add(t)
	n.verify(t)
	n.dns.Set(t, custom+". 60 IN A 127.0.0.2") // nobody listens there
	d := n.await(t, domain.CertificateFailing)
	if !contains(d.Certificate.Reason.String(), "refused", "127.0.0.2", d.Certificate.NextAttempt.Format(time.DateTime)) || d.Certificate.NextAttempt.Before(time.Now()) {
		t.Errorf("certificate: %+v", d.Certificate)
	}
	orders := ca.OrdersFor(custom)
	if orders > 2 {
		t.Errorf("%d orders for a domain whose address is wrong", orders)
	}
	for range 20 {
		if _, err := n.hello(t.Context(), custom, ca.Roots); err == nil {
			t.Fatal("a handshake without a certificate")
		}
	}
	if got := ca.OrdersFor(custom); got != orders {
		t.Errorf("20 handshakes made %d more orders", got-orders)
	}
}

func TestAuthorityWantsFewerRequests(t *testing.T) {
	n, ca := newACMENode(t)
	until := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	ca.Refuse(http.StatusTooManyRequests, `{"type":"urn:ietf:params:acme:error:rateLimited","status":429,`+
		`"detail":"too many new orders recently, retry after `+until.Format(time.DateTime)+` UTC: see https://letsencrypt.org/docs/rate-limits/"}`)
	n.start(t) // which orders for the node's own host
	failures := n.waitFor(t, "no certificate")
	if next, err := time.Parse(time.RFC3339, fmt.Sprint(failures[0]["next_attempt"])); err != nil || next.Before(until) {
		t.Errorf("next attempt at %v, want none before %s", failures[0]["next_attempt"], until)
	}
	ca.Refuse(0, "")
	if _, err := n.hello(t.Context(), "bee.tickets.example", ca.Roots); err == nil {
		t.Error("a handshake without a certificate")
	}
	n.add(t)
	n.verify(t)
	if got := ca.OrdersFor("bee.tickets.example") + ca.OrdersFor(custom); got != 0 {
		t.Errorf("%d orders while the authority wants none", got)
	}
	n.eventually(t, func() string {
		d := n.await(t, domain.CertificateQueued)
		if d.Status != domain.Verified || d.Certificate.NextAttempt.Before(until) ||
			!contains(d.Certificate.Reason.String(), "wants fewer requests", until.Format(time.DateTime)) {
			return fmt.Sprintf("it is not said why the domain waits, and until when: %+v", d)
		}
		return ""
	})
}

func TestAuthorityForgetsTheAccount(t *testing.T) {
	n, ca := newACMENode(t)
	n.dns.Set(t, "tickets.example. 60 IN A 127.0.0.1")
	n.start(t)
	if _, err := n.hello(t.Context(), "tickets.example", ca.Roots); err != nil {
		t.Fatal(err)
	}
	ca.Forget(t)
	n.add(t)
	n.verify(t)
	if d := n.await(t, domain.CertificateActive, domain.CertificateFailing); d.Certificate.Status != domain.CertificateActive {
		t.Errorf("the certificate is %s: %s", d.Certificate.Status, d.Certificate.Reason)
	}
}

// dialer connects to one address, whatever it is asked for.
type dialer struct{ addr string }

func (d dialer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, d.addr)
}
