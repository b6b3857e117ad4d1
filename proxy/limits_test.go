package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/tenant"
)

// pipes is a listener without a network, so that time can be a bubble's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
		return net.ErrClosed
	default:
		close(p.closed)
		return nil
	}
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// dialFrom opens a connection that seems to come from an address.
func (p *pipes) dialFrom(addr string) net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- from{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}
	return ours
}

type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func TestConnectionsPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener = l
		n.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		n.start(t)
		served := func(c net.Conn) bool {
			defer c.Close()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n"); err != nil {
				return false
			}
			b, err := io.ReadAll(c)
			return err == nil && strings.HasPrefix(string(b), "HTTP/1.1 200")
		}
		var open []net.Conn
		for range 1024 {
			open = append(open, l.dialFrom("[2001:db8::1]:1"))
		}
		synctest.Wait()
		for addr, want := range map[string]bool{
			"[2001:db8::1]:2": false, "[2001:db8::2]:1": false, "[2001:db8:0:1::1]:1": true, "203.0.113.9:1": true, "10.0.0.1:1": true,
		} {
			if got := served(l.dialFrom(addr)); got != want {
				t.Errorf("%s was served: %v, want %v", addr, got, want)
			}
		}
		for _, c := range open {
			c.Close()
		}
		synctest.Wait()
		if !served(l.dialFrom("[2001:db8::2]:1")) {
			t.Error("closed connections count still")
		}
	})
}

func TestSlowHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener = l
		n.start(t)
		c := l.dial()
		defer c.Close()
		start := time.Now()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: acme.tick")
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited > 20*time.Second {
			t.Errorf("a half header held a connection for %s", waited)
		}
	})
}

func TestLeastBodyRate(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pause time.Duration // between two times 1 KiB
		kind  string
		want  string
	}{
		{"slow but steady", 900 * time.Millisecond, "text/plain", "65536 true"},
		{"too slow", 10 * time.Second, "text/plain", " false"},
		{"too slow, by another name", 10 * time.Second, "application/grpc", " false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, l := newNode(t, proxy.Off), newPipes()
				n.config.HTTPListener = l
				n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					b, err := io.ReadAll(r.Body)
					fmt.Fprintf(w, "%d %v", len(b), err == nil)
				})
				n.start(t)
				c := l.dial()
				sent := make(chan struct{})
				defer func() { <-sent }()
				defer c.Close()
				go func() {
					defer close(sent)
					fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: acme.tickets.example\r\nContent-Length: 65536\r\nContent-Type: "+tc.kind+"\r\nConnection: close\r\n\r\n")
					for range 64 {
						time.Sleep(tc.pause)
						if _, err := io.WriteString(c, strings.Repeat("x", 1024)); err != nil {
							return // given up on
						}
					}
				}()
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if err != nil || !strings.HasSuffix(string(b), tc.want) {
					t.Errorf("got %q, %v, want %q", b, err, tc.want)
				}
			})
		})
	}
}

// Only where a stream can be one of gRPC's may its parts be far apart.
func TestWhoseBodyMayRest(t *testing.T) {
	for _, tc := range []struct {
		proto          int
		kind, upstream string
		want           bool
	}{
		{2, "application/grpc", "h2c://10.0.0.1:50051", true},
		{2, "application/grpc+proto", "https://grpc.internal", true},
		{3, "application/grpc", "h2c://10.0.0.1:50051", true},
		{1, "application/grpc", "h2c://10.0.0.1:50051", false},
		{2, "application/grpc", "http://10.0.0.1", false},
		{2, "application/json", "h2c://10.0.0.1:50051", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x"))
		r.ProtoMajor = tc.proto
		r.Header.Set("Content-Type", tc.kind)
		if got := proxy.MayRest(r, &tenant.Route{Upstreams: []string{tc.upstream}}); got != tc.want {
			t.Errorf("HTTP/%d, %s, to %s: %t", tc.proto, tc.kind, tc.upstream, got)
		}
	}
}

func TestSlowBodyDelaysNoAnswer(t *testing.T) {
	for name, reads := range map[string]bool{"read": true, "left unread": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, l := newNode(t, proxy.Off), newPipes()
				n.config.HTTPListener = l
				n.config.Product = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if reads {
						_, _ = io.Copy(io.Discard, r.Body)
					}
				})
				n.start(t)
				c := l.dial()
				sent := make(chan struct{})
				defer func() { <-sent }()
				defer c.Close()
				go func() {
					defer close(sent)
					_, err := fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: acme.tickets.example\r\nContent-Length: 65536\r\n\r\n")
					for range 600 {
						if err != nil {
							return // given up on
						}
						time.Sleep(time.Second)
						_, err = io.WriteString(c, "x")
					}
				}()
				begin := time.Now()
				if _, err := io.ReadAll(c); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > 30*time.Second {
					t.Errorf("the connection was held for %s", took)
				}
			})
		})
	}
}

func TestSlowBodyIsNoVisitorWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upload := func() *http.Request {
			return httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x"))
		}
		if got := proxy.FailedUpload(upload(), 19*time.Second); got != 499 {
			t.Errorf("gone within the body's time: %d, want 499", got)
		}
		if got := proxy.FailedUpload(upload(), 20*time.Second); got != http.StatusRequestTimeout {
			t.Errorf("gone when the body's time is over: %d, want 408", got)
		}
	})
}

func TestLongAnswerAfterABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener = l
		n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			select {
			case <-r.Context().Done(): // the body's deadline must not hit what comes after it
				t.Error("the request ended")
			case <-time.After(10 * time.Minute):
			}
			fmt.Fprint(w, "late")
		})
		n.start(t)
		c := l.dial()
		defer c.Close()
		go fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: acme.tickets.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasSuffix(string(b), "late") {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

// A client that asks for much and takes nothing of it does not keep the node busy for ever; one that takes it slowly gets all.
func TestAnswersThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 16 << 20
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener = l
		over := make(chan time.Duration, 1)
		n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			start := time.Now()
			_, _ = w.Write(make([]byte, size))
			over <- time.Since(start)
		})
		n.start(t)
		ask := func() net.Conn {
			c := l.dial()
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n")
			return c
		}
		idle := ask()
		defer idle.Close()
		if took := <-over; took < 4*time.Minute || took > 6*time.Minute {
			t.Errorf("given up after %s, want some five minutes for 16 MiB", took)
		}
		slow := ask()
		defer slow.Close()
		got, buf := 0, make([]byte, 64<<10)
		for {
			k, err := io.ReadFull(slow, buf)
			if got += k; err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if <-over; got < size {
			t.Errorf("a slow client got %d bytes of %d", got, size)
		}
	})
}

// An answer that pauses for longer than a client may take over a part of it goes on afterwards.
func TestAnswersThatRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener = l
		n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, part := range []string{"one ", "two ", "three"} {
				fmt.Fprint(w, part)
				time.Sleep(10 * time.Minute)
				_ = http.NewResponseController(w).Flush()
			}
		})
		n.start(t)
		c := l.dial()
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.0\r\nHost: acme.tickets.example\r\n\r\n")
		if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "one two three") {
			t.Errorf("got %q, %v", b, err)
		}
	})
}
