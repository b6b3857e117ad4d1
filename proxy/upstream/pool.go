package upstream

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// pool is the targets of one route, and how to choose among them. It never changes but for its counters: a route that is
// changed gets a new one, and requests under way keep the old.
type pool struct {
	targets []*target
	weights []int // one for each target
	balance tenant.Balance
	sticky  bool

	turns  []uint8 // the order of round robin: indexes of targets, as often as their weights say
	turn   atomic.Uint64
	budget budget
}

func newPool(r *tenant.Route, targets []*target) *pool {
	p := &pool{targets: targets, weights: r.Weights, balance: r.Balance, sticky: r.Sticky}
	if len(p.weights) != len(targets) {
		p.weights = slices.Repeat([]int{1}, len(targets))
	}
	p.turns = interleaved(p.weights)
	return p
}

// interleaved is an order in which each index comes as often as its weight says, spread as evenly as can be: 3 and 1 are
// 0 0 1 0, and not 0 0 0 1.
func interleaved(weights []int) []uint8 {
	total, divisor := 0, 0
	for _, w := range weights {
		total, divisor = total+w, common(divisor, w)
	}
	if divisor == 0 {
		return nil
	}
	credit := make([]int, len(weights))
	turns := make([]uint8, 0, total/divisor)
	for range total / divisor {
		best := -1
		for i, w := range weights {
			if credit[i] += w; w > 0 && (best < 0 || credit[i] > credit[best]) {
				best = i
			}
		}
		credit[best] -= total
		turns = append(turns, uint8(best))
	}
	return turns
}

// common is the greatest common divisor.
func common(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// State is what is known about one upstream of a route.
type State struct {
	Upstream string
	Weight   int
	// Health is "up" or "down" as its health check found, "resting" after it failed visitors, "returning" while it gets its
	// share back, "unknown" before the first check, and "unchecked" where nothing speaks against it and nobody asks.
	Health string
	// Reason is why it is down or rests; empty otherwise.
	Reason string
	// UnderWay is how many requests it has at the moment, of all routes that name it.
	UnderWay int64
	// Answered and Failed count requests of visitors since the node knows it: those that it answered, and those that it did not,
	// or not to their end.
	Answered, Failed uint64
}

// Summary is how all upstreams are together.
type Summary struct {
	Upstreams int   // that routes name
	Unfit     int   // of these: down, or resting
	UnderWay  int64 // requests
	Retries   uint64
}

// Summary counts.
func (p *Proxy) Summary() Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Summary{Upstreams: len(p.targets), Retries: p.retries.Load()}
	now := time.Now()
	for _, t := range p.targets {
		s.UnderWay += t.load.Load()
		if t.condition.fitness(now) == 0 {
			s.Unfit++
		}
	}
	return s
}

// States are the upstreams of a route, in its order; nil if the route is not known here.
func (p *Proxy) States(r *tenant.Route) []State {
	known, ok := p.pools.Load(r)
	if !ok {
		return nil
	}
	var states []State
	now := time.Now()
	pool := known.(*pool) //nolint:errcheck,forcetypeassert // nothing else is in there
	for i, t := range pool.targets {
		s := t.state(now)
		s.Weight = pool.weights[i]
		states = append(states, s)
	}
	return states
}

func (t *target) state(now time.Time) State {
	s := State{Upstream: t.spec.url, UnderWay: t.load.Load(), Answered: t.answered.Load(), Failed: t.broken.Load()}
	s.Health, s.Reason = t.condition.words(now)
	return s
}

// All are all upstreams that routes name, by their URL. What routes know under several time-outs or checks is there several
// times.
func (p *Proxy) All() []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	states := make([]State, 0, len(p.targets))
	for _, t := range p.targets {
		states = append(states, t.state(now))
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Upstream, b.Upstream) })
	return states
}
