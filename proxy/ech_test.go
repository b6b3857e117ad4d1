package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/ech"
)

func newNodeECH(t *testing.T) (*node, []byte) {
	t.Helper()
	n := newNode3(t)
	n.config.ECH = true
	n.start(t)
	keys, err := ech.New(n.store, "tickets.example")
	if err != nil {
		t.Fatal(err)
	}
	list, until, err := keys.List()
	if err != nil || time.Until(until) < 90*24*time.Hour {
		t.Fatalf("the keys are good until %v, %v", until, err)
	}
	return n, list
}

// Tenants' names are encrypted, and only the node's is to be read; who knows nothing of it comes as ever.
func TestEncryptedClientHello(t *testing.T) {
	n, list := newNodeECH(t)
	roots := n.roots(t)
	for _, host := range []string{acmeHost, "bee.tickets.example"} {
		wire := &tapped{addr: n.server.HTTPSAddr().String()}
		conn := tls.Client(wire.dial(t), &tls.Config{ServerName: host, RootCAs: roots, EncryptedClientHelloConfigList: list, NextProtos: []string{"http/1.1"}})
		defer conn.Close()
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		said := wire.said.Bytes()
		if !conn.ConnectionState().ECHAccepted || bytes.Contains(said, []byte(host)) || !bytes.Contains(said, []byte("tickets.example")) {
			t.Errorf("%s: encrypted %v, and the name can be read: %v", host, conn.ConnectionState().ECHAccepted, bytes.Contains(said, []byte(host)))
		}
		if got := askedOver(t, conn, host); got != http.StatusOK {
			t.Errorf("%s: %d", host, got)
		}
		if got := askedOver(t, encrypted(t, n, host, list), "nobody.example"); got != http.StatusMisdirectedRequest {
			t.Errorf("another host over a connection to %s: %d, want 421", host, got)
		}
	}
	if _, err := n.hello(t.Context(), acmeHost, roots); err != nil {
		t.Errorf("without ECH: %v", err)
	}
	old := n.secureClient(t, "", roots)
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS12 //nolint:errcheck,forcetypeassert // it is one
	res, err := old.Get("https://" + acmeHost + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c, err := quic.DialAddr(t.Context(), n.server.HTTPSAddr().String(),
		&tls.Config{ServerName: acmeHost, RootCAs: roots, EncryptedClientHelloConfigList: list, NextProtos: []string{http3.NextProtoH3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.ConnectionState().TLS.ECHAccepted {
		t.Error("over QUIC it is not accepted")
	}
	_ = c.CloseWithError(0, "")
}

// Inside an encrypted hello strangers are strangers as well, and who has an old key is told the present one.
func TestEncryptedClientHelloRefused(t *testing.T) {
	n, list := newNodeECH(t)
	roots := n.roots(t)
	hello := func(host string, list []byte) error {
		c := tls.Client((&tapped{addr: n.server.HTTPSAddr().String()}).dial(t), &tls.Config{ServerName: host, RootCAs: roots, EncryptedClientHelloConfigList: list})
		defer c.Close()
		return c.HandshakeContext(t.Context())
	}
	if err := hello("nobody.example", list); !unrecognized(err) {
		t.Errorf("a stranger's name: %v, want the alert unrecognized_name", err)
	}
	stale := bytes.Clone(list)
	stale[6]++ // the key's id
	rejected := new(tls.ECHRejectionError)
	if err := hello(acmeHost, stale); !errors.As(err, &rejected) || !bytes.Equal(rejected.RetryConfigList, list) {
		t.Fatalf("a key that is too old: %v, want the present one", err)
	}
	if err := hello(acmeHost, rejected.RetryConfigList); err != nil {
		t.Errorf("with the key that it was told: %v", err)
	}
}

// A key is taken for a quarter after the one in which it was handed out, by any node of the store, and no longer.
func TestKeysOfEncryptedClientHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, proxy.Internal)
		a, err := ech.New(n.store, "tickets.example")
		if err != nil {
			t.Fatal(err)
		}
		list, until, err := a.List()
		if err != nil {
			t.Fatal(err)
		}
		takes := func(keys *ech.Keys) bool {
			all, err := keys.Get(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range all {
				if bytes.Equal(k.Config, list[2:]) {
					return true
				}
			}
			return false
		}
		time.Sleep(time.Until(until) - time.Second)
		b, err := ech.New(n.store, "tickets.example")
		if err != nil {
			t.Fatal(err)
		}
		if next, _, err := b.List(); err != nil || bytes.Equal(next, list) || !takes(a) || !takes(b) {
			t.Errorf("the key is not taken until %v, or still handed out, %v", until, err)
		}
		time.Sleep(2 * time.Second)
		if takes(a) || takes(b) {
			t.Errorf("the key is taken after %v", until)
		}
	})
}

// tapped is a way to the node on which one can read along.
type tapped struct {
	addr string
	said bytes.Buffer
	net.Conn
}

func (w *tapped) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	w.Conn = c
	return w
}

func (w *tapped) Write(p []byte) (int, error) {
	w.said.Write(p)
	return w.Conn.Write(p)
}

func encrypted(t *testing.T, n *node, host string, list []byte) *tls.Conn {
	t.Helper()
	c := tls.Client((&tapped{addr: n.server.HTTPSAddr().String()}).dial(t), &tls.Config{ServerName: host, RootCAs: n.roots(t), EncryptedClientHelloConfigList: list})
	t.Cleanup(func() { c.Close() })
	return c
}

// askedOver is the status of an answer over a connection.
func askedOver(t *testing.T, c *tls.Conn, host string) int {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
