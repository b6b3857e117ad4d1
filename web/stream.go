package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tickets"
)

// What event streams may hold. Browsers and libraries come back by themselves.
const (
	// streamLife is how long one answer goes on: then the client asks anew, and whatever has changed about it counts.
	streamLife = time.Hour
	// streamBeat is how often something is sent where nothing happens, so that nothing on the way takes the connection for dead.
	streamBeat = 15 * time.Second
	// streamCheck is how often the caller is looked at again: who has signed out hears nothing more after it.
	streamCheck = 3 * time.Second
	// streamWrite is how long a client may take for what is sent to it.
	streamWrite = 15 * time.Second
	// streamRetry is how long clients wait before they come back.
	streamRetry = 3 * time.Second

	streamsPerCaller = 20
	// Requesters' streams have room of their own, so that they never take that of staff and programs.
	streamsPerSide = 500
)

var errNoStream = &answerError{
	Status: http.StatusNotAcceptable, Code: "NOT_ACCEPTABLE", Message: "This is an event stream.",
	Explanation: "Ask for it with the header Accept: text/event-stream, or none.",
}

// stream is an answer that goes on: server-sent events.
type stream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	buffer   bytes.Buffer
}

// openStream begins an event stream for the caller of an API. The function that it returns has to be called at its end.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) (*stream, func(), error) {
	if !takes(r, "text", "event-stream") {
		return nil, nil, errNoStream
	}
	leave, err := s.streams.enter(callerOf(r))
	if err != nil {
		return nil, nil, err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // proxies of nginx's kind pass it on at once
	return &stream{w: w, control: http.NewResponseController(w), patience: s.streams.patience}, leave, nil
}

// retry tells the client how long to wait before it comes back.
func (st *stream) retry(d time.Duration) {
	fmt.Fprintf(&st.buffer, "retry: %d\n", d.Milliseconds())
}

// event adds an event to what is to be sent. The data has no line break.
func (st *stream) event(id uint64, name string, data []byte) {
	fmt.Fprintf(&st.buffer, "id: %d\nevent: %s\ndata: %s\n\n", id, name, bytes.TrimSpace(data))
}

// beat adds what shows that the stream is alive, with the number from which the client may go on.
func (st *stream) beat(id uint64) {
	fmt.Fprintf(&st.buffer, "id: %d\n: still here\n\n", id)
}

// flush sends what was added. An error: the client is gone, or takes nothing.
func (st *stream) flush() error {
	deadline := func(t time.Time) { _ = st.control.SetWriteDeadline(t) } // where there is none, writing goes on for as long as it does
	defer deadline(time.Time{})
	deadline(time.Now().Add(st.patience))
	_, err := st.w.Write(st.buffer.Bytes())
	st.buffer.Reset()
	if err != nil {
		return err
	}
	return st.control.Flush()
}

// still is nil as long as the caller may go on listening: not after signing out, or when the token was revoked.
func (s *Server) still(r *http.Request, c caller) error {
	if c.Level == auth.Program {
		now, err := s.identifyProgram(r)
		if err == nil && now.ID != c.ID {
			err = errUnauthenticated
		}
		return err
	}
	t, known := s.directory.ByID(c.tenant.ID)
	if !known {
		return errUnauthenticated
	}
	return s.doors.Sessions.Still(r.Context(), t, c.Identity)
}

// signedOut says whether an error means that the caller is nobody any more.
func signedOut(err error) bool {
	for _, over := range []error{
		errUnauthenticated, auth.ErrSignedOut, auth.ErrNotFound, auth.ErrCredentialUnknown, auth.ErrCredentialRevoked, auth.ErrCredentialExpired,
	} {
		if errors.Is(err, over) {
			return true
		}
	}
	return false
}

// streams counts those that are open.
type streams struct {
	patience time.Duration // how long a listener may take for what is sent to it

	mu   sync.Mutex
	open map[string]int
}

func newStreams(patience time.Duration) *streams {
	return &streams{patience: patience, open: map[string]int{}}
}

// enter makes room for one more stream of a caller, or returns a *limit.Error.
func (s *streams) enter(c caller) (leave func(), err error) {
	who, side := string(c.tenant.ID)+" "+c.Level.String()+" "+c.ID+c.Lineage, string(c.tenant.ID)+" requesters"
	if c.actor().Staff() {
		side = string(c.tenant.ID) + " staff"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, most := range map[string]int{who: streamsPerCaller, side: streamsPerSide} {
		if s.open[key] >= most {
			return nil, &limit.Error{State: limit.State{Limit: int64(most), Reached: true, Reset: time.Now().Add(streamBeat)}}
		}
	}
	s.open[who]++
	s.open[side]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, key := range []string{who, side} {
			if s.open[key]--; s.open[key] == 0 {
				delete(s.open, key)
			}
		}
	}, nil
}

// newestEvent is the number of the newest event. A page that asks for it before it reads anything else, and listens for what comes
// behind it, misses nothing.
func (s *Server) newestEvent(r *http.Request) (uint64, error) {
	c := callerOf(r)
	watcher, err := s.desk.Watch(r.Context(), c.tenant, c.actor(), tickets.Newest)
	if err != nil {
		return 0, err
	}
	defer watcher.Close()
	return watcher.At(), nil
}

// lastEvent is the number of the last event that the client has seen; false: it says nothing of one.
func lastEvent(r *http.Request, p *parameters) (uint64, bool) {
	text := p.text("last_event_id")
	if header := r.Header.Get("Last-Event-ID"); header != "" {
		text = header
	}
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		p.reject("last_event_id", "must be the id of an event of this stream.")
	}
	return n, true
}
