package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mholt/acmez/v3"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
)

// hello makes a handshake with the TLS listener and returns the certificate.
func (n *node) hello(ctx context.Context, sni string, roots *x509.CertPool, protos ...string) (*tls.ConnectionState, error) {
	d := &tls.Dialer{Config: &tls.Config{ServerName: sni, RootCAs: roots, NextProtos: protos, InsecureSkipVerify: sni == ""}}
	c, err := d.DialContext(ctx, "tcp", n.server.HTTPSAddr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	secure, ok := c.(*tls.Conn)
	if !ok {
		return nil, errors.New("no TLS connection")
	}
	state := secure.ConnectionState()
	return &state, nil
}

// unrecognized says whether a handshake ended with the alert unrecognized_name. crypto/tls has no exported value for it.
func unrecognized(err error) bool {
	return err != nil && strings.Contains(err.Error(), "tls: unrecognized name")
}

func (n *node) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	pem, err := certificate.RootPEM(t.Context(), n.store)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate: %s", pem)
	}
	return pool
}

// secureClient talks to the TLS listener whatever the URL's host is.
func (n *node) secureClient(t *testing.T, sni string, roots *x509.CertPool) *http.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: sni},
		ForceAttemptHTTP2: true,
	}
	d := dialer{n.server.HTTPSAddr().String()}
	tr.DialContext = d.dial
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestInternalAuthority(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	roots := n.roots(t)
	for _, host := range []string{"tickets.example", "acme.tickets.example", "bee.tickets.example"} {
		state, err := n.hello(t.Context(), host, roots, "h2", "http/1.1")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if state.NegotiatedProtocol != "h2" {
			t.Errorf("%s: protocol %q, want h2", host, state.NegotiatedProtocol)
		}
	}
	if state, err := n.hello(t.Context(), "tickets.example", roots, acmez.ACMETLS1Protocol); err == nil {
		t.Errorf("%s is spoken where no authority asks: %q", acmez.ACMETLS1Protocol, state.NegotiatedProtocol)
	}
	res, err := n.secureClient(t, "", roots).Get("https://acme.tickets.example/x")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b := read(t, res.Body); b != "acme acme.tickets.example / 127.0.0.1 https false" || res.ProtoMajor != 2 {
		t.Errorf("got %s %q", res.Proto, b)
	}
}

func TestStrangersGetAnAlert(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	for _, sni := range []string{"nobody.example", "nobody.tickets.example", "localhost", ""} {
		if _, err := n.hello(t.Context(), sni, nil); !unrecognized(err) {
			t.Errorf("SNI %q: %v, want the alert unrecognized_name", sni, err)
		}
		if _, err := n.hello(t.Context(), sni, nil, "acme-tls/1"); !unrecognized(err) {
			t.Errorf("SNI %q, acme-tls/1: %v, want the alert unrecognized_name", sni, err)
		}
	}
}

func TestHostOfAnotherTenantThanTheSNI(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	roots := n.roots(t)
	for _, tc := range []struct {
		sni, host string
		want      int
	}{
		{"acme.tickets.example", "acme.tickets.example", http.StatusOK},
		{"acme.tickets.example", "bee.tickets.example", http.StatusMisdirectedRequest},
		{"acme.tickets.example", "tickets.example", http.StatusMisdirectedRequest},
		{"tickets.example", "acme.tickets.example", http.StatusMisdirectedRequest},
		{"acme.tickets.example", "nobody.example", http.StatusMisdirectedRequest},
	} {
		res, err := n.secureClient(t, tc.sni, roots).Get("https://" + tc.host + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("Host %s over a connection to %s: %d, want %d", tc.host, tc.sni, res.StatusCode, tc.want)
		}
	}
}

