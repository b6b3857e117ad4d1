package span

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Kind names what went wrong in one of few words. What the error says it does not repeat, as that may be about a person.
func Kind(err error) string {
	var number syscall.Errno
	var late net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return "timeout"
	case errors.As(err, &number):
		return number.Error() // the system's own words, without an address
	}
	return strings.TrimPrefix(named(err), "*")
}

// named is the type of the innermost error that has one which says something.
func named(err error) string {
	name := "_OTHER"
	for ; err != nil; err = errors.Unwrap(err) {
		switch t := fmt.Sprintf("%T", err); t {
		case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors", "*errors.joinError", "*url.Error":
		default:
			name = t
		}
	}
	return name
}
