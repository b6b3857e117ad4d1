package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// resumes makes a handshake for a host, asks for a page, so that a ticket arrives, and says whether the session went on.
func resumes(t *testing.T, dial func() net.Conn, c *tls.Config, host string, version uint16) bool {
	t.Helper()
	c = c.Clone()
	c.ServerName, c.MaxVersion, c.InsecureSkipVerify = host, version, true
	conn := tls.Client(dial(), c)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(string(b), "HTTP/1.1 200") {
		t.Fatalf("%s: %q, %v", host, b, err)
	}
	return conn.ConnectionState().DidResume
}

func TestSessionsGoOnAtAnyNodeForADay(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, l := newNode(t, proxy.Internal), newPipes()
				n.config.HTTPSListener, n.config.HTTPListener = l, newPipes()
				n.start(t)
				other, l2 := *n, newPipes()
				other.config.HTTPSListener, other.config.HTTPListener = l2, newPipes()
				other.start(t)
				session := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
				for i, step := range []struct {
					pause time.Duration
					dial  func() net.Conn
					want  bool
				}{
					{0, l.dial, false},
					{0, l.dial, true},
					{time.Hour, l2.dial, true},
					{23*time.Hour + 30*time.Minute, l.dial, true},
					{24 * time.Hour, l2.dial, true},
					{50 * time.Hour, l2.dial, false},
					{0, l.dial, true},
				} {
					time.Sleep(step.pause)
					if got := resumes(t, step.dial, session, acmeHost, version); got != step.want {
						t.Errorf("step %d, %s later: resumed %v, want %v", i, step.pause, got, step.want)
					}
				}
			})
		})
	}
}

// onePlace is a client that shows the ticket of one host to another.
type onePlace struct{ tls.ClientSessionCache }

func (p onePlace) Get(string) (*tls.ClientSessionState, bool) { return p.ClientSessionCache.Get("") }

func (p onePlace) Put(_ string, session *tls.ClientSessionState) {
	p.ClientSessionCache.Put("", session)
}

func TestSessionsBelongToOneHost(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		n := newNode(t, proxy.Internal)
		n.start(t)
		dial := func() net.Conn {
			c, err := net.Dial("tcp", n.server.HTTPSAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		session := &tls.Config{ClientSessionCache: onePlace{tls.NewLRUClientSessionCache(1)}}
		for i, step := range []struct {
			host string
			want bool
		}{{acmeHost, false}, {acmeHost, true}, {"bee.tickets.example", false}, {"bee.tickets.example", true}, {acmeHost, false}} {
			if got := resumes(t, dial, session, step.host, version); got != step.want {
				t.Errorf("step %d at %s: resumed %v, want %v", i, step.host, got, step.want)
			}
		}
	}
}
