package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// errNobody means that a route has no upstream that could be asked.
var errNobody = errors.New("no upstream of the route takes requests")

// exchange has a target answer, and brings the answer to the visitor.
func (p *Proxy) exchange(w http.ResponseWriter, r, out *http.Request, j *Job, pool *pool) {
	begin := time.Now()
	res, t, err := p.send(out, j, pool)
	j.Waited = time.Since(begin)
	j.hints.end()
	if err != nil {
		p.fail(w, r, j, err)
		return
	}
	defer t.load.Add(-1)
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		p.switchProtocols(w, r, out, res, t, j)
		return
	}
	events, streams := streaming(res)
	if streams {
		defer context.AfterFunc(t.life, func() { _ = res.Body.Close() })() //nolint:contextcheck // another life ends this one
	}
	if events { // gRPC's calls may be short, and come to their end
		defer context.AfterFunc(p.options.Streams, func() { _ = res.Body.Close() })() //nolint:contextcheck // as above
	}
	relocate(res.Header, t, j.Route, r)
	commence(w, res, j)
	if err := p.copy(w, res, streams); err != nil {
		ended := t.life.Err() != nil || events && p.options.Streams.Err() != nil
		if !ended && !visitors(r.Context(), err) {
			p.failed(r.Context(), t, err, j.Visit)
		}
		panic(http.ErrAbortHandler) // the answer is torn: the visitor must not take it for whole
	}
	_ = res.Body.Close() // now, so that the trailers are there
	end(w, res)
}

// send tries one target after the other until one answers. Its load counts the request until the caller takes it off.
func (p *Proxy) send(out *http.Request, j *Job, pool *pool) (*http.Response, *target, error) {
	pool.budget.earn()
	path, host := out.URL, out.Host
	var tried uint64
	next := pool.pick(tried, j.sticky)
	if next < 0 {
		return nil, nil, errNobody
	}
	for {
		t := pool.targets[next]
		tried |= 1 << next
		j.Tries, j.Upstream, out.Host = j.Tries+1, t.url.Host, host
		address(out, t, path, j.Route.PreserveHost)
		t.load.Add(1)
		res, err := t.traced(out, j)
		if err == nil {
			t.answered.Add(1)
			t.condition.worked()
			return res, t, nil
		}
		t.load.Add(-1)
		if visitors(out.Context(), err) {
			return nil, nil, err
		}
		p.failed(out.Context(), t, err, j.Visit)
		if j.Tries == maxTries || !repeatable(out, err) {
			return nil, nil, err
		}
		if next = pool.pick(tried, j.sticky); next < 0 || !pool.budget.spend(time.Now()) {
			return nil, nil, err
		}
		p.retries.Add(1)
	}
}

// traced asks the target, and has the job's trace hear of it.
func (t *target) traced(out *http.Request, j *Job) (*http.Response, error) {
	if j.Trace == nil {
		return t.roundTrip(out)
	}
	ended := j.Trace(out, j.Tries)
	res, err := t.roundTrip(out)
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	ended(status, err)
	return res, err
}

// failed notes a visitor's bad experience with a target.
func (p *Proxy) failed(ctx context.Context, t *target, err error, v *tenant.Visit) {
	t.broken.Add(1)
	if t.condition.failed(time.Now(), err) {
		p.options.Log.WarnContext(ctx, "upstream rests", "upstream", t.spec.url, "error", err, "for", rest.String(), "request_id", v.RequestID)
	}
}

// commence writes the answer's header, without what the edge says itself.
func commence(w http.ResponseWriter, res *http.Response, j *Job) {
	h := w.Header()
	dropHops(res.Header)
	for name, values := range res.Header {
		switch name {
		case "X-Request-Id":
			continue
		case "Set-Cookie":
			if values = foreign(values); len(values) == 0 {
				continue
			}
			values = append(h[name], values...)
		}
		h[name] = values
	}
	if _, said := res.Header["Content-Type"]; !said {
		h["Content-Type"] = nil // net/http would guess one, and call a page what the application did not
	}
	if j.newcomer {
		remember(h, j)
	}
	if res.StatusCode == http.StatusNoContent {
		delete(h, "Content-Length") // HTTP/2 clients would wait for as much
	}
	if len(res.Trailer) > 0 {
		names := make([]string, 0, len(res.Trailer))
		for name := range res.Trailer {
			if behind(name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			h["Trailer"] = []string{strings.Join(names, ", ")}
		}
	}
	w.WriteHeader(res.StatusCode)
}

// behind says whether a header may come behind a body: not what says how to read it, and what the edge looks at or says itself. Its sums
// may, and often can't be known before.
func behind(name string) bool {
	switch name {
	case "Content-Digest", "Content-Md5":
		return true
	case "Set-Cookie", "X-Request-Id", "Alt-Svc", "Strict-Transport-Security", "Location", "Cache-Control", "Connection", "Keep-Alive",
		"Proxy-Connection", "Upgrade", "Te", "Trailer", "Transfer-Encoding", "Host":
		return false
	}
	return !strings.HasPrefix(name, "Content-")
}

// end writes what comes behind the body. What was not announced goes by net/http's prefix.
func end(w http.ResponseWriter, res *http.Response) {
	if len(res.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(w).Flush() // else net/http counts a short body, and has no place for trailers
	h := w.Header()
	announced := ", " + h.Get("Trailer") + ", "
	for name, values := range res.Trailer {
		if !behind(name) {
			continue
		}
		if !strings.Contains(announced, ", "+name+", ") {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// streaming says whether each part of an answer is worth its way alone, as soon as it is there, and the answer may go on for
// ever; events, that it is an event stream.
func streaming(res *http.Response) (events, streams bool) {
	kind := res.Header["Content-Type"]
	if len(kind) == 0 {
		return false, false
	}
	events = strings.HasPrefix(kind[0], "text/event-stream")
	return events, events || strings.HasPrefix(kind[0], "application/grpc")
}

// copy brings the answer's body to the visitor: part by part, as it comes, where it streams or nobody knows how long it will
// be. Of an answer without a body nothing is written but its header, which is then its end: gRPC looks at that.
func (p *Proxy) copy(w http.ResponseWriter, res *http.Response, streams bool) error {
	if res.ContentLength == 0 || res.Body == http.NoBody {
		return nil
	}
	lent := p.buffers.Get().(*[bufferSize]byte) //nolint:errcheck,forcetypeassert // nothing else is in there
	defer p.buffers.Put(lent)
	var push func() error
	if streams || res.ContentLength < 0 {
		push = http.NewResponseController(w).Flush
		if err := push(); err != nil {
			return err
		}
	}
	for {
		n, err := res.Body.Read(lent[:])
		if n > 0 {
			if err := write(w, lent[:n], push); err != nil {
				return &BodyError{err} // the visitor has gone
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write has a part of an answer on its way; push may be nil.
func write(w io.Writer, part []byte, push func() error) error {
	if _, err := w.Write(part); err != nil || push == nil {
		return err
	}
	return push()
}
