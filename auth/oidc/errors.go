package oidc

import (
	"errors"
	"fmt"
)

// Errors of this package, beside *limit.Error and tenant.FieldErrors.
var (
	// ErrOff: the tenant has no provider.
	ErrOff = errors.New("the tenant has no provider")
	// ErrStale: the sign-in did not begin in this browser, at this host, within ten minutes, or it is at its end already.
	ErrStale = errors.New("no such sign-in under way")
	// ErrDenied: the person, or the provider, has said no.
	ErrDenied = errors.New("the provider did not let the person in")
	// ErrProvider: the provider does not answer as one should.
	ErrProvider = errors.New("the provider does not work")
	// ErrRejected: what the provider says of the person can't be believed.
	ErrRejected = errors.New("the provider's answer is not good")
	// ErrUnverified: the provider has not verified the person's address.
	ErrUnverified = errors.New("address is not verified")
	// ErrStranger: the person is none of the tenant's staff.
	ErrStranger = errors.New("nobody of the staff")
	// ErrOtherAccount: the member with this address signs in with another account of the provider.
	ErrOtherAccount = errors.New("another account of the provider is linked")
)

// because says what is behind one of the errors, for the audit log.
func because(what error, format string, args ...any) error {
	return fmt.Errorf("%w: %w", what, fmt.Errorf(format, args...))
}
