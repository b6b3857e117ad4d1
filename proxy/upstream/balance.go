package upstream

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// pick chooses the target of the next try among those that were not tried yet; -1: there is none. Those that are fit come
// first, the more surely the longer they have been so. Where none is, those are asked that are not: an answer that fails is no
// worse than none, and what was thought of them may be wrong.
func (p *pool) pick(tried uint64, visitor string) int {
	switch {
	case len(p.targets) == 1 && tried == 0:
		return 0
	case p.sticky:
		return p.pickSticky(tried, visitor)
	case p.balance == tenant.LeastConnections:
		return p.pickLeast(tried)
	}
	return p.pickInTurn(tried)
}

func (p *pool) pickInTurn(tried uint64) int {
	now, n := time.Now(), uint64(len(p.turns))
	start := p.turn.Add(1)
	spare, hope := -1, -1.0
	for i := range n {
		k := int(p.turns[(start+i)%n])
		if tried>>k&1 != 0 {
			continue
		}
		f := p.targets[k].condition.fitness(now)
		if lucky(f) {
			return k
		}
		if f > hope {
			spare, hope = k, f
		}
	}
	return spare
}

// pickLeast draws two of the fit at random and takes the one with less to do for its weight. To compare two is nearly as good
// as to compare all, and does not send everybody to the same one at once.
func (p *pool) pickLeast(tried uint64) int {
	now := time.Now()
	var fit uint64
	spare, hope := -1, -1.0
	for k, t := range p.targets {
		if tried>>k&1 != 0 || p.weights[k] == 0 {
			continue
		}
		f := t.condition.fitness(now)
		if lucky(f) {
			fit |= 1 << k
		}
		if f > hope {
			spare, hope = k, f
		}
	}
	switch bits.OnesCount64(fit) {
	case 0:
		return spare
	case 1:
		return bits.TrailingZeros64(fit)
	}
	a, rest := draw(fit)
	b, _ := draw(rest)
	if p.busy(b, a) < p.busy(a, b) {
		return b
	}
	return a
}

// busy is how much a target has to do for its weight, as it compares to another's.
func (p *pool) busy(k, other int) int64 {
	return (p.targets[k].load.Load() + 1) * int64(p.weights[other])
}

// draw takes one bit out of a set, at random.
func draw(set uint64) (k int, rest uint64) {
	one := set
	for range rand.IntN(bits.OnesCount64(set)) { //nolint:gosec // no secret
		one &= one - 1
	}
	k = bits.TrailingZeros64(one)
	return k, set &^ (1 << k)
}

// lucky says whether a target of that fitness is taken this time.
func lucky(fitness float64) bool {
	return fitness >= 1 || fitness > 0 && rand.Float64() < fitness //nolint:gosec // no secret
}
