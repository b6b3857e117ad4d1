package proxy_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/storage"
)

const (
	theirTrace  = "0af7651916cd43dd8448eb211c80319c"
	theirParent = "00-" + theirTrace + "-b7ad6b7169203331-01"
)

// traced runs a node whose requests are traced, makes one with a trace of its own, and returns the spans of it and the context
// that the upstream saw last.
func traced(t *testing.T, trusted bool, host, path string) (c *proxytest.Collector, seen http.Header) {
	t.Helper()
	c = proxytest.StartCollector(t)
	n := newNode(t, proxy.Off)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	t.Cleanup(upstream.Close)
	n.route(t, "/app", upstream.URL, "http://127.0.0.1:1") // the second one comes first
	tracer, err := trace.Open(t.Context(), trace.Options{Endpoint: c.URL, Ratio: 1, Version: "1.2.3", Log: n.config.Log})
	if err != nil {
		t.Fatal(err)
	}
	n.config.Tracer = tracer
	if trusted {
		n.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	n.start(t)
	n.get(t, host, path, "Traceparent", theirParent, "Tracestate", "them=1")
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, seen
}

// of are the spans of a kind.
func of(c *proxytest.Collector, kind spans.Span_SpanKind) (all []*spans.Span) {
	for _, s := range c.Spans() {
		if s.Kind == kind {
			all = append(all, s)
		}
	}
	return all
}

// A request of a stranger is a trace of its own, linked to theirs: the request, and below it each upstream that was asked.
func TestTraceOfAStranger(t *testing.T) {
	c, seen := traced(t, false, acmeHost, "/app/x?page=2&token=sesame")
	servers, clients := of(c, spans.Span_SPAN_KIND_SERVER), of(c, spans.Span_SPAN_KIND_CLIENT)
	if len(servers) != 1 || len(clients) != 2 {
		t.Fatalf("%d spans of requests and %d of tries, want 1 and 2", len(servers), len(clients))
	}
	s := servers[0]
	id := hex.EncodeToString(s.TraceId)
	if id == theirTrace || len(s.ParentSpanId) > 0 || len(s.Links) != 1 || hex.EncodeToString(s.Links[0].TraceId) != theirTrace {
		t.Errorf("trace %s with links %v, want its own, linked to %s", id, s.Links, theirTrace)
	}
	got := proxytest.Attributes(s.Attributes)
	requestID := got["deskgate.request_id"]
	delete(got, "deskgate.request_id")
	want := map[string]string{
		"http.request.method": "GET", "url.scheme": "http", "url.path": "/app/x", "url.query": "page=2&token=***", "server.address": acmeHost, "network.protocol.name": "http",
		"network.protocol.version": "1.1", "client.address": "127.0.0.1", "http.response.status_code": "200", "http.response.body.size": "0", "http.route": "/app",
		"deskgate.tenant": "acme", "deskgate.part": "upstream",
	}
	if diff := cmp.Diff(want, got); diff != "" || s.Name != "GET /app" || requestID == "" {
		t.Errorf("%s, request %q (-want +got):\n%s", s.Name, requestID, diff)
	}
	for i, try := range clients {
		if string(try.ParentSpanId) != string(s.SpanId) || string(try.TraceId) != string(s.TraceId) {
			t.Errorf("try %d does not hang on the request", i+1)
		}
	}
	failed, answered := clients[0], clients[1]
	if failed.Status.Code != spans.Status_STATUS_CODE_ERROR || proxytest.Attributes(failed.Attributes)["server.port"] != "1" {
		t.Errorf("the first try: %v", failed)
	}
	if a := proxytest.Attributes(answered.Attributes); a["http.request.resend_count"] != "1" || a["http.response.status_code"] != "200" {
		t.Errorf("the second try: %v", a)
	}
	if want := "00-" + id + "-" + hex.EncodeToString(answered.SpanId) + "-01"; seen.Get("Traceparent") != want || seen.Get("Tracestate") != "" {
		t.Errorf("the upstream saw %s and %q, want %s", seen.Get("Traceparent"), seen.Get("Tracestate"), want)
	}
	if c.About()["service.name"] != "deskgate" || c.About()["service.version"] != "1.2.3" {
		t.Errorf("the spans are of %v", c.About())
	}
}

// What one of the operator's own proxies began goes on.
func TestTraceGoesOnBehindATrustedProxy(t *testing.T) {
	c, seen := traced(t, true, acmeHost, "/app/x")
	s := of(c, spans.Span_SPAN_KIND_SERVER)[0]
	if hex.EncodeToString(s.TraceId) != theirTrace || hex.EncodeToString(s.ParentSpanId) != "b7ad6b7169203331" || len(s.Links) > 0 {
		t.Errorf("the span is %v", s)
	}
	if !strings.HasPrefix(seen.Get("Traceparent"), "00-"+theirTrace) || seen.Get("Tracestate") != "them=1" {
		t.Errorf("the upstream saw %s and %q", seen.Get("Traceparent"), seen.Get("Tracestate"))
	}
}

// The help desk's own requests, and those that are refused, are traced as well.
func TestTraceWithoutUpstream(t *testing.T) {
	for host, want := range map[string]map[string]string{
		acmeHost:            {"deskgate.part": "pages", "deskgate.tenant": "acme", "http.response.status_code": "200"},
		"elsewhere.example": {"deskgate.part": "edge", "deskgate.tenant": "", "http.response.status_code": "421"},
	} {
		c, _ := traced(t, false, host, "/")
		if len(c.Spans()) != 1 {
			t.Fatalf("%d spans", len(c.Spans()))
		}
		got := proxytest.Attributes(c.Spans()[0].Attributes)
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s: %s is %q, want %q", host, name, got[name], v)
			}
		}
	}
}

