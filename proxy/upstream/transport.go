package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream/h1"
)

// transport takes all requests to targets of one kind.
func (p *Proxy) transport(s spec, scheme string) *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			c, err := p.dial(ctx, address, s.connect)
			if err != nil {
				return nil, err
			}
			return restless(c, max(s.rest, s.answer)), nil
		},
		TLSHandshakeTimeout:    s.connect,
		ResponseHeaderTimeout:  s.answer,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        upstreamIdle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // what the visitor accepts is the visitor's and the upstream's affair
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: keepAlive, PingTimeout: keepAlive / 2},
		Protocols:              new(http.Protocols),
	}
	switch scheme {
	case "h2c":
		t.Protocols.SetUnencryptedHTTP2(true)
	default:
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	}
	return t
}

// direct is the short way to a target in the clear, for requests without a body that may be sent twice.
func (p *Proxy) direct(s spec, u *url.URL) *h1.Transport {
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	return h1.New(h1.Options{
		Dial:   func(ctx context.Context) (net.Conn, error) { return p.dial(ctx, address, s.connect) },
		Answer: s.answer, Rest: s.rest, Idle: upstreamIdle, MaxIdle: maxIdle, MaxHeader: maxHeader,
	})
}

// dial connects within a time.
func (p *Proxy) dial(ctx context.Context, address string, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c, err := p.options.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, dialError(err)
	}
	return c, nil
}

// dialError makes sure that it can be told from errors after the connection was there.
func dialError(err error) error {
	if refused(err) {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: err}
}

// quiet is a connection that ends when it carries nothing in either direction for a while.
type quiet struct {
	net.Conn
	rest   time.Duration
	pushed atomic.Int64 // when the deadline was set last, unix nanoseconds
}

func restless(c net.Conn, rest time.Duration) *quiet {
	q := &quiet{Conn: c, rest: rest}
	q.push()
	return q
}

// push sets the deadline anew, not more often than is worth a system's timer.
func (q *quiet) push() {
	now := time.Now()
	last := q.pushed.Load()
	if now.UnixNano()-last < int64(q.rest/8) || !q.pushed.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	_ = q.SetDeadline(now.Add(q.rest + q.rest/8)) // on a connection that is closed, reading and writing fail by themselves
}

// Read implements [net.Conn].
func (q *quiet) Read(b []byte) (int, error) {
	n, err := q.Conn.Read(b)
	if n > 0 {
		q.push()
	}
	return n, err
}

// Write implements [net.Conn].
func (q *quiet) Write(b []byte) (int, error) {
	n, err := q.Conn.Write(b)
	if n > 0 {
		q.push()
	}
	return n, err
}

// CloseWrite lets one direction end while the other goes on, or is an error where both end together.
func (q *quiet) CloseWrite() error {
	if w, ok := q.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}
