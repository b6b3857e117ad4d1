package h3

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/proxy/listener"
)

// Limits are what one client can make a Server hold, and for how long.
type Limits struct {
	Requests   int           // at once on one connection
	HeaderSize int           // of a request, in bytes
	HeaderTime time.Duration // until a request's head, or a handshake, is there
	IdleTime   time.Duration // between two requests
	// Unproven is how many clients a second may begin whose address is not proven; beyond that each has to prove it.
	Unproven int
}

// Options of a Server. All but Exempt, Excluded, Refused and Ready are required.
type Options struct {
	TLS     *tls.Config
	Handler http.Handler
	Crowd   *listener.Crowd
	// Handshakes bounds them for clients whose address is proven.
	Handshakes *listener.Rate
	// Exempt says who counts for the total alone, and Excluded who is refused: nil for nobody.
	Exempt, Excluded func(netip.Addr) bool
	Limits           Limits
	// Refused hears of what was refused, for metrics: one of few words.
	Refused func(reason string)
	// Ready hears of each connection whose handshake is made; nil: nobody does.
	Ready func(*tls.ConnectionState)
	Log   *slog.Logger
}

// Server serves HTTP/3 on one UDP port. It is made by New and works in Serve.
type Server struct {
	options   Options
	packets   net.PacketConn
	transport *quic.Transport
	listener  *quic.Listener
	http      http3.Server
	unproven  *listener.Rate

	stop     context.Context //nolint:containedctx // ends when a stop begins
	begin    context.CancelFunc
	stopping sync.Mutex     // while a stop begins, no connection does
	running  sync.WaitGroup // connections
}

const (
	// silence is how long a client may be unreachable; while it is reachable it is asked every third of that.
	silence = 30 * time.Second
	// window is how many bytes of a body may wait for who reads it.
	window = 1 << 20
	// linger is how long the last bytes of an answer have to arrive when a connection is closed for a stop.
	linger = time.Second
	// sideStreams are for settings and the compression of heads: three, and some that mean nothing.
	sideStreams = 8
)

var errRefused = errors.New("refused")

// New serves on a UDP port, which is closed with the Server.
func New(packets net.PacketConn, o Options) (*Server, error) {
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	s := &Server{options: o, packets: packets, unproven: listener.NewRate(o.Limits.Unproven, o.Limits.Unproven)}
	s.stop, s.begin = context.WithCancel(context.Background())
	s.http = http3.Server{
		Handler: http.HandlerFunc(s.handle), MaxHeaderBytes: o.Limits.HeaderSize, IdleTimeout: o.Limits.IdleTime, Logger: o.Log,
	}
	s.transport = &quic.Transport{
		Conn: packets, ConnContext: s.admit,
		VerifySourceAddress: func(net.Addr) bool { return !s.unproven.Spend(netip.IPv4Unspecified(), 1) },
	}
	var err error
	s.listener, err = s.transport.Listen(http3.ConfigureTLSConfig(o.TLS), &quic.Config{
		HandshakeIdleTimeout:       o.Limits.HeaderTime,
		MaxIdleTimeout:             silence,
		KeepAlivePeriod:            silence / 3,
		MaxIncomingStreams:         int64(o.Limits.Requests),
		MaxIncomingUniStreams:      sideStreams,
		MaxStreamReceiveWindow:     window,
		MaxConnectionReceiveWindow: window,
		Versions:                   []quic.Version{quic.Version1},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// admit counts a connection, which is left at its end or when its handshake fails.
func (s *Server) admit(ctx context.Context, from *quic.ClientInfo) (context.Context, error) {
	o := &s.options
	client := addrOf(from.RemoteAddr)
	if o.Excluded != nil && o.Excluded(client) {
		o.Refused("proxy_header")
		return nil, errRefused
	}
	if o.Exempt != nil && o.Exempt(client) {
		client = netip.Addr{}
	}
	if from.AddrVerified && client.IsValid() && !o.Handshakes.Spend(client, 1) {
		o.Refused("handshakes")
		return nil, errRefused
	}
	if !o.Crowd.Enter(client) {
		o.Refused("crowd")
		return nil, errRefused
	}
	context.AfterFunc(ctx, func() { o.Crowd.Leave(client) })
	return ctx, nil
}

func addrOf(a net.Addr) netip.Addr {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return u.AddrPort().Addr().Unmap().WithZone("")
}

// Serve accepts connections until the Server is stopped.
func (s *Server) Serve() error {
	for {
		c, err := s.listener.Accept(s.stop)
		switch {
		case err == nil:
			s.begins(c)
		case s.stop.Err() != nil:
			return nil //nolint:nilerr // that is why
		default:
			return err
		}
	}
}

// begins serves a connection, unless a stop has begun: then it is closed with the rest.
func (s *Server) begins(c *quic.Conn) {
	s.stopping.Lock()
	defer s.stopping.Unlock()
	if s.stop.Err() == nil {
		if s.options.Ready != nil {
			state := c.ConnectionState().TLS
			s.options.Ready(&state)
		}
		s.running.Go(func() { s.connection(c) })
	}
}

// connection serves the requests of one.
func (s *Server) connection(c *quic.Conn) {
	h, err := s.http.NewRawServerConn(c)
	if err != nil {
		return // it is closed already
	}
	go sides(c, h)
	var requests sync.WaitGroup
	var running atomic.Int64
	for {
		r, err := c.AcceptStream(s.stop)
		if err != nil {
			break
		}
		_ = r.SetReadDeadline(time.Now().Add(s.options.Limits.HeaderTime))
		running.Add(1)
		requests.Go(func() {
			defer running.Add(-1)
			h.HandleRequestStream(r)
		})
	}
	idle := running.Load() == 0
	go reject(c)
	requests.Wait()
	if !idle {
		select {
		case <-c.Context().Done():
		case <-time.After(linger):
		}
	}
	_ = h.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") // perhaps it is closed
}

// sides takes the streams that carry no request, until the connection is closed.
func sides(c *quic.Conn, h *http3.RawServerConn) {
	for {
		side, err := c.AcceptUniStream(c.Context())
		if err != nil {
			return
		}
		go h.HandleUnidirectionalStream(side)
	}
}

// reject says of requests that come during a stop that nothing was done about them, so that they are made elsewhere.
func reject(c *quic.Conn) {
	for {
		r, err := c.AcceptStream(c.Context())
		if err != nil {
			return
		}
		r.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
		r.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
	}
}

// Shutdown stops accepting and waits until what is running is answered, or until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Lock()
	s.begin()
	s.stopping.Unlock()
	err := s.listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return errors.Join(err, s.Close())
}

// Close ends everything at once. To close twice does nothing.
func (s *Server) Close() error {
	s.begin()
	err := s.transport.Close()
	if e := s.packets.Close(); !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}
