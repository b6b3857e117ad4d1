package badger

import (
	"context"
	"sync"
	"time"
)

// gate counts the calls that use the database. It can be shut for a moment, to exchange the database while nobody
// does, and for good.
type gate struct {
	mu     sync.Mutex
	users  int
	shut   chan struct{} // newcomers wait until it is closed; nil: they need not wait
	empty  chan struct{} // closed when the last user leaves; nil: nobody waits for that
	reason error         // why newcomers are turned away for good
}

// enter admits a call, which then has to leave, or says why not.
func (g *gate) enter(ctx context.Context) error {
	for {
		g.mu.Lock()
		reason, shut := g.reason, g.shut
		if reason == nil && shut == nil {
			g.users++
		}
		g.mu.Unlock()
		if reason != nil || shut == nil {
			return reason
		}
		select {
		case <-shut:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// alone calls fn while there is no user and newcomers wait. If the users there are do not leave in time, it lets the
// newcomers in, for a user may wait for one of them, and returns false.
func (g *gate) alone(patience time.Duration, fn func()) bool {
	shut := make(chan struct{})
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut, g.empty = nil, nil
		close(shut)
	}()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-g.emptied():
		fn()
		return true
	case <-wait.C:
		return false
	}
}

// emptied returns a channel that is closed as soon as there is no user.
func (g *gate) emptied() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	empty := make(chan struct{})
	if g.users == 0 {
		close(empty)
	} else {
		g.empty = empty
	}
	return empty
}

// refuse turns newcomers away from now on. The first reason counts.
func (g *gate) refuse(reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == nil {
		g.reason = reason
	}
}
