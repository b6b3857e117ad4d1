package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// slow is a client that holds a connection with as little as it can.
type slow struct {
	name   string
	secure bool
	begin  string
	drip   string // each second
	within time.Duration
}

func slows() []slow {
	const head = " / HTTP/1.1\r\nHost: acme.tickets.example\r\n"
	return []slow{
		{"says nothing", false, "", "", 16 * time.Second},
		{"header by letters", false, "GET" + head, "x", 16 * time.Second},
		{"body by letters", false, "POST" + head + "Content-Length: 100000\r\n\r\n", "x", 25 * time.Second},
		{"chunks by letters", false, "POST" + head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 25 * time.Second},
		{"chunk size by letters", false, "POST" + head + "Transfer-Encoding: chunked\r\n\r\n", "0", 25 * time.Second},
		{"takes nothing", false, "GET /large" + head[2:] + "\r\n", "", 80 * time.Second},
		{"rests after a request", false, "GET" + head + "\r\n", "", 125 * time.Second},
		{"no hello", true, "", "", 16 * time.Second},
		{"hello by letters", true, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "x", 16 * time.Second},
	}
}

// hold plays the client until the edge gives it up, and returns after which time.
func (s slow) hold(c net.Conn, takes bool) time.Duration {
	start := time.Now()
	over := make(chan struct{})
	defer func() { <-over }()
	defer c.Close()
	go func() {
		defer close(over)
		if takes {
			_, _ = io.Copy(io.Discard, c) // until it is closed
			return
		}
	}()
	if _, err := io.WriteString(c, s.begin); err != nil {
		return time.Since(start)
	}
	for s.drip != "" {
		time.Sleep(time.Second)
		if _, err := io.WriteString(c, s.drip); err != nil {
			return time.Since(start)
		}
	}
	if takes {
		<-over
		return time.Since(start)
	}
	for { // a pipe shows that it is closed to who writes only
		time.Sleep(time.Second)
		if err := c.SetWriteDeadline(time.Now()); err != nil {
			return time.Since(start)
		}
	}
}

// Every kind of slow client is given up in time, and meanwhile everybody else is served at once.
func TestSlowClientsWhileOthersAreServed(t *testing.T) {
	for _, s := range slows() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, l := newNode(t, proxy.Off), newPipes()
				n.config.HTTPListener = l
				if s.secure {
					n = newNode(t, proxy.Internal)
					n.config.HTTPSListener, n.config.HTTPListener = l, newPipes()
				}
				n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.URL.Path == "/large" {
						_, _ = w.Write(make([]byte, 1<<20))
					}
				})
				n.start(t)
				const crowd = 50
				took := make(chan time.Duration, crowd)
				for i := range crowd {
					c := l.dialFrom(fmt.Sprintf("203.0.113.9:%d", i+1))
					go func() { took <- s.hold(c, s.name != "takes nothing") }()
				}
				serveOthers(t, l, s.secure)
				for range crowd {
					if d := <-took; d > s.within {
						t.Fatalf("given up after %s, want %s at most", d, s.within)
					}
				}
			})
		})
	}
}

// serveOthers asks once a second for a while, and wants to be answered without delay.
func serveOthers(t *testing.T, l *pipes, secure bool) {
	t.Helper()
	for range 30 {
		start := time.Now()
		c := l.dialFrom("198.51.100.7:1")
		if secure {
			c = tls.Client(c, &tls.Config{ServerName: acmeHost, InsecureSkipVerify: true})
		}
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n")
		b, readErr := io.ReadAll(c)
		if err != nil || readErr != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") || time.Since(start) > 0 {
			t.Fatalf("somebody else got %q after %s, %v, %v", b, time.Since(start), err, readErr)
		}
		time.Sleep(time.Second)
	}
}

func TestConnectionsInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Off), newPipes()
		n.config.HTTPListener, n.config.MaxConnections = l, 100
		n.start(t)
		ask := func(c net.Conn) (answered, last bool) {
			_ = c.SetDeadline(time.Now().Add(time.Second))
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: acme.tickets.example\r\n\r\n"); err != nil {
				return false, false
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return false, false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK, res.Close
		}
		var open []net.Conn
		for i := range 100 {
			c := l.dialFrom(fmt.Sprintf("203.0.113.%d:1", i))
			defer c.Close()
			open = append(open, c)
			synctest.Wait()
		}
		if answered, last := ask(open[0]); !answered || !last {
			t.Errorf("where room is short: answered %v, closed %v, want both", answered, last)
		}
		open[1].Close()
		synctest.Wait()
		one := l.dialFrom("198.51.100.1:1")
		defer one.Close()
		if answered, _ := ask(one); !answered {
			t.Error("no answer in the room that became free")
		}
		for range 2 { // who was asked to leave has left by now
			c := l.dialFrom("198.51.100.2:1")
			defer c.Close()
			synctest.Wait()
			open = append(open, c)
		}
		if answered, _ := ask(open[len(open)-1]); !answered {
			t.Error("no answer after two have left")
		}
		for range 3 {
			c := l.dialFrom("198.51.100.3:1")
			defer c.Close()
			synctest.Wait()
			open = append(open, c)
		}
		if answered, _ := ask(open[len(open)-1]); answered {
			t.Error("connection 101 was answered")
		}
	})
}

func TestHandshakesOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, l := newNode(t, proxy.Internal), newPipes()
		n.config.HTTPSListener, n.config.HTTPListener = l, newPipes()
		n.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		n.start(t)
		refused := func(addr string) bool {
			c := l.dialFrom(addr)
			defer c.Close()
			synctest.Wait()
			return c.SetWriteDeadline(time.Now()) != nil // so a pipe says that its other end is closed
		}
		for i := range 1001 {
			if refused("203.0.113.9:1") {
				t.Fatalf("handshake %d of an address was refused", i+1)
			}
		}
		for addr, want := range map[string]bool{"203.0.113.9:2": true, "203.0.113.10:1": false, "10.0.0.1:1": false} {
			if got := refused(addr); got != want {
				t.Errorf("one more of %s was refused: %v, want %v", addr, got, want)
			}
		}
		time.Sleep(time.Second)
		if refused("203.0.113.9:3") {
			t.Error("refused a second later")
		}
	})
}
