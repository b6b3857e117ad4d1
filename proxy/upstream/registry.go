package upstream

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// settle is how long changes of routes are gathered: whoever imports a thousand of them does not have all looked through a
// thousand times. Requests do not wait for it.
const settle = 20 * time.Millisecond

// pool finds the pool of a route; a route that is new here gets one.
func (p *Proxy) pool(r *tenant.Route) (*pool, error) {
	if known, ok := p.pools.Load(r); ok {
		return known.(*pool), nil //nolint:errcheck,forcetypeassert // nothing else is in there
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	made, err := p.build(r)
	if err == nil {
		select {
		case p.stray <- struct{}{}: // the route may be one of yesterday's, of a request that took its time
		default:
		}
	}
	return made, err
}

// build makes the pool of a route that has none. The caller holds p.mu.
func (p *Proxy) build(r *tenant.Route) (*pool, error) {
	if known, ok := p.pools.Load(r); ok {
		return known.(*pool), nil //nolint:errcheck,forcetypeassert // see above
	}
	targets := make([]*target, 0, len(r.Upstreams))
	for _, upstream := range r.Upstreams {
		s := specOf(r, upstream)
		t := p.targets[s]
		if t == nil {
			var err error
			if t, err = p.newTarget(s); err != nil {
				return nil, err
			}
			p.targets[s] = t
		}
		targets = append(targets, t)
	}
	for _, t := range targets {
		t.routes++
	}
	made := newPool(r, targets)
	p.pools.Store(r, made)
	return made, nil
}

// drop forgets a route, and those of its targets that no other one names. The caller holds p.mu.
func (p *Proxy) drop(r *tenant.Route) {
	known, ok := p.pools.LoadAndDelete(r)
	if !ok {
		return
	}
	for _, t := range known.(*pool).targets { //nolint:errcheck,forcetypeassert // see above
		if t.routes--; t.routes == 0 {
			delete(p.targets, t.spec)
			p.checks.stop(t)
			p.retire(t)
		}
	}
}

// Run follows the changes of routes and asks upstreams how they are, until ctx ends.
func (p *Proxy) Run(ctx context.Context) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	if p.options.Routed == nil {
		<-ctx.Done()
		return nil
	}
	for {
		sites, changed := p.options.Routed()
		p.follow(ctx, sites, &asking)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-p.stray:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
	}
}

// follow makes pools for new routes, drops those of old ones, and begins to ask the targets that want to be asked. New pools
// come first, so that targets that stay are kept.
func (p *Proxy) follow(ctx context.Context, sites iter.Seq[*tenant.Site], asking *sync.WaitGroup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	wanted := make(map[*tenant.Route]bool)
	for site := range sites {
		for i := range site.Routes {
			r := &site.Routes[i]
			wanted[r] = true
			if _, err := p.build(r); err != nil {
				p.options.Log.WarnContext(ctx, "route without upstream", "host", site.Host, "route", r.Prefix, "error", err)
			}
		}
	}
	for r := range p.pools.Range {
		if r := r.(*tenant.Route); !wanted[r] { //nolint:errcheck,forcetypeassert // nothing else is a key
			p.drop(r)
		}
	}
	for _, t := range p.targets {
		if t.spec.health.Path != "" {
			p.checks.start(ctx, p, t, asking)
		}
	}
}

// Close lets go of all upstreams. Requests under way go on.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for r := range p.pools.Range {
		p.drop(r.(*tenant.Route)) //nolint:errcheck,forcetypeassert // nothing else is a key
	}
}
