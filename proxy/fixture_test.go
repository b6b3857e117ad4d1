package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/span"
)

const acmeHost = "acme.tickets.example"

// node is an edge with two tenants before a product that says where it was called.
type node struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	acme, bee *tenant.Tenant
	domains   *domain.Registry
	dns       *proxytest.DNS
	config    proxy.Config
	spans     *span.Source
	log       *lines

	server *proxy.Server
	stop   func() error // drains
}

// lines is a log to look into.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// named returns the log's records with a message.
func (l *lines) named(message string) (records []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.b.Bytes()) {
		var r map[string]any
		if json.Unmarshal(line, &r) == nil && r["msg"] == message {
			records = append(records, r)
		}
	}
	return records
}

// waitFor waits until the log has a record with a message, and returns all of those.
func (n *node) waitFor(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	n.eventually(t, func() string {
		if found = n.log.named(message); len(found) == 0 {
			return fmt.Sprintf("nothing in the log says %q", message)
		}
		return ""
	})
	return found
}

// eventually waits until there is nothing wrong any more.
func (n *node) eventually(t *testing.T, wrong func() string) {
	t.Helper()
	for begin := time.Now(); ; {
		complaint := wrong()
		if complaint == "" {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal(complaint)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// newNode makes a node that is not started, with hosts below tickets.example.
func newNode(tb testing.TB, mode proxy.TLSMode) *node {
	tb.Helper()
	return newNodeAt(tb, mode, "tickets.example")
}

// newNodeAt makes a node of another name.
func newNodeAt(tb testing.TB, mode proxy.TLSMode, host string) *node {
	tb.Helper()
	url := "https://" + host
	if mode == proxy.Off {
		url = "http://" + host
	}
	names, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{url}, TLSOff: mode == proxy.Off})
	if err != nil {
		tb.Fatal(err)
	}
	n := &node{store: storagetest.Open(tb, tables()...), log: &lines{}, spans: &span.Source{}}
	n.directory = tenant.NewDirectory(n.store, names, nil)
	if err := n.directory.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	n.tenants = tenant.NewRegistry(n.store, n.directory)
	n.acme, n.bee = n.create(tb, "acme"), n.create(tb, "bee")
	o := domain.Options{Spans: n.spans}
	if mode == proxy.ACME {
		n.dns = proxytest.StartDNS(tb)
		if o.Resolver, err = domain.NewResolver([]string{n.dns.Addr}); err != nil {
			tb.Fatal(err)
		}
	}
	n.domains = domain.New(n.store, n.tenants, n.directory, o)
	n.config = proxy.Config{
		Store: n.store, Directory: n.directory, Domains: n.domains, Node: names, Product: http.HandlerFunc(product),
		HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", TLS: mode, Spans: n.spans, Log: slog.New(slog.NewJSONHandler(n.log, nil)),
	}
	return n
}

func tables() []storage.Declared {
	return slices.Concat(tenant.Tables(), domain.Tables(), proxy.Tables())
}

func (n *node) create(tb testing.TB, slug string) *tenant.Tenant {
	tb.Helper()
	made, _, err := n.tenants.Create(tb.Context(), slug, "Tenant "+slug)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// product says what it found in the visit.
func product(w http.ResponseWriter, r *http.Request) {
	v := tenant.VisitFrom(r.Context())
	slug := "node"
	if v.Tenant != nil {
		slug = v.Tenant.Slug
	}
	if r.Header.Get("Authorization") != "" { // as web finds out whose token that is
		v.Caller = &tenant.Tenant{Slug: "acme"}
	}
	fmt.Fprintf(w, "%s %s %s %s %s %v", slug, v.Host, v.Mount, v.ClientIP, v.Scheme, v.TrustedPeer)
}

// start runs the edge until the test ends.
func (n *node) start(tb testing.TB) {
	tb.Helper()
	s, err := proxy.New(tb.Context(), n.config)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	n.server = s
	n.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	tb.Cleanup(func() {
		if err := n.stop(); err != nil {
			tb.Errorf("Run = %v", err)
		}
	})
}

// restart runs the edge again, as another process over the same store would.
func (n *node) restart(tb testing.TB) {
	tb.Helper()
	if err := n.stop(); err != nil {
		tb.Fatal(err)
	}
	n.start(tb)
}

// request makes a request for a path of a host; the plain listener will get it.
func (n *node) request(t *testing.T, method, host, path string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.server.HTTPAddr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// answer is what came back, read to its end.
type answer struct {
	*http.Response
	body string
}

func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	c := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return answer{res, read(t, res.Body)}
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (n *node) get(t *testing.T, host, path string, header ...string) answer {
	t.Helper()
	return do(t, n.request(t, http.MethodGet, host, path, header...))
}

// app is an upstream that says its name and the path it was asked for.
func app(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.RequestURI())
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// route adds a route to acme's default host.
func (n *node) route(tb testing.TB, prefix string, upstreams ...string) {
	tb.Helper()
	if err := n.tenants.AddRoute(tb.Context(), n.acme.ID, acmeHost, tenant.Route{Prefix: prefix, Upstreams: upstreams}); err != nil {
		tb.Fatal(err)
	}
}

// dial opens a connection to the plain listener.
func (n *node) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", n.server.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
