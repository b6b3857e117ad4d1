package proxy

import (
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
)

// What one client can make the node hold. Each with its reason.
const (
	// A phone on a bad line sends its headers within 3 s. This also bounds a TLS handshake, in which somebody may wait for
	// the very first certificate of a host.
	headerTime = 15 * time.Second
	// Cookies and a long query fit in 16 KiB; net/http adds 4 KiB of its own.
	headerSize = 32 << 10
	// Longer than browsers wait between two clicks, shorter than most NAT tables forget a connection (5 min).
	idleTime = 2 * time.Minute
	// A body has to come in at 1 KiB/s after the first 20 s: GPRS does, a slow-post attack does not.
	bodyGrace, bodyRate = 20 * time.Second, 1 << 10
	// An answer has to be taken at 64 KiB/s after the first minute, counted from its last part: what is not taken the
	// node has to keep. An answer may rest, as event streams do: the clock runs only while something waits to be taken.
	answerGrace, answerRate = time.Minute, 64 << 10
	// More than a browser opens at once (100), little enough that one connection is not a flood.
	streams = 128
	// A whole office behind one address has its connections, a single machine cannot take all of ours.
	connectionsPerAddress = 1024
	// A PROXY header is the first thing on a connection and comes from a machine nearby.
	proxyHeaderTime = 5 * time.Second
	// What a service manager waits before it kills is 30 s at the least.
	drainTime = 25 * time.Second
	// Nobody's first line or headers are worth more logging than this.
	maxLogged = 2 << 10
)

// slowBody fails reading of a request's body that comes in too slowly.
type slowBody struct {
	io.ReadCloser
	control *http.ResponseController
	begin   time.Time
	allowed atomic.Int64 // how long after begin the body may take to go on, in nanoseconds
}

// guardBody puts a least rate on the request's body. Streams that may rest for long, gRPC's, are left alone; there is nothing
// to watch then.
func guardBody(w http.ResponseWriter, r *http.Request) *slowBody {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return nil
	}
	b := &slowBody{ReadCloser: r.Body, control: http.NewResponseController(w), begin: time.Now()}
	b.allowed.Store(int64(bodyGrace))
	b.push() // net/http reads what a handler leaves unread
	r.Body = b
	return b
}

// late says whether the body's time is over. Where it is, net/http ends the request's context as if the client had left, and
// who waits for that may hear of it before Read returns.
func (b *slowBody) late() bool {
	return b != nil && time.Since(b.begin) >= time.Duration(b.allowed.Load())
}

// push sets the connection's deadline. Not every connection has one; then there is no limit.
func (b *slowBody) push() {
	_ = b.control.SetReadDeadline(b.begin.Add(time.Duration(b.allowed.Load())))
}

// Read pushes the connection's deadline on by what has come in. At the end of the body there is none any more: it would hit
// the watch for a client that goes away. After an error it stays, so that net/http waits for no rest.
func (b *slowBody) Read(p []byte) (int, error) {
	b.push()
	n, err := b.ReadCloser.Read(p)
	b.allowed.Add(int64(n) * int64(time.Second/bodyRate))
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		b.allowed.Store(math.MaxInt64)
		_ = b.control.SetReadDeadline(time.Time{})
		return n, err
	}
	return n, &upstream.BodyError{Err: err}
}

// deadline bounds how long writing may take; the zero time lets the answer pause, as nothing waits to be taken.
func deadline(w http.ResponseWriter, t time.Time) {
	if c, ok := w.(interface{ SetWriteDeadline(t time.Time) error }); ok {
		_ = c.SetWriteDeadline(t) // on a connection that is closed, writing fails by itself
	}
}

// crowd counts open connections by address and refuses those above the limit.
type crowd struct {
	net.Listener
	exempt func(netip.Addr) bool // the operator's own proxies, behind which everybody is

	mu   sync.Mutex
	open map[netip.Addr]int
}

func newCrowd(l net.Listener, exempt func(netip.Addr) bool) *crowd {
	return &crowd{Listener: l, exempt: exempt, open: make(map[netip.Addr]int)}
}

// Accept implements [net.Listener].
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		a := addrOf(conn.RemoteAddr())
		if !a.IsValid() || c.exempt(a) {
			return conn, nil
		}
		a = network(a)
		if c.enter(a) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { c.leave(a) })}, nil
		}
		_ = conn.Close() // nothing was said on it yet
	}
}

func (c *crowd) enter(a netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[a] >= connectionsPerAddress {
		return false
	}
	c.open[a]++
	return true
}

func (c *crowd) leave(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[a]--; c.open[a] == 0 {
		delete(c.open, a)
	}
}

// network is what counts as one client: an IPv4 address, or an IPv6 /64.
func network(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// counted is a connection that is taken off the count when it closes.
type counted struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite lets one direction end while the other goes on, as WebSockets need it.
func (c *counted) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
