package proxy

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/proxy/live"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/tenant"
)

// edge is what every request passes, on either listener: recover, request id, access log, host. What comes then is next's.
type edge struct {
	directory *tenant.Directory
	trusted   *trust
	crowd     *listener.Crowd
	metrics   *metrics
	watchers  *live.Watchers
	tracer    *trace.Tracer // nil: nothing is traced
	leaving   *atomic.Bool
	log       *slog.Logger
	access    func(ctx context.Context, slug string, line slog.Record) // nil: log
	// challenge answers an authority that asks over HTTP; nil without ACME.
	challenge func(w http.ResponseWriter, r *http.Request, known bool) bool
	// probe answers nodes of ours that ask whether a host's visitors arrive.
	probe func(host tenant.Host, nonce string) (answer string, ok bool)
	next  func(x *exchange, r *http.Request)
	page  func(*http.Request, *tenant.Visit, Notice) Page // nil: plain English
	// alternative is what Alt-Svc says to clients that come over TCP; nil if there is nothing.
	alternative []string
	// hsts is nil where browsers are not told to come over https alone.
	hsts *hsts
}

// ServeHTTP implements [http.Handler].
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A connection that the runtime found while all processors were busy waits behind every goroutine that keeps them so. Each
	// request goes to that queue's end once: they are served in the order of their coming, and the slowest half as late.
	runtime.Gosched()
	x := &exchange{ResponseWriter: w, start: time.Now(), page: e.page}
	e.metrics.running.Add(1)
	direct, tunnel := settle(r)
	x.last = tunnel || r.ProtoMajor < 3 && (e.crowd.Narrow() || e.leaving.Load())
	v := &x.visit
	v.ClientIP, v.TrustedPeer = e.trusted.now().client(r)
	x.ip = v.ClientIP.String()
	if direct && !v.TrustedPeer {
		x.alternative = e.alternative
	}
	v.Scheme = scheme(r, v.TrustedPeer)
	v.RequestID = requestID(r, v.TrustedPeer)
	w.Header()["X-Request-Id"] = []string{v.RequestID}
	if e.tracer != nil {
		x.span = e.tracer.Begin(r, v.TrustedPeer) //nolint:contextcheck // a span outlives its request
		x.job.Trace = x.span.Try
	}
	defer e.finish(x, r)
	if site, ok := e.directory.Lookup(r.Host); ok {
		v.Site, v.Tenant, v.Host, v.Mount = site, site.Tenant, site.Host, site.Mount
		x.hsts = e.hsts.of(site)
	}
	if p := inadmissible(r); p != nil {
		p.answer(x, r, v.RequestID)
		return
	}
	if e.challenge != nil && e.challenge(x, r, v.Site != nil) {
		return
	}
	if e.probed(x, r) {
		return
	}
	x.body = guardBody(w, r)
	e.next(x, r)
}

// finish turns a panic into an answer and writes the request's line.
func (e *edge) finish(x *exchange, r *http.Request) {
	p := recover()
	e.metrics.running.Add(-1)
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

// redirects is what stands behind the edge on --http where there is TLS.
type redirects struct{ node *tenant.Node }

func (s *redirects) serve(x *exchange, r *http.Request) {
	x.by = byRedirect
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
