package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Failure says why there is no answer from an upstream.
type Failure uint8

// The failures.
const (
	Unreachable Failure = iota + 1 // it can't be connected to, or broke off
	TooSlow                        // it did not begin to answer in time
	BadBody                        // the visitor's body can't be read
	SlowBody                       // the visitor's body did not come in in time
	Gone                           // the visitor left
)

// BodyError wraps what went wrong while the visitor's body was read, so that no upstream is blamed for it.
type BodyError struct{ Err error }

// Error implements error.
func (e *BodyError) Error() string { return "read the request's body: " + e.Err.Error() }

// Unwrap is the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// Options of a Proxy.
type Options struct {
	// Fail answers the visitor where no upstream did.
	Fail func(w http.ResponseWriter, r *http.Request, f Failure)
	Log  *slog.Logger
}

// Proxy forwards requests. It is made by New and safe for concurrent use.
type Proxy struct {
	options Options
	reverse httputil.ReverseProxy

	targets    sync.Map // upstream as configured → *target
	mu         sync.Mutex
	transports map[time.Duration]*http.Transport // by the time that an answer may take to begin
}

const (
	connectTime  = 5 * time.Second  // in the operator's own network this is long
	answerTime   = 60 * time.Second // until the header of the answer, where the route says nothing else
	upstreamIdle = 60 * time.Second // below what usual servers keep an idle connection (75 s and more)
	maxIdle      = 256              // idle connections to one upstream: two, net/http's default, means connecting all the time
	maxHeader    = 256 << 10        // of an answer
)

// New returns a Proxy.
func New(o Options) *Proxy {
	p := &Proxy{options: o, transports: make(map[time.Duration]*http.Transport)}
	p.reverse = httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      (*balancer)(p),
		ModifyResponse: tidy,
		ErrorHandler:   p.fail,
		BufferPool:     newBuffers(),
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		// Answers without a length and event streams are flushed as they come; that is net/http's own rule. Flushing the rest
		// would cost a system call each.
		FlushInterval: 0,
	}
	return p
}

// Close closes idle connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.transports {
		t.CloseIdleConnections()
	}
}

// Job is what the steps of forwarding one request share.
type Job struct {
	Visit *tenant.Visit
	Route *tenant.Route
	// IP is the visitor's address as text.
	IP string

	headers [5]string // what the upstream is told, in one piece
}

type jobKey struct{}

func jobOf(ctx context.Context) *Job {
	return ctx.Value(jobKey{}).(*Job) //nolint:errcheck,forcetypeassert // only requests with one come here
}

// Forward answers the request from the route's upstreams. The job is the Proxy's until it returns.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request, j *Job) {
	p.reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), jobKey{}, j)))
}

// rewrite makes the outgoing request but for its target, which the balancer chooses.
func rewrite(pr *httputil.ProxyRequest) {
	j := jobOf(pr.In.Context())
	introduce(pr.Out.Header, j, pr.In.Host)
	if j.Route.StripPrefix {
		strip(pr.Out.URL, j.Route.Prefix)
	}
}

// strip takes the prefix off the path, in both of its forms.
func strip(u *url.URL, prefix string) {
	if prefix == "/" {
		return
	}
	raw := u.RawPath
	u.Path = rooted(strings.TrimPrefix(u.Path, prefix))
	if raw == "" {
		return
	}
	for range len(prefix) { // each byte of the prefix is one of raw's, or an escape
		switch {
		case raw == "":
			return
		case raw[0] == '%' && len(raw) >= 3:
			raw = raw[3:]
		default:
			raw = raw[1:]
		}
	}
	u.RawPath = rooted(raw)
}

func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// tidy removes from the answer what the edge says itself.
func tidy(res *http.Response) error {
	delete(res.Header, "X-Request-Id")
	return nil
}

// balancer is the Proxy as a [http.RoundTripper].
type balancer Proxy

// RoundTrip implements [http.RoundTripper]. A request without a body goes to the next target where one can't be connected to.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	p := (*Proxy)(b)
	j := jobOf(req.Context())
	transport := p.transport(j.Route.Timeout)
	var one [1]*target
	targets, err := p.candidates(j.Route, one[:0])
	if err != nil {
		return nil, err
	}
	path := req.URL
	for i, t := range targets {
		address(req, t.url, path, j.Route.PreserveHost)
		var res *http.Response
		if res, err = transport.RoundTrip(req); err == nil {
			t.worked()
			return res, nil
		}
		if req.Context().Err() != nil || errors.As(err, new(*BodyError)) {
			return nil, err
		}
		t.failed(time.Now())
		if !refused(err) || req.Body != nil || i+1 == len(targets) {
			return nil, err
		}
	}
	return nil, err
}

// address sends the request to a target.
func address(req *http.Request, to, path *url.URL, preserveHost bool) {
	u := *path
	u.Scheme, u.Host = to.Scheme, to.Host
	if to.Path != "" && to.Path != "/" {
		joined := to.JoinPath(path.EscapedPath())
		u.Path, u.RawPath = joined.Path, joined.RawPath
	}
	if to.RawQuery != "" {
		u.RawQuery = strings.Trim(to.RawQuery+"&"+path.RawQuery, "&")
	}
	req.URL = &u
	if !preserveHost {
		req.Host = to.Host
	}
}

// refused says whether an error means that no byte of the request has reached an upstream.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// transport is the one whose answers may take d to begin.
func (p *Proxy) transport(d time.Duration) *http.Transport {
	if d <= 0 {
		d = answerTime
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.transports[d]
	if t == nil {
		t = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:    connectTime,
			ResponseHeaderTimeout:  d,
			ExpectContinueTimeout:  time.Second,
			IdleConnTimeout:        upstreamIdle,
			MaxIdleConnsPerHost:    maxIdle,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // what the visitor accepts is the visitor's and the upstream's affair
			ForceAttemptHTTP2:      true,
		}
		p.transports[d] = t
	}
	return t
}

// fail answers where no upstream did. The reason goes to the log, never to the visitor.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	j, f := jobOf(r.Context()), failure(r.Context(), err)
	if f != Gone {
		p.options.Log.WarnContext(r.Context(), "upstream", "tenant", slug(j.Visit), "host", j.Visit.Host, "route", j.Route.Prefix,
			"upstream", r.URL.Host, "error", err, "request_id", j.Visit.RequestID)
	}
	p.options.Fail(w, r, f)
}

func slug(v *tenant.Visit) string {
	if v.Tenant == nil {
		return ""
	}
	return v.Tenant.Slug
}

// failure tells the failures apart. A body that is too slow comes first: where its time is over, net/http takes the visitor
// for gone, who is there and waits for an answer.
func failure(ctx context.Context, err error) Failure {
	var timeout net.Error
	slow, body := errors.As(err, &timeout) && timeout.Timeout(), errors.As(err, new(*BodyError))
	switch {
	case body && slow:
		return SlowBody
	case ctx.Err() != nil, body && errors.Is(err, io.ErrUnexpectedEOF):
		return Gone
	case body:
		return BadBody
	case slow:
		return TooSlow
	default:
		return Unreachable
	}
}

// buffers lends out the 32 KiB that copying an answer takes.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}
}

// Get implements [httputil.BufferPool].
func (b *buffers) Get() []byte {
	return b.pool.Get().(*[32 << 10]byte)[:] //nolint:errcheck,forcetypeassert // nothing else is in there
}

// Put implements [httputil.BufferPool].
func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }
