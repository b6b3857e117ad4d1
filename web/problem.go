package web

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// answerError is an error with the answer that a visitor gets for it. Handlers return one where web itself finds the fault;
// the errors of the other rooms become one in problemOf.
type answerError struct {
	Status int
	// Code names the kind of error for programs.
	Code string
	// Message is the short sentence, Explanation the longer one ("error" in the document).
	Message, Explanation string
	// Details is whatever a program needs to go on, e.g. the host that is not verified.
	Details string
	// Fields holds what is wrong with each field of the input.
	Fields map[string][]string
	// Allowed lists what could have been asked for instead.
	Allowed []string
	// Methods are the methods of a route that was asked with another one.
	Methods []string
	// RetryAfter says when to come back. It is rounded up to whole seconds.
	RetryAfter time.Duration
	// Cause is what really happened. Visitors never see it.
	Cause error
}

// Error says what happened, for the log.
func (e *answerError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%d %s: %v", e.Status, e.Code, e.Cause)
	}
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, cmp.Or(e.Explanation, e.Message))
}

// Unwrap returns the cause.
func (e *answerError) Unwrap() error { return e.Cause }

// The problems that web finds by itself.
var (
	errNotFound = &answerError{
		Status: http.StatusNotFound, Code: "NOT_FOUND",
		Message: "Not found.", Explanation: "There is nothing here, or it is not yours to see.",
	}
	errTenantNotFound = &answerError{
		Status: http.StatusNotFound, Code: "TENANT_NOT_FOUND",
		Message: "Tenant not found.", Explanation: "The specified tenant does not exist.",
	}
	errUnauthenticated = &answerError{
		Status: http.StatusUnauthorized, Code: "UNAUTHENTICATED",
		Message: "Unauthenticated.", Explanation: "Sign in, or send a valid API token.",
	}
	errForbidden = &answerError{
		Status: http.StatusForbidden, Code: "FORBIDDEN",
		Message: "Forbidden.", Explanation: "You may not do this.",
	}
	errTooLarge = &answerError{
		Status: http.StatusRequestEntityTooLarge, Code: "PAYLOAD_TOO_LARGE",
		Message: "The request is too large.", Explanation: "The body is larger than this address takes.",
	}
	errUnavailable = &answerError{
		Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", RetryAfter: 30 * time.Second,
		Message: "Not available at the moment.", Explanation: "Nothing can be changed here for now. Try again in a little while.",
	}
	errInvalid = &answerError{
		Status: http.StatusUnprocessableEntity, Code: "VALIDATION_FAILED",
		Message: "The given data was invalid.", Explanation: "Some fields are missing or have a value that is not allowed.",
	}
	errCrossOrigin = &answerError{
		Status: http.StatusForbidden, Code: "CROSS_ORIGIN",
		Message: "Forbidden.", Explanation: "This request came from a page that may not make it.",
	}
)

// malformed is a request that can't be read, with the reason as visitors may see it.
func malformed(reason string) *answerError {
	return &answerError{Status: http.StatusBadRequest, Code: "BAD_REQUEST", Message: "Bad request.", Explanation: reason}
}

func unauthorized(code, reason string) *answerError {
	return &answerError{Status: http.StatusUnauthorized, Code: code, Message: "Unauthenticated.", Explanation: reason}
}

// brokenLink is a hand-off that signs nobody in. Visitors see it.
func brokenLink(code, reason string) *answerError {
	p := unauthorized(code, reason)
	p.Message = "This sign-in link does not work."
	return p
}

func forbidden(code, reason string) *answerError {
	return &answerError{Status: http.StatusForbidden, Code: code, Message: "Forbidden.", Explanation: reason}
}

// refusedSignIn is a sign-in at a tenant's provider that lets nobody in. Visitors see it.
func refusedSignIn(code, reason string) *answerError {
	p := forbidden(code, reason)
	p.Message = "You are not signed in."
	return p
}

func conflict(code, reason string) *answerError {
	return &answerError{Status: http.StatusConflict, Code: code, Message: "Conflict.", Explanation: reason}
}

// unsupported is a body of a type that the address does not take.
func unsupported(want string) *answerError {
	return &answerError{
		Status: http.StatusUnsupportedMediaType, Code: "UNSUPPORTED_MEDIA_TYPE",
		Message: "Unsupported media type.", Explanation: "Send the body as " + want + ".",
	}
}

// invalid is input whose fields have the given faults.
func invalid(fields map[string][]string) *answerError {
	p := *errInvalid
	p.Fields = fields
	return &p
}

// methodNotAllowed is a known path asked with a method that it does not have.
func methodNotAllowed(methods []string) *answerError {
	return &answerError{
		Status: http.StatusMethodNotAllowed, Code: "METHOD_NOT_ALLOWED", Message: "Method not allowed.",
		Explanation: "This address is not asked in this way.", Methods: methods,
	}
}

// internal hides err behind a 500.
func internal(err error) *answerError {
	return &answerError{
		Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: "Something went wrong.",
		Explanation: "This is our fault. The request id helps us to find out what happened.", Cause: err,
	}
}
