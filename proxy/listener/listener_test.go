package listener_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/strict"
)

// start puts a listener before a port of this machine. What it refuses is sent to the channel.
func start(t *testing.T, o listener.Options) (l *listener.Listener, refused chan string) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused = make(chan string, 100)
	o.Refused, o.Log = func(reason string) { refused <- reason }, slog.New(slog.DiscardHandler)
	if o.Crowd == nil {
		o.Crowd = listener.NewCrowd(100, 100)
	}
	o.Limits = listener.Limits{
		ProxyTime: 5 * time.Second, HandshakeTime: 5 * time.Second, StrangerCost: 10, Frames: strict.Budget{Burst: 100, PerSecond: 1},
	}
	l = listener.New(inner, o)
	t.Cleanup(func() {
		_ = l.Close()
		_ = l.Close() // those in work
	})
	return l, refused
}

func dial(t *testing.T, l net.Listener, says string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, says); err != nil {
		t.Fatal(err)
	}
	return c
}

// second is a PROXY header of version 2.
func second(command, family byte, rest ...byte) string {
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20|command, family)
	return string(append(binary.BigEndian.AppendUint16(b, uint16(len(rest))), rest...))
}

func TestProxyHeaders(t *testing.T) {
	v4 := []byte{203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb}
	v6 := append(append(netip.MustParseAddr("2001:db8::9").AsSlice(), netip.MustParseAddr("2001:db8::1").AsSlice()...), 0x12, 0x67, 1, 0xbb)
	for name, tc := range map[string]struct{ header, want string }{
		"version 1":               {"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n", "203.0.113.9:4711"},
		"version 1, IPv6":         {"PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n", "[2001:db8::9]:4711"},
		"version 1, unknown":      {"PROXY UNKNOWN\r\n", "127.0.0.1"},
		"version 2":               {second(1, 0x11, v4...), "203.0.113.9:4711"},
		"version 2, IPv6":         {second(1, 0x21, v6...), "[2001:db8::9]:4711"},
		"version 2, with options": {second(1, 0x11, append(v4, 4, 0, 3, 'a', 'b', 'c')...), "203.0.113.9:4711"},
		"version 2, a check":      {second(0, 0), "127.0.0.1"},
		"none":                    {"", ""},
		"version 2, of a file":    {second(1, 0x31, make([]byte, 216)...), "127.0.0.1"},
		"too few addresses":       {"PROXY TCP4 203.0.113.9\r\n", ""},
		"no address":              {"PROXY TCP4 localhost 192.0.2.1 4711 443\r\n", ""},
		"without an end":          {"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443" + strings.Repeat(" ", 100), ""},
		"version 2, cut short":    {second(1, 0x11, v4[:4]...), ""},
		"version 3":               {strings.Replace(second(1, 0x11, v4...), "\x21", "\x31", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, refused := start(t, listener.Options{Announced: netip.Addr.IsLoopback})
			accepted := make(chan net.Conn, 1)
			go func() {
				if c, err := l.Accept(); err == nil {
					accepted <- c
				}
			}()
			dial(t, l, tc.header+"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
			select {
			case c := <-accepted:
				defer c.Close()
				first := make([]byte, 4)
				if _, err := io.ReadFull(c, first); err != nil || string(first) != "GET " {
					t.Errorf("what follows: %q, %v", first, err)
				}
				if got := c.RemoteAddr().String(); tc.want == "" || !strings.HasPrefix(got, tc.want) {
					t.Errorf("accepted from %s, want %q", got, tc.want)
				}
			case reason := <-refused:
				if tc.want != "" || reason != "proxy_header" {
					t.Errorf("refused: %s, want %q", reason, tc.want)
				}
			}
		})
	}
}

// Behind a load balancer, those are counted who are behind it.
func TestCountedByTheHeader(t *testing.T) {
	l, refused := start(t, listener.Options{Announced: netip.Addr.IsLoopback, Exempt: netip.Addr.IsLoopback, Crowd: listener.NewCrowd(100, 1)})
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial(t, l, "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n")
	first := <-accepted
	dial(t, l, "PROXY TCP4 203.0.113.9 192.0.2.1 4712 443\r\n")
	if reason := <-refused; reason != "crowd" {
		t.Errorf("refused: %s", reason)
	}
	dial(t, l, "PROXY TCP4 203.0.113.10 192.0.2.1 4711 443\r\n")
	dial(t, l, "PROXY UNKNOWN\r\n") // the load balancer itself is exempt
	dial(t, l, "PROXY UNKNOWN\r\n")
	for range 3 {
		<-accepted
	}
	first.Close()
	dial(t, l, "PROXY TCP4 203.0.113.9 192.0.2.1 4713 443\r\n")
	<-accepted
}

// serverTLS is a configuration with a certificate of somebody.
func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1", "other"}}
}

