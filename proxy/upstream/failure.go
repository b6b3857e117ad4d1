package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
)

// Failure says why there is no answer from an upstream.
type Failure uint8

// The failures.
const (
	Unreachable Failure = iota + 1 // it can't be connected to, or broke off
	TooSlow                        // it did not begin to answer in time
	BadBody                        // the visitor's body can't be read
	SlowBody                       // the visitor's body did not come in in time
	Gone                           // the visitor left
	TooLarge                       // the visitor's body is larger than the route takes
	Maintenance                    // the route rests
	Looped                         // the upstream is the edge itself
)

// BodyError wraps what went wrong while the visitor's body was read, so that no upstream is blamed for it.
type BodyError struct{ Err error }

// Error implements error.
func (e *BodyError) Error() string { return "read the request's body: " + e.Err.Error() }

// Unwrap is the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// failure tells the failures apart. A body that is too slow comes first: where its time is over, net/http takes the visitor
// for gone, who is there and waits for an answer.
func failure(ctx context.Context, err error) Failure {
	body := errors.As(err, new(*BodyError))
	switch {
	case body && timedOut(err):
		return SlowBody
	case errors.As(err, new(*http.MaxBytesError)):
		return TooLarge
	case ctx.Err() != nil, body && errors.Is(err, io.ErrUnexpectedEOF):
		return Gone
	case body:
		return BadBody
	case errors.Is(err, errLoop):
		return Looped
	case timedOut(err) && !refused(err):
		return TooSlow
	default:
		return Unreachable
	}
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// refused says whether an error means that no byte of the request has reached an upstream.
func refused(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// visitors says whether an error is the visitor's doing, and no upstream's.
func visitors(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.As(err, new(*BodyError)) || errors.As(err, new(*http.MaxBytesError))
}
