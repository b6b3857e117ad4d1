package tickets

import (
	"errors"
	"fmt"
)

// Errors of this package. Callers test for them with errors.Is, for *TransitionError, *QueryError and
// tenant.FieldErrors with errors.As.
var (
	// ErrNotFound: there is no such ticket or category, or none that the actor may know of.
	ErrNotFound = errors.New("not found")
	// ErrNotAllowed: the actor may see the thing, but not do this to it.
	ErrNotAllowed = errors.New("not allowed")
	// ErrColleagues: the ticket is somebody else's of the same organization, to be read and no more. It is an ErrNotAllowed.
	ErrColleagues = fmt.Errorf("%w: a colleague's ticket is only to be read", ErrNotAllowed)
	// ErrConfirmationRequired: the tenant takes tickets only from requesters who have proven their address.
	ErrConfirmationRequired = errors.New("the address has to be confirmed first")
	// ErrVersionConflict: the ticket is no longer the version that the caller has seen.
	ErrVersionConflict = errors.New("the ticket was changed meanwhile")
	// ErrIdempotencyMismatch: the key was used with another body.
	ErrIdempotencyMismatch = errors.New("the idempotency key was used for another request")
	// ErrIdempotencyBusy: the first request with this key is still running.
	ErrIdempotencyBusy = errors.New("a request with this idempotency key is still running")
	// ErrIdempotencyUnknown: the first request with this key did not come to its end, and nobody knows what became of it.
	ErrIdempotencyUnknown = errors.New("nobody knows whether the request with this idempotency key was carried out")
	// ErrBadCursor: the cursor is not one, or belongs to another list.
	ErrBadCursor = errors.New("the cursor does not belong to this list")
	// ErrNotRatable: the ticket is not solved, or was rated too long ago.
	ErrNotRatable = errors.New("the ticket cannot be rated now")
	// ErrRequestersDiffer: the tickets belong to different requesters, who must not see each other's.
	ErrRequestersDiffer = errors.New("the tickets belong to different requesters")
	// ErrInUse: tickets have this category.
	ErrInUse = errors.New("tickets have this category")
)

// QueryError says which parameter of a list makes no sense.
type QueryError struct {
	Param  string
	Reason string // a sentence for people
}

// Error is the parameter and the reason.
func (e *QueryError) Error() string { return e.Param + ": " + e.Reason }
