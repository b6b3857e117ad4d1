package h1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a connection to the server. One request at a time is under way on it.
type conn struct {
	net.Conn
	transport *Transport
	cut       func()          // ends it, for who waits for an answer that nobody wants any more
	raw       syscall.RawConn // nil where it is no socket
	probe     probe

	reader *bufio.Reader // of the answer under way
	left   int           // bytes that the header under way may have yet
	heard  bool          // something has come back
	pushed time.Time     // when the deadline of a body was set last; zero in a header

	keep  time.Duration // how long the server keeps it
	until time.Time     // when that is over
}

func newConn(t *Transport, c net.Conn) (*conn, error) {
	n := &conn{Conn: c, transport: t, keep: t.options.Idle}
	n.cut = func() { _ = c.Close() } // whoever reads hears of it
	if s, ok := c.(syscall.Conn); ok {
		var err error
		if n.raw, err = s.SyscallConn(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		n.probe.ask()
	}
	return n, n.SetDeadline(time.Now().Add(t.options.Answer))
}

// silent says whether nothing has come in since the last answer, neither bytes nor the end. It gives the connection time for
// the next one.
func (c *conn) silent() bool {
	if c.SetDeadline(time.Now().Add(c.transport.options.Answer)) != nil {
		return false
	}
	return c.raw == nil || c.raw.Read(c.probe.look) == nil && c.probe.silent
}

var errHeader = errors.New("the answer's header is too large")

// Read implements [net.Conn] for the reader of answers: a header is bounded in size, and a body has to go on.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeader
	}
	if c.left == math.MaxInt {
		c.push()
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	if n > 0 {
		c.heard = true
	}
	if c.left != math.MaxInt {
		c.left -= n
	}
	return n, err
}

// push sets the deadline of a body anew, not more often than is worth a timer.
func (c *conn) push() {
	now, rest := time.Now(), c.transport.options.Rest
	if now.Sub(c.pushed) > rest/8 {
		c.pushed = now
		_ = c.SetReadDeadline(now.Add(rest + rest/8)) // on a connection that is closed, reading fails by itself
	}
}

// ask sends a request and reads the answer to its header. The connection is closed if it fails, and belongs to the answer's
// body if it does not.
func (c *conn) ask(r *http.Request) (*http.Response, error) {
	c.heard, c.left, c.pushed = false, c.transport.options.MaxHeader, time.Time{}
	stop := context.AfterFunc(r.Context(), c.cut)
	c.reader = c.transport.readers.Get().(*bufio.Reader) //nolint:errcheck,forcetypeassert // nothing else is in there
	c.reader.Reset(c)
	sent := c.send(r)
	res, err := c.answer(r)
	if err != nil {
		stop()
		_ = c.Close() // it is lost already
		c.release()
		if sent != nil && !c.heard {
			err = sent
		}
		return nil, err
	}
	c.left = math.MaxInt
	b := &body{Reader: res.Body, conn: c, stop: stop}
	b.reusable = sent == nil && !res.Close && !r.Close && res.StatusCode != http.StatusSwitchingProtocols
	c.kept(res.Header["Keep-Alive"])
	if res.Body == http.NoBody {
		b.end(true)
	} else {
		res.Body = b
	}
	return res, nil
}

// send writes the request. If it fails, there may be an answer all the same: that nobody wants to read all of it.
func (c *conn) send(r *http.Request) error {
	w := c.transport.writers.Get().(*bufio.Writer) //nolint:errcheck,forcetypeassert // nothing else is in there
	defer c.transport.writers.Put(w)
	w.Reset(c.Conn)
	defer w.Reset(nil)
	if err := r.Write(w); err != nil {
		return err
	}
	return w.Flush()
}

// answer reads the header of the final answer, and passes those before it on.
func (c *conn) answer(r *http.Request) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(c.reader, r)
		if err != nil {
			return nil, err
		}
		if res.StatusCode < 100 || res.StatusCode > 199 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, nil
		}
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// kept heeds what a server says about how long it keeps connections ("timeout=5"): one that it closes just when the next
// request comes is of no use. It is given up a fifth earlier than that.
func (c *conn) kept(lines []string) {
	for _, line := range lines {
		for p := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if seconds, err := strconv.Atoi(value); err == nil && strings.EqualFold(name, "timeout") && seconds >= 0 {
				c.keep = min(c.transport.options.Idle, time.Duration(min(seconds, 1<<20))*time.Second*4/5)
			}
		}
	}
}

// release gives the reader back. Nobody may read from it any more.
func (c *conn) release() {
	c.reader.Reset(nil)
	c.transport.readers.Put(c.reader)
	c.reader = nil
}

// body is that of an answer. Its end gives the connection back. It may be closed while somebody reads.
type body struct {
	io.Reader // net/http's
	conn      *conn
	stop      func() bool // the request's context ends the connection no more; false: it has
	reusable  bool        // the connection, once the body is at its end
	over      atomic.Bool
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil {
		b.end(err == io.EOF)
	}
	return n, err
}

// Close implements [io.Closer]. Who did not read to the end loses the connection: to read the rest may take for ever.
func (b *body) Close() error {
	if b.over.Swap(true) {
		return nil
	}
	b.stop()
	return b.conn.Close() // the reader is not given back: somebody may be reading from it
}

// end is called by who reads, at the end of the body.
func (b *body) end(whole bool) {
	if b.over.Swap(true) {
		return
	}
	c := b.conn
	clean := c.reader.Buffered() == 0 // else there is something that nobody asked for
	c.release()
	if b.stop() && whole && clean && b.reusable {
		c.transport.put(c)
		return
	}
	_ = c.Close() // what was asked for is there
}
