package partner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// leeway is how far the clock of a partner who makes tokens may be off.
	leeway = 30 * time.Second
	// longest is how long a token may be good at most; one without an end is good for withoutEnd.
	longest    = 10 * time.Minute
	withoutEnd = 2 * time.Minute
	// lastSecond is far away, and less than anybody's milliseconds.
	lastSecond = 100_000_000_000
)

func hasEnd(e *examination) bool { return !e.ends.IsZero() }

// checkNumbers refuses what is no time, before anybody calculates with it.
func (e *examination) checkNumbers() error {
	for _, name := range []string{"exp", "iat", "nbf"} {
		v, there := e.claims[name]
		if !there {
			continue
		}
		number, ok := v.(json.Number)
		if !ok {
			return wrong("its %s is not a number", name)
		}
		switch seconds, err := number.Float64(); {
		case err != nil || seconds < 0:
			return wrong("its %s is not a time", name)
		case seconds > lastSecond:
			return wrong("its %s is not a number of seconds: perhaps of milliseconds", name)
		}
	}
	return nil
}

// checkEnd finds out when the token is over: exp, or two minutes after iat where the tenant's kind of token may lack exp.
func (e *examination) checkEnd() error {
	exp, err := e.claims.GetExpirationTime()
	iat, err2 := e.claims.GetIssuedAt()
	switch {
	case errors.Join(err, err2) != nil:
		return wrong("its exp or its iat can't be read")
	case exp != nil:
		e.ends = exp.Time
	case e.kind != tenant.KindJWT:
		return wrong("it has no exp")
	case iat != nil:
		e.ends = iat.Add(withoutEnd)
	default:
		return wrong("it has neither exp nor iat")
	}
	e.token.Use.ends = e.ends.Add(leeway)
	return nil
}

// checkExpired says ErrExpired of a token that is over.
func (e *examination) checkExpired() error {
	if late := e.now.Sub(e.ends); late >= leeway {
		return fmt.Errorf("%w: %w", ErrExpired, fmt.Errorf("it is over since %d seconds", int(late.Seconds())))
	}
	return nil
}

// checkFuture refuses what comes too early. It is the library's part to know what the three claims mean.
func (e *examination) checkFuture() error {
	validator := jwt.NewValidator(jwt.WithIssuedAt(), jwt.WithLeeway(leeway))
	err := validator.Validate(e.claims)
	switch {
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return wrong("its iat is in the future")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return wrong("its nbf is in the future")
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil // checkExpired has seen to it
	case err != nil:
		return wrong("%w", err)
	}
	return nil
}

// checkLifetime refuses tokens that would be good for long: they get lost, and we have to remember them.
func (e *examination) checkLifetime() error {
	begin := e.now
	if iat, err := e.claims.GetIssuedAt(); err == nil && iat != nil {
		begin = iat.Time
	}
	if e.ends.Sub(begin) > longest+leeway || e.ends.Sub(e.now) > longest+leeway {
		return wrong("it is good for more than ten minutes")
	}
	return nil
}

// checkTexts reads what is said about the person.
func (e *examination) checkTexts() error {
	t := &e.token
	var first, last string
	for _, claim := range []struct {
		name  string
		field *string
	}{
		{"email", &t.Email},
		{"name", &t.Name},
		{"firstname", &first},
		{"lastname", &last},
		{"locale", &t.Locale},
		{"organization", &t.Organization},
		{"external_id", &t.ExternalID},
		{"redirect_url", &t.RedirectURL},
	} {
		switch v := e.claims[claim.name].(type) {
		case nil:
		case string:
			*claim.field = v
		case json.Number:
			if claim.name != "external_id" {
				return wrong("its %s is not text", claim.name)
			}
			*claim.field = v.String()
		default:
			return wrong("its %s is not text", claim.name)
		}
	}
	t.Complete = e.kind == tenant.KindJWT
	if whole := strings.TrimSpace(first + " " + last); strings.TrimSpace(t.Name) == "" && e.kind != tenant.KindJWT {
		t.Name = whole
	}
	return nil
}

// checkEmail brings the address into its canonical form.
func (e *examination) checkEmail() error {
	if strings.TrimSpace(e.token.Email) == "" {
		return wrong("it has no email")
	}
	address, err := person.ParseEmail(e.token.Email)
	if err != nil {
		return nobody("its email is not one plain email address")
	}
	e.token.Email = address
	return nil
}

// checkName brings the name and all else about the person into canonical form. JWTs have to have a name; else the part of
// the address before the @ serves.
func (e *examination) checkName() error {
	if e.kind == tenant.KindJWT && strings.TrimSpace(e.token.Name) == "" {
		return wrong("it has no name")
	}
	checked, err := e.token.Checked()
	if fields, bad := errors.AsType[tenant.FieldErrors](err); bad {
		if delete(fields, "email"); len(fields) > 0 { // of which there is a rule
			return nobody("%w", fields)
		}
	}
	e.token.Person = checked
	return nil
}

func nobody(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %w", ErrInvalid, ErrNobody, fmt.Errorf(format, args...))
}

// checkID finds out what the token is remembered by: its jti, else what was signed. The text of the token would not do, nor
// its signature: both can be written in more than one way.
func (e *examination) checkID() error {
	name := ""
	switch v := e.claims["jti"].(type) {
	case nil:
	case string:
		name = v
	case json.Number:
		name = v.String()
	default:
		return wrong("its jti is neither text nor a number")
	}
	switch {
	case name != "":
		name = "jti:" + name
	case e.kind != tenant.KindJWT:
		return wrong("it has no jti")
	default:
		name = "signed:" + e.parts[0] + "." + e.parts[1]
	}
	if e.signer != nil {
		sum := sha256.Sum256([]byte(name))
		e.token.Use.once = fmt.Sprintf("jwt:%s:%s:%s", e.kind, e.signer.id, hex.EncodeToString(sum[:]))
	}
	return nil
}
