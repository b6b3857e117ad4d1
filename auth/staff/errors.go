package staff

import (
	"errors"

	"github.com/deskgate/deskgate/tenant"
)

// Errors of this package. auth.ErrNotFound, auth.ErrExists, *limit.Error and tenant.FieldErrors come beside them.
var (
	// ErrWrongPassword: no member of staff has this email address and this password.
	ErrWrongPassword = errors.New("wrong email or password")
	// ErrWrongCode: the code is wrong, too old, or was used before.
	ErrWrongCode = errors.New("wrong code")
	// ErrPending: nobody is half-way in with this secret at this host, or it took too long.
	ErrPending = errors.New("sign-in has to begin anew")
	// ErrSecondFactor: the tenant demands a second factor, which therefore can't be turned off.
	ErrSecondFactor = errors.New("a second factor is demanded")
	// ErrReset: the link to a new password is unknown, used or too old.
	ErrReset = errors.New("reset is not valid")
	// ErrNoMail: it needs mail, and this node sends none.
	ErrNoMail = errors.New("no mail")
	// ErrInvitation: the invitation is unknown, used or too old.
	ErrInvitation = errors.New("invitation is not valid")
)

// badPassword is a FieldErrors about a password that was chosen.
func badPassword(message string) error { return tenant.FieldErrors{"password": {message}} }
