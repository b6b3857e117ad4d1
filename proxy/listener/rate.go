package listener

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// Rate bounds how often each client may do something. It takes half a MiB, however many clients there are: two of them may
// share a budget, at odds that nobody outside can better.
type Rate struct {
	each   time.Duration // what one time costs
	ahead  time.Duration // how far the costs may be ahead of time
	seed   maphash.Seed
	begin  time.Time
	budget [1 << 16]atomic.Int64 // when all of a client's costs are paid for, counted from begin
}

// NewRate returns a Rate of so many times a second, or so many at once by a client that has waited.
func NewRate(perSecond, burst int) *Rate {
	each := time.Second / time.Duration(perSecond)
	return &Rate{each: each, ahead: each * time.Duration(burst), seed: maphash.MakeSeed(), begin: time.Now()}
}

// Spend counts n times, and says whether the client had any left before.
func (r *Rate) Spend(a netip.Addr, n int) bool {
	slot := &r.budget[maphash.Comparable(r.seed, Client(a))%uint64(len(r.budget))]
	for {
		now, paid := int64(time.Since(r.begin)), slot.Load()
		if paid-now > int64(r.ahead) {
			return false
		}
		if slot.CompareAndSwap(paid, max(paid, now)+int64(r.each)*int64(n)) {
			return true
		}
	}
}
