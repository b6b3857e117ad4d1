package upstream

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

const (
	// tolerance is how many failures in a row are taken for bad luck.
	tolerance = 3
	// rest is for how long a target that fails is left alone.
	rest = 10 * time.Second
	// slowStart is how long a target that comes back takes to get its whole share: its caches are cold.
	slowStart = 20 * time.Second
	// leastShare is what it begins with.
	leastShare = 0.1
	// doubt is the share of a target that nobody has asked yet, beside others that are known to be well.
	doubt = 0.05

	askInterval, askTime = 10 * time.Second, 5 * time.Second
	wellLeast, wellMost  = 200, 399
	// convincing is how many answers in a row change what is thought of a target; its first one does so alone.
	convincing = 2
	// firstAsk is within which time a new target is asked: not all at once where there are many.
	firstAsk = 250 * time.Millisecond
)

func withDefaults(h tenant.Health) tenant.Health {
	if h.Path == "" {
		return tenant.Health{}
	}
	h.Interval, h.Timeout = cmp.Or(h.Interval, askInterval), cmp.Or(h.Timeout, askTime)
	if h.Least == 0 && h.Most == 0 {
		h.Least, h.Most = wellLeast, wellMost
	}
	return h
}

// verdict is what the health check found.
type verdict int32

const (
	unchecked verdict = iota // there is none
	unknown                  // it has not asked yet
	up
	down
)

// condition is how a target is, by its health check and by how visitors fared.
type condition struct {
	checked  atomic.Int32 // a verdict
	failures atomic.Int32 // visitors' requests that failed, in a row
	restsTo  atomic.Int64 // unix milliseconds; not asked before, if there is another one
	backAt   atomic.Int64 // unix milliseconds, when it came back last; 0: it was never away
	reason   atomic.Pointer[string]
}

// inherit takes over what is known about another one.
func (c *condition) inherit(from *condition) {
	c.checked.Store(from.checked.Load())
	c.failures.Store(from.failures.Load())
	c.restsTo.Store(from.restsTo.Load())
	c.backAt.Store(from.backAt.Load())
	c.reason.Store(from.reason.Load())
}

// fitness is the share of its requests that a target should get: 0 is none, 1 all of them.
func (c *condition) fitness(now time.Time) float64 {
	at := now.UnixMilli()
	v := verdict(c.checked.Load())
	if v == down || c.restsTo.Load() > at {
		return 0
	}
	if v == unknown {
		return doubt
	}
	back := c.backAt.Load()
	if back == 0 {
		return 1
	}
	return min(1, max(leastShare, float64(at-back)/float64(slowStart.Milliseconds())))
}

// worked notes that a visitor's request was answered.
func (c *condition) worked() {
	if c.failures.Load() == 0 {
		return
	}
	c.failures.Store(0)
	if now := time.Now().UnixMilli(); c.restsTo.Swap(0) > now {
		c.backAt.Store(now)
	}
}

// failed notes that one was not, and says whether that has the target rest.
func (c *condition) failed(now time.Time, err error) bool {
	if c.failures.Add(1) < tolerance {
		return false
	}
	reason := err.Error()
	c.reason.Store(&reason)
	to := now.Add(rest).UnixMilli()
	c.backAt.Store(to)
	return c.restsTo.Swap(to) <= now.UnixMilli()
}

// words are the state and its reason, as [State] has them.
func (c *condition) words(now time.Time) (health, reason string) {
	v, f := verdict(c.checked.Load()), c.fitness(now)
	if why := c.reason.Load(); why != nil && f == 0 {
		reason = *why
	}
	switch {
	case v == down:
		return "down", reason
	case f == 0:
		return "resting", reason
	case v == unknown:
		return "unknown", ""
	case f < 1:
		return "returning", ""
	case v == up:
		return "up", ""
	}
	return "unchecked", ""
}

// checks are the health checks that run.
type checks struct {
	stops map[*target]context.CancelFunc
}

// start begins to ask a target that is not asked yet.
func (c *checks) start(ctx context.Context, p *Proxy, t *target, asking *sync.WaitGroup) {
	if c.stops[t] != nil {
		return
	}
	if c.stops == nil {
		c.stops = make(map[*target]context.CancelFunc)
	}
	ctx, c.stops[t] = context.WithCancel(ctx)
	t.condition.checked.CompareAndSwap(int32(unchecked), int32(unknown))
	asking.Go(func() { p.watch(ctx, t) })
}

// stop ends to ask a target.
func (c *checks) stop(t *target) {
	if end := c.stops[t]; end != nil {
		end()
		delete(c.stops, t)
	}
}

// watch asks a target how it is, until ctx ends.
func (p *Proxy) watch(ctx context.Context, t *target) {
	every := t.spec.health.Interval
	wait := time.NewTimer(rand.N(min(every, firstAsk))) //nolint:gosec // no secret
	defer wait.Stop()
	streak := 0 // answers in a row that spoke for it, or below 0 against it
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		err := t.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			streak = max(streak, 0) + 1
		} else {
			streak = min(streak, 0) - 1
		}
		p.judge(ctx, t, streak, err)
		wait.Reset(every - every/20 + rand.N(every/10)) //nolint:gosec // see above
	}
}

// ask makes one check. Nil: the target is well.
func (t *target) ask(ctx context.Context) error {
	h := t.spec.health
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	u, err := url.ParseRequestURI(h.Path)
	if err != nil {
		return err
	}
	req := (&http.Request{
		Method: http.MethodGet, Header: http.Header{"User-Agent": {"Deskgate health check"}}, Host: t.url.Host,
	}).WithContext(ctx)
	address(req, t, u, false)
	res, err := t.roundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxHeader) // so that the connection can be used again
	if res.StatusCode < h.Least || res.StatusCode > h.Most {
		return fmt.Errorf("the health check was answered with %d", res.StatusCode)
	}
	return nil
}

// judge changes what is thought of a target when its answers are convincing.
func (p *Proxy) judge(ctx context.Context, t *target, streak int, err error) {
	c := &t.condition
	was := verdict(c.checked.Load())
	switch enough := was == unknown || streak >= convincing || -streak >= convincing; {
	case enough && streak > 0 && was != up:
		if was == down {
			c.backAt.Store(time.Now().UnixMilli())
		}
		c.checked.Store(int32(up))
		p.options.Log.InfoContext(ctx, "upstream is up", "upstream", t.spec.url)
	case enough && streak < 0:
		reason := err.Error()
		c.reason.Store(&reason)
		if was != down {
			c.checked.Store(int32(down))
			p.options.Log.WarnContext(ctx, "upstream is down", "upstream", t.spec.url, "error", err)
		}
	}
}
