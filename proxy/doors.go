package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/deskgate/deskgate/proxy/assertion"
	"github.com/deskgate/deskgate/proxy/ech"
	"github.com/deskgate/deskgate/proxy/h3"
	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/strict"
	"github.com/deskgate/deskgate/storage"
)

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
		if err = s.listenUDP(ctx); err != nil {
			return err
		}
	}
	if c.TLS == ACME {
		if s.challengedHTTP, err = listenBeside(ctx, "--acme-http-port", c.ChallengeHTTP, s.plain); err != nil {
			return err
		}
		if s.challengedTLS, err = listenBeside(ctx, "--acme-tls-port", c.ChallengeTLS, s.secure); err != nil {
			return err
		}
	}
	s.watch, err = listen(ctx, "--metrics", c.Metrics, c.MetricsListener)
	return err
}

// listenUDP opens the UDP port with the number of the TLS port.
func (s *Server) listenUDP(ctx context.Context) error {
	if !s.config.HTTP3 {
		return nil
	}
	if s.packets = s.config.HTTPSPackets; s.packets != nil {
		return nil
	}
	p, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", s.secure.Addr().String())
	if err != nil {
		return fmt.Errorf("--http3: %w", err)
	}
	s.packets = p
	return nil
}

// listenBeside opens the port unless it is that of a listener that there is.
func listenBeside(ctx context.Context, flag string, port int, beside net.Listener) (net.Listener, error) {
	if port == 0 {
		return nil, nil //nolint:nilnil // there is none, as everywhere here
	}
	if beside != nil {
		if a, ok := beside.Addr().(*net.TCPAddr); ok && a.Port == port {
			return nil, nil //nolint:nilnil // as above
		}
	}
	return listen(ctx, flag, fmt.Sprintf(":%d", port), nil)
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

// open puts a server behind every listener.
func (s *Server) open() error {
	c := &s.config
	product := &front{
		directory: c.Directory, product: c.Product, upstreams: s.upstreams, streams: s.streams, gate: c.Gate,
		signer: assertion.New(c.Store), log: c.Log,
	}
	front := s.edge(product.serve)
	if c.TLS == Off {
		s.door(s.plain, front, nil)
	} else {
		if c.TLS == ACME { // who does not trust the certificate should still get past the warning
			front.hsts = newHSTS()
		}
		s.door(s.secure, front, s.tls())
		s.door(s.challengedTLS, front, s.tls())
		redirect := s.edge((&redirects{node: c.Node}).serve)
		s.door(s.plain, redirect, nil)
		s.door(s.challengedHTTP, redirect, nil)
	}
	if s.watch != nil {
		s.doors = append(s.doors, newDoor(s.watch, s.server(s.watched())))
	}
	if s.packets == nil {
		return nil
	}
	front.alternative = []string{fmt.Sprintf(`h3=":%s"; ma=%d`, visitorsPort(c.Node.URL()), int(alternativeTime.Seconds()))}
	return s.openHTTP3(front)
}

// tls is a configuration for a listener.
func (s *Server) tls() *tls.Config {
	c := s.certificates.TLS()
	s.resumption.setUp(c)
	if s.ech != nil {
		c.GetEncryptedClientHelloKeys = s.ech.Get
	}
	return c
}

// encrypt makes the keys of encrypted hellos, where they are wanted.
func (s *Server) encrypt() (err error) {
	if s.config.ECH {
		if s.ech, err = ech.New(s.config.Store, string(s.config.Node.Hosts()[0])); err != nil {
			return fmt.Errorf("--ech: %w", err)
		}
	}
	return nil
}

// visitorsPort is where visitors come to, which may be another port than ours.
func visitorsPort(nodeURL string) string {
	if u, err := url.Parse(nodeURL); err == nil && u.Port() != "" {
		return u.Port()
	}
	return "443"
}

// openHTTP3 serves the same on the UDP port.
func (s *Server) openHTTP3(h http.Handler) (err error) {
	c := &s.config
	s.http3, err = h3.New(s.packets, h3.Options{
		TLS: s.tls(), Handler: h, Crowd: s.crowd, Handshakes: s.handshakes,
		Exempt: s.exempt, Excluded: proxies(c.ProxyProtocol).contain, // whoever that is, it is not who visits
		Limits: h3.Limits{
			Requests: streams, HeaderSize: headerSize, HeaderTime: headerTime, IdleTime: idleTime, Unproven: unprovenPerSecond, StrangerCost: strangerCost,
		},
		ResetKey: c.Store.Derive(storage.Node(), "proxy/h3/reset"), TokenKey: c.Store.Derive(storage.Node(), "proxy/h3/token"),
		Refused: s.metrics.refused, Ready: s.metrics.connected, Log: c.Log,
	})
	return err
}

// exempt says who is not counted by its address: this machine, and proxies behind which everybody is.
func (s *Server) exempt(a netip.Addr) bool { return a.IsLoopback() || s.trusted.now().contain(a) }

func (s *Server) edge(next func(*exchange, *http.Request)) *edge {
	e := &edge{directory: s.config.Directory, trusted: &s.trusted, crowd: s.crowd, metrics: s.metrics, watchers: &s.watchers, leaving: &s.leaving, log: s.config.Log, access: s.config.AccessLog, tracer: s.config.Tracer, probe: s.config.Domains.AnswerProbe, next: next, page: s.config.Page}
	if s.certificates != nil {
		e.challenge = s.certificates.Answer
	}
	return e
}

// door adds a listener for strangers.
func (s *Server) door(l net.Listener, h http.Handler, t *tls.Config) {
	if l == nil {
		return
	}
	o := listener.Options{
		TLS: t, Crowd: s.crowd, Handshakes: s.handshakes, Refused: s.metrics.refused, Ready: s.metrics.connected, Log: s.config.Log,
		Limits: listener.Limits{
			ProxyTime: proxyHeaderTime, HandshakeTime: headerTime, StrangerCost: strangerCost,
			Frames: strict.Budget{Burst: idleFramesAtOnce, PerSecond: idleFramesPerSecond},
		},
		Exempt: s.exempt,
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
	s.doors = append(s.doors, newDoor(listener.New(l, o), server))
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerSize,
		// OPTIONS of "*" is judged, and stands in the access log, like everything else.
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streams, WriteByteTimeout: idleTime, MaxReadFrameSize: frameSize, SendPingTimeout: idleTime,
		},
		ErrorLog:    slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
		ConnContext: withConn,
	}
}
