package partner

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/tenant"
)

const (
	// maxToken bounds what is looked at.
	maxToken = 8 << 10
	// maxDepth is how deep objects and lists may lie in each other.
	maxDepth = 16
)

// examination is a token on its way through the rules. Each rule leaves here what those behind it need.
type examination struct {
	tenant *tenant.Tenant
	kind   tenant.Kind
	ring   keyring
	raw    string
	now    time.Time

	// parts are header, claims and signature as they were sent; head and claims are what is in them, nil if that can't be read.
	parts  []string
	head   map[string]any
	claims jwt.MapClaims
	// headText and claimsText are the same as text.
	headText, claimsText []byte
	// ends is when the token is over, without leeway.
	ends time.Time
	// candidates are the keys that the header leaves; signer is the one whose signature it is.
	candidates []checkKey
	signer     *checkKey

	token Token
	// verdict is nil if every rule holds, else what is wrong with the token first.
	verdict error
}

func newExamination(t *tenant.Tenant, kind tenant.Kind, ring keyring, raw string) *examination {
	return &examination{tenant: t, kind: kind, ring: ring, raw: raw, now: time.Now()}
}

// judge applies the rules in their order, to the first that doesn't hold.
func (e *examination) judge() {
	for _, r := range rules() {
		if e.verdict = r.check(e); e.verdict != nil {
			return
		}
	}
}

// wrong says which rule a token breaks, in words for the partner's developers.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// noKey says why the token was not signed with a key of the tenant.
func noKey(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %w", ErrInvalid, errNoKey, fmt.Errorf(format, args...))
}

// split takes the token apart.
func (e *examination) split() error {
	parts := strings.Split(e.raw, ".")
	switch {
	case len(e.raw) > maxToken:
		return wrong("it has more than %d bytes", maxToken)
	case len(parts) != 3:
		return wrong("it has not three parts with dots between them")
	}
	for i, part := range parts {
		// The decoder would pass over line ends.
		_, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") {
			return wrong("part %d is not base64url without padding", i+1)
		}
	}
	e.parts = parts
	return nil
}

// readHead reads the header.
func (e *examination) readHead() (err error) {
	e.head, e.headText, err = readObject(e.parts[0])
	if err != nil {
		return wrong("its header: %w", err)
	}
	return nil
}

// readClaims reads the claims.
func (e *examination) readClaims() (err error) {
	e.claims, e.claimsText, err = readObject(e.parts[1])
	if err != nil {
		return wrong("its claims: %w", err)
	}
	return nil
}

// readObject reads a part. Whoever reads JSON in another way than we do must not come to another result: it is an object in
// which no name comes twice, at no depth and in no other case, in UTF-8, with nothing behind it.
func readObject(part string) (map[string]any, []byte, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, nil, errNoBase64
	}
	if err := unambiguous(text); err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, nil, errNoObject
	}
	return object, text, nil
}

const (
	errNoBase64  = textError("it is not base64url")
	errNoObject  = textError("it is not a JSON object")
	errTrailing  = textError("something follows the object")
	errTooDeep   = textError("it is nested too deeply")
	errMalformed = textError("it is not strict JSON: a name comes twice, or the text can't be read")
)

// textError is an error that is all said in its text.
type textError string

// Error is the text.
func (e textError) Error() string { return string(e) }

// unambiguous says why two readers could take a text for different things.
func unambiguous(text []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(text)) // it refuses names that come twice, and what is not UTF-8
	if d.PeekKind() != '{' {
		return errNoObject
	}
	var names []map[string]bool // that were seen, of each object that is open
	for first := true; first || len(names) > 0; first = false {
		token, err := d.ReadToken()
		if err != nil {
			return errMalformed
		}
		depth := d.StackDepth()
		if depth > maxDepth {
			return errTooDeep
		}
		switch token.Kind() {
		case '{', '[':
			names = append(names, map[string]bool{})
		case '}', ']':
			names = names[:depth]
		case '"':
			if kind, n := d.StackIndex(depth); kind != '{' || n%2 == 0 {
				continue // a value
			}
			name := fold(token.String())
			if names[depth-1][name] {
				return fmt.Errorf("it has the name %s twice", strconv.Quote(token.String()))
			}
			names[depth-1][name] = true
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// fold makes one of all spellings of a name that some reader takes for the same, as "EMAIL", and the Kelvin sign for a K.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
