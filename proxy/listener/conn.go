package listener

import (
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/deskgate/deskgate/proxy/strict"
)

// Conn is a connection that is ready to be served.
type Conn struct {
	net.Conn
	state *tls.ConnectionState
	http1 *strict.Conn1
	leave func()
	// announced says that a PROXY header came first.
	announced bool
}

// State is what the TLS handshake has agreed on; nil without TLS.
func (c *Conn) State() *tls.ConnectionState { return c.state }

// Tunnel says whether the client has asked for WebSockets: see [strict.Conn1.Tunnel].
func (c *Conn) Tunnel() bool { return c.http1 != nil && c.http1.Tunnel() }

// HTTP1 says whether the client speaks HTTP/1.
func (c *Conn) HTTP1() bool { return c.http1 != nil }

// Announced says whether somebody else has made the connection and said for whom.
func (c *Conn) Announced() bool { return c.announced }

func (c *Conn) speak1(refused func(reason string)) {
	c.http1 = strict.HTTP1(c.Conn, refused)
	c.Conn = c.http1
}

// Close implements [net.Conn].
func (c *Conn) Close() error {
	if c.leave != nil {
		c.leave()
	}
	return c.Conn.Close()
}

// CloseWrite lets one direction end while the other goes on, as WebSockets need it.
func (c *Conn) CloseWrite() error {
	if c.http1 != nil {
		return c.http1.CloseWrite()
	}
	return nil
}

// readProxyHeader waits for a PROXY header, of either version, and returns the connection as that describes it.
func readProxyHeader(c net.Conn, within time.Duration) (net.Conn, bool) {
	described := proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(within))
	if described.ProxyHeader() == nil {
		return described, false
	}
	if !addrOf(described.RemoteAddr()).IsValid() {
		return nameless{described, c}, true
	}
	return described, true
}

// nameless is a connection whose header names no address, but a file: it is known by who has sent the header.
type nameless struct {
	*proxyproto.Conn
	by net.Conn
}

// RemoteAddr implements [net.Conn].
func (n nameless) RemoteAddr() net.Addr { return n.by.RemoteAddr() }

// LocalAddr implements [net.Conn].
func (n nameless) LocalAddr() net.Addr { return n.by.LocalAddr() }

// addrOf is the address of a peer, the zero Addr if it has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	if p, err := netip.ParseAddrPort(a.String()); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
