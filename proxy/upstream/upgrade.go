package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var errNoTunnel = errors.New("the connection can't switch protocols")

// switchProtocols makes a tunnel of the visitor's connection and the target's, as WebSockets need it. It ends when one of
// both ends it, when nothing went through it for the route's idle time, when the visitor's request ends, and some time after
// no route names the target any more.
func (p *Proxy) switchProtocols(w http.ResponseWriter, r, out *http.Request, res *http.Response, t *target, j *Job) {
	asked, got := out.Header.Get("Upgrade"), res.Header.Get("Upgrade")
	if asked == "" || !strings.EqualFold(asked, got) {
		p.fail(w, r, j, fmt.Errorf("the upstream switched to protocol %q, and was asked for %q", got, asked))
		return
	}
	back, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		p.fail(w, r, j, errNoTunnel)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.fail(w, r, j, fmt.Errorf("%w: %w", errNoTunnel, err))
		return
	}
	front := restless(conn, t.spec.rest)
	defer front.Close()
	shut := func() { _, _ = back.Close(), front.Close() }
	defer context.AfterFunc(r.Context(), shut)()
	defer context.AfterFunc(t.life, shut)() //nolint:contextcheck // another life ends this one

	h := w.Header()
	for name, values := range res.Header {
		if name == "X-Request-Id" {
			continue
		}
		if name == "Set-Cookie" {
			values = foreign(values)
		}
		h[name] = values
	}
	if j.newcomer {
		remember(h, j)
	}
	head := &http.Response{StatusCode: res.StatusCode, Status: res.Status, ProtoMajor: 1, ProtoMinor: 1, Header: h}
	if err := errors.Join(head.Write(buffered), buffered.Flush()); err != nil {
		return // the visitor has gone
	}
	first := io.LimitReader(buffered.Reader, int64(buffered.Reader.Buffered()))
	done := make(chan error, 2)
	go func() { done <- through(back, io.MultiReader(first, front)) }()
	go func() { done <- through(front, back) }()
	for range 2 { // the other direction may go on
		if err := <-done; err != nil {
			return
		}
	}
}

// through copies one direction to its end, and passes the end on.
func through(to io.Writer, from io.Reader) error {
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.EOF
}
