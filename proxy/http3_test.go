package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/proxy"
)

// client3 speaks HTTP/3 with the node, whatever the URL's host is; the name that TLS asks for may be another.
func (n *node) client3(t *testing.T, sni string) *http.Client {
	t.Helper()
	roots := n.roots(t)
	tr := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: sni},
		Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, n.server.HTTPSAddr().String(), c, q)
		},
	}
	t.Cleanup(func() { tr.Close() })
	return &http.Client{Transport: tr}
}

// getWithin asks for the first page, but not for long.
func getWithin(t *testing.T, c *http.Client, d time.Duration) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+acmeHost+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(r)
}

func newNode3(t *testing.T) *node {
	t.Helper()
	n := newNode(t, proxy.Internal)
	n.config.HTTP3 = true
	return n
}

func TestHTTP3(t *testing.T) {
	n := newNode3(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		w.Header().Set("Alt-Svc", `h3=":1"`)
		fmt.Fprintf(w, "%s %s %d %d %v %v", r.Method, r.URL, r.ContentLength, len(b), r.TransferEncoding, err)
	}))
	t.Cleanup(shop.Close)
	n.route(t, "/shop", shop.URL)
	n.start(t)
	c := n.client3(t, "")
	for _, tc := range []struct{ method, path, body, want string }{
		{http.MethodGet, "/x", "", "acme acme.tickets.example / 127.0.0.1 https false"},
		{http.MethodGet, "/shop/a", "", "GET /shop/a 0 0 [] <nil>"},
		{http.MethodPost, "/shop/a", "hello", "POST /shop/a 5 5 [] <nil>"},
		{http.MethodDelete, "/shop/a", "", "DELETE /shop/a 0 0 [] <nil>"},
		{http.MethodPost, "/shop/b", strings.Repeat("x", 3<<20), "POST /shop/b 3145728 3145728 [] <nil>"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, "https://"+acmeHost+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b := read(t, res.Body)
		res.Body.Close()
		if b != tc.want || res.ProtoMajor != 3 || res.Header.Get("Alt-Svc") != "" || res.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: got %s %q with %v, want %q", tc.method, tc.path, res.Proto, b, res.Header, tc.want)
		}
	}
}

func TestHTTP3IsAnnounced(t *testing.T) {
	const want = `h3=":443"; ma=86400`
	n := newNode3(t)
	n.start(t)
	roots := n.roots(t)
	res, err := n.secureClient(t, "", roots).Get("https://" + acmeHost + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Alt-Svc"); got != want {
		t.Errorf("Alt-Svc = %q, want %q", got, want)
	}
	if a := n.get(t, acmeHost, "/"); a.Header.Get("Alt-Svc") != "" {
		t.Error("HTTP/3 is announced without TLS")
	}
}

// Behind somebody else's edge nobody can come by UDP.
func TestHTTP3IsNotForProxies(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, set := range map[string]func(*proxy.Config){
		"trusted":   func(c *proxy.Config) { c.TrustedProxies = loopback },
		"announced": func(c *proxy.Config) { c.ProxyProtocol = loopback },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode3(t)
			set(&n.config)
			n.start(t)
			c, err := net.Dial("tcp", n.server.HTTPSAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if name == "announced" {
				fmt.Fprint(c, "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n")
				if _, err := n.client3(t, "").Get("https://" + acmeHost + "/"); err == nil { //nolint:bodyclose // there is none
					t.Error("a peer that has to send PROXY headers was served without")
				}
			}
			secure := tls.Client(c, &tls.Config{ServerName: acmeHost, RootCAs: n.roots(t)})
			fmt.Fprint(secure, "GET / HTTP/1.1\r\nHost: "+acmeHost+"\r\nConnection: close\r\n\r\n")
			b, err := io.ReadAll(secure)
			if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 200")) || bytes.Contains(b, []byte("Alt-Svc")) {
				t.Errorf("got %q, %v, want no Alt-Svc", b, err)
			}
		})
	}
}

func TestHTTP3OfAnotherTenant(t *testing.T) {
	n := newNode3(t)
	n.start(t)
	for _, tc := range []struct {
		sni, host string
		want      int
	}{
		{acmeHost, acmeHost, http.StatusOK},
		{acmeHost, "bee.tickets.example", http.StatusMisdirectedRequest},
		{acmeHost, "tickets.example", http.StatusMisdirectedRequest},
		{acmeHost, "nobody.example", http.StatusMisdirectedRequest},
	} {
		res, err := n.client3(t, tc.sni).Get("https://" + tc.host + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s over a connection to %s: %d, want %d", tc.host, tc.sni, res.StatusCode, tc.want)
		}
	}
	if _, err := n.client3(t, "nobody.example").Get("https://nobody.example/"); err == nil { //nolint:bodyclose // there is none
		t.Error("a stranger's name was served")
	}
}

// A name that nobody has here gets the same alert as over TCP, and costs no look into the store: there is none.
func TestHTTP3StrangersWithoutAStore(t *testing.T) {
	n := newNode3(t)
	n.start(t)
	res, err := n.client3(t, "").Get("https://" + acmeHost + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	roots := n.roots(t)
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	for sni, want := range map[string]quic.TransportErrorCode{
		acmeHost:              0,
		"nobody.example":      0x100 + 112, // unrecognized_name
		"":                    0x100 + 112,
		"bee.tickets.example": 0x100 + 80, // internal_error: its certificate can't be loaded
	} {
		config := &tls.Config{RootCAs: roots, ServerName: sni, InsecureSkipVerify: sni == "", NextProtos: []string{http3.NextProtoH3}}
		c, err := quic.DialAddr(t.Context(), n.server.HTTPSAddr().String(), config, nil)
		if err == nil {
			_ = c.CloseWithError(0, "")
		}
		alert := new(quic.TransportError)
		if want == 0 && err != nil || want != 0 && (!errors.As(err, &alert) || alert.ErrorCode != want) {
			t.Errorf("SNI %q: %v, want %#x", sni, err, uint64(want))
		}
	}
}

func TestHTTP3Drain(t *testing.T) {
	n := newNode3(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-proceed
		}
		fmt.Fprint(w, strings.Repeat("x", 100_000))
	})
	n.start(t)
	idle := n.client3(t, "")
	res, err := idle.Get("https://" + acmeHost + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = read(t, res.Body)
	res.Body.Close()
	type result struct {
		body string
		err  error
	}
	answered := make(chan result, 1)
	slow := n.client3(t, "")
	go func() {
		res, err := slow.Get("https://" + acmeHost + "/slow")
		if err != nil {
			answered <- result{err: err}
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		answered <- result{string(b), err}
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	n.eventually(t, func() string { // it is stopping when nobody new is served
		if res, err := getWithin(t, n.client3(t, ""), time.Second); err == nil {
			res.Body.Close()
			return "still accepting"
		}
		return ""
	})
	close(proceed)
	if r := <-answered; r.err != nil || len(r.body) != 100_000 {
		t.Errorf("the running request got %d bytes, %v", len(r.body), r.err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v", err)
	}
}
