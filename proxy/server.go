package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/proxy/assertion"
	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/strict"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TLSMode says where certificates come from.
type TLSMode string

// The modes of --tls.
const (
	ACME     TLSMode = "acme"     // from an ACME authority
	Internal TLSMode = "internal" // from the node's own authority
	Off      TLSMode = "off"      // no TLS here: another edge has it
)

// ACMEOptions are about the authority.
type ACMEOptions struct {
	// Directory is the URL of the authority's directory. Empty: Let's Encrypt.
	Directory string
	// Roots are trusted when talking to the authority; nil: the system's.
	Roots *x509.CertPool
	// Email is told to the authority; it may be empty.
	Email string
	// HTTPPort and TLSPort are where the authority's validation arrives at this machine, if not at 80 and 443 and not at a
	// listener of this server.
	HTTPPort, TLSPort int
	// NoHTTPChallenge and NoTLSChallenge rule a kind of challenge out.
	NoHTTPChallenge, NoTLSChallenge bool
}

// Config is what a Server needs. Store, Directory, Domains, Node and Product are required.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Domains   *domain.Registry
	Node      *tenant.Node
	// Product answers what is not forwarded. It finds a tenant.Visit in the request's context.
	Product http.Handler
	// Gate knows who visitors are, for routes that demand a login; nil: such routes are not answered.
	Gate Gate

	// HTTP and HTTPS are the addresses to listen on. The listeners, if not nil, are used instead (socket activation).
	HTTP, HTTPS                 string
	HTTPListener, HTTPSListener net.Listener
	// Metrics is the address of Prometheus metrics, /healthz and /readyz; empty: none.
	Metrics string
	// Gauges are numbers of other rooms that the metrics show as well.
	Gauges []Gauge

	// TLS is ACME if empty.
	TLS  TLSMode
	ACME ACMEOptions

	// TrustedProxies are peers whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix
	// ProxyProtocol are peers that must send a PROXY header.
	ProxyProtocol []netip.Prefix

	// MaxConnections bounds the connections of all visitors together. 0: as many as the process may open files for.
	MaxConnections int
	// DrainTime bounds how long running requests may take after Run's context has ended. 0: 25 seconds.
	DrainTime time.Duration
	Log       *slog.Logger
}

// Server is the edge of a node. It is made by New.
type Server struct {
	config       Config
	plain        net.Listener  // --http, nil if there is none
	secure       net.Listener  // --https, nil with TLS off
	watch        net.Listener  // --metrics, nil if there is none
	certificates *certificates // nil with TLS off
	upstreams    *upstream.Proxy
	metrics      *metrics
	doors        []door
	trusted      trust
	crowd        *listener.Crowd // of all doors
	handshakes   *listener.Rate

	draining   atomic.Bool
	streams    context.Context //nolint:containedctx // the life of long-lived answers: it ends when a drain begins
	endStreams context.CancelFunc
}

// door is a listener and the server behind it.
type door struct {
	listener net.Listener
	server   *http.Server
}

