package staff

import (
	"errors"

	"github.com/deskgate/deskgate/tenant"
)

// Errors of this package. auth.ErrNotFound, auth.ErrExists, *limit.Error and tenant.FieldErrors come beside them.
var (
	// ErrWrongPassword: no member of staff has this email address and this password.
	ErrWrongPassword = errors.New("wrong email or password")
	// ErrInvitation: the invitation is unknown, used or too old.
	ErrInvitation = errors.New("invitation is not valid")
)

// badPassword is a FieldErrors about a password that was chosen.
func badPassword(message string) error { return tenant.FieldErrors{"password": {message}} }
