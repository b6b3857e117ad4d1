package outbox

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// agenda says which tenants have something to do, and when. What it forgets is found again in the store.
type agenda struct {
	most int // workers for one tenant

	mu      sync.Mutex
	due     map[tenant.ID]time.Time
	busy    map[tenant.ID]int
	changed chan struct{} // holds one: something was noted
}

func newAgenda(most int) *agenda {
	return &agenda{most: most, due: map[tenant.ID]time.Time{}, busy: map[tenant.ID]int{}, changed: make(chan struct{}, 1)}
}

// note has a tenant looked at no later than at.
func (a *agenda) note(id tenant.ID, at time.Time) {
	a.mu.Lock()
	if before, noted := a.due[id]; !noted || at.Before(before) {
		a.due[id] = at
	}
	a.mu.Unlock()
	a.poke()
}

func (a *agenda) poke() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// next waits until a tenant has something to do and a worker free, and takes it; release gives the worker back. False: ctx ended.
func (a *agenda) next(ctx context.Context) (tenant.ID, bool) {
	for {
		if ctx.Err() != nil { // also with more to do
			return "", false
		}
		id, wait := a.take(time.Now())
		if wait == 0 {
			return id, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", false
		case <-a.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take takes the tenant that has been due for longest, or says how long there is nothing to do.
func (a *agenda) take(now time.Time) (first tenant.ID, wait time.Duration) {
	const longest = time.Hour
	a.mu.Lock()
	defer a.mu.Unlock()
	at := now.Add(longest)
	for id, due := range a.due {
		if due.Before(at) && a.busy[id] < a.most {
			first, at = id, due
		}
	}
	if wait = at.Sub(now); wait > 0 {
		return "", wait
	}
	delete(a.due, first)
	a.busy[first]++
	return first, 0
}

func (a *agenda) release(id tenant.ID) {
	a.mu.Lock()
	if a.busy[id]--; a.busy[id] == 0 {
		delete(a.busy, id)
	}
	a.mu.Unlock()
	a.poke()
}

// tenants are those that have something to do, now or later.
func (a *agenda) tenants() []tenant.ID {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.AppendSeq(slices.Collect(maps.Keys(a.due)), maps.Keys(a.busy))
	slices.Sort(all)
	return slices.Compact(all)
}

// under is how many items are being delivered.
func (a *agenda) under() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, workers := range a.busy {
		n += workers
	}
	return n
}
