package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// Whoever has come when a drain begins is answered, and told that it was the last: also who has not said yet what they want, and
// whose handshake is not made.
func TestDrainAnswersWhoeverHasCome(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.config.Metrics = "127.0.0.1:0"
	n.start(t)
	roots := n.roots(t)
	silent, half, kept := dialTo(t, n.server.HTTPSAddr()), dialTo(t, n.server.HTTPAddr()), dialTo(t, n.server.HTTPAddr())
	ask := func(c io.ReadWriter, head string) (status int, last bool) {
		t.Helper()
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		res.Body.Close()
		return res.StatusCode, res.Close
	}
	const whole, rest = "GET / HTTP/1.1\r\nHost: " + acmeHost + "\r\n\r\n", "Host: " + acmeHost + "\r\n\r\n"
	if _, last := ask(kept, whole); last {
		t.Error("a connection is closed before anybody stops")
	}
	if _, err := io.WriteString(half, "GET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	n.eventually(t, func() string {
		if got := n.metrics(t)["deskgate_connections_open"]; got != 3 {
			return fmt.Sprintf("%v have come", got)
		}
		return ""
	})
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	if _, err := kept.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection is kept")
	}
	if status, last := ask(half, rest); status != http.StatusPermanentRedirect || !last {
		t.Errorf("who had begun got %d, closed %v", status, last)
	}
	secure := tls.Client(silent, &tls.Config{RootCAs: roots, ServerName: acmeHost, MinVersion: tls.VersionTLS13})
	if status, last := ask(secure, whole); status != http.StatusOK || !last {
		t.Errorf("who had come got %d, closed %v", status, last)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if c, err := net.DialTimeout("tcp", n.server.HTTPSAddr().String(), time.Second); err == nil {
		c.Close()
		t.Error("the node still listens")
	}
}

func dialTo(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
