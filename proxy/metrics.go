package proxy

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/deskgate/deskgate/proxy/upstream"
)

// metrics are what --metrics shows. No label takes a value that a visitor chooses.
type metrics struct {
	registry   *prometheus.Registry
	requests   [2][6]prometheus.Counter // by whether it was forwarded, and by the first digit of the status
	seconds    [2]prometheus.Histogram
	hellos     map[string]prometheus.Counter
	attempts   map[string]prometheus.Counter
	upstreams  map[upstream.Failure]prometheus.Counter
	refusals   map[string]prometheus.Counter
	registered prometheus.Registerer
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registered = prometheus.WrapRegistererWithPrefix("deskgate_", m.registry)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	by := [2]string{"product", "upstream"}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "requests_total", Help: "Requests answered, by who answered and the status's first digit.",
	}, []string{"by", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "request_seconds", Help: "Time until a request was answered completely, by who answered.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"by"})
	for i, by := range by {
		for class := range m.requests[i] {
			m.requests[i][class] = requests.WithLabelValues(by, strconv.Itoa(class)+"xx")
		}
		observer, ok := seconds.WithLabelValues(by).(prometheus.Histogram)
		if !ok {
			panic("proxy: a histogram is no histogram")
		}
		m.seconds[i] = observer
	}
	m.registered.MustRegister(requests, seconds)
	m.hellos = m.counters("tls_hellos_total", "TLS handshakes begun, by what the name was.", "name", "served", "unknown", "challenge")
	m.attempts = m.counters("certificate_attempts_total", "Attempts to obtain or renew a certificate, by how they ended.", "result", "obtained",
		"renewed", "failed", "postponed")
	m.refusals = m.counters("connections_refused_total", "Connections given up before or because of what came on them, by the reason: crowd and "+
		"handshakes are limits, malformed is a request that could be read in two ways, frames an HTTP/2 connection that carried too little.",
		"reason", "crowd", "handshakes", "proxy_header", "stranger", "tls", "frames", "malformed")
	failures := m.counters("upstream_failures_total", "Requests that no upstream answered, by the reason.", "reason",
		"unreachable", "slow", "body", "slow_body", "gone", "too_large", "maintenance")
	m.upstreams = map[upstream.Failure]prometheus.Counter{
		upstream.Unreachable: failures["unreachable"], upstream.TooSlow: failures["slow"], upstream.BadBody: failures["body"],
		upstream.SlowBody: failures["slow_body"], upstream.Gone: failures["gone"],
		upstream.TooLarge: failures["too_large"], upstream.Maintenance: failures["maintenance"],
	}
	return m
}

// counters makes one counter for each value of a label.
func (m *metrics) counters(name, help, label string, values ...string) map[string]prometheus.Counter {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.registered.MustRegister(vec)
	all := make(map[string]prometheus.Counter, len(values))
	for _, v := range values {
		all[v] = vec.WithLabelValues(v)
	}
	return all
}

// Gauge is a number that is asked for when somebody looks at the metrics. Its name stands behind deskgate_.
type Gauge struct {
	Name, Help string
	Value      func() float64
}

// gauge shows a number that is asked for when somebody looks.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.registered.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
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

func (m *metrics) answered(forwarded bool, status int, took time.Duration) {
	i := 0
	if forwarded {
		i = 1
	}
	class := status / 100
	if class >= len(m.requests[i]) {
		class = 0
	}
	m.requests[i][class].Inc()
	m.seconds[i].Observe(took.Seconds())
}

// watched answers on --metrics: numbers, whether the process lives, and whether it wants requests.
func (s *Server) watched() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
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
