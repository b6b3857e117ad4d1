package proxy

import (
	"context"
	"encoding/hex"
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

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/proxy/ech"
	"github.com/deskgate/deskgate/proxy/h3"
	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/live"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/span"
)

// TLSMode says where certificates come from.
type TLSMode string

// The modes of --tls.
const (
	ACME     TLSMode = "acme"     // from an ACME authority
	Internal TLSMode = "internal" // from the node's own authority
	Off      TLSMode = "off"      // no TLS here: another edge has it
)

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
	// Page makes a page of what the edge itself has to say to a person, in the language and the look that suit the visitor, whose tenant
	// may be nil; without HTML in it, or nil: plain English.
	Page func(r *http.Request, v *tenant.Visit, n Notice) Page

	// HTTP and HTTPS are the addresses to listen on. The listeners, if not nil, are used instead (socket activation), and so are
	// the packets, for HTTP/3.
	HTTP, HTTPS                 string
	HTTPListener, HTTPSListener net.Listener
	HTTPSPackets                net.PacketConn
	// HTTP3 opens the UDP port beside HTTPS as well, and tells clients of it.
	HTTP3 bool
	// ECH takes hellos that are encrypted, under the name of the node's first host.
	ECH bool
	// Metrics is the address of Prometheus metrics, /healthz and /readyz; empty: none. The listener is used instead.
	Metrics         string
	MetricsListener net.Listener
	// MetricsTenants is how many tenants the metrics tell apart.
	MetricsTenants int
	// Numbers are of other rooms; the metrics show them as well.
	Numbers []Number

	// TLS is ACME if empty.
	TLS  TLSMode
	ACME certificate.ACME
	// ChallengeHTTP and ChallengeTLS are ports beside HTTP and HTTPS at which authorities arrive; 0: none.
	ChallengeHTTP, ChallengeTLS int

	// TrustedProxies are peers whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix
	// ProxyProtocol are peers that must send a PROXY header.
	ProxyProtocol []netip.Prefix

	// MaxConnections bounds the connections of all visitors together. 0: as many as the process may open files for.
	MaxConnections int
	// Farewell is how long clients are told to come over new connections, which are served still, before a drain begins: it is for
	// sockets that somebody else keeps open for the next node. 0: not at all.
	Farewell time.Duration
	// DrainTime bounds how long running requests may take after Run's context has ended. 0: 25 seconds.
	DrainTime time.Duration
	Log       *slog.Logger
	// AccessLog takes the line of each request; slug is its tenant's, or empty. Nil: Log takes it.
	AccessLog func(ctx context.Context, slug string, line slog.Record)
	// Tracer makes spans of requests; nil: nobody does. Whoever opened it closes it.
	Tracer *trace.Tracer
	// Spans has traced what the edge does without being asked; nil: it is not.
	Spans *span.Source
}

// Server is the edge of a node. It is made by New.
type Server struct {
	config  Config
	plain   net.Listener   // --http, nil if there is none
	secure  net.Listener   // --https, nil with TLS off
	packets net.PacketConn // beside secure, nil without HTTP/3
	watch   net.Listener   // --metrics, nil if there is none
	// challenged are beside plain and secure, nil where authorities arrive at those.
	challengedHTTP, challengedTLS net.Listener
	certificates                  *certificate.Keeper // nil with TLS off
	upstreams                     *upstream.Proxy
	metrics                       *metrics
	census                        census
	watchers                      live.Watchers
	begun                         time.Time
	doors                         []door
	http3                         *h3.Server  // nil if it is off
	resumption                    *resumption // nil with TLS off
	ech                           *ech.Keys   // nil if it is off
	trusted                       trust
	crowd                         *listener.Crowd // of all doors
	handshakes                    *listener.Rate

	draining   atomic.Bool
	leaving    atomic.Bool     // clients are told so
	streams    context.Context //nolint:containedctx // the life of long-lived answers: it ends when a drain begins
	endStreams context.CancelFunc
}

