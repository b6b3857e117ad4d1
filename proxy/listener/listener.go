package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/deskgate/deskgate/proxy/strict"
)

// ErrStranger is what a TLS configuration fails a handshake with that was for nobody here. It costs its client more of its
// budget than others.
var ErrStranger = errors.New("the name is nobody's here")

// Limits are what one client can make a listener hold, and for how long.
type Limits struct {
	ProxyTime     time.Duration // until the PROXY header is there
	HandshakeTime time.Duration // until the TLS handshake is made
	StrangerCost  int           // how many handshakes one counts as that was for nobody here
	Frames        strict.Budget // of an HTTP/2 connection
}

// Options of a Listener. Crowd is required.
type Options struct {
	// TLS makes the handshakes; nil for none. A client that is given "h2" has to speak it, all others speak HTTP/1.
	TLS *tls.Config
	// Announced says who has to send a PROXY header; nil for nobody.
	Announced func(netip.Addr) bool
	// Exempt says who counts for the total alone; nil for nobody.
	Exempt func(netip.Addr) bool
	Crowd  *Crowd
	// Handshakes bounds them; nil for no bound.
	Handshakes *Rate
	Limits     Limits
	// Refused hears of what was refused, for metrics: one of few words.
	Refused func(reason string)
	// Ready hears of each connection that is ready to be served, with what TLS has agreed on, or nil; nil: nobody does.
	Ready func(*tls.ConnectionState)
	Log   *slog.Logger
}

// Listener is a [net.Listener] whose connections are ready to be served. It works while somebody calls Accept.
type Listener struct {
	net.Listener
	options Options
	begin   sync.Once
	ready   chan accepted
	over    chan struct{} // closed when no connection comes any more
	aborted chan struct{}
	abort   sync.Once

	mu      sync.Mutex
	closed  bool
	pending map[net.Conn]struct{} // that are not ready yet
}

type accepted struct {
	conn *Conn
	err  error
}

// New puts a Listener before another one.
func New(l net.Listener, o Options) *Listener {
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	return &Listener{
		Listener: l, options: o, ready: make(chan accepted), over: make(chan struct{}), aborted: make(chan struct{}),
		pending: make(map[net.Conn]struct{}),
	}
}

// Accept implements [net.Listener]. After the first Close it goes on for those who have come before.
func (l *Listener) Accept() (net.Conn, error) {
	l.begin.Do(func() { go l.work() })
	select {
	case a := <-l.ready:
		if a.err != nil {
			return nil, a.err
		}
		return a.conn, nil
	case <-l.over:
	case <-l.aborted:
	}
	return nil, net.ErrClosed
}

// Close stops accepting. Connections that have come already are handed out when they are ready; a second Close closes them.
func (l *Listener) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		return l.Listener.Close()
	}
	l.abort.Do(func() { close(l.aborted) })
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.pending {
		_ = c.Close() // who makes it ready finds out
	}
	return nil
}

// work accepts until the listener is closed.
func (l *Listener) work() {
	var making sync.WaitGroup
	defer close(l.over)
	defer making.Wait()
	for pause := time.Duration(0); ; {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			pause = 0
			making.Go(func() { l.admit(c) })
			continue
		case errors.Is(err, net.ErrClosed):
			return
		case !temporary(err):
			l.hand(accepted{err: err})
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		l.options.Log.Warn("connections can't be accepted", "error", err)
		select {
		case <-time.After(pause):
		case <-l.aborted:
			return
		}
	}
}

// temporary says whether to accept may work later: where file descriptors have run out.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// hand gives somebody a connection who waits in Accept.
func (l *Listener) hand(a accepted) {
	select {
	case l.ready <- a:
	case <-l.aborted:
		if a.conn != nil {
			_ = a.conn.Close() // nothing was said on it yet
		}
	}
}

// admit makes a connection ready, or closes it.
func (l *Listener) admit(raw net.Conn) {
	if !l.track(raw) {
		_ = raw.Close() // nothing was said on it yet
		return
	}
	c := &Conn{Conn: raw}
	reason := l.prepare(c)
	l.mu.Lock()
	delete(l.pending, raw)
	l.mu.Unlock()
	if reason != "" {
		l.options.Refused(reason)
		_ = c.Close() // it is given up anyway
		return
	}
	if l.options.Ready != nil {
		l.options.Ready(c.state)
	}
	l.hand(accepted{conn: c})
}

func (l *Listener) track(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.aborted:
		return false
	default:
		l.pending[c] = struct{}{}
		return true
	}
}

// prepare does what has to be done before a connection is served, and says why it can't be.
func (l *Listener) prepare(c *Conn) (reason string) {
	o := &l.options
	peer := addrOf(c.RemoteAddr())
	if o.Announced != nil && o.Announced(peer) {
		announced, ok := readProxyHeader(c.Conn, o.Limits.ProxyTime)
		if !ok {
			return "proxy_header"
		}
		c.Conn, c.announced, peer = announced, true, addrOf(announced.RemoteAddr())
	}
	counted := peer
	if o.Exempt != nil && o.Exempt(peer) {
		counted = netip.Addr{}
	}
	if !o.Crowd.Enter(counted) {
		return "crowd"
	}
	c.leave = sync.OnceFunc(func() { o.Crowd.Leave(counted) })
	if o.TLS == nil {
		c.speak1(o.Refused)
		return ""
	}
	return l.handshake(c, counted)
}

// handshake makes the TLS handshake.
func (l *Listener) handshake(c *Conn, client netip.Addr) (reason string) {
	o := &l.options
	bounded := o.Handshakes != nil && client.IsValid()
	if bounded && !o.Handshakes.Spend(client, 1) {
		return "handshakes"
	}
	secure := tls.Server(c.Conn, o.TLS)
	_ = c.SetDeadline(time.Now().Add(o.Limits.HandshakeTime)) // where that fails, so does the handshake
	err := secure.HandshakeContext(context.Background())      // a context that ends would cost a goroutine
	switch {
	case errors.Is(err, ErrStranger):
		if bounded {
			o.Handshakes.Spend(client, o.Limits.StrangerCost-1)
		}
		return "stranger"
	case err != nil:
		l.explain(c, err)
		return "tls"
	}
	_ = c.SetDeadline(time.Time{}) // see above
	state := secure.ConnectionState()
	c.Conn, c.state = secure, &state
	switch state.NegotiatedProtocol {
	case "h2":
		c.Conn = strict.HTTP2(secure, o.Limits.Frames, o.Refused)
	case "", "http/1.1":
		c.speak1(o.Refused)
	default:
		return "protocol" // an authority's challenge: the handshake was all of it
	}
	return ""
}

// explain says why a handshake has failed: to the log, and to who has mistaken the port.
func (l *Listener) explain(c *Conn, err error) {
	var record tls.RecordHeaderError
	if errors.As(err, &record) && record.Conn != nil && letters(record.RecordHeader) {
		_, _ = record.Conn.Write([]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
			"This port speaks HTTPS, and the request was not encrypted.\n")) // the client may be gone
	}
	l.options.Log.LogAttrs(context.Background(), slog.LevelDebug, "handshake failed",
		slog.String("client", c.RemoteAddr().String()), slog.Any("error", err))
}

// letters says whether that is how a method begins.
func letters(b [5]byte) bool {
	for _, c := range b[:3] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
