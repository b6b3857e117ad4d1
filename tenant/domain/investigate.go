package domain

import (
	"context"
	"fmt"
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
	if c.certifies() {
		wg.Go(func() { s.caa, _ = r.options.Resolver.CAA(ctx, string(c.host)) })
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
// which is what providers make of an alias at the top of a zone; and else, for who has proved the host, by a probe of each set of
// addresses that a resolver tells of, so that none speaks for the others.
func (r *Registry) explore(ctx context.Context, c *contest, s *sight) {
	first := c.rivals[0]
	away := func(e *evidence) []netip.Addr {
		if here, _ := first.points(e.aliases.found); here {
			return nil
		}
		return slices.DeleteFunc(slices.Clone(e.addresses.found), func(a netip.Addr) bool { return slices.Contains(first.known(s), a) })
	}
	if !slices.ContainsFunc(s.views, func(e *evidence) bool { return len(away(e)) > 0 }) {
		return
	}
	// If it can't be asked, no address is known to be ours: then the probe tells.
	s.home, _ = r.options.Resolver.Addresses(ctx, string(first.targets[0]))
	if !slices.ContainsFunc(c.rivals, func(it rival) bool { return it.finding.proved }) {
		return
	}
	alike := map[string][]*evidence{}
	for _, e := range s.views {
		if at := away(e); len(at) > 0 {
			slices.SortFunc(at, netip.Addr.Compare)
			alike[fmt.Sprint(at)] = append(alike[fmt.Sprint(at)], e)
		}
	}
	var wg sync.WaitGroup
	for _, views := range alike {
		wg.Go(func() {
			back := r.probe(ctx, c.host, away(views[0]))
			for _, e := range views {
				e.echo = back
			}
		})
	}
	wg.Wait()
}
