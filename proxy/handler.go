package proxy

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// edge is what every request passes, on either listener: recover, request id, access log, host. What comes then is next's.
type edge struct {
	directory *tenant.Directory
	trusted   *trust
	crowd     *listener.Crowd
	metrics   *metrics
	log       *slog.Logger
	// challenge answers an authority that asks over HTTP; nil without ACME.
	challenge func(w http.ResponseWriter, r *http.Request, known bool) bool
	next      func(x *exchange, r *http.Request)
}

// ServeHTTP implements [http.Handler].
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A connection that the runtime found while all processors were busy waits behind every goroutine that keeps them so. Each
	// request goes to that queue's end once: they are served in the order of their coming, and the slowest half as late.
	runtime.Gosched()
	x := &exchange{ResponseWriter: w, start: time.Now()}
	x.last = settle(r) || e.crowd.Narrow()
	v := &x.visit
	v.ClientIP, v.TrustedPeer = e.trusted.now().client(r)
	x.ip = v.ClientIP.String()
	v.Scheme = scheme(r, v.TrustedPeer)
	v.RequestID = requestID(r, v.TrustedPeer)
	w.Header()["X-Request-Id"] = []string{v.RequestID}
	defer e.finish(x, r)
	if site, ok := e.directory.Lookup(r.Host); ok {
		v.Site, v.Tenant, v.Host, v.Mount = site, site.Tenant, site.Host, site.Mount
	}
	if p := inadmissible(r); p != nil {
		p.answer(x, r, v.RequestID)
		return
	}
	if e.challenge != nil && e.challenge(x, r, v.Site != nil) {
		return
	}
	x.body = guardBody(w, r)
	e.next(x, r)
}

// finish turns a panic into an answer and writes the request's line.
func (e *edge) finish(x *exchange, r *http.Request) {
	p := recover()
	if p == nil {
		x.part() // an answer without a word has a header as well
		e.record(x, r)
		return
	}
	abort := p == http.ErrAbortHandler //nolint:errorlint // the value itself is the sign, by net/http's contract
	if !abort {
		e.log.ErrorContext(r.Context(), "panic", "panic", p, "stack", string(debug.Stack()), "request_id", x.visit.RequestID)
	}
	if x.status == 0 && !abort {
		internalError.answer(x, r, x.visit.RequestID)
		e.record(x, r)
		return
	}
	e.record(x, r)
	panic(http.ErrAbortHandler) // the answer is torn: the client must not take it for whole
}

// requestID names the request: with a name of our own, or with that which a trusted proxy gave it.
func requestID(r *http.Request, trusted bool) string {
	if trusted {
		if id := r.Header.Get("X-Request-Id"); wellFormed(id) {
			return id
		}
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var b [26]byte
	for i, n := 0, uint64(0); i < len(b); i, n = i+1, n>>5 {
		if i%12 == 0 {
			n = rand.Uint64() //nolint:gosec // a name, no secret
		}
		b[i] = letters[n%32]
	}
	return string(b[:])
}

func wellFormed(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// front is what stands behind the edge where the product is served: the product, and the tenants' upstreams.
type front struct {
	directory *tenant.Directory
	product   http.Handler
	upstreams *upstream.Proxy
	streams   context.Context //nolint:containedctx // ends when long-lived answers have to, at the beginning of a drain
}

func (f *front) serve(x *exchange, r *http.Request) {
	v := &x.visit
	if v.Site == nil || !f.sameAsSNI(r, v.Site) {
		notServed.answer(x, r, v.RequestID)
		return
	}
	if longLived(r) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(f.streams, cancel)() //nolint:contextcheck // that is the point: another life ends this one
		r = r.WithContext(ctx)
	}
	if len(v.Site.Routes) > 0 {
		if dotted(r.URL.Path) {
			badRequest.answer(x, r, v.RequestID)
			return
		}
		if route := f.route(v.Site, r.URL.Path); route != nil {
			x.forwarded = true
			x.job.Visit, x.job.Route, x.job.IP = v, route, x.ip
			f.upstreams.Forward(x, r, &x.job)
			return
		}
	}
	f.product.ServeHTTP(x, r.WithContext(tenant.WithVisit(r.Context(), v)))
}

// sameAsSNI says whether the name that TLS was asked for belongs to whom the request is for. A connection that was made
// to one tenant must not reach another.
func (f *front) sameAsSNI(r *http.Request, site *tenant.Site) bool {
	if r.TLS == nil || r.TLS.ServerName == string(site.Host) {
		return true
	}
	named, ok := f.directory.Lookup(r.TLS.ServerName)
	if !ok || (named.Tenant == nil) != (site.Tenant == nil) {
		return false
	}
	return site.Tenant == nil || named.Tenant.ID == site.Tenant.ID
}

// longLived says whether the answer may go on for ever: a WebSocket, or an event stream.
func longLived(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// route is the one that the path takes to an upstream; nil if the path is the product's. Of the product's mount and a route,
// the longer one wins; that no route lies across the product's pages is seen to where routes are added.
func (f *front) route(s *tenant.Site, path string) *tenant.Route {
	if ours(path) {
		return nil
	}
	route, ok := s.Routes.Match(path)
	if !ok || under(s.Mount, path) && len(route.Prefix) <= len(s.Mount) {
		return nil
	}
	return route
}

// dotted says whether a path has segments that an application would resolve to another path than the one it was routed by.
// Browsers never send them.
func dotted(path string) bool {
	for i := strings.Index(path, "/."); i >= 0; {
		rest := strings.TrimPrefix(path[i+2:], ".")
		if rest == "" || rest[0] == '/' {
			return true
		}
		next := strings.Index(path[i+1:], "/.")
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// ours says whether the path is the product's at the root of every tenant host, wherever its pages are mounted.
func ours(path string) bool {
	return strings.HasPrefix(path, "/.well-known/deskgate/") || strings.HasPrefix(path, "/.well-known/acme-challenge/") ||
		path == "/auth/callback" || path == "/auth/continue"
}

// under says whether the path is the mount or below it.
func under(mount, path string) bool {
	rest, below := strings.CutPrefix(path, mount)
	return below && (mount == "/" || rest == "" || rest[0] == '/')
}

// failed answers for an upstream that did not.
func (m *metrics) failed(w http.ResponseWriter, r *http.Request, f upstream.Failure) {
	m.upstreams[f].Inc()
	p, id := upstreamGone, ""
	x, ok := w.(*exchange)
	if ok {
		id = x.visit.RequestID
	}
	switch f {
	case upstream.Gone:
		if ok && x.body.late() {
			p = requestTooSlow
			break
		}
		if ok {
			x.status = statusClientGone
		}
		panic(http.ErrAbortHandler) // an answer without a word would be taken for an empty success
	case upstream.TooSlow:
		p = upstreamSlow
	case upstream.BadBody:
		p = badRequest
	case upstream.SlowBody:
		p = requestTooSlow
	case upstream.Unreachable:
	}
	p.answer(w, r, id)
}

// redirects is what stands behind the edge on --http where there is TLS.
type redirects struct{ node *tenant.Node }

func (s *redirects) serve(x *exchange, r *http.Request) {
	site := x.visit.Site
	path := r.URL.RequestURI()
	if site == nil || !strings.HasPrefix(path, "/") {
		notServed.answer(x, r, x.visit.RequestID)
		return
	}
	h := x.Header()
	h.Set("Location", s.node.URLFor(site.Host)+path)
	h.Set("Cache-Control", "no-store") // browsers keep a 308 for ever, and ports change
	x.WriteHeader(http.StatusPermanentRedirect)
}
