package h1

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of a Transport. All are required.
type Options struct {
	// Dial connects to the server.
	Dial func(ctx context.Context) (net.Conn, error)
	// Answer is how long a server may take until the header of its answer is there.
	Answer time.Duration
	// Rest is how long it may pause in the middle of an answer.
	Rest time.Duration
	// Idle is how long a connection is kept that is not used, unless the server says that it keeps it for less.
	Idle time.Duration
	// MaxIdle is how many of those there are at most.
	MaxIdle int
	// MaxHeader is the most bytes of an answer's header, interim answers included.
	MaxHeader int
}

// Transport asks one server. It is made by New and safe for concurrent use.
type Transport struct {
	options Options
	readers sync.Pool
	writers sync.Pool

	mu     sync.Mutex // for what follows
	idle   []*conn    // the one used last at the end
	sweep  *time.Timer
	closed bool
}

// New returns a Transport.
func New(o Options) *Transport {
	return &Transport{
		options: o,
		readers: sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }},
		writers: sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }},
	}
}

// Most heads fit, and few bodies are copied twice.
const bufferSize = 4 << 10

// ErrBody means that a request has a body, or asks for another protocol.
var ErrBody = errors.New("h1: only requests without a body")

// RoundTrip implements [http.RoundTripper]. The request is sent a second time where a kept connection turns out to be dead, so
// it has to be one that may be. Interim answers go to the Got1xxResponse of the context's httptrace.ClientTrace.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil || len(r.Header["Upgrade"]) > 0 {
		return nil, ErrBody
	}
	for {
		c := t.take()
		kept := c != nil
		if !kept {
			var err error
			if c, err = t.connect(r.Context()); err != nil {
				return nil, err
			}
		}
		res, err := c.ask(r)
		if err == nil {
			return res, nil
		}
		if !kept || c.heard || timedOut(err) || r.Context().Err() != nil {
			return nil, err
		}
	}
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func (t *Transport) connect(ctx context.Context) (*conn, error) {
	c, err := t.options.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return newConn(t, c)
}

// CloseIdleConnections closes what is kept, and keeps nothing from now on.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range t.idle {
		_ = c.Close() // nothing is under way
	}
	t.idle = nil
}

// take is a kept connection that can be used, nil if there is none.
func (t *Transport) take() *conn {
	for {
		c, fresh := t.last(time.Now())
		if c == nil {
			return nil
		}
		if fresh && c.silent() {
			return c
		}
		_ = c.Close() // nothing is under way
	}
}

// last takes the connection that was used last, and says whether its server keeps it still.
func (t *Transport) last(now time.Time) (c *conn, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle) - 1
	if n < 0 {
		return nil, false
	}
	c = t.idle[n]
	t.idle[n] = nil
	t.idle = t.idle[:n]
	return c, now.Before(c.until)
}

// put keeps a connection for the next request.
func (t *Transport) put(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle) >= t.options.MaxIdle {
		_ = c.Close() // nothing is under way
		return
	}
	c.until = time.Now().Add(c.keep)
	t.idle = append(t.idle, c)
	if t.sweep == nil {
		t.sweep = time.AfterFunc(t.options.Idle, t.sweepOut)
	}
}

// sweepOut closes what was kept long enough. It comes again as long as something is kept.
func (t *Transport) sweepOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, kept := time.Now(), t.idle[:0]
	for _, c := range t.idle {
		if now.Before(c.until) {
			kept = append(kept, c)
		} else {
			_ = c.Close() // nothing is under way
		}
	}
	clear(t.idle[len(kept):])
	if t.idle = kept; len(kept) == 0 {
		t.sweep = nil
		return
	}
	t.sweep.Reset(t.options.Idle)
}
