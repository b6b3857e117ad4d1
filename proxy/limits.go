package proxy

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// What one client can make the node hold. Each with its reason.
const (
	// A phone on a bad line sends its headers within 3 s. This also bounds a TLS handshake, in which somebody may wait for
	// the very first certificate of a host.
	headerTime = 15 * time.Second
	// Cookies and a long query fit in 16 KiB; net/http adds 4 KiB of its own.
	headerSize = 32 << 10
	// Longer than browsers wait between two clicks, shorter than most NAT tables forget a connection (5 min).
	idleTime = 2 * time.Minute
	// A body has to come in at 1 KiB/s after the first 20 s: GPRS does, a slow-post attack does not.
	bodyGrace, bodyRate = 20 * time.Second, 1 << 10
	// An answer has to be taken at 64 KiB/s after the first minute, counted from its last part: what is not taken the
	// node has to keep. An answer may rest, as event streams do: the clock runs only while something waits to be taken.
	answerGrace, answerRate = time.Minute, 64 << 10
	// More than a browser opens at once (100), little enough that one connection is not a flood.
	streams = 128
	// What HTTP/2 begins with. Larger ones, of which net/http would take a MiB, are kept in memory before anybody looks at them.
	frameSize = 16 << 10
	// A whole office behind one address has its connections, a single machine cannot take all of ours.
	connectionsPerAddress = 1024
	// A connection takes a file descriptor, and a second one where it is forwarded. Besides, the store has its files open, and
	// letters, webhooks and checks of domains their connections.
	filesPerConnection, otherFiles = 2, 512
	// A connection with its TLS takes some 40 KiB: below a hundred there is no site to be served.
	leastConnections = 100
	// A handshake costs 0.2 ms of a core. All of an office come back at once after a restart, with two or three connections
	// each; nobody makes 50 a second for long.
	handshakesPerSecond, handshakesAtOnce = 50, 1000
	// Over UDP a client may not be where it says. So many may begin without a proof, which costs a round trip.
	unprovenPerSecond = 50
	// Browsers remember for a day that there is HTTP/3, and get over it if there is none any more.
	alternativeTime = 24 * time.Hour
	// Who asks for names that nobody has here is looking for something. Ten times the price leaves the rest of an office
	// online where one machine of it scans.
	strangerCost = 10
	// HTTP/2 frames without a request or a body in them: browsers and gRPC send some dozens a second at the most.
	idleFramesPerSecond, idleFramesAtOnce = 500, 10_000
	// A PROXY header is the first thing on a connection and comes from a machine nearby.
	proxyHeaderTime = 5 * time.Second
	// Whoever has come when a drain begins has so long to say what they want: as long as net/http waits for a first request.
	newcomerTime = 5 * time.Second
	// How often a drain looks whether everybody has left.
	departureLook = 5 * time.Millisecond
	// What a service manager waits before it kills is 30 s at the least.
	drainTime = 25 * time.Second
	// Nobody's first line or headers are worth more logging than this.
	maxLogged = 2 << 10
)

// slowBody fails reading of a request's body that comes in too slowly.
type slowBody struct {
	io.ReadCloser
	control *http.ResponseController
	begin   time.Time
	allowed atomic.Int64 // how long after begin the body may take to go on, in nanoseconds
}

// guardBody puts a least rate on the request's body; nil if there is none.
func guardBody(w http.ResponseWriter, r *http.Request) *slowBody {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	b := &slowBody{ReadCloser: r.Body, control: http.NewResponseController(w), begin: time.Now()}
	b.allowed.Store(int64(bodyGrace))
	b.push() // net/http reads what a handler leaves unread
	r.Body = b
	return b
}

// mayRest says whether a body is a stream whose parts may be long apart: gRPC's, over a protocol that has such streams, on its way to
// an upstream that has them. Everybody else who says so is just slow.
func mayRest(r *http.Request, route *tenant.Route) bool {
	return r.ProtoMajor > 1 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") &&
		!strings.HasPrefix(route.Upstreams[0], "http:")
}

// release lets the body take all the time in the world.
func (b *slowBody) release() {
	if b != nil {
		b.allowed.Store(math.MaxInt64)
		_ = b.control.SetReadDeadline(time.Time{}) // where none can be set, none was
	}
}

// late says whether the body's time is over. Where it is, net/http ends the request's context as if the client had left, and
// who waits for that may hear of it before Read returns.
func (b *slowBody) late() bool {
	return b != nil && time.Since(b.begin) >= time.Duration(b.allowed.Load())
}

// push sets the connection's deadline. Not every connection has one; then there is no limit.
func (b *slowBody) push() {
	if b.allowed.Load() == math.MaxInt64 {
		return
	}
	_ = b.control.SetReadDeadline(b.begin.Add(time.Duration(b.allowed.Load())))
}

// Read pushes the connection's deadline on by what has come in. At the end of the body there is none any more: it would hit
// the watch for a client that goes away. After an error it stays, so that net/http waits for no rest.
func (b *slowBody) Read(p []byte) (int, error) {
	b.push()
	n, err := b.ReadCloser.Read(p)
	if b.allowed.Load() != math.MaxInt64 {
		b.allowed.Add(int64(n) * int64(time.Second/bodyRate))
	}
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		b.allowed.Store(math.MaxInt64)
		_ = b.control.SetReadDeadline(time.Time{})
		return n, err
	}
	return n, &upstream.BodyError{Err: err}
}

// deadline bounds how long writing may take; the zero time lets the answer pause, as nothing waits to be taken.
func deadline(w http.ResponseWriter, t time.Time) {
	if c, ok := w.(interface{ SetWriteDeadline(t time.Time) error }); ok {
		_ = c.SetWriteDeadline(t) // on a connection that is closed, writing fails by itself
	}
}

// roomFor is how many connections the process can have, by the number of files that it may open.
func roomFor(files uint64) int {
	if files < otherFiles {
		return leastConnections
	}
	return max(leastConnections, int(min(files-otherFiles, math.MaxInt32)/filesPerConnection))
}

// room is roomFor this process.
func room() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return leastConnections
	}
	return roomFor(limit.Cur)
}
