package strict

import (
	"io"
	"net"
	"sync/atomic"
)

// Conn1 is a connection on which a client speaks HTTP/1.1 or 1.0.
type Conn1 struct {
	net.Conn
	message
	refused func(reason string)
	over    bool   // nothing more is passed on,
	rest    string // but for that
	// tunnel says that the client asked for another protocol. What it sends after that is no HTTP, if it is granted.
	tunnel atomic.Bool
}

// HTTP1 reads along with whoever reads from the connection. It says once what it refused, if somebody wants to know.
//
// Who reads finds what is refused malformed as well, at the same place: then requests before it are still answered, and the
// client hears in its turn what became of this one. An error of Read would be taken for a client that left.
func HTTP1(c net.Conn, refused func(reason string)) *Conn1 {
	return &Conn1{Conn: c, refused: refused}
}

// What net/http refuses wherever it stands in a head or in trailers, and in the line with a chunk's size.
const (
	noField = "\x00\r\n\x00\r\n\r\n"
	noSize  = "\r\r\n"
)

// Read implements [net.Conn].
func (c *Conn1) Read(p []byte) (int, error) {
	if c.over {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; n == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if n == 0 || c.tunnel.Load() {
		return n, err
	}
	good, reason := c.feed(p[:n])
	if c.step == tunnelled {
		c.tunnel.Store(true)
	}
	if reason == "" {
		return n, err
	}
	if c.refused != nil {
		c.refused(reason)
	}
	if c.over, c.rest = true, noField; c.step == size {
		c.rest = noSize
	}
	if good == 0 {
		return c.Read(p)
	}
	return good, nil
}

// Tunnel says whether the client has asked for WebSockets and nothing is read along any more. If another protocol is not
// granted, the connection has to be closed after the answer. It may be asked while somebody reads.
func (c *Conn1) Tunnel() bool { return c.tunnel.Load() }

// CloseWrite ends our direction where the connection can.
func (c *Conn1) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