// Who is in the middle of a handshake when the listener closes is served still; what is in the middle when it is closed again is not.
func TestHandshakesDuringAStop(t *testing.T) {
	for _, twice := range []bool{false, true} {
		l, _ := start(t, listener.Options{TLS: serverTLS(t)})
		var handed []net.Conn
		over := make(chan struct{})
		go func() {
			defer close(over)
			for {
				c, err := l.Accept()
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
					return
				}
				handed = append(handed, c)
			}
		}()
		hello := newGate(dial(t, l, ""))
		client := tls.Client(hello, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		done := make(chan error, 1)
		go func() { done <- client.Handshake() }()
		<-hello.waits
		for range 2 { // a connection that is made after it, so that the first one has been accepted
			made := tls.Client(dial(t, l, ""), &tls.Config{InsecureSkipVerify: true})
			if err := made.Handshake(); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if twice {
			_ = l.Close()
		}
		close(hello.open)
		if err := <-done; (err != nil) != twice {
			t.Errorf("closed twice %v: the handshake ended with %v", twice, err)
		}
		<-over
		if len(handed) != 3 && !twice {
			t.Errorf("%d connections were handed out, want 3", len(handed))
		}
	}
}

// gate is a connection whose first write waits.
type gate struct {
	net.Conn
	once        sync.Once
	waits, open chan struct{}
}

func newGate(c net.Conn) *gate {
	return &gate{Conn: c, waits: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.waits) })
	<-g.open
	return g.Conn.Write(p)
}

func TestMistakenPort(t *testing.T) {
	l, refused := start(t, listener.Options{TLS: serverTLS(t)})
	go func() { _, _ = l.Accept() }() // nobody comes
	b, err := io.ReadAll(dial(t, l, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"))
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.0 400 ") || !strings.Contains(string(b), "HTTPS") {
		t.Errorf("got %q, %v", b, err)
	}
	if reason := <-refused; reason != "tls" {
		t.Errorf("refused: %s", reason)
	}
}

// Who agrees on HTTP/2 and then speaks something else is not served at all: nobody would have read along.
func TestAgreedAndNotSpoken(t *testing.T) {
	l, refused := start(t, listener.Options{TLS: serverTLS(t)})
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			accepted <- c
		}
	}()
	c := tls.Client(dial(t, l, ""), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.example\r\nX: bare\nLF: y\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	served := <-accepted
	defer served.Close()
	if n, err := served.Read(make([]byte, 100)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if reason := <-refused; reason != "preface" {
		t.Errorf("refused: %s", reason)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listener.NewRate(10, 100)
		a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("203.0.113.1")
		spend := func(a netip.Addr, n int) (times int) {
			for r.Spend(a, n) {
				times++
			}
			return times
		}
		if got := spend(a, 1); got != 101 {
			t.Errorf("%d times at once, want 101", got)
		}
		if r.Spend(netip.MustParseAddr("2001:db8::ffff"), 1) {
			t.Error("another address of the same /64 has a budget of its own")
		}
		if got := spend(b, 10); got != 11 {
			t.Errorf("%d times at ten times the price, want 11", got)
		}
		time.Sleep(time.Second)
		if got := spend(a, 1); got != 10 {
			t.Errorf("%d times after a second, want 10", got)
		}
		time.Sleep(time.Hour)
		if got := spend(a, 1); got != 101 {
			t.Errorf("%d times after an hour, want 101", got)
		}
	})
}
