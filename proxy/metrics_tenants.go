package proxy

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskgate/deskgate/tenant"
)

// tenantMetrics count requests by tenant: of so many tenants as fit in, those that come first, and of all others together.
type tenantMetrics struct {
	room     int
	requests *prometheus.CounterVec
	bytes    *prometheus.CounterVec

	known atomic.Pointer[map[tenant.ID]*tenantRow] // is replaced, never changed
	mu    sync.Mutex                               // for whoever replaces it
	rest  *tenantRow
}

type tenantRow struct {
	requests [classes]prometheus.Counter
	bytes    prometheus.Counter
}

// newTenantMetrics makes them for so many tenants; nil if that is none.
func newTenantMetrics(room int, r prometheus.Registerer) *tenantMetrics {
	if room <= 0 {
		return nil
	}
	t := &tenantMetrics{
		room: room,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenant_requests_total", Help: "Requests answered, by tenant and the status's first digit. Tenants beyond --metrics-tenants are together the empty one.",
		}, []string{"tenant", "status"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenant_response_bytes_total", Help: "Bytes of answers' bodies, by tenant as deskgate_tenant_requests_total.",
		}, []string{"tenant"}),
	}
	r.MustRegister(t.requests, t.bytes)
	t.rest = t.row("")
	t.known.Store(&map[tenant.ID]*tenantRow{})
	return t
}

func (t *tenantMetrics) row(slug string) *tenantRow {
	r := &tenantRow{bytes: t.bytes.WithLabelValues(slug)}
	for class := range r.requests {
		r.requests[class] = t.requests.WithLabelValues(slug, statusName(class))
	}
	return r
}

func (t *tenantMetrics) answered(who *tenant.Tenant, class int, bytes int64) {
	if t == nil {
		return
	}
	r, ok := (*t.known.Load())[who.ID]
	if !ok {
		r = t.meet(who)
	}
	r.requests[class].Inc()
	r.bytes.Add(float64(bytes))
}

// meet finds room for a tenant that has not come before.
func (t *tenantMetrics) meet(who *tenant.Tenant) *tenantRow {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := *t.known.Load()
	if r, ok := known[who.ID]; ok {
		return r
	}
	r := t.rest
	if len(known) < t.room {
		r = t.row(who.Slug)
		more := maps.Clone(known)
		more[who.ID] = r
		t.known.Store(&more)
	}
	return r
}
