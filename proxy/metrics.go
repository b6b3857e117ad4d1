package proxy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// metrics are what --metrics shows. No label takes a value that a visitor chooses. What a request counts is found by index, so
// that it costs additions and no memory.
type metrics struct {
	registry   *prometheus.Registry
	registered prometheus.Registerer

	requests [parts][protocols][classes]prometheus.Counter
	seconds  [parts]prometheus.Histogram
	bytes    [parts]prometheus.Counter
	running  atomic.Int64
	tenants  *tenantMetrics

	connections [protocols + 1]prometheus.Counter   // by protocol; the last: HTTP/1 without TLS
	handshakes  [2][protocols][2]prometheus.Counter // by version of TLS, protocol, and whether it was resumed
	encrypted   prometheus.Counter
	hellos      map[string]prometheus.Counter
	attempts    map[string]prometheus.Counter
	upstreams   map[upstream.Failure]prometheus.Counter
	waited      prometheus.Histogram
	refusals    map[string]prometheus.Counter
}

// part is who answers a request.
type part uint8

// The parts of a node. The edge's own are refusals, challenges of authorities and the keys of assertions.
const (
	byEdge part = iota
	byRedirect
	byPages
	byAPI
	byUpstream
	parts
)

func (p part) String() string {
	return [parts]string{"edge", "redirect", "pages", "api", "upstream"}[p]
}

// protocols are HTTP/1, 2 and 3; classes are the first digits of a status, and 0 for none.
const protocols, classes = 3, 6

func protocolName(i int) string { return [protocols]string{"h1", "h2", "h3"}[i] }

// protocol is the index of a version of HTTP.
func protocol(major int) int { return min(max(major, 1), protocols) - 1 }

// durations are the bounds of what visitors wait for, in seconds.
func durations() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

func newMetrics(tenants int) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registered = prometheus.WrapRegistererWithPrefix("deskgate_", m.registry)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.countRequests()
	m.countConnections()
	m.tenants = newTenantMetrics(tenants, m.registered)
	m.attempts = m.counters("certificate_attempts_total", "Attempts to obtain or renew a certificate, by how they ended.", "result", "obtained",
		"renewed", "failed", "postponed")
	failures := m.counters("upstream_failures_total", "Requests that no upstream answered, by the reason.", "reason",
		"unreachable", "slow", "body", "slow_body", "gone", "too_large", "maintenance", "loop")
	m.upstreams = map[upstream.Failure]prometheus.Counter{
		upstream.Unreachable: failures["unreachable"], upstream.TooSlow: failures["slow"], upstream.BadBody: failures["body"],
		upstream.SlowBody: failures["slow_body"], upstream.Gone: failures["gone"],
		upstream.TooLarge: failures["too_large"], upstream.Maintenance: failures["maintenance"],
		upstream.Looped: failures["loop"],
	}
	m.waited = m.histogram("upstream_seconds", "Time until an upstream began its answer, all tries of a request together.")
	return m
}

func (m *metrics) countRequests() {
	requests := m.vec("requests_total", "Requests answered, by who answered, protocol, and the status's first digit.", "part", "protocol", "status")
	sent := m.vec("response_bytes_total", "Bytes of answers' bodies, by who answered.", "part")
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "request_seconds", Help: "Time until a request was answered completely, by who answered.", Buckets: durations(),
	}, []string{"part"})
	m.registered.MustRegister(seconds)
	for p := range parts {
		for proto := range protocols {
			for class := range classes {
				m.requests[p][proto][class] = requests.WithLabelValues(p.String(), protocolName(proto), statusName(class))
			}
		}
		m.bytes[p] = sent.WithLabelValues(p.String())
		observer, ok := seconds.WithLabelValues(p.String()).(prometheus.Histogram)
		if !ok {
			panic("proxy: a histogram is no histogram")
		}
		m.seconds[p] = observer
	}
	m.gauge("requests_running", "Requests that are being answered.", func() float64 { return float64(m.running.Load()) })
}

func statusName(class int) string {
	if class == 0 {
		return "none"
	}
	return fmt.Sprintf("%dxx", class)
}

