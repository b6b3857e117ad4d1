package proxy

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskgate/deskgate/proxy/upstream"
)

// shownUpstreams is how many upstreams the metrics tell apart, the first by their URLs. All others are together the empty one.
const shownUpstreams = 256

// upstreamStates show how each upstream is.
type upstreamStates struct {
	all                          func() []upstream.State
	up, running, answers, broken *prometheus.Desc
}

func (m *metrics) watchUpstreams(p *upstream.Proxy) {
	m.gauge("upstreams", "Upstreams that routes name.", func() float64 { return float64(p.Summary().Upstreams) })
	m.gauge("upstreams_unfit", "Upstreams that are down by their health check, or rest.", func() float64 { return float64(p.Summary().Unfit) })
	m.total("upstream_retries_total", "Requests that were sent to another upstream.", func() float64 { return float64(p.Summary().Retries) })
	by := []string{"upstream"}
	m.registered.MustRegister(&upstreamStates{
		all:     p.All,
		up:      prometheus.NewDesc("upstream_up", "1, or 0 while the upstream is down by its health check, or rests.", by, nil),
		running: prometheus.NewDesc("upstream_requests_running", "Requests that are under way to the upstream.", by, nil),
		answers: prometheus.NewDesc("upstream_answers_total", "Requests that the upstream answered.", by, nil),
		broken:  prometheus.NewDesc("upstream_broken_total", "Requests that the upstream did not answer, or not to the end.", by, nil),
	})
}

// Describe implements [prometheus.Collector].
func (u *upstreamStates) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{u.up, u.running, u.answers, u.broken} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (u *upstreamStates) Collect(to chan<- prometheus.Metric) {
	for _, s := range together(u.all()) {
		fit := s.Health != "down" && s.Health != "resting"
		to <- prometheus.MustNewConstMetric(u.up, prometheus.GaugeValue, flag(fit), s.Upstream)
		to <- prometheus.MustNewConstMetric(u.running, prometheus.GaugeValue, float64(s.UnderWay), s.Upstream)
		to <- prometheus.MustNewConstMetric(u.answers, prometheus.CounterValue, float64(s.Answered), s.Upstream)
		to <- prometheus.MustNewConstMetric(u.broken, prometheus.CounterValue, float64(s.Failed), s.Upstream)
	}
}

// together has each upstream once, and those that are too many as one. Of states that differ the worst counts.
func together(sorted []upstream.State) []upstream.State {
	var all []upstream.State
	for _, s := range sorted {
		last := len(all) - 1
		if last+1 >= shownUpstreams && s.Upstream != all[last].Upstream {
			s.Upstream = ""
		}
		if last < 0 || all[last].Upstream != s.Upstream {
			all = append(all, s)
			continue
		}
		sum := &all[last]
		sum.UnderWay, sum.Answered, sum.Failed = sum.UnderWay+s.UnderWay, sum.Answered+s.Answered, sum.Failed+s.Failed
		if s.Health == "down" || s.Health == "resting" {
			sum.Health = s.Health
		}
	}
	return all
}
