package h3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/proxy/h3"
	"github.com/deskgate/deskgate/proxy/listener"
)

// served is a server with a certificate for example.com.
type served struct {
	*h3.Server
	addr    string
	roots   *x509.CertPool
	refused chan string
	crowd   *listener.Crowd
}

func start(t *testing.T, handler http.HandlerFunc, change func(*h3.Options)) *served {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, p, handler, change)
}

func startOn(t *testing.T, p net.PacketConn, handler http.HandlerFunc, change func(*h3.Options)) *served {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	s := &served{roots: x509.NewCertPool(), refused: make(chan string, 1000), crowd: listener.NewCrowd(100, 100)}
	s.roots.AddCert(certified.Certificate())
	s.addr = p.LocalAddr().String()
	o := h3.Options{
		TLS: &tls.Config{Certificates: certified.TLS.Certificates}, Handler: handler, Crowd: s.crowd,
		Handshakes: listener.NewRate(1000, 1000), Refused: func(reason string) { s.refused <- reason }, Log: slog.New(slog.DiscardHandler),
		Limits: h3.Limits{Requests: 10, HeaderSize: 4 << 10, HeaderTime: 300 * time.Millisecond, IdleTime: time.Minute, Unproven: 1000, StrangerCost: 10},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.Server, err = h3.New(p, o); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return s
}

func (s *served) tls() *tls.Config {
	return &tls.Config{RootCAs: s.roots, ServerName: "example.com", NextProtos: []string{http3.NextProtoH3}}
}

func (s *served) client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http3.Transport{
		TLSClientConfig: s.tls(),
		Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, s.addr, c, q)
		},
	}
	t.Cleanup(func() { tr.Close() })
	return &http.Client{Transport: tr}
}

func (s *served) dial(t *testing.T) *quic.Conn {
	t.Helper()
	c, err := quic.DialAddr(t.Context(), s.addr, s.tls(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	return c
}

func ask(c *http.Client) error {
	res, err := c.Get("https://example.com/")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// getHead is a HEADERS frame: GET https://example/.
const getHead = "\x01\x0e\x00\x00\xd1\xd7\x50\x07example\xc1"

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }

// A head that does not come in time ends with its stream, as does a GET whose end does not come; meanwhile others are served.
func TestSlowHeads(t *testing.T) {
	s := start(t, ok, nil)
	other, c := s.client(t), s.dial(t)
	for name, head := range map[string]string{"half a head": getHead[:6], "no end": getHead} {
		str, err := c.OpenStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(str, head); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := ask(other); err != nil {
			t.Errorf("%s: somebody else: %v", name, err)
		}
		_, err = io.ReadAll(str)
		if reset := new(quic.StreamError); !errors.As(err, &reset) || time.Since(begin) < 200*time.Millisecond || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: ended after %s with %v, want a reset", name, time.Since(begin), err)
		}
	}
}

func TestLargeHead(t *testing.T) {
	s := start(t, ok, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 5<<10))
	res, err := s.client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", res.StatusCode)
	}
}

// Requests that are taken back count until they are answered: one connection never runs more than it may.
func TestRapidReset(t *testing.T) {
	running, most := make(chan int, 1), 0
	running <- 0
	release := make(chan struct{})
	s := start(t, func(http.ResponseWriter, *http.Request) {
		n := <-running + 1
		most = max(most, n)
		running <- n
		<-release
		running <- <-running - 1
	}, nil)
	c := s.dial(t)
	for range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		str, err := c.OpenStreamSync(ctx)
		cancel()
		if err != nil {
			break // the server takes no more
		}
		_, _ = io.WriteString(str, getHead)
		if err := str.Close(); err != nil {
			t.Fatal(err)
		}
		str.CancelRead(0)
	}
	close(release)
	if err := ask(s.client(t)); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if n := <-running; most > 10 || most < 2 {
		t.Errorf("%d requests ran at once, %d now, want 10 at most", most, n)
	}
}