func (m *metrics) countConnections() {
	connections := m.vec("connections_total", "Connections of visitors that were ready to be served, by protocol; h1c is HTTP/1 without TLS.", "protocol")
	handshakes := m.vec("tls_handshakes_total", "TLS handshakes made, by version, protocol, and whether a session was resumed.",
		"version", "protocol", "resumed")
	for proto := range protocols {
		m.connections[proto] = connections.WithLabelValues(protocolName(proto))
		for i, version := range []string{"1.2", "1.3"} {
			m.handshakes[i][proto][0] = handshakes.WithLabelValues(version, protocolName(proto), "no")
			m.handshakes[i][proto][1] = handshakes.WithLabelValues(version, protocolName(proto), "yes")
		}
	}
	m.connections[protocols] = connections.WithLabelValues("h1c")
	m.encrypted = prometheus.NewCounter(prometheus.CounterOpts{Name: "tls_ech_total", Help: "TLS handshakes made whose hello was encrypted."})
	m.registered.MustRegister(m.encrypted)
	m.hellos = m.counters("tls_hellos_total", "TLS handshakes begun, by what the name was.", "name", "served", "unknown", "challenge")
	m.refusals = m.counters("connections_refused_total", "Connections given up before or because of what came on them, by the reason: crowd and "+
		"handshakes are limits, malformed is a request that could be read in two ways, frames an HTTP/2 connection that carried too little.",
		"reason", "crowd", "handshakes", "proxy_header", "stranger", "tls", "frames", "malformed")
}

func (m *metrics) vec(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registered.MustRegister(v)
	return v
}

func (m *metrics) histogram(name, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: durations()})
	m.registered.MustRegister(h)
	return h
}

// counters makes one counter for each value of a label.
func (m *metrics) counters(name, help, label string, values ...string) map[string]prometheus.Counter {
	vec := m.vec(name, help, label)
	all := make(map[string]prometheus.Counter, len(values))
	for _, v := range values {
		all[v] = vec.WithLabelValues(v)
	}
	return all
}

// gauge shows a number that is asked for when somebody looks.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.show(Number{Name: name, Help: help, Value: value})
}

// total shows a number that only grows.
func (m *metrics) total(name, help string, value func() float64) {
	m.show(Number{Name: name, Help: help, Total: true, Value: value})
}

// refused counts what a listener has refused.
func (m *metrics) refused(reason string) {
	c, ok := m.refusals[reason]
	switch {
	case ok:
	case reason == "protocol":
		return // a challenge, counted elsewhere
	default:
		c = m.refusals["malformed"]
	}
	c.Inc()
}

// connected counts a connection that is ready to be served; t is nil without TLS.
func (m *metrics) connected(t *tls.ConnectionState) {
	if t == nil {
		m.connections[protocols].Inc()
		return
	}
	proto, version, resumed := 0, 0, 0
	switch t.NegotiatedProtocol {
	case "h2":
		proto = 1
	case "h3":
		proto = 2
	}
	if t.Version >= tls.VersionTLS13 {
		version = 1
	}
	if t.DidResume {
		resumed = 1
	}
	if t.ECHAccepted {
		m.encrypted.Inc()
	}
	m.connections[proto].Inc()
	m.handshakes[version][proto][resumed].Inc()
}

// answered counts a request.
func (m *metrics) answered(x *exchange, proto, status int, who *tenant.Tenant, took time.Duration) {
	class := status / 100
	if class >= classes {
		class = 0
	}
	m.requests[x.by][protocol(proto)][class].Inc()
	m.seconds[x.by].Observe(took.Seconds())
	m.bytes[x.by].Add(float64(x.bytes))
	if x.job.Waited > 0 {
		m.waited.Observe(x.job.Waited.Seconds())
	}
	if who != nil {
		m.tenants.answered(who, class, x.bytes)
	}
}

// watched answers on --metrics: numbers, whether the process lives, and whether it wants requests.
func (s *Server) watched() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.draining.Load() {
			say(w, http.StatusServiceUnavailable, "draining")
			return
		}
		if err := s.config.Store.Health(); err != nil {
			say(w, http.StatusOK, "read-only: "+err.Error()) // the edge goes on
			return
		}
		say(w, http.StatusOK, "ok")
	})
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // the asker may be gone
}
