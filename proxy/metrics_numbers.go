package proxy

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskgate/deskgate/storage"
)

// Number is asked for when somebody looks at the metrics. Its name stands behind deskgate_.
type Number struct {
	Name, Help string
	Total      bool // it only grows
	Value      func() float64
	// Label is what Values are by, instead of Value: few of them, and none that a visitor chooses.
	Label  string
	Values func() map[string]float64
}

// show has the metrics ask for a number.
func (m *metrics) show(n Number) { m.registered.MustRegister(number{n}) }

// number is a Number as Prometheus asks for it.
type number struct{ Number }

func (n number) desc() *prometheus.Desc {
	var labels []string
	if n.Label != "" {
		labels = []string{n.Label}
	}
	return prometheus.NewDesc(n.Name, n.Help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (n number) Describe(to chan<- *prometheus.Desc) { to <- n.desc() }

// Collect implements [prometheus.Collector].
func (n number) Collect(to chan<- prometheus.Metric) {
	kind := prometheus.GaugeValue
	if n.Total {
		kind = prometheus.CounterValue
	}
	if n.Label == "" {
		to <- prometheus.MustNewConstMetric(n.desc(), kind, n.Value())
		return
	}
	values := n.Values()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		to <- prometheus.MustNewConstMetric(n.desc(), kind, values[name], name)
	}
}

// latencies show how long the store's transactions took.
type latencies struct {
	store *storage.Store
	desc  *prometheus.Desc
}

func (m *metrics) watchStore(s *storage.Store) {
	m.registered.MustRegister(&latencies{s, prometheus.NewDesc("store_seconds",
		"Time of the store's transactions, by whether they write; what was done inside of them is part of it.", []string{"kind"}, nil)})
	m.show(Number{
		Name: "store_failures_total", Help: "Transactions that failed for the store's reasons.", Total: true, Label: "kind",
		Values: func() map[string]float64 {
			return map[string]float64{"read": float64(s.Reads().Failed), "write": float64(s.Writes().Failed)}
		},
	})
	m.gauge("store_writable", "1, or 0 while the store takes no changes.", func() float64 { return flag(s.Health() == nil) })
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Describe implements [prometheus.Collector].
func (l *latencies) Describe(to chan<- *prometheus.Desc) { to <- l.desc }

// Collect implements [prometheus.Collector].
func (l *latencies) Collect(to chan<- prometheus.Metric) {
	for kind, state := range map[string]storage.Latency{"read": l.store.Reads(), "write": l.store.Writes()} {
		buckets := make(map[float64]uint64, len(state.Within))
		for _, b := range state.Within {
			buckets[b.Bound.Seconds()] = b.Count
		}
		to <- prometheus.MustNewConstHistogram(l.desc, state.Count, state.Sum.Seconds(), buckets, kind)
	}
}
