package upstream

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

// How many interim answers come before one that is final: clients give up on a request for more than five or eight, and who sends
// more than mostInterim has no final one.
const (
	passedInterim = 5
	mostInterim   = 100
)

var errInterim = errors.New("the upstream sends interim answers without end")

// withHints is the request's context for the way to an upstream, whose interim answers go to w; nil: to nobody.
func (j *Job) withHints(ctx context.Context, w http.ResponseWriter) context.Context {
	j.hints.w = w
	j.trace.Got1xxResponse = j.hints.pass
	return httptrace.WithClientTrace(ctx, &j.trace)
}

// hints passes interim answers on, such as 103 Early Hints, until the final one is there.
type hints struct {
	w http.ResponseWriter // nil where nobody wants them

	mu    sync.Mutex
	count int
	over  bool
}

func (h *hints) pass(code int, header textproto.MIMEHeader) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count++; h.count > mostInterim {
		return errInterim
	}
	if h.over || h.w == nil || h.count > passedInterim {
		return nil
	}
	dropHops(http.Header(header))
	own := h.w.Header()
	kept := own.Clone()
	for name, values := range header {
		switch name {
		case "Set-Cookie", "Content-Length", "X-Request-Id", "Alt-Svc": // the final answer has its own, and these are the edge's
		default:
			own[name] = values
		}
	}
	h.w.WriteHeader(code)
	clear(own)
	maps.Copy(own, kept)
	return nil
}

func (h *hints) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
}
