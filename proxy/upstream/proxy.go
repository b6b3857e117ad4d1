package upstream

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Options of a Proxy.
type Options struct {
	// Fail answers the visitor where no upstream did.
	Fail func(w http.ResponseWriter, r *http.Request, f Failure)
	Log  *slog.Logger
	// Routed are the sites whose routes there are now, and a channel that is closed when they change. Nil: routes are met as
	// requests come, and their upstreams are not asked how they are.
	Routed func() (iter.Seq[*tenant.Site], <-chan struct{})
	// Streams ends when event streams have to, which go on for ever otherwise; nil: they need not.
	Streams context.Context //nolint:containedctx // another life than a request's
	// Name is what requests are marked with that have come through here, so that those which come back are known; empty: they are not.
	Name string
	// Dial connects to upstreams; nil: as net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Proxy forwards requests. It is made by New and safe for concurrent use.
type Proxy struct {
	options Options
	name    []string // options.Name, as a header has it
	buffers sync.Pool
	retries atomic.Uint64

	pools sync.Map // *tenant.Route → *pool
	stray chan struct{}

	mu      sync.Mutex // for what follows
	targets map[spec]*target
	lives   map[string]*life // by URL
	checks  checks
	closed  bool
}

// New returns a Proxy. Run keeps it up with the routes; Close ends it.
func New(o Options) *Proxy {
	if o.Streams == nil {
		o.Streams = context.Background()
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	}
	return &Proxy{
		options: o, name: []string{o.Name}, targets: make(map[spec]*target), lives: make(map[string]*life), stray: make(chan struct{}, 1),
		buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }},
	}
}

// Job is what forwarding one request needs beside the request, and what came of it.
type Job struct {
	Visit *tenant.Visit
	Route *tenant.Route
	// IP is the visitor's address as text.
	IP string
	// Visitor is who has signed in, where the route demands it; Assertion is the same, signed.
	Visitor   tenant.Visitor
	Assertion string
	// Trace hears of each upstream that is asked, before and, by what it returns, after. It may add to the request's headers. Nil:
	// nobody hears.
	Trace func(out *http.Request, try int) (ended func(status int, err error))

	// Upstream is the host that answered, or was asked last; Tries is how many were asked. Forward sets them.
	Upstream string
	Tries    int
	// Waited is how long it took until an upstream began its answer, or until the last one had failed. Forward sets it.
	Waited time.Duration

	// What forwarding takes, in one piece: a request is worth no more allocations than it needs.
	headers  [12]string // what the upstream is told
	hints    hints
	trace    httptrace.ClientTrace
	sticky   string // the name that keeps the visitor at one target
	newcomer bool   // the name is new: the browser has to be told
}

// Forward answers the request from the route's upstreams. The job is the Proxy's until it returns, and so are the request's
// headers, which it changes.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request, j *Job) {
	if j.Route.Maintenance {
		p.options.Fail(w, r, Maintenance)
		return
	}
	pool, err := p.pool(j.Route)
	if err != nil {
		p.fail(w, r, j, err)
		return
	}
	out, body, err := outgoing(w, r, j)
	if err != nil {
		p.fail(w, r, j, err)
		return
	}
	if body != nil {
		defer body.Close() // a transport may read it still, and must not once this has returned
	}
	if err := p.pass(out.Header); err != nil {
		p.fail(w, r, j, err)
		return
	}
	p.exchange(w, r, out, j, pool)
}

// fail answers where no upstream did. The reason goes to the log, never to the visitor.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, j *Job, err error) {
	f := failure(r.Context(), err)
	if f != Gone && f != TooLarge {
		p.options.Log.WarnContext(r.Context(), "upstream", "tenant", slug(j.Visit), "host", j.Visit.Host, "route", j.Route.Prefix,
			"upstream", j.Upstream, "tries", j.Tries, "error", err, "request_id", j.Visit.RequestID)
	}
	p.options.Fail(w, r, f)
}

func slug(v *tenant.Visit) string {
	if v.Tenant == nil {
		return ""
	}
	return v.Tenant.Slug
}