// Without a tracer nothing of it is seen: what visitors send goes through. A collector that is not there holds nobody up.
func TestTraceOffOrLost(t *testing.T) {
	n := newNode(t, proxy.Off)
	var seen http.Header
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	t.Cleanup(upstream.Close)
	n.route(t, "/app", upstream.URL)
	n.start(t)
	n.get(t, acmeHost, "/app", "Traceparent", theirParent)
	if got := seen.Get("Traceparent"); got != theirParent {
		t.Errorf("the upstream saw %q", got)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	tracer, err := trace.Open(t.Context(), trace.Options{Endpoint: "http://127.0.0.1:1", Ratio: 1, Log: n.config.Log})
	if err != nil {
		t.Fatal(err)
	}
	n.config.Tracer = tracer
	n.start(t)
	if a := n.get(t, acmeHost, "/app"); a.StatusCode != http.StatusOK {
		t.Errorf("got %s", a.Status)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(n.log.named("traces can't be sent")) != 1 {
		t.Error("the log does not say that traces are lost")
	}
}

// What the product does in the store for a request is below the request's span, named by who did it; what is done for nobody is not
// traced.
func TestTraceOfTransactions(t *testing.T) {
	c := proxytest.StartCollector(t)
	n := newNode(t, proxy.Off)
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fails(w, r, n.store) })
	tracer, err := trace.Open(t.Context(), trace.Options{Endpoint: c.URL, Ratio: 1, Log: n.config.Log})
	if err != nil {
		t.Fatal(err)
	}
	n.config.Tracer = tracer
	n.store.Observe(tracer.Transaction)
	n.start(t)
	for _, host := range []string{acmeHost, "bee.tickets.example"} {
		n.get(t, host, "/")
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	servers, inner := of(c, spans.Span_SPAN_KIND_SERVER), of(c, spans.Span_SPAN_KIND_INTERNAL)
	if len(servers) != 2 || len(inner) != 4 {
		t.Fatalf("%d spans of requests and %d of transactions, want 2 and 4", len(servers), len(inner))
	}
	parents := map[string]int{}
	for _, s := range inner {
		parents[string(s.ParentSpanId)]++
		got := proxytest.Attributes(s.Attributes)
		want := map[string]string{"code.function.name": "proxy_test.fails"}
		if s.Name == "store update" {
			want["deskgate.store.runs"], want["error.type"] = "1", "*errors.errorString"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s says (-want +got):\n%s", s.Name, diff)
		}
	}
	for _, s := range servers {
		if parents[string(s.SpanId)] != 2 {
			t.Errorf("a request has %d transactions, want 2", parents[string(s.SpanId)])
		}
	}
}

// fails reads the store, and writes what it takes back.
func fails(w http.ResponseWriter, r *http.Request, s *storage.Store) {
	read := s.View(r.Context(), storage.Node(), func(*storage.Tx) error { return nil })
	wrote := s.Update(r.Context(), storage.Node(), func(*storage.Tx) error { return errors.New("about zoe@example.com") })
	if read != nil || wrote == nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}
