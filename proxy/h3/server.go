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
	// StrangerCost is how many handshakes one counts as that was for nobody here, of a client whose address is proven.
	StrangerCost int
	// Unproven is how many clients a second may begin whose address is not proven; beyond that each has to prove it.
	Unproven int
}

// Options of a Server. All but Exempt, Excluded, Refused, Ready and the keys are required.
type Options struct {
	// TLS may fail hellos with listener.ErrStranger.
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
	// ResetKey lets clients know at once that their connection was to a process that is no more, and TokenKey lets them show that
	// their address was proven before: 32 bytes each, the same ones after a restart. Nil: neither outlives the process.
	ResetKey, TokenKey []byte
	Log                *slog.Logger
}

// Server serves HTTP/3 on one UDP port. It is made by New and works in Serve.
type Server struct {
	options   Options
	packets   net.PacketConn
	transport *quic.Transport
	listener  *quic.EarlyListener
	http      http3.Server
	unproven  *listener.Rate

	stop     context.Context //nolint:containedctx // ends when a stop begins
	begin    context.CancelFunc
	open     atomic.Int64   // connections
	greeting atomic.Int64   // connections whose client has not said all about itself yet
	accepted chan struct{}  // closed when all who have come are connections
	running  sync.WaitGroup // connections
}

const (
	// silence is how long a client may be unreachable; while it is reachable it is asked every third of that.
	silence = 30 * time.Second
	// window is how many bytes of a body may wait for who reads it.
	window = 1 << 20
	// linger is how long a connection stays during a stop once nothing runs on it: the last bytes of an answer arrive in that time,
	// and a request that was on its way hears that nothing was done about it.
	linger = time.Second
	// sideStreams are for settings and the compression of heads: three, and some that mean nothing.
	sideStreams = 8
)

var errRefused = errors.New("refused")

// errUnrecognizedName is what TLS calls it (RFC 6066); crypto/tls has no name for it.
const errUnrecognizedName tls.AlertError = 112

// guest is in the context of a connection.
type guest struct {
	proven netip.Addr // the client's address, if it is proven and counts
	known  func()     // is called when what the client has to say about itself is here, or will never be
}

type guestKey struct{}

// New serves on a UDP port, which is closed with the Server.
func New(packets net.PacketConn, o Options) (*Server, error) {
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	s := &Server{options: o, packets: packets, unproven: listener.NewRate(o.Limits.Unproven, o.Limits.Unproven), accepted: make(chan struct{})}
	s.stop, s.begin = context.WithCancel(context.Background())
	s.http = http3.Server{
		Handler: http.HandlerFunc(s.handle), MaxHeaderBytes: o.Limits.HeaderSize, IdleTimeout: o.Limits.IdleTime, Logger: o.Log,
	}
	s.transport = &quic.Transport{
		Conn: packets, ConnContext: s.admit,
		VerifySourceAddress: func(net.Addr) bool { return !s.unproven.Spend(netip.IPv4Unspecified(), 1) },
	}
	if o.ResetKey != nil {
		s.transport.StatelessResetKey = (*quic.StatelessResetKey)(o.ResetKey)
	}
	if o.TokenKey != nil {
		s.transport.TokenGeneratorKey = (*quic.TokenGeneratorKey)(o.TokenKey)
	}
	filter(packets, takeAll) // whoever had the port before may have ended badly while it stopped
	var err error
	// A listener that hands out connections early has none to refuse when it is closed in the middle of their handshake.
	s.listener, err = s.transport.ListenEarly(http3.ConfigureTLSConfig(s.judging(o.TLS)), &quic.Config{
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
	g := &guest{}
	if from.AddrVerified && client.IsValid() {
		if !o.Handshakes.Spend(client, 1) {
			o.Refused("handshakes")
			return nil, errRefused
		}
		g.proven = client
	}
	if !o.Crowd.Enter(client) {
		o.Refused("crowd")
		return nil, errRefused
	}
	s.greeting.Add(1)
	g.known = sync.OnceFunc(func() { s.greeting.Add(-1) })
	context.AfterFunc(ctx, func() { o.Crowd.Leave(client); g.known() })
	return context.WithValue(ctx, guestKey{}, g), nil
}

// judging has strangers pay as over TCP, and hear the same alert. Who has not proven its address pays nothing: it may be somebody
// else's, and there are few of them before each has to prove it.
func (s *Server) judging(c *tls.Config) *tls.Config {
	judge := c.GetConfigForClient
	if judge == nil {
		return c
	}
	c = c.Clone()
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		config, err := judge(h)
		if !errors.Is(err, listener.ErrStranger) {
			return config, err
		}
		s.options.Refused("stranger")
		if g := guestOf(h.Context()); g.proven.IsValid() {
			s.options.Handshakes.Spend(g.proven, s.options.Limits.StrangerCost-1)
		}
		return nil, errors.Join(err, errUnrecognizedName)
	}
	return c
}

func guestOf(ctx context.Context) *guest {
	return ctx.Value(guestKey{}).(*guest) //nolint:errcheck,forcetypeassert // admit has put it there
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
	defer close(s.accepted)
	for {
		c, err := s.listener.Accept(context.Background()) // it ends when the listener is closed, and all who have come are handed out
		switch {
		case err == nil:
			guestOf(c.Context()).known()
			s.running.Go(func() { s.connection(c) })
		case errors.Is(err, quic.ErrServerClosed), s.stop.Err() != nil:
			return nil
		default:
			return err
		}
	}
}

// connection serves the requests of one, once its handshake is made.
func (s *Server) connection(c *quic.Conn) {
	s.open.Add(1)
	defer s.open.Add(-1)
	select {
	case <-c.HandshakeComplete():
	case <-c.Context().Done():
		return
	}
	if s.options.Ready != nil {
		state := c.ConnectionState().TLS
		s.options.Ready(&state)
	}
	h, err := s.http.NewRawServerConn(c)
	if err != nil {
		return // it is closed already
	}
	go sides(c, h)
	var requests sync.WaitGroup
	for s.stop.Err() == nil { // what has come already is handed out whatever the context says
		r, err := c.AcceptStream(s.stop)
		if err != nil {
			break
		}
		_ = r.SetReadDeadline(time.Now().Add(s.options.Limits.HeaderTime))
		requests.Go(func() { h.HandleRequestStream(r) })
	}
	go reject(c)
	requests.Wait()
	select {
	case <-c.Context().Done():
	case <-time.After(linger):
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

// Shutdown stops accepting and waits until what is running is answered, or until ctx ends. Who comes meanwhile is not answered at
// all, and says the same again until somebody has the port who does.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.depart()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-s.accepted
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
	filter(s.packets, takeAll) // what comes before somebody else has the port waits for them
	if e := s.packets.Close(); !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}
