package passkey

import (
	"errors"
	"fmt"
)

// Errors of this package, beside *limit.Error, tenant.FieldErrors and auth.ErrNotFound.
var (
	// ErrStale: the challenge was made for another browser, host or purpose, too long ago, or was answered before.
	ErrStale = errors.New("no such challenge")
	// ErrUnknown: nobody has this passkey here, or nobody any more.
	ErrUnknown = errors.New("unknown passkey")
	// ErrRejected: the answer does not come from the passkey, or from its owner.
	ErrRejected = errors.New("the answer is not good")
	// ErrCopied: the passkey has been used elsewhere in between, so that there must be two of it.
	ErrCopied = errors.New("the passkey seems to be copied")
)

func because(what, err error) error { return fmt.Errorf("%w: %w", what, err) }