func TestPlainRedirects(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	a := n.get(t, "acme.tickets.example:8080", "/a%2Fb?c=d")
	if a.StatusCode != http.StatusPermanentRedirect || a.Header.Get("Location") != "https://acme.tickets.example/a%2Fb?c=d" {
		t.Errorf("got %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := n.get(t, "nobody.example", "/"); a.StatusCode != http.StatusMisdirectedRequest || a.Header.Get("Location") != "" {
		t.Errorf("unknown host: got %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestAnotherProcessHasTheSameAuthority(t *testing.T) {
	n := newNode(t, proxy.Internal)
	first, err := certificate.RootPEM(t.Context(), n.store)
	if err != nil {
		t.Fatal(err)
	}
	again, err := certificate.RootPEM(t.Context(), n.store)
	if err != nil || string(first) != string(again) || !strings.HasPrefix(string(first), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("RootPEM twice: %s, %s, %v", first, again, err)
	}
}

func TestNodeURLHasToBeSecure(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.TLS = proxy.Internal
	if _, err := proxy.New(t.Context(), n.config); err == nil || !strings.Contains(err.Error(), "--node-url") {
		t.Errorf("New with TLS and a node URL without = %v", err)
	}
}

func TestNothingIsKeptOfADeletedTenant(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	if _, err := n.hello(t.Context(), "bee.tickets.example", n.roots(t)); err != nil {
		t.Fatal(err)
	}
	if err := n.tenants.Delete(t.Context(), "bee"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.hello(t.Context(), "bee.tickets.example", nil); !unrecognized(err) {
		t.Errorf("handshake: %v, want the alert unrecognized_name", err)
	}
	n.restart(t) // which sweeps, as every few minutes do
	n.eventually(t, func() string {
		stored, err := certificate.NewAssetStore(n.store, n.config.Log).List(t.Context(), "", true)
		if err != nil {
			return err.Error()
		}
		for _, f := range stored {
			if strings.Contains(f, "bee.") {
				return f + " is stored still"
			}
		}
		return ""
	})
}

// Everything that is long-lived, over TLS: it ends with the drain and not before.
func TestStreamsOverTLS(t *testing.T) {
	n := newNode(t, proxy.Internal)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: hello\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	}))
	t.Cleanup(app.Close)
	n.route(t, "/events", app.URL)
	n.start(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+acmeHost+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	res, err := n.secureClient(t, "", n.roots(t)).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "data: hello" || res.ProtoMajor != 2 {
		t.Fatalf("got %s %q, %v", res.Proto, lines.Text(), lines.Err())
	}
	if err := n.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	for lines.Scan() {
		if lines.Text() != "" {
			t.Errorf("more: %q", lines.Text())
		}
	}
}

func TestHandshakesWithoutAStore(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	roots := n.roots(t)
	if _, err := n.hello(t.Context(), acmeHost, roots); err != nil {
		t.Fatal(err)
	}
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.hello(t.Context(), acmeHost, roots); err != nil {
		t.Errorf("a certificate that was in memory: %v", err)
	}
	// With a store that answers nothing, any look-up for a stranger would end in another alert.
	if _, err := n.hello(t.Context(), "nobody.example", nil); !unrecognized(err) {
		t.Errorf("a stranger's name: %v, want the alert unrecognized_name", err)
	}
	if _, err := n.hello(t.Context(), "bee.tickets.example", roots); err == nil || unrecognized(err) {
		t.Errorf("a certificate that could not be loaded: %v, want another alert", err)
	}
}

// What is old is refused, also by who can do nothing else.
func TestVersionsAndSuites(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	roots := n.roots(t)
	for name, tc := range map[string]struct {
		version uint16
		suites  []uint16
		want    bool
	}{
		"TLS 1.3":         {tls.VersionTLS13, nil, true},
		"TLS 1.2":         {tls.VersionTLS12, nil, true},
		"TLS 1.2, sealed": {tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, true},
		"TLS 1.2, CBC":    {tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, false},
		"TLS 1.1":         {tls.VersionTLS11, nil, false},
		"TLS 1.0":         {tls.VersionTLS10, nil, false},
	} {
		for _, proto := range []string{"h2", "http/1.1"} {
			d := &tls.Dialer{Config: &tls.Config{
				ServerName: acmeHost, RootCAs: roots, NextProtos: []string{proto}, MinVersion: tls.VersionTLS10, MaxVersion: tc.version, CipherSuites: tc.suites,
			}}
			c, err := d.DialContext(t.Context(), "tcp", n.server.HTTPSAddr().String())
			if (err == nil) != tc.want {
				t.Errorf("%s for %s: %v, want a handshake: %v", name, proto, err, tc.want)
			}
			if err == nil {
				c.Close()
			}
		}
	}
}
