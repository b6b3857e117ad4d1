package domain

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/deskgate/deskgate/tenant"
)

// investigate finds out about a host, in bounded time, and judges the claims to it. What DNS says by itself is asked first; what is
// worth asking then depends on it.
func (r *Registry) investigate(ctx context.Context, c *contest) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	s := &sight{views: r.views(ctx, c.host)}
	c.judge(s)
	var wg sync.WaitGroup
	wg.Go(func() { r.explore(ctx, c, s) })
	if i := slices.IndexFunc(s.views, func(e *evidence) bool { return e.texts.err == nil }); i >= 0 && c.wanting() {
		wg.Go(func() { s.slips = r.lookForSlips(ctx, c, s.views[i]) })
	}
	wg.Wait()
	c.judge(s)
}

// views asks all resolvers that have a vote at once.
func (r *Registry) views(ctx context.Context, host tenant.Host) []*evidence {
	members := []Resolver{r.options.Resolver}
	if p, ok := r.options.Resolver.(*panel); ok {
		members = members[:0]
		for _, m := range p.members {
			members = append(members, m)
		}
	}
	all := make([]*evidence, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() { all[i] = gather(ctx, m, host) })
	}
	wg.Wait()
	return all
}

// explore finds out whether visitors arrive where the records don't tell: whether the addresses are those of the tenants' target,
// which is what providers make of an alias at the top of a zone; and else, for who has proved the host, by a probe.
func (r *Registry) explore(ctx context.Context, c *contest, s *sight) {
	i := slices.IndexFunc(s.views, func(e *evidence) bool { return len(e.addresses.found) > 0 })
	if i < 0 {
		return
	}
	e, first := s.views[i], c.rivals[0]
	foreign := func() []netip.Addr {
		return slices.DeleteFunc(slices.Clone(e.addresses.found), func(a netip.Addr) bool { return slices.Contains(first.known(s), a) })
	}
	if here, _ := first.points(e.aliases.found); here || len(foreign()) == 0 {
		return
	}
	// If it can't be asked, no address is known to be ours: then the probe tells.
	s.home, _ = r.options.Resolver.Addresses(ctx, string(first.targets[0]))
	at := foreign()
	proved := slices.ContainsFunc(c.rivals, func(it rival) bool { return it.finding.proved })
	if len(at) > 0 && proved {
		s.echo = r.probe(ctx, c.host, at)
	}
}
