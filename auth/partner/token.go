package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// leeway is how far the clock of a partner who makes tokens may be off.
	leeway = 30 * time.Second
	// longest is how long a partner's token may be good at most; one without an end is good for withoutEnd.
	longest    = 10 * time.Minute
	withoutEnd = 2 * time.Minute
	// maxToken bounds what is looked at.
	maxToken = 8 << 10
)

// Verifier checks what partners sign. It is safe for concurrent use.
type Verifier struct {
	store   *storage.Store
	tenants *tenant.Registry
}

// Config is what a Verifier stands on.
type Config struct {
	Store *storage.Store
	// Tenants knows the keys.
	Tenants *tenant.Registry
}

// New returns a Verifier.
func New(c Config) *Verifier { return &Verifier{store: c.Store, tenants: c.Tenants} }

// Proof is what a partner's signature is worth: whom it is counted for, and that it works once.
type Proof struct {
	// Credential names the key. It is never empty in a Proof that was returned without an error.
	Credential string
	Use        Use
}

// Token is what a good JWT says. Nothing of the person is checked but that it is text.
type Token struct {
	person.Person
	Proof

	RedirectURL string
}

func credential(t *tenant.Tenant, key string) string { return "key:" + string(t.ID) + ":" + key }

// Token checks a partner's JWT against the tenant's keys of this kind. ErrInvalid and ErrExpired. Nothing is used up: see Use.
func (v *Verifier) Token(ctx context.Context, t *tenant.Tenant, kind tenant.Kind, raw string) (Token, error) {
	kid, err := inspect(raw)
	if err != nil {
		return Token{}, err
	}
	all, err := v.tenants.Keys(ctx, t.ID)
	if err != nil {
		return Token{}, err
	}
	keys := all.Valid(kind, time.Now())
	if kid != "" {
		k, found := all.Find(kind, kid, time.Now())
		if !found {
			return Token{}, fmt.Errorf("%w: there is no key with its kid", ErrInvalid)
		}
		keys = tenant.Keys{k}
	}
	err = fmt.Errorf("%w: there is no key", ErrInvalid)
	for _, k := range keys {
		var token Token
		if token, err = verifyWith(k, raw); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			token.Credential = credential(t, k.ID)
			return token, err
		}
	}
	return Token{}, err
}

// inspect does what the library doesn't: it refuses names that are there twice, in whatever case, and critical extensions.
func inspect(raw string) (kid string, err error) {
	parts := strings.Split(raw, ".")
	if len(raw) > maxToken || len(parts) != 3 || strings.ContainsAny(raw, "\r\n") { // which the decoder would skip
		return "", fmt.Errorf("%w: it is no JWT", ErrInvalid)
	}
	var head map[string]json.RawMessage
	for i, part := range parts[:2] {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return "", fmt.Errorf("%w: part %d is not base64url", ErrInvalid, i+1)
		}
		names, err := distinctNames(b)
		if err != nil {
			return "", fmt.Errorf("%w: part %d: %w", ErrInvalid, i+1, err)
		}
		if i == 0 {
			head = names
		}
	}
	if _, critical := head["crit"]; critical {
		return "", fmt.Errorf("%w: it has critical extensions", ErrInvalid)
	}
	if v, there := head["kid"]; there && json.Unmarshal(v, &kid) != nil {
		return "", fmt.Errorf("%w: its kid is not text", ErrInvalid)
	}
	return kid, nil
}

// distinctNames reads an object in which no name comes twice, not even in another case.
func distinctNames(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("it is not UTF-8") // which the decoder would mend
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is not an object")
	}
	values, seen := map[string]json.RawMessage{}, map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, _ := name.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		folded := strings.ToLower(text)
		if seen[folded] {
			return nil, fmt.Errorf("it has %q twice", text)
		}
		seen[folded], values[text] = true, value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return values, nil
}

// verifyWith checks the token with one key. jwt.ErrTokenSignatureInvalid is in the error if another key may do.
func verifyWith(k tenant.Key, raw string) (Token, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
		jwt.WithLeeway(leeway), jwt.WithJSONNumber())
	_, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return []byte(k.Secret), nil })
	if errors.Is(err, jwt.ErrTokenExpired) {
		return Token{}, fmt.Errorf("%w: %w", ErrExpired, err)
	}
	if err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	ends, err := endOfToken(claims)
	if err != nil {
		return Token{}, err
	}
	token := Token{Proof: Proof{Use: Use{once: onceOf(k, raw, claims["jti"]), ends: ends.Add(leeway)}}}
	for name, field := range map[string]*string{
		"email": &token.Email, "name": &token.Name, "locale": &token.Locale, "organization": &token.Organization,
		"external_id": &token.ExternalID, "redirect_url": &token.RedirectURL,
	} {
		switch v := claims[name].(type) {
		case nil:
		case string:
			*field = v
		case json.Number:
			if name != "external_id" {
				return Token{}, fmt.Errorf("%w: %s is not text", ErrInvalid, name)
			}
			*field = v.String()
		default:
			return Token{}, fmt.Errorf("%w: %s is not text", ErrInvalid, name)
		}
	}
	return token, nil
}

// endOfToken is when the token is over: exp, or two minutes after iat. One that is good for longer than ten minutes is none.
func endOfToken(claims jwt.MapClaims) (time.Time, error) {
	exp, err1 := claims.GetExpirationTime()
	iat, err2 := claims.GetIssuedAt()
	if err := errors.Join(err1, err2); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	begin := time.Now()
	if iat != nil {
		begin = iat.Time
	}
	switch {
	case exp == nil && iat == nil:
		return time.Time{}, fmt.Errorf("%w: it has neither exp nor iat", ErrInvalid)
	case exp == nil:
		exp = jwt.NewNumericDate(iat.Add(withoutEnd))
		if time.Since(exp.Time) > leeway {
			return time.Time{}, fmt.Errorf("%w: it has no exp, and iat is more than two minutes ago", ErrExpired)
		}
	case exp.Sub(begin) > longest+leeway:
		return time.Time{}, fmt.Errorf("%w: exp is more than ten minutes away", ErrInvalid)
	}
	return exp.Time, nil
}

// onceOf names a token that works once: by its jti, else by what was signed. The text of the token would not do, for
// base64 and some signatures can be written in more than one way.
func onceOf(k tenant.Key, raw string, jti any) string {
	name := "signed:" + raw[:strings.LastIndexByte(raw, '.')]
	switch v := jti.(type) {
	case string:
		name = "jti:" + v
	case json.Number:
		name = "jti:" + v.String()
	}
	sum := sha256.Sum256([]byte(name))
	return "jwt:" + string(k.Kind) + ":" + k.ID + ":" + hex.EncodeToString(sum[:])
}
