package upstream

import (
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// target is one upstream and what is known about its health. It is shared by all routes that name it.
type target struct {
	url *url.URL

	turn     atomic.Uint64 // of a route that begins with this target
	failures atomic.Int32  // in a row
	restsTo  atomic.Int64  // unix milliseconds; not asked before, if there is another one
}

const (
	// tolerance is how many failures in a row are taken for bad luck.
	tolerance = 3
	// rest is for how long a target that fails is left alone.
	rest = 10 * time.Second
)

func (t *target) resting(now time.Time) bool { return t.restsTo.Load() > now.UnixMilli() }

func (t *target) worked() {
	if t.failures.Load() != 0 {
		t.failures.Store(0)
		t.restsTo.Store(0)
	}
}

func (t *target) failed(now time.Time) {
	if t.failures.Add(1) >= tolerance {
		t.restsTo.Store(now.Add(rest).UnixMilli())
	}
}

// target finds the shared state of an upstream, which is parsed the first time it is named.
func (p *Proxy) target(raw string) (*target, error) {
	if t, ok := p.targets.Load(raw); ok {
		return t.(*target), nil //nolint:errcheck,forcetypeassert // nothing else is ever stored there
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("upstream %q is not an http or https URL", raw)
	}
	t, _ := p.targets.LoadOrStore(raw, &target{url: u})
	return t.(*target), nil //nolint:errcheck,forcetypeassert // see above
}

// candidates are the route's targets in the order in which a request may try them: each begins in turn, those that rest come
// last. They are appended to fit.
func (p *Proxy) candidates(r *tenant.Route, fit []*target) ([]*target, error) {
	first, err := p.target(r.Upstreams[0])
	if err != nil || len(r.Upstreams) == 1 {
		return append(fit, first), err
	}
	now, n := time.Now(), len(r.Upstreams)
	start := int(first.turn.Add(1) % uint64(n))
	var resting []*target
	for i := range n {
		t, err := p.target(r.Upstreams[(start+i)%n])
		if err != nil {
			return nil, err
		}
		if t.resting(now) {
			resting = append(resting, t)
		} else {
			fit = append(fit, t)
		}
	}
	return append(fit, resting...), nil
}
