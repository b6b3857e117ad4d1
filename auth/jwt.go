package auth

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

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/tenant"
)

const (
	// partnerLeeway is how far the clock of a partner who makes tokens may be off.
	partnerLeeway = 30 * time.Second
	// partnerLife is how long a partner's token may be good at most; one without an end is good for partnerShort.
	partnerLife  = 10 * time.Minute
	partnerShort = 2 * time.Minute
	// maxPartnerToken bounds what is looked at.
	maxPartnerToken = 8 << 10
)

// partnerToken is what a partner's JWT says.
type partnerToken struct {
	Person
	RedirectURL string
	// credential is the key that it was made with.
	credential string
	// once names the token in the memory of those that were used, until ends.
	once string
	ends time.Time
}

// verify checks a partner's JWT: HS256 with one of the tenant's keys of this kind. ErrTokenInvalid and ErrTokenExpired, with
// a sentence for the partner's developers.
func (p *proofs) verify(ctx context.Context, t *tenant.Tenant, kind tenant.Kind, raw string) (partnerToken, error) {
	kid, err := inspect(raw)
	if err != nil {
		return partnerToken{}, err
	}
	all, err := p.tenants.Keys(ctx, t.ID)
	if err != nil {
		return partnerToken{}, err
	}
	keys := all.Valid(kind, time.Now())
	if kid != "" {
		k, found := all.Find(kind, kid, time.Now())
		if !found {
			return partnerToken{}, fmt.Errorf("%w: there is no key with its kid", ErrTokenInvalid)
		}
		keys = tenant.Keys{k}
	}
	err = fmt.Errorf("%w: there is no key", ErrTokenInvalid)
	for _, k := range keys {
		var token partnerToken
		if token, err = verifyWith(k, raw); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			token.credential = "key:" + string(t.ID) + ":" + k.ID
			return token, err
		}
	}
	return partnerToken{}, err
}

// inspect does what the library doesn't: it refuses names that are there twice, in whatever case, and critical extensions.
func inspect(raw string) (kid string, err error) {
	parts := strings.Split(raw, ".")
	if len(raw) > maxPartnerToken || len(parts) != 3 || strings.ContainsAny(raw, "\r\n") { // which the decoder would skip
		return "", fmt.Errorf("%w: it is no JWT", ErrTokenInvalid)
	}
	var head map[string]json.RawMessage
	for i, part := range parts[:2] {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return "", fmt.Errorf("%w: part %d is not base64url", ErrTokenInvalid, i+1)
		}
		names, err := distinctNames(b)
		if err != nil {
			return "", fmt.Errorf("%w: part %d: %w", ErrTokenInvalid, i+1, err)
		}
		if i == 0 {
			head = names
		}
	}
	if _, critical := head["crit"]; critical {
		return "", fmt.Errorf("%w: it has critical extensions", ErrTokenInvalid)
	}
	if v, there := head["kid"]; there && json.Unmarshal(v, &kid) != nil {
		return "", fmt.Errorf("%w: its kid is not text", ErrTokenInvalid)
	}
	return kid, nil
}

// distinctNames reads an object in which no name comes twice, not even in another case.
func distinctNames(b []byte) (map[string]json.RawMessage, error) {
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
func verifyWith(k tenant.Key, raw string) (partnerToken, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
		jwt.WithLeeway(partnerLeeway), jwt.WithJSONNumber())
	_, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return []byte(k.Secret), nil })
	if errors.Is(err, jwt.ErrTokenExpired) {
		return partnerToken{}, fmt.Errorf("%w: %w", ErrTokenExpired, err)
	}
	if err != nil {
		return partnerToken{}, fmt.Errorf("%w: %w", ErrTokenInvalid, err)
	}
	ends, err := endOfToken(claims)
	if err != nil {
		return partnerToken{}, err
	}
	token := partnerToken{ends: ends.Add(partnerLeeway), once: onceOf(k, raw, claims["jti"])}
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
				return partnerToken{}, fmt.Errorf("%w: %s is not text", ErrTokenInvalid, name)
			}
			*field = v.String()
		default:
			return partnerToken{}, fmt.Errorf("%w: %s is not text", ErrTokenInvalid, name)
		}
	}
	return token, nil
}

// endOfToken is when the token is over: exp, or two minutes after iat. One that is good for longer than ten minutes is none.
func endOfToken(claims jwt.MapClaims) (time.Time, error) {
	exp, err1 := claims.GetExpirationTime()
	iat, err2 := claims.GetIssuedAt()
	if err := errors.Join(err1, err2); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrTokenInvalid, err)
	}
	begin := time.Now()
	if iat != nil {
		begin = iat.Time
	}
	switch {
	case exp == nil && iat == nil:
		return time.Time{}, fmt.Errorf("%w: it has neither exp nor iat", ErrTokenInvalid)
	case exp == nil:
		exp = jwt.NewNumericDate(iat.Add(partnerShort))
		if time.Since(exp.Time) > partnerLeeway {
			return time.Time{}, fmt.Errorf("%w: it has no exp, and iat is more than two minutes ago", ErrTokenExpired)
		}
	case exp.Sub(begin) > partnerLife+partnerLeeway:
		return time.Time{}, fmt.Errorf("%w: exp is more than ten minutes away", ErrTokenInvalid)
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
