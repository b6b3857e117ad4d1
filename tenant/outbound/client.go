package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/deskgate/deskgate/tenant/span"
)

const (
	connectTime = 5 * time.Second
	// wholeTime is how long a request may take where nobody says otherwise, redirects and body included.
	wholeTime    = 10 * time.Second
	maxHeader    = 64 << 10
	maxRedirects = 3
	// maxBody bounds what is read of an answer, where nobody sets a lower bound.
	maxBody = 1 << 20
)

// Errors of this package, beside *AddressError and *StatusError.
var (
	// ErrTooLarge: the answer is larger than it may be.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrScheme: the URL is not one of https, or of http in a network that the operator has allowed.
	ErrScheme = errors.New("not an https URL")
	// ErrRedirect: the answer is a redirect that is not followed.
	ErrRedirect = errors.New("a redirect that is not followed")
)

// StatusError says that an answer came, and was not the one that was hoped for.
type StatusError struct{ Status int }

// Error names the status.
func (e *StatusError) Error() string { return fmt.Sprintf("answered with status %d", e.Status) }

// Config is what a Client may do. The zero Config reaches public addresses over https.
type Config struct {
	// Allow are networks that are not public and may be reached nevertheless, with http as well.
	Allow []netip.Prefix
	// Roots are the authorities that certificates have to come from. Nil: the system's.
	Roots *x509.CertPool
	// Agent is the User-Agent. Empty: "Deskgate".
	Agent string
	// Dial connects in the place of the network, for tests: no address is judged then. Nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Patience is how long a request may take, redirects and body included. 0: 10 seconds.
	Patience time.Duration
	// TellTrace has servers told which trace a request belongs to, if it belongs to one.
	TellTrace bool
}

// Client makes requests to addresses that tenants have chosen. It is safe for concurrent use.
type Client struct {
	http  *http.Client
	allow []netip.Prefix
}

// New returns a Client.
func New(c Config) *Client {
	if c.Agent == "" {
		c.Agent = "Deskgate"
	}
	if c.Patience == 0 {
		c.Patience = wholeTime
	}
	t := &transport{
		agent:  c.Agent,
		tells:  c.TellTrace,
		secure: newTransport(c, guard{allow: c.Allow, public: true}, c.Roots),
		plain:  newTransport(c, guard{allow: c.Allow}, nil),
	}
	return &Client{http: &http.Client{Transport: t, Timeout: c.Patience, CheckRedirect: follow}, allow: c.Allow}
}

// HTTP is a client with all of this package's bounds, for libraries that want one. It follows no redirect of anything but
// GET, and reads at most 1 MiB of an answer.
func (c *Client) HTTP() *http.Client { return c.http }

// Get fetches what is at a URL, if the answer is a 200 of at most limit bytes. *AddressError, *StatusError, ErrTooLarge,
// ErrScheme, ErrRedirect, or what went wrong on the way.
func (c *Client) Get(ctx context.Context, url string, limit int64, accept string) (Document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Document{}, err
	}
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return Document{}, err
	}
	defer func() { _ = resp.Body.Close() }() // all that matters has been read
	if resp.StatusCode != http.StatusOK {
		return Document{}, &StatusError{Status: resp.StatusCode}
	}
	body, err := io.ReadAll(&bounded{body: resp.Body, left: limit})
	return Document{Body: body, Header: resp.Header}, err
}

// follow is the policy for redirects.
func follow(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || first.Method != http.MethodGet || next.URL.Scheme != first.URL.Scheme {
		return ErrRedirect
	}
	return nil
}

func newTransport(c Config, g guard, roots *x509.CertPool) *http.Transport {
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTime, Control: g.control}).DialContext
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: c.Patience, MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns: 32, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		ForceAttemptHTTP2: true, DisableCompression: true,
	}
}

// transport sends a request the way that its scheme may go.
type transport struct {
	agent         string
	tells         bool // which trace a request belongs to
	secure, plain *http.Transport
}

// RoundTrip makes one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	way := t.secure
	switch r.URL.Scheme {
	case "https":
	case "http":
		way = t.plain
	default:
		return nil, ErrScheme
	}
	if r.Header.Get("User-Agent") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", t.agent)
	}
	resp, err := t.traced(way, r)
	if refused, ok := errors.AsType[*AddressError](err); ok && way == t.plain && Public(refused.Address) {
		return nil, ErrScheme // it is no secret, and nobody has to guess
	}
	if err != nil {
		return nil, err
	}
	resp.Body = &bounded{body: resp.Body, left: maxBody}
	return resp, nil
}

// traced makes a request, and tells of it if it is for something that is traced.
func (t *transport) traced(way *http.Transport, r *http.Request) (*http.Response, error) {
	ctx, s := span.Below(r.Context(), r.Method)
	s.Asks(r.Method, r.URL)
	if parent := span.Parent(ctx); t.tells && parent != "" {
		r = r.Clone(ctx)
		r.Header.Set(span.ParentHeader, parent)
	}
	resp, err := way.RoundTrip(r)
	if err == nil {
		s.Answered(resp.StatusCode)
	}
	s.End(err)
	return resp, err
}

// bounded is a body of which no more may come.
type bounded struct {
	body io.ReadCloser
	left int64
}

// Read reads, or returns ErrTooLarge.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Close closes the body.
func (b *bounded) Close() error { return b.body.Close() }

// Reason says to a tenant why a request has failed: nothing in it tells what the network around the node looks like.
func Reason(err error) string {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return "The server " + status.Error() + "."
	}
	if _, refused := errors.AsType[*AddressError](err); refused {
		return "The address is not one that this node may ask."
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return "The answer is too large."
	case errors.Is(err, ErrScheme):
		return "The URL must begin with https://."
	case errors.Is(err, ErrRedirect):
		return "The server answers with a redirect that is not followed."
	}
	return "The server can't be reached."
}
