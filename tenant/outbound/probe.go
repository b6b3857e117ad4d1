package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/deskgate/deskgate/tenant/span"
)

const (
	// probeTime is how long a probe may take, redirects and body included; probeConnectTime, a connection to one address.
	probeTime, probeConnectTime = 5 * time.Second, 2 * time.Second
	probeRedirects              = 2
	probeBody                   = 512
	probeHeader                 = 16 << 10
)

// Prober asks hosts that tenants name what their visitors get. It is safe for concurrent use.
type Prober struct{ config Config }

// Echo is what came back of a probe.
type Echo struct {
	Status int
	Header http.Header
	Body   []byte // its beginning
}

// OK says whether the host has what was asked for.
func (e *Echo) OK() bool { return e.Status == http.StatusOK }

// Barred says whether the answer is of the kind that guards give to programs, while people may well come through: it says nothing
// about where the host leads.
func (e *Echo) Barred() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	default:
		return false
	}
}

// NewProber returns a Prober. It reaches public addresses and those that are allowed, over http as well: what it is told is not
// believed for where it came from. The roots and the patience of the Config are not used.
func NewProber(c Config) *Prober {
	if c.Agent == "" {
		c.Agent = "Deskgate"
	}
	return &Prober{c}
}

// Probe gets a path of a host over http at the first of the addresses that takes a connection, without a body, credentials or
// cookies. It follows two redirects at most, and only those that stay at the host, at the usual ports; any other is the answer
// itself. Certificates are not verified: a host without a good one is a reason to ask, and the caller knows by what it is
// told whom it has reached. *AddressError: none of the addresses may be connected to. *ProbeError: there was no answer.
func (p *Prober) Probe(ctx context.Context, host string, at []netip.Addr, path string) (Echo, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return Echo{}, err
	}
	req.Header.Set("User-Agent", p.config.Agent+" (domain check)")
	var so progress
	so.at("80", Unanswered)
	t := p.transport(at, &so)
	defer t.CloseIdleConnections()
	_, s := span.Below(ctx, req.Method)
	s.Asks(req.Method, req.URL)
	resp, err := (&http.Client{Transport: t, CheckRedirect: stay}).Do(req)
	if err != nil {
		err = so.fault(err)
		s.End(err)
		return Echo{}, err
	}
	s.Answered(resp.StatusCode)
	s.End(nil)
	defer func() { _ = resp.Body.Close() }() // all that matters has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeBody))
	if err != nil {
		return Echo{}, so.fault(err)
	}
	return Echo{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// stay is the policy for a probe's redirects.
func stay(next *http.Request, via []*http.Request) error {
	scheme := next.URL.Scheme
	usual := next.URL.Port() == "" || next.URL.Port() == map[string]string{"http": "80", "https": "443"}[scheme]
	if len(via) > probeRedirects || next.URL.Hostname() != via[0].URL.Hostname() || !usual || scheme != "http" && scheme != "https" {
		return http.ErrUseLastResponse
	}
	next.Header.Del("Referer")
	return nil
}

// transport connects to the addresses, whatever a request's host resolves to, and notes how far it has got.
func (p *Prober) transport(at []netip.Addr, so *progress) *http.Transport {
	dial := p.config.Dial
	if dial == nil {
		g := guard{allow: p.config.Allow, public: true}
		dial = (&net.Dialer{Timeout: probeConnectTime, Control: g.control}).DialContext
	}
	connect := func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		so.at(port, Unanswered)
		c, err := dialFirst(ctx, dial, network, at, port)
		if err != nil {
			return nil, err
		}
		so.at(port, Mute)
		return &listened{c, so}, nil
	}
	return &http.Transport{
		DialContext: connect,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			plain, err := connect(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return handshake(ctx, plain, address, so)
		},
		MaxResponseHeaderBytes: probeHeader, DisableKeepAlives: true, DisableCompression: true,
	}
}

// handshake makes a connection one of TLS.
func handshake(ctx context.Context, plain net.Conn, address string, so *progress) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	so.at(port, BadTLS)
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	c := tls.Client(plain, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // as Probe says
	if err := c.HandshakeContext(ctx); err != nil {
		_ = plain.Close() // it is of no use
		return nil, err
	}
	so.at(port, Mute)
	return &listened{c, so}, nil
}

// dialFirst connects to the first address that answers. That an address may not be reached says less than that another one was not.
func dialFirst(
	ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), network string, at []netip.Addr, port string,
) (net.Conn, error) {
	err := errors.New("no address")
	for i, a := range at {
		c, e := dial(ctx, network, net.JoinHostPort(a.String(), port))
		if e == nil {
			return c, nil
		}
		if _, refused := errors.AsType[*AddressError](e); i == 0 || !refused {
			err = e
		}
	}
	return nil, err
}
