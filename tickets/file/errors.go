package file

import (
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/storage"
)

// Errors of this package. Callers test for them with errors.Is, for *LimitError with errors.As.
var (
	// ErrNotFound: there is no such file, or none that may be used so.
	ErrNotFound = errors.New("no such file")
	// ErrEmpty: the file has no bytes.
	ErrEmpty = errors.New("the file is empty")
	// ErrUnavailable: there is no room on the disk; what is there can be read.
	ErrUnavailable = storage.ErrReadOnly
)

// LimitError says which limit a file does not keep.
type LimitError struct {
	// Limit is "size" (of one file), "total" (of all of the tenant's files) or "count" (of files in one message).
	Limit string
	// Most is what is allowed: bytes, or files.
	Most int64
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the limit of %d (%s) is reached", e.Most, e.Limit)
}