// New checks the settings and opens the listeners. Whoever made a Server has to Run it, or to Close it.
func New(ctx context.Context, c Config) (*Server, error) {
	s := &Server{config: c.withDefaults(), begun: time.Now(), metrics: newMetrics(c.MetricsTenants), handshakes: listener.NewRate(handshakesPerSecond, handshakesAtOnce)}
	s.crowd = listener.NewCrowd(s.config.MaxConnections, connectionsPerAddress)
	s.metrics.gauge("connections_open", "Connections of visitors.", func() float64 { return float64(s.crowd.Open()) })
	s.metrics.gauge("connections_limit", "Connections that there may be at once.", func() float64 { return float64(s.crowd.Room()) })
	s.trusted.set(c.TrustedProxies)
	for _, n := range c.Numbers {
		s.metrics.show(n)
	}
	s.census.count = s.takeCensus
	s.metrics.watchCertificates(&s.census) //nolint:contextcheck // asked for long after
	s.metrics.watchStore(c.Store)
	s.streams, s.endStreams = context.WithCancel(context.WithoutCancel(ctx))
	err := s.check()
	if err == nil {
		err = s.listen(ctx)
	}
	if err == nil && s.config.TLS != Off {
		s.certificates, err = s.keeper(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.certificates != nil {
		s.resumption = &resumption{store: c.Store, log: s.config.Log}
		s.resumption.change(ctx)
		if err := s.encrypt(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.upstreams = upstream.New(upstream.Options{Fail: s.metrics.failed, Log: s.config.Log, Routed: s.config.Directory.Routed, Streams: s.streams, Name: s.name()})
	s.metrics.watchUpstreams(s.upstreams)
	if err := s.open(); err != nil { //nolint:contextcheck // handshakes have their own
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// name is one that no other node has, but those of the same store.
func (s *Server) name() string {
	return "deskgate-" + hex.EncodeToString(s.config.Store.Derive(storage.Node(), "proxy/loop")[:6])
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

// keeper makes who looks after the certificates.
func (s *Server) keeper(ctx context.Context) (*certificate.Keeper, error) {
	o := certificate.Options{
		Store: s.config.Store, Directory: s.config.Directory, Domains: s.config.Domains, HTTP: s.plain != nil || s.challengedHTTP != nil,
		HandshakeTime: headerTime, Log: s.config.Log,
		Hello:   func(name string) { s.metrics.hellos[name].Inc() },
		Attempt: func(result string) { s.metrics.attempts[result].Inc() }, Spans: s.config.Spans,
	}
	if s.config.TLS == ACME {
		o.ACME = &s.config.ACME
	}
	k, err := certificate.New(ctx, o)
	if err == nil {
		s.metrics.watchRoots(k)
		s.metrics.watchAuthorities(k)
		s.metrics.gauge("certificate_attempts_running", "Attempts to obtain or renew a certificate that are under way.", func() float64 { return float64(k.Running()) })
	}
	return k, err
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

// SetTrustedProxies replaces the list of peers whose X-Forwarded-For is believed, from the next request on.
func (s *Server) SetTrustedProxies(ps []netip.Prefix) { s.trusted.set(ps) }

// SetMaxConnections changes how many connections there may be; 0: as many as the process may open files for. Those that are
// there stay.
func (s *Server) SetMaxConnections(n int) {
	if n == 0 {
		n = room()
	}
	s.crowd.Resize(n)
}

// Roots are those of the node's own authority, the one that signs first; none with ACME.
func (s *Server) Roots() []ca.Root {
	if s.certificates == nil {
		return nil
	}
	return s.certificates.Roots()
}

// Authorities is how it stands with the authorities that certificates come from, in the order in which they are asked: who rests, until
// when and why. None without ACME. How the certificates themselves are says Census.
func (s *Server) Authorities() []certificate.Rest {
	if s.certificates == nil {
		return nil
	}
	return s.certificates.Rests()
}

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

// Run serves until ctx ends, then stops accepting, lets running requests finish, and returns nil. WebSockets and event streams
// are closed at once: their clients connect again, elsewhere. Requests that take longer than DrainTime are cut off.
func (s *Server) Run(ctx context.Context) error {
	g, failed := errgroup.WithContext(ctx)
	behind, end := context.WithCancel(context.WithoutCancel(ctx)) // what requests need until the last one is answered
	if s.certificates != nil {
		g.Go(func() error { return s.certificates.Run(behind) })
		g.Go(func() error { return s.certificates.Follow(behind) })
		g.Go(func() error { return s.resumption.Run(behind) })
	}
	g.Go(func() error { return s.upstreams.Run(behind) })
	for _, d := range s.doors {
		g.Go(d.serve)
	}
	if s.http3 != nil {
		g.Go(s.http3.Serve)
	}
	g.Go(func() error {
		<-failed.Done()
		s.drain(context.WithoutCancel(ctx))
		end()
		return s.Close()
	})
	return g.Wait()
}

// drain stops accepting and waits for what is running.
func (s *Server) drain(ctx context.Context) {
	s.draining.Store(true)
	s.endStreams()
	s.leaving.Store(true)
	s.bid(ctx)
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, d := range s.doors {
		wg.Go(func() {
			if err := d.drain(ctx); err != nil {
				s.config.Log.WarnContext(ctx, "requests cut off", "listener", d.listener.Addr(), "error", err)
			}
		})
	}
	if s.http3 != nil {
		wg.Go(func() {
			if err := s.http3.Shutdown(ctx); err != nil {
				s.config.Log.WarnContext(ctx, "requests cut off", "listener", s.packets.LocalAddr(), "error", err)
			}
		})
	}
	wg.Wait()
}

// bid has clients leave: each answer is the last on its connection. What is idle afterwards has been so for a while, and hardly
// anybody is about to send something on it when it is closed.
func (s *Server) bid(ctx context.Context) {
	if s.config.Farewell == 0 {
		return
	}
	over := time.NewTimer(s.config.Farewell)
	defer over.Stop()
	for look := time.NewTicker(departureLook); ; {
		select {
		case <-look.C:
			if s.crowd.Open() > 0 {
				continue
			}
		case <-over.C:
		case <-ctx.Done():
		}
		look.Stop()
		return
	}
}

// Close closes the listeners and all connections at once. To close twice does nothing.
func (s *Server) Close() error {
	s.endStreams()
	var errs []error
	for _, l := range []net.Listener{s.plain, s.secure, s.watch, s.challengedHTTP, s.challengedTLS} {
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
	if s.packets != nil {
		if err := s.packets.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.http3 != nil {
		errs = append(errs, s.http3.Close())
	}
	if s.certificates != nil {
		s.certificates.Close()
	}
	if s.upstreams != nil {
		s.upstreams.Close()
	}
	return errors.Join(errs...)
}

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return append(certificate.Tables(), resumptionKeys)
}
