package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// ProbeFault is what became of a probe that brought no answer.
type ProbeFault uint8

// The ways in which a probe comes to nothing.
const (
	Unreachable ProbeFault = iota // no network leads there from here
	Refused                       // nobody listens
	Unanswered                    // nobody took a connection in time
	BadTLS                        // a redirect led to https, and there was no handshake
	Mute                          // a connection was taken, and nothing came in time
	CutShort                      // a connection was taken, and ended before a whole answer
	Gibberish                     // what came is no HTTP
)

// ProbeError is why there was no answer to a probe.
type ProbeError struct {
	Fault ProbeFault
	Port  string // at which it happened
	Err   error
}

// Error is for the log.
func (e *ProbeError) Error() string { return fmt.Sprintf("port %s: %v", e.Port, e.Err) }

// Unwrap returns what happened.
func (e *ProbeError) Unwrap() error { return e.Err }

// progress is how far a probe has got. A dial may outlive the request that it is for.
type progress struct {
	mu    sync.Mutex
	port  string
	stage ProbeFault // that it is should the probe end there for want of time
	heard bool       // something came back over the connection
}

func (p *progress) at(port string, stage ProbeFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.port, p.stage, p.heard = port, stage, false
}

// listened is a connection of which is noted that something came over it.
type listened struct {
	net.Conn

	so *progress
}

// Read implements net.Conn.
func (l *listened) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 {
		l.so.mu.Lock()
		l.so.heard = true
		l.so.mu.Unlock()
	}
	return n, err
}

// fault says what an error means at the stage that was reached. That an address may not be connected to stays what it is.
func (p *progress) fault(err error) error {
	if _, barred := errors.AsType[*AddressError](err); barred {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &ProbeError{Fault: p.stage, Port: p.port, Err: err}
	if slow(err) {
		return e
	}
	switch e.Fault {
	case Unanswered:
		e.Fault = Unreachable
		if errors.Is(err, syscall.ECONNREFUSED) {
			e.Fault = Refused
		}
	case Mute:
		e.Fault = Gibberish
		if !p.heard {
			e.Fault = CutShort
		}
		for _, cut := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
			if errors.Is(err, cut) {
				e.Fault = CutShort
			}
		}
	case BadTLS, Unreachable, Refused, CutShort, Gibberish:
	}
	return e
}

func slow(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
