package web

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// How much of all bodies together may be in memory, and how much of those that come from one address: else a few hundred that
// are sent slowly would fill it.
const (
	bodiesAtOnce  = 64 << 20
	bodiesPerPeer = 16 << 20
)

// errCrowded: there is no room for the body now.
var (
	errCrowded    = errors.New("too much is being sent at once")
	errBodiesFull = &answerError{
		Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", RetryAfter: 5 * time.Second,
		Message: "Not available at the moment.", Explanation: "Too much is being sent at once. Try again in a few seconds.",
	}
)

// bodies counts what the requests under way have sent. It is safe for concurrent use.
type bodies struct {
	most, mostPerPeer int64

	mu    sync.Mutex
	all   int64
	peers map[string]int64
}

func newBodies() *bodies {
	return &bodies{most: bodiesAtOnce, mostPerPeer: bodiesPerPeer, peers: map[string]int64{}}
}

// account has the body of a request counted while it is read. The function that it returns is called when the request is
// answered, and what was read is forgotten.
func (b *bodies) account(r *http.Request, visit *tenant.Visit) (release func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return func() {}
	}
	body := &counted{ReadCloser: r.Body, bodies: b, peer: limit.IP(visit.ClientIP)}
	r.Body = body
	return body.release
}

// take counts n bytes more of a peer's, or says that there is no room.
func (b *bodies) take(peer string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all+n > b.most || b.peers[peer]+n > b.mostPerPeer {
		return false
	}
	b.all += n
	b.peers[peer] += n
	return true
}

func (b *bodies) give(peer string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all -= n
	if b.peers[peer] -= n; b.peers[peer] == 0 {
		delete(b.peers, peer)
	}
}

// counted is one body. It is read by one goroutine.
type counted struct {
	io.ReadCloser

	bodies *bodies
	peer   string
	read   int64
}

// Read counts what it reads.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if n == 0 {
		return n, err
	}
	if !c.bodies.take(c.peer, int64(n)) {
		return 0, errCrowded
	}
	c.read += int64(n)
	return n, err
}

// heldBody is a body that is kept in memory by whoever reads it, unless they ask for the one that is not.
type heldBody interface{ unheld() io.ReadCloser }

func (c *counted) unheld() io.ReadCloser { return c.ReadCloser }

func (c *counted) release() {
	if c.read > 0 {
		c.bodies.give(c.peer, c.read)
	}
}
