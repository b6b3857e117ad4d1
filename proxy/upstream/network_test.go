package upstream_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// network is one in memory, so that tests run in a bubble. Machines come and go.
type network struct {
	t  *testing.T
	mu sync.Mutex
	at map[string]*machine
}

// machine answers at one address.
type machine struct {
	incoming chan net.Conn
	gone     chan struct{}
	server   *http.Server
	leave    func()
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Second) }) // net/http's servers close some connections after half a second
	return &network{t: t, at: map[string]*machine{}}
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	m := n.at[address]
	n.mu.Unlock()
	if m == nil {
		return nil, errRefused
	}
	here, there := net.Pipe()
	select {
	case m.incoming <- named{there}:
		return here, nil
	case <-m.gone:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// named is a connection whose ends have addresses that net/http can read.
type named struct{ net.Conn }

func (named) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.9:4711"))
}

func (m *machine) Accept() (net.Conn, error) {
	select {
	case c := <-m.incoming:
		return c, nil
	case <-m.gone:
		return nil, net.ErrClosed
	}
}

func (m *machine) Close() error { m.leave(); return nil }

func (m *machine) Addr() net.Addr { return &net.TCPAddr{} }

// serve puts a server at an address, until it is taken away or the test ends.
func (n *network) serve(address string, h http.Handler) (leave func()) {
	m := &machine{incoming: make(chan net.Conn), gone: make(chan struct{})}
	m.leave = sync.OnceFunc(func() { close(m.gone) })
	m.server = &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	n.mu.Lock()
	n.at[address] = m
	n.mu.Unlock()
	var served sync.WaitGroup
	served.Go(func() { _ = m.server.Serve(m) })
	leave = sync.OnceFunc(func() {
		n.mu.Lock()
		if n.at[address] == m {
			delete(n.at, address)
		}
		n.mu.Unlock()
		m.leave()
		_ = m.server.Close()
		served.Wait()
	})
	n.t.Cleanup(leave)
	return leave
}

// name answers with a name and counts.
func (n *network) name(address string) *counter {
	c := &counter{name: address}
	c.leave = n.serve(address, c)
	return c
}

type counter struct {
	name  string
	leave func()
	mu    sync.Mutex
	paths []string
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.paths = append(c.paths, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, c.name)
}

// asked is how many requests there were.
func (c *counter) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.paths)
}

// edge is a Proxy in front of the network, at the address edge:80, for the sites of two tenants.
type edge struct {
	*upstream.Proxy

	network *network
	client  *http.Client
	mu      sync.Mutex
	sites   map[string]*tenant.Site
	changed chan struct{}
	log     *strings.Builder
	jobs    []*upstream.Job
	failed  []upstream.Failure
}

// statusOf is what a failure is answered with.
func statusOf(f upstream.Failure) int {
	return map[upstream.Failure]int{
		upstream.Unreachable: 502, upstream.TooSlow: 504, upstream.BadBody: 400, upstream.SlowBody: 408,
		upstream.Gone: 499, upstream.TooLarge: 413, upstream.Maintenance: 503, upstream.Looped: 508,
	}[f]
}

func newEdge(t *testing.T, n *network) *edge {
	t.Helper()
	e := &edge{network: n, sites: map[string]*tenant.Site{}, changed: make(chan struct{}), log: new(strings.Builder)}
	e.Proxy = upstream.New(upstream.Options{
		Log: slog.New(slog.NewTextHandler(e, nil)), Dial: n.dial, Routed: e.routed, Name: "edge",
		Fail: func(w http.ResponseWriter, _ *http.Request, f upstream.Failure) {
			e.mu.Lock()
			e.failed = append(e.failed, f)
			e.mu.Unlock()
			w.WriteHeader(statusOf(f))
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	transport := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 100, DisableCompression: true}
	e.client = &http.Client{Transport: transport}
	leave := n.serve("edge:80", http.HandlerFunc(e.handle))
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		leave()
		cancel()
		running.Wait()
		e.Close()
	})
	return e
}

// Write takes the log.
func (e *edge) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(p)
}

func (e *edge) routed() (iter.Seq[*tenant.Site], <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*tenant.Site
	for _, s := range e.sites {
		all = append(all, s)
	}
	return slices.Values(all), e.changed
}

// route replaces a host's routes.
func (e *edge) route(host string, routes ...tenant.Route) *tenant.Site {
	e.mu.Lock()
	defer e.mu.Unlock()
	site := &tenant.Site{Host: tenant.Host(host), Mount: "/", Routes: routes}
	e.sites[host] = site
	close(e.changed)
	e.changed = make(chan struct{})
	return site
}

func (e *edge) handle(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	site := e.sites[r.Host]
	e.mu.Unlock()
	if site == nil {
		w.WriteHeader(http.StatusMisdirectedRequest)
		return
	}
	route, ok := site.Routes.Match(r.URL.Path)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	j := &upstream.Job{
		Visit: &tenant.Visit{Site: site, Host: site.Host, ClientIP: netip.MustParseAddr("203.0.113.9"), Scheme: "https", RequestID: "REQ"},
		Route: route, IP: "203.0.113.9",
	}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.jobs = append(e.jobs, j)
	}()
	e.Forward(w, r, j)
}

// ask makes a request of acme's host and reads the answer.
func (e *edge) ask(t *testing.T, method, path string, body io.Reader, header ...string) (int, string, http.Header) {
	t.Helper()
	return e.askAt(t, "acme.example", method, path, body, header...)
}

func (e *edge) askAt(t *testing.T, host, method, path string, body io.Reader, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://edge:80"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := e.client.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return res.StatusCode, string(b), res.Header
}

// answers counts who answers so many requests.
func (e *edge) answers(t *testing.T, requests int) map[string]int {
	t.Helper()
	count := map[string]int{}
	for range requests {
		status, body, _ := e.ask(t, http.MethodGet, "/", nil)
		if status != http.StatusOK {
			body = http.StatusText(status)
		}
		count[body]++
	}
	return count
}