// New checks the settings and opens the listeners. Whoever made a Server has to Run it, or to Close it.
func New(ctx context.Context, c Config) (*Server, error) {
	s := &Server{config: c.withDefaults(), metrics: newMetrics(), handshakes: listener.NewRate(handshakesPerSecond, handshakesAtOnce)}
	s.crowd = listener.NewCrowd(s.config.MaxConnections, connectionsPerAddress)
	s.metrics.gauge("connections_open", "Connections of visitors.", func() float64 { return float64(s.crowd.Open()) })
	s.trusted.set(c.TrustedProxies)
	for _, g := range c.Gauges {
		s.metrics.gauge(g.Name, g.Help, g.Value)
	}
	s.streams, s.endStreams = context.WithCancel(context.WithoutCancel(ctx))
	err := s.check()
	if err == nil {
		err = s.listen(ctx)
	}
	if err == nil && s.config.TLS != Off {
		s.certificates, err = newCertificates(ctx, &s.config, s.metrics, s.plain, s.secure)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.upstreams = upstream.New(upstream.Options{Fail: s.metrics.failed, Log: s.config.Log, Routed: s.config.Directory.Routed})
	s.open()
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = ACME
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = room()
	}
	if c.DrainTime == 0 {
		c.DrainTime = drainTime
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (s *Server) check() error {
	switch s.config.TLS {
	case ACME, Internal:
		if strings.HasPrefix(s.config.Node.URL(), "http:") {
			return fmt.Errorf("--node-url %s: it must begin with https:// unless --tls is off", s.config.Node.URL())
		}
	case Off:
	default:
		return fmt.Errorf("--tls %q: acme, internal or off", s.config.TLS)
	}
	return nil
}

// listen opens what has to be opened.
func (s *Server) listen(ctx context.Context) (err error) {
	c := &s.config
	if s.plain, err = listen(ctx, "--http", c.HTTP, c.HTTPListener); err != nil {
		return err
	}
	if c.TLS == Off && s.plain == nil {
		return errors.New("--http: an address is needed with --tls off")
	}
	if c.TLS != Off {
		if s.secure, err = listen(ctx, "--https", c.HTTPS, c.HTTPSListener); err != nil {
			return err
		}
		if s.secure == nil {
			return errors.New("--https: an address is needed unless --tls is off")
		}
	}
	s.watch, err = listen(ctx, "--metrics", c.Metrics, nil)
	return err
}

func listen(ctx context.Context, flag, addr string, opened net.Listener) (net.Listener, error) {
	if opened != nil || addr == "" {
		return opened, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

// SetTrustedProxies replaces the list of peers whose X-Forwarded-For is believed, from the next request on.
func (s *Server) SetTrustedProxies(ps []netip.Prefix) { s.trusted.set(ps) }

// HTTPAddr is the address of the plain listener, nil if there is none.
func (s *Server) HTTPAddr() net.Addr { return addr(s.plain) }

// HTTPSAddr is the address of the TLS listener, nil with TLS off.
func (s *Server) HTTPSAddr() net.Addr { return addr(s.secure) }

// MetricsAddr is the address of the metrics listener, nil if there is none.
func (s *Server) MetricsAddr() net.Addr { return addr(s.watch) }

func addr(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// open puts a server behind every listener.
func (s *Server) open() {
	c := &s.config
	product := &front{
		directory: c.Directory, product: c.Product, upstreams: s.upstreams, streams: s.streams, gate: c.Gate,
		signer: assertion.New(c.Store), log: c.Log,
	}
	front := s.edge(product.serve)
	if c.TLS == Off {
		s.door(s.plain, front, nil)
	} else {
		s.door(s.secure, front, s.certificates.tlsConfig())
		s.door(s.plain, s.edge((&redirects{node: c.Node}).serve), nil)
	}
	if s.watch != nil {
		s.doors = append(s.doors, door{s.watch, s.server(s.watched())})
	}
}

func (s *Server) edge(next func(*exchange, *http.Request)) *edge {
	e := &edge{directory: s.config.Directory, trusted: &s.trusted, crowd: s.crowd, metrics: s.metrics, log: s.config.Log, next: next}
	if s.certificates != nil {
		e.challenge = s.certificates.answer
	}
	return e
}

// door adds a listener for strangers.
func (s *Server) door(l net.Listener, h http.Handler, t *tls.Config) {
	if l == nil {
		return
	}
	o := listener.Options{
		TLS: t, Crowd: s.crowd, Handshakes: s.handshakes, Refused: s.metrics.refused, Log: s.config.Log,
		Limits: listener.Limits{
			ProxyTime: proxyHeaderTime, HandshakeTime: headerTime, StrangerCost: strangerCost,
			Frames: strict.Budget{Burst: idleFramesAtOnce, PerSecond: idleFramesPerSecond},
		},
		Exempt: func(a netip.Addr) bool { return a.IsLoopback() || s.trusted.now().contain(a) },
	}
	if announced := proxies(s.config.ProxyProtocol); len(announced) > 0 {
		o.Announced = announced.contain
	}
	server := s.server(h)
	if t != nil {
		server.Protocols = new(http.Protocols)
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true) // for net/http: the listener has made the handshake, and agreed on it
	}
	s.doors = append(s.doors, door{listener.New(l, o), server})
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerSize,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streams, WriteByteTimeout: idleTime, MaxReadFrameSize: frameSize, SendPingTimeout: idleTime,
		},
		ErrorLog:    slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
		ConnContext: withConn,
	}
}

// Run serves until ctx ends, then stops accepting, lets running requests finish, and returns nil. WebSockets and event streams
// are closed at once: their clients connect again, elsewhere. Requests that take longer than DrainTime are cut off.
func (s *Server) Run(ctx context.Context) error {
	g, failed := errgroup.WithContext(ctx)
	if s.certificates != nil {
		g.Go(func() error { return s.certificates.Run(failed) })
	}
	g.Go(func() error { return s.upstreams.Run(failed) })
	for _, d := range s.doors {
		g.Go(d.serve)
	}
	g.Go(func() error {
		<-failed.Done()
		return s.drain(context.WithoutCancel(ctx))
	})
	return g.Wait()
}

func (d door) serve() error {
	if err := d.server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// drain stops accepting and waits for what is running.
func (s *Server) drain(ctx context.Context) error {
	s.draining.Store(true)
	s.endStreams()
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, d := range s.doors {
		wg.Go(func() {
			if err := d.server.Shutdown(ctx); err != nil {
				s.config.Log.WarnContext(ctx, "requests cut off", "listener", d.listener.Addr(), "error", err)
			}
		})
	}
	wg.Wait()
	return s.Close()
}

// Close closes the listeners and all connections at once. To close twice does nothing.
func (s *Server) Close() error {
	s.endStreams()
	var errs []error
	for _, l := range []net.Listener{s.plain, s.secure, s.watch} {
		if l != nil {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	for _, d := range s.doors {
		errs = append(errs, d.server.Close())
		if err := d.listener.Close(); !errors.Is(err, net.ErrClosed) { // also those who were not served yet
			errs = append(errs, err)
		}
	}
	if s.certificates != nil {
		s.certificates.close()
	}
	if s.upstreams != nil {
		s.upstreams.Close()
	}
	return errors.Join(errs...)
}

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{assets, leases, authorities, orders, ownCertificates}
}
