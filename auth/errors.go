package auth

import (
	"errors"

	"github.com/deskgate/deskgate/tenant"
)

// Errors of this package. Callers test for them with errors.Is; *limit.Error, *DomainError, tenant.FieldErrors and
// package partner's errors come beside them.
var (
	// ErrNotFound: the tenant has no such user, session or token.
	ErrNotFound = errors.New("not found")
	// ErrExists: the email address belongs to another record.
	ErrExists = errors.New("exists already")

	// ErrTwoProofs: a redirect login carries more than one proof.
	ErrTwoProofs = errors.New("more than one proof")
	// ErrSignatureInvalid: a proof is there and is wrong.
	ErrSignatureInvalid = errors.New("wrong proof")
	// ErrSignatureRequired: the tenant takes no redirect login without a proof.
	ErrSignatureRequired = errors.New("a proof is required")
	// ErrOriginNotAllowed: the tenant takes redirect logins from its listed origins only.
	ErrOriginNotAllowed = errors.New("origin is not allowed")
	// ErrInsufficientScope: the API token is good, but not for this.
	ErrInsufficientScope = errors.New("insufficient scope")

	// ErrTokenInvalid: the hand-off token was not made here, for this tenant, this host and this purpose.
	ErrTokenInvalid = errors.New("token is not ours")
	// ErrTokenExpired: the hand-off token is too old.
	ErrTokenExpired = errors.New("token has expired")
	// ErrTokenUsed: the hand-off token was used before.
	ErrTokenUsed = errors.New("token was used already")

	// ErrOperatorsOff: the tenant doesn't let its staff in by SimpleAuth.
	ErrOperatorsOff = errors.New("SimpleAuth is off for operators")
	// ErrNoOperator: no member of staff has the address in the token.
	ErrNoOperator = errors.New("not a member of staff")

	// ErrSignedOut: there is no such session, or it is over.
	ErrSignedOut = errors.New("signed out")
	// ErrMailOff: the node sends no mail, so that nobody gets a code.
	ErrMailOff = errors.New("the node sends no mail")
	// ErrConfirmed: the session's address is confirmed already.
	ErrConfirmed = errors.New("confirmed already")
	// ErrCodeWrong: that is not the code.
	ErrCodeWrong = errors.New("wrong code")
	// ErrCodeOver: there is no code that could be typed: it is too old, was tried too often, or was never asked for.
	ErrCodeOver = errors.New("the code is over")
	// ErrCredentialUnknown, ErrCredentialRevoked and ErrCredentialExpired: the API token opens nothing.
	ErrCredentialUnknown = errors.New("unknown API token")
	ErrCredentialRevoked = errors.New("API token was revoked")
	ErrCredentialExpired = errors.New("API token has expired")
)

// DomainError says that a redirect_url leads to a host which the tenant has not shown to be its own, or may not name.
type DomainError struct{ Host string }

// Error names the host.
func (e *DomainError) Error() string { return "host " + e.Host + " is not verified" }

// oneField is a FieldErrors about one field.
func oneField(field, message string) error { return tenant.FieldErrors{field: {message}} }
