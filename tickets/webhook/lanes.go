package webhook

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// laneWidth is how many messages are on their way to one receiver at once.
	laneWidth = 4
	// laneWait is how long a message waits for those before it. Where none has arrived by then the receiver hangs, and its messages make
	// way for those of others for lanePause.
	laneWait  = time.Second
	lanePause = 5 * time.Second
)

// lanes keep receivers apart: one that does not answer takes up laneWidth of its tenant's workers, and not all of them.
type lanes struct {
	mu  sync.Mutex
	all map[string]*lane // by webhook; an empty lane is not there
}

type lane struct {
	begun []time.Time   // the oldest first
	left  chan struct{} // closed, and another one, whenever a message has left
}

func newLanes() *lanes { return &lanes{all: map[string]*lane{}} }

// enter waits until there is room for one more message to a webhook. The function that it returns is called when the message is
// through. False: the receiver hangs, or the context has ended.
func (l *lanes) enter(ctx context.Context, hook string) (leave func(), free bool) {
	for ctx.Err() == nil {
		now := time.Now()
		wait, left := l.take(hook, now)
		if left == nil {
			return func() { l.leave(hook, now) }, true
		}
		if wait <= 0 {
			return nil, false
		}
		select {
		case <-left:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil, false
}

// take takes a place in the lane, or says what to wait for, and how long.
func (l *lanes) take(hook string, now time.Time) (wait time.Duration, left chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.all[hook]
	if one == nil {
		one = &lane{left: make(chan struct{})}
		l.all[hook] = one
	}
	if len(one.begun) < laneWidth {
		one.begun = append(one.begun, now)
		return 0, nil
	}
	return laneWait - now.Sub(one.begun[0]), one.left
}

// leave gives back the place of a message that entered at this time.
func (l *lanes) leave(hook string, entered time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.all[hook]
	close(one.left)
	one.left = make(chan struct{})
	i := slices.IndexFunc(one.begun, entered.Equal)
	if one.begun = slices.Delete(one.begun, i, i+1); len(one.begun) == 0 {
		delete(l.all, hook)
	}
}
