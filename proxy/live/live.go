// Package live looks at traffic while somebody watches: how many requests each host gets, how they end and how long they take.
//
// It costs nothing while nobody does, and what it holds is gone with whoever watched. Numbers for later are the metrics'.
package live

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Request is what was seen of one.
type Request struct {
	// Host is one that is served here; empty: none.
	Host, Tenant string
	Status       int
	Bytes        int64
	Took         time.Duration
	// Forwarded says that an upstream was to answer.
	Forwarded bool
}

// Row is what one host got, or all together.
type Row struct {
	Host   string `json:"host"`
	Tenant string `json:"tenant"`

	Requests  uint64 `json:"requests"`
	Forwarded uint64 `json:"forwarded"`
	// Failed were answered with 5xx, Refused with 4xx.
	Failed  uint64 `json:"failed"`
	Refused uint64 `json:"refused"`
	Bytes   int64  `json:"bytes"`
	// P50 and P99 are how long the faster half, and all but one in a hundred, took at most, in seconds and within a fifth.
	P50 float64 `json:"p50_seconds"`
	P99 float64 `json:"p99_seconds"`
}

// Traffic is what was seen within some time.
type Traffic struct {
	Seconds float64 `json:"seconds"`
	All     Row     `json:"all"`
	// Hosts are those that got requests, the busiest first. Beyond so many as anybody reads, all others are the row without a host.
	Hosts []Row `json:"hosts"`
}

// Watchers are those who look. The zero value has none.
type Watchers struct {
	all atomic.Pointer[[]*watch] // is replaced, never changed; nil: nobody looks
	mu  sync.Mutex
}

// mostHosts is how many a watch tells apart.
const mostHosts = 5000

// Saw tells them of a request.
func (w *Watchers) Saw(r *Request) {
	all := w.all.Load()
	if all == nil {
		return
	}
	for _, one := range *all {
		one.saw(r)
	}
}

// Look says whether there are any.
func (w *Watchers) Look() bool { return w.all.Load() != nil }

// Watch looks for so long, and says what there was.
func (w *Watchers) Watch(ctx context.Context, within time.Duration) (Traffic, error) {
	one := &watch{hosts: make(map[string]*counts)}
	begin := time.Now()
	w.change(func(all []*watch) []*watch { return append(all, one) })
	wait := time.NewTimer(within)
	defer wait.Stop()
	var err error
	select {
	case <-wait.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.change(func(all []*watch) []*watch { return slices.DeleteFunc(all, func(o *watch) bool { return o == one }) })
	return one.traffic(time.Since(begin)), err
}

func (w *Watchers) change(edit func([]*watch) []*watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var now []*watch
	if all := w.all.Load(); all != nil {
		now = slices.Clone(*all)
	}
	if now = edit(now); len(now) == 0 {
		w.all.Store(nil)
		return
	}
	w.all.Store(&now)
}

// watch is one look.
type watch struct {
	mu    sync.Mutex
	all   counts
	hosts map[string]*counts
}

func (w *watch) saw(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.add(r)
	c := w.hosts[r.Host]
	if c == nil {
		host := r.Host
		if len(w.hosts) >= mostHosts {
			host = ""
		}
		if c = w.hosts[host]; c == nil {
			c = &counts{row: Row{Host: host}}
			if host != "" {
				c.row.Tenant = r.Tenant
			}
			w.hosts[host] = c
		}
	}
	c.add(r)
}

func (w *watch) traffic(took time.Duration) Traffic {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := Traffic{Seconds: took.Seconds(), All: w.all.sum(), Hosts: make([]Row, 0, len(w.hosts))}
	for _, c := range w.hosts {
		t.Hosts = append(t.Hosts, c.sum())
	}
	slices.SortFunc(t.Hosts, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Host, b.Host))
	})
	return t
}

// counts are those of a row. Times are counted in steps of a quarter of a power of two.
type counts struct {
	row   Row
	times [4 * 40]uint32
}

func (c *counts) add(r *Request) {
	c.row.Requests++
	c.row.Bytes += r.Bytes
	if r.Forwarded {
		c.row.Forwarded++
	}
	switch r.Status / 100 {
	case 4:
		c.row.Refused++
	case 5:
		c.row.Failed++
	}
	c.times[min(step(r.Took), len(c.times)-1)]++
}

// step is in which of the steps a time is.
func step(d time.Duration) int {
	us := uint64(max(0, d.Microseconds())) + 4
	power := bits.Len64(us) - 1
	return (power-2)*4 + int(us>>(power-2)&3)
}

// bound is where a step ends, in seconds.
func bound(step int) float64 {
	return float64(uint64(4+step%4+1)<<(step/4)-4) / 1e6
}

func (c *counts) sum() Row {
	r := c.row
	r.P50, r.P99 = c.quantile(50), c.quantile(99)
	return r
}

func (c *counts) quantile(hundredths uint64) float64 {
	rank, seen := (c.row.Requests*hundredths+99)/100, uint64(0)
	for i, n := range c.times {
		if seen += uint64(n); n > 0 && seen >= rank {
			return bound(i)
		}
	}
	return 0
}
