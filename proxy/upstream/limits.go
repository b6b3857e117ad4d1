package upstream

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// What holds where a route says nothing else. Each with its reason.
const (
	connectTime = 5 * time.Second  // in the operator's own network this is long
	answerTime  = 60 * time.Second // until the header of the answer
	// Longer than event streams and WebSockets rest between two signs of life; what rests longer is dead, and holds two
	// connections.
	restTime = 10 * time.Minute

	upstreamIdle = 60 * time.Second // below what usual servers keep an idle connection (75 s and more)
	keepAlive    = 30 * time.Second // until the kernel asks whether the other end is there
	maxIdle      = 256              // idle connections to one upstream: two, net/http's default, means connecting all the time
	maxHeader    = 256 << 10        // of an answer
	bufferSize   = 32 << 10         // of copying an answer

	// drainTime is how long a WebSocket or an event stream may go on at an upstream that no route names any more. Their
	// clients connect again, elsewhere. Other requests are bounded by their own length.
	drainTime = 30 * time.Second
)

// errLent means that a body was read after its request was answered.
var errLent = errors.New("the request is over")

// lent is a visitor's body in the hands of a transport. To close it does nothing to the visitor's: where one target could not
// be reached, the next one gets the same body.
type lent struct {
	io.ReadCloser
	over atomic.Bool
}

func (l *lent) Read(p []byte) (int, error) {
	if l.over.Load() {
		return 0, errLent
	}
	return l.ReadCloser.Read(p)
}

// Close implements [io.Closer] for transports.
func (l *lent) Close() error { return nil }

// loan is the proxy's own view of a lent body: to close it ends the loan.
type loan lent

// Close ends the loan.
func (l *loan) Close() { l.over.Store(true) }

// bounded is the request's body within the route's bound, nil where there is none. What says beforehand that it is too large
// is refused before any upstream hears of it.
func bounded(w http.ResponseWriter, r *http.Request, most int64) (*lent, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil //nolint:nilnil // no body is a body like any other
	}
	body := r.Body
	if most > 0 {
		if r.ContentLength > most {
			return nil, &http.MaxBytesError{Limit: most}
		}
		body = http.MaxBytesReader(w, body, most)
	}
	return &lent{ReadCloser: body}, nil
}
