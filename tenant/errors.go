package tenant

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/storage"
)

// Errors of this package. Callers test for them with errors.Is.
var (
	// ErrNotFound: there is no such tenant, host, route or key.
	ErrNotFound = errors.New("not found")
	// ErrExists: the slug, host or route is taken.
	ErrExists = errors.New("exists already")
	// ErrReadOnly: the node takes no changes at the moment, as when its disk is full.
	ErrReadOnly = storage.ErrReadOnly
	// ErrTooLarge: it is more than can be written at once.
	ErrTooLarge = storage.ErrTooLarge
	// ErrBadHost: the text is no host name that this program could serve.
	ErrBadHost = errors.New("not a host name")
	// ErrBadSlug: the text cannot name a tenant.
	ErrBadSlug = errors.New("not a slug")
	// ErrBadOrigin: the text is no origin, that is scheme, host and perhaps a port.
	ErrBadOrigin = errors.New("not an origin")
)

// FieldErrors says what is wrong with input, per field. A nil or empty FieldErrors is no error: return Or().
type FieldErrors map[string][]string //nolint:errname // these are several, and the word is used so in all rooms

// Error lists the fields in alphabetical order.
func (e FieldErrors) Error() string {
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(e)) {
		for _, msg := range e[field] {
			if b.Len() > 0 {
				b.WriteString("; ")
			}
			b.WriteString(field + ": " + msg)
		}
	}
	return b.String()
}

// Add notes a sentence about a field.
func (e FieldErrors) Add(field, message string) { e[field] = append(e[field], message) }

// Collect adds the sentences of another FieldErrors; any other error is passed over.
func (e FieldErrors) Collect(err error) {
	if other, ok := errors.AsType[FieldErrors](err); ok {
		for field, messages := range other {
			e[field] = append(e[field], messages...)
		}
	}
}

// Or is nil if nothing is wrong, and else e.
func (e FieldErrors) Or() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Reasons why a value is refused; the allowed ones are listed behind them.
var (
	errOneOf  = errors.New("it is none of these")
	errNumber = errors.New("it is out of range")
	errFolder = errors.New("it has other characters")
	errName   = errors.New("it is empty, too long or has control characters")
	errURL    = errors.New("it is not such a URL")
	errTaken  = errors.New("it is in use")
	errColor  = errors.New("it is no colour")
	errUpload = errors.New("a picture is no text")
	errZone   = errors.New("there is no such time zone")
	errText   = errors.New("it is too long or has control characters")
)

// sentenceError is an error for people, to stand in a FieldErrors.
type sentenceError string

// Error is the sentence.
func (s sentenceError) Error() string { return string(s) }