func TestNoEarlyData(t *testing.T) {
	s := start(t, ok, nil)
	config := s.tls()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		c, err := quic.DialAddrEarly(t.Context(), s.addr, config, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-c.HandshakeComplete()
		state := c.ConnectionState()
		if state.Used0RTT || state.TLS.DidResume != (i == 1) {
			t.Errorf("connection %d: 0-RTT %v, resumed %v", i, state.Used0RTT, state.TLS.DidResume)
		}
		if str, err := c.AcceptUniStream(t.Context()); err != nil { // after that the ticket has come as well
			t.Fatal(str, err)
		}
		_ = c.CloseWithError(0, "")
	}
}

func TestWhoIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*h3.Options)
		reason string
	}{
		"excluded":   {func(o *h3.Options) { o.Excluded = netip.Addr.IsLoopback }, "proxy_header"},
		"no room":    {func(o *h3.Options) { o.Crowd = listener.NewCrowd(0, 1) }, "crowd"},
		"too many":   {func(o *h3.Options) { o.Crowd = listener.NewCrowd(1, 0) }, "crowd"},
		"exempt":     {func(o *h3.Options) { o.Crowd, o.Exempt = listener.NewCrowd(10, 0), netip.Addr.IsLoopback }, ""},
		"proven":     {func(o *h3.Options) { o.Limits.Unproven = 1 }, ""},
		"handshakes": {func(o *h3.Options) { o.Limits.Unproven, o.Handshakes = 1, listener.NewRate(1, 1) }, "handshakes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, ok, tc.change)
			var err error
			for range 6 { // the first ones need no proof of their address
				c := s.client(t)
				if err = ask(c); err != nil {
					break
				}
				c.CloseIdleConnections()
			}
			if (err == nil) != (tc.reason == "") {
				t.Fatalf("answered with %v, want refused %q", err, tc.reason)
			}
			if err != nil {
				if got := <-s.refused; got != tc.reason {
					t.Errorf("refused: %q, want %q", got, tc.reason)
				}
			}
		})
	}
}

// Names that nobody has here get TLS's own word for it, and cost their clients as much as over TCP: those that have proven to be
// where they say.
func TestStrangers(t *testing.T) {
	for name, tc := range map[string]struct {
		unproven int
		want     []string
	}{
		"proven":   {1, []string{"stranger", "stranger", "handshakes"}},
		"unproven": {1000, []string{"stranger", "stranger", "stranger", "stranger", "stranger", "stranger"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, ok, func(o *h3.Options) {
				o.Limits.Unproven, o.Handshakes = tc.unproven, listener.NewRate(1, 15)
				o.TLS.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					if h.ServerName != "example.com" {
						return nil, listener.ErrStranger
					}
					return nil, nil //nolint:nilnil // crypto/tls wants it so
				}
			})
			if tc.unproven == 1 { // the first ones need no proof of their address
				for range 2 {
					_ = s.dial(t).CloseWithError(0, "")
				}
			}
			stranger := s.tls()
			stranger.ServerName = "nobody.example"
			for i, want := range tc.want {
				_, err := quic.DialAddr(t.Context(), s.addr, stranger, nil)
				code := quic.TransportErrorCode(0x170) // CRYPTO_ERROR with unrecognized_name
				if want == "handshakes" {
					code = quic.ConnectionRefused
				}
				if got := new(quic.TransportError); !errors.As(err, &got) || got.ErrorCode != code || !got.Remote {
					t.Errorf("hello %d: %v, want %#x", i, err, uint64(code))
				}
				if got := <-s.refused; got != want {
					t.Errorf("hello %d: refused: %q, want %q", i, got, want)
				}
			}
			err := ask(s.client(t))
			if (err == nil) != (tc.unproven > 1) {
				t.Errorf("an owner's name: %v", err)
			}
		})
	}
}

func TestLeave(t *testing.T) {
	s := start(t, ok, nil)
	c := s.dial(t)
	if n := s.crowd.Open(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	_ = c.CloseWithError(0, "")
	for begin := time.Now(); s.crowd.Open() != 0; {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("a connection that was closed counts still")
		}
		<-time.After(time.Millisecond)
	}
}

func TestShutdownCutsOff(t *testing.T) {
	arrived := make(chan struct{})
	s := start(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}, nil)
	failed := make(chan error, 1)
	c := s.client(t)
	go func() { failed <- ask(c) }()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v", err)
	}
	c.CloseIdleConnections()
}
