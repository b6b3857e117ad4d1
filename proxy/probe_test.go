package proxy_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// cdn stands before a node: it ends TLS connections, and passes requests on in plain.
type cdn struct {
	plain     *httptest.Server
	secure    net.Listener // takes connections, and makes no handshake that an authority would like
	origin    atomic.Pointer[url.URL]
	refuses   atomic.Pointer[string] // a path that it keeps for itself
	path      atomic.Pointer[string] // of the last probe
	handshook atomic.Int64
}

func newCDN(t *testing.T) *cdn {
	t.Helper()
	c := &cdn{secure: listen(t)}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(c.origin.Load())
		r.Out.Host = r.In.Host
	}, ModifyResponse: func(r *http.Response) error {
		r.Header.Set("Server", "cloudflare")
		return nil
	}}
	c.plain = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, domain.ProbePath) {
			c.path.Store(&r.URL.Path)
		}
		kept := c.refuses.Load()
		if c.origin.Load() == nil || kept != nil && strings.HasPrefix(r.URL.Path, *kept) {
			w.Header().Set("Server", "cloudflare")
			http.Error(w, "unknown here", http.StatusNotFound)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(c.plain.Close)
	t.Cleanup(func() { c.secure.Close() })
	go func() {
		for {
			conn, err := c.secure.Accept()
			if err != nil {
				return
			}
			c.handshook.Add(1)
			conn.Close()
		}
	}()
	return c
}

// newNodeBehind is a node that visitors of custom domains reach through a CDN, and so does the authority.
func newNodeBehind(t *testing.T, c *cdn) (*node, *proxytest.ACME) {
	t.Helper()
	n := newNode(t, proxy.ACME)
	ca := proxytest.StartACME(t, proxytest.ACMEOptions{HTTPPort: port(t, c.plain.Listener), TLSPort: port(t, c.secure), DNS: n.dns})
	n.config.ACME = certificate.ACME{Authorities: []certificate.Authority{{Directory: ca.Directory, Roots: ca.Trust}}}
	resolver, err := domain.NewResolver([]string{n.dns.Addr})
	if err != nil {
		t.Fatal(err)
	}
	n.domains = domain.New(n.store, n.tenants, n.directory, domain.Options{
		Resolver: resolver, Challenged: true, Spans: n.spans,
		Prober: outbound.NewProber(outbound.Config{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, c.plain.Listener.Addr().String())
		}}),
	})
	n.config.Domains = n.domains
	n.start(t)
	return n, ca
}

// TestBehindCDN: nothing is ordered for a host whose visitors do not arrive; when the CDN forwards them, they do, and an authority is
// answered through it, over HTTP alone.
func TestBehindCDN(t *testing.T) {
	c := newCDN(t)
	n, ca := newNodeBehind(t, c)
	n.add(t)
	d := n.verify(t)
	if d.Status != domain.Verified || !strings.Contains(d.Reason.String(), "Visitors do not arrive: the answer was 404 from server Cloudflare.") ||
		!strings.HasPrefix(d.Certificate.Reason.String(), "Waiting until visitors") {
		t.Errorf("not forwarded: %s (%s), certificate %s (%s)", d.Status, d.Reason, d.Certificate.Status, d.Certificate.Reason)
	}
	if ca.OrdersFor(custom) != 0 {
		t.Error("a certificate was ordered for a host whose visitors do not arrive")
	}
	c.origin.Store(&url.URL{Scheme: "http", Host: n.server.HTTPAddr().String()})
	challenges := "/.well-known/acme-challenge/"
	c.refuses.Store(&challenges)
	d = n.verify(t)
	if !d.Arrives || !strings.HasPrefix(d.Reason.String(), "Cloudflare stands in front of "+custom) {
		t.Errorf("forwarded: arrives %t (%s)", d.Arrives, d.Reason)
	}
	d = n.await(t, domain.CertificateFailing)
	if got := ca.OrdersFor(custom); got != 1 || c.handshook.Load() != 0 {
		t.Errorf("%d orders, %d handshakes: %s; want one, over HTTP alone", got, c.handshook.Load(), d.Certificate.Reason)
	}
	c.refuses.Store(nil)
	soon := domain.Report{Status: domain.CertificateQueued}
	if err := n.domains.ReportCertificate(t.Context(), custom, soon); err != nil {
		t.Fatal(err)
	}
	n.verify(t)
	if d = n.await(t, domain.CertificateActive); d.Status != domain.Active {
		t.Errorf("in the end: %s (%s)", d.Status, d.Reason)
	}
}

// TestProbeIsAnswered to nodes of ours alone, on each listener, also for a host that is not served yet.
func TestProbeIsAnswered(t *testing.T) {
	c := newCDN(t)
	n, ca := newNodeBehind(t, c)
	n.add(t)
	c.origin.Store(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}) // it arrives nowhere
	n.verify(t)
	path := *c.path.Load()
	if err := n.domains.Remove(t.Context(), custom); err != nil { // as it is before it is stored that the proof was seen
		t.Fatal(err)
	}
	n.add(t)
	if a := n.get(t, custom, "/"); a.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a pending host: %d, want 421", a.StatusCode)
	}
	a := n.get(t, strings.ToUpper(custom)+":80", path)
	if a.StatusCode != http.StatusOK || len(a.body) != 64 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("probe: %d %q %v", a.StatusCode, a.body, a.Header)
	}
	for name, r := range map[string]*http.Request{
		"POST": n.request(t, http.MethodPost, custom, path), "another host": n.request(t, http.MethodGet, "bee."+custom, path),
		"a nonce of one's own": n.request(t, http.MethodGet, custom, domain.ProbePath+strings.Repeat("0", 64)),
		"no nonce":             n.request(t, http.MethodGet, custom, domain.ProbePath),
		"no host":              n.request(t, http.MethodGet, "-", path),
	} {
		if got := do(t, r); got.StatusCode == http.StatusOK || strings.Contains(got.body, a.body) {
			t.Errorf("%s: %d %q", name, got.StatusCode, got.body)
		}
	}
	c.origin.Store(&url.URL{Scheme: "http", Host: n.server.HTTPAddr().String()})
	n.verify(t)
	n.await(t, domain.CertificateActive)
	over := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: ca.Roots, ServerName: custom, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, n.server.HTTPSAddr().String())
		},
	}}
	res, err := over.Get("https://" + custom + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := read(t, res.Body); res.StatusCode != http.StatusOK || got != a.body {
		t.Errorf("over https: %d %q, want what there is over http", res.StatusCode, got)
	}
}
