package listener

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// Crowd counts open connections, of each client and of all together. All listeners of a node share one.
type Crowd struct {
	perClient int

	total, all atomic.Int64
	mu         sync.Mutex
	open       map[netip.Addr]int
}

// NewCrowd returns a Crowd with room for so many connections in total, and so many of one client.
func NewCrowd(total, perClient int) *Crowd {
	c := &Crowd{perClient: perClient, open: make(map[netip.Addr]int)}
	c.Resize(total)
	return c
}

// Resize changes how much room there is in total. Whoever is in stays.
func (c *Crowd) Resize(total int) { c.total.Store(int64(total)) }

// Enter counts a connection, and says no where there is no room for it. The zero address counts for the total alone.
func (c *Crowd) Enter(a netip.Addr) bool {
	a = Client(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all.Load() >= c.total.Load() || a.IsValid() && c.open[a] >= c.perClient {
		return false
	}
	c.all.Add(1)
	if a.IsValid() {
		c.open[a]++
	}
	return true
}

// Leave takes a connection off that Enter has let in.
func (c *Crowd) Leave(a netip.Addr) {
	a = Client(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.Add(-1)
	if !a.IsValid() {
		return
	}
	if c.open[a]--; c.open[a] == 0 {
		delete(c.open, a)
	}
}

// Open is how many connections there are.
func (c *Crowd) Open() int { return int(c.all.Load()) }

// Room is how many there may be.
func (c *Crowd) Room() int { return int(c.total.Load()) }

// Narrow says whether room is running out, so that clients had better not keep connections that they don't use.
func (c *Crowd) Narrow() bool {
	total := c.total.Load()
	return c.all.Load() > total-total/4
}

// Client is what counts as one client: an IPv4 address, or an IPv6 /64.
func Client(a netip.Addr) netip.Addr {
	if !a.Is6() || a.Is4In6() {
		return a.Unmap()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
