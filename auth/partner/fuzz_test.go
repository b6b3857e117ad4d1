package partner_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// Whatever is signed with the right key: it is refused, or it names one address in canonical form and works once.
func FuzzSignedToken(f *testing.F) {
	h := open(f)
	secret := h.key(f, h.acme, tenant.KindJWT).Secret
	f.Add(hs256, bob(""))
	f.Add(`{"alg":"HS256","x":[{"a":{}}]}`, bob(`,"EMAIL":"x"`))
	f.Add(`{"alg":"none","crit":[]}`, `{"exp":1e9}`)
	f.Fuzz(func(t *testing.T, head, payload string) {
		token, err := h.check(t, jws(secret, head, payload))
		if err != nil {
			if !errors.Is(err, partner.ErrInvalid) && !errors.Is(err, partner.ErrExpired) {
				t.Fatal(err)
			}
			return
		}
		if !token.Use.Once() || token.Credential == "" || strings.Count(token.Email, "@") != 1 || strings.TrimSpace(token.Name) == "" {
			t.Errorf("%+v", token)
		}
	})
}

// Whatever comes as a token without the key: it is refused, and explaining it doesn't fail.
func FuzzToken(f *testing.F) {
	h := open(f)
	f.Add("")
	f.Add("a.b.c")
	f.Add(jws("another secret", hs256, bob("")))
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := h.check(t, token); !errors.Is(err, partner.ErrInvalid) {
			t.Errorf("%q: %v", token, err)
		}
		if said, err := h.verifier.Explain(t.Context(), h.acme, tenant.KindJWT, token); err != nil || said.Good {
			t.Errorf("%q: %+v, %v", token, said, err)
		}
	})
}
