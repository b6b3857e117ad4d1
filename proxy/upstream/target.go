package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream/h1"
	"github.com/deskgate/deskgate/tenant"
)

// spec is all that makes a target what it is. Routes that name the same share one target: its connections, its load, and what
// is known about its health.
type spec struct {
	url                   string
	connect, answer, rest time.Duration
	health                tenant.Health
}

func specOf(r *tenant.Route, upstream string) spec {
	s := spec{url: upstream, connect: r.ConnectTimeout, answer: r.Timeout, rest: r.IdleTimeout, health: r.Health}
	if s.connect <= 0 {
		s.connect = connectTime
	}
	if s.answer <= 0 {
		s.answer = answerTime
	}
	if s.rest <= 0 {
		s.rest = restTime
	}
	s.health = withDefaults(s.health)
	return s
}

// target is one upstream.
type target struct {
	spec   spec
	url    *url.URL
	scheme string // of its requests
	seed   uint64 // of rendezvous hashing

	transport *http.Transport
	direct    *h1.Transport // nil unless requests go in the clear
	load      atomic.Int64  // requests under way
	condition condition
	// answered counts visitors' requests that it answered, broken those that it let down.
	answered, broken atomic.Uint64

	routes int // pools that name it; guarded by Proxy.mu
	// life ends some time after the last of all targets with this URL: an upstream whose time-outs are others is still there.
	life context.Context //nolint:containedctx // ends streams that would go on for ever
}

// life is how long streams to a URL go on.
type life struct {
	context.Context //nolint:containedctx // see target.life

	end context.CancelFunc

	// Guarded by Proxy.mu.
	targets int     // that have this URL
	last    *target // of these, what is known about it is the next one's to begin with
}

var errNoURL = errors.New("not an http, https or h2c URL")

func (p *Proxy) newTarget(s spec) (*target, error) {
	u, err := url.Parse(s.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c" {
		return nil, fmt.Errorf("upstream %q: %w", s.url, errNoURL)
	}
	t := &target{spec: s, url: u, scheme: u.Scheme, seed: hash(s.url), transport: p.transport(s, u.Scheme)}
	switch u.Scheme {
	case "http":
		t.direct = p.direct(s, u)
	case "h2c":
		t.scheme = "http"
	}
	l := p.lives[s.url]
	if l == nil {
		l = new(life)
		l.Context, l.end = context.WithCancel(context.Background()) //nolint:gosec // retire calls it
		p.lives[s.url] = l
	}
	if l.last != nil && l.last.spec.health == s.health {
		t.condition.inherit(&l.last.condition)
	}
	l.targets++
	t.life, l.last = l, t
	return t, nil
}

var errStatus = errors.New("the upstream's status is no status")

// roundTrip sends a request and returns the answer.
func (t *target) roundTrip(r *http.Request) (*http.Response, error) {
	by := http.RoundTripper(t.transport)
	if t.direct != nil && r.Body == nil && idempotent(r) {
		by = t.direct
	}
	res, err := by.RoundTrip(r)
	if err == nil && res.StatusCode < http.StatusContinue {
		return nil, errors.Join(errStatus, res.Body.Close())
	}
	return res, err
}

// retire lets go of a target that no route names any more. What is under way goes on. The caller holds p.mu.
func (p *Proxy) retire(t *target) {
	t.transport.CloseIdleConnections() // and those that become idle later
	if t.direct != nil {
		t.direct.CloseIdleConnections()
	}
	l := p.lives[t.spec.url]
	if l.last == t {
		l.last = nil
	}
	if l.targets--; l.targets == 0 {
		delete(p.lives, t.spec.url)
		time.AfterFunc(drainTime, l.end)
	}
}
