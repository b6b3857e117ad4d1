package partner_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// pairs are one pair of keys of each type that partners may have.
type pairs struct {
	ed  ed25519.PrivateKey
	ec  *ecdsa.PrivateKey
	rsa *rsa.PrivateKey
}

func newPairs(tb testing.TB) pairs {
	tb.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return pairs{ed, ec, r}
}

func pemOf(tb testing.TB, key crypto.PublicKey) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// jwk is a pair's public key with a name.
func jwk(tb testing.TB, kid string, key crypto.PublicKey) string {
	tb.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case ed25519.PublicKey:
		return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, kid, b64(key))
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		return fmt.Sprintf(`{"kty":"EC","crv":"P-256","use":"sig","kid":%q,"x":%q,"y":%q}`, kid, b64(point[1:33]), b64(point[33:]))
	case *rsa.PublicKey:
		return fmt.Sprintf(`{"kty":"RSA","alg":"RS256","key_ops":["verify"],"kid":%q,"n":%q,"e":"AQAB"}`, kid, b64(key.N.Bytes()))
	}
	tb.Fatalf("no JWK for %T", key)
	return ""
}

func TestPublicKeys(t *testing.T) {
	h := open(t)
	before := h.key(t, h.acme, tenant.KindJWT)
	p, other := newPairs(t), newPairs(t)
	for _, tc := range []struct {
		alg     string
		method  jwt.SigningMethod
		private crypto.Signer
		foreign crypto.Signer
	}{
		{"EdDSA", jwt.SigningMethodEdDSA, p.ed, other.ed},
		{"ES256", jwt.SigningMethodES256, p.ec, other.ec},
		{"RS256", jwt.SigningMethodRS256, p.rsa, other.rsa},
	} {
		text := pemOf(t, tc.private.Public())
		h.give(t, text)
		head := `{"alg":"` + tc.alg + `"}`
		token := signed(t, tc.method, tc.private, head, bob(""))
		got, err := h.check(t, token)
		if err != nil || got.Email != "bob@example.com" {
			t.Fatalf("%s: %+v, %v", tc.alg, got, err)
		}
		want(t, tc.alg+", used", h.spend(t, h.acme, got.Use), nil)
		want(t, tc.alg+", used again", h.spend(t, h.acme, got.Use), partner.ErrReplayed)
		want(t, tc.alg+", at the other tenant", h.spend(t, h.bee, got.Use), nil)

		for what, row := range map[string]struct{ rule, token string }{
			"another key":                   {"signature", signed(t, tc.method, tc.foreign, head, bob(""))},
			"HS256 with the PEM as secret":  {"alg", jws(text, hs256, bob(""))},
			"the same without its line end": {"alg", jws(strings.TrimSpace(text), hs256, bob(""))},
			"HS256 that says " + tc.alg:     {"signature", jws(text, head, bob(""))},
			"HS256 with the former secret":  {"alg", jws(before.Secret, hs256, bob(""))},
			"no signature":                  {"signature", token[:strings.LastIndexByte(token, '.')+1]},
			"none":                          {"alg", encode(`{"alg":"none"}`) + "." + encode(bob("")) + "."},
			"a kid, and the key has none":   {"kid", signed(t, tc.method, tc.private, `{"alg":"`+tc.alg+`","kid":"1"}`, bob(""))},
		} {
			if got := h.broken(t, tenant.KindJWT, row.token); got != row.rule {
				t.Errorf("%s, %s: breaks %q, want %q", tc.alg, what, got, row.rule)
			}
		}
	}
	// RSA in other ways than RS256.
	h.give(t, pemOf(t, p.rsa.Public()))
	for alg, m := range map[string]jwt.SigningMethod{"RS384": jwt.SigningMethodRS384, "RS512": jwt.SigningMethodRS512, "PS256": jwt.SigningMethodPS256} {
		if got := h.broken(t, tenant.KindJWT, signed(t, m, p.rsa, `{"alg":"`+alg+`"}`, bob(""))); got != "alg" {
			t.Errorf("%s breaks %q", alg, got)
		}
		if got := h.broken(t, tenant.KindJWT, signed(t, m, p.rsa, `{"alg":"RS256"}`, bob(""))); got != "signature" {
			t.Errorf("%s that says RS256 breaks %q", alg, got)
		}
	}
}

// Of a set every key counts, and a kid chooses exactly one.
func TestKeySetOfAFile(t *testing.T) {
	h := open(t)
	p := newPairs(t)
	h.give(t, `{"keys":[`+jwk(t, "a", p.ed.Public())+`,`+jwk(t, "b", p.ec.Public())+`,`+jwk(t, "c", p.rsa.Public())+`]}`)
	for _, tc := range []struct {
		head, rule string
		method     jwt.SigningMethod
		key        any
	}{
		{`{"alg":"EdDSA","kid":"a"}`, "", jwt.SigningMethodEdDSA, p.ed},
		{`{"alg":"ES256","kid":"b"}`, "", jwt.SigningMethodES256, p.ec},
		{`{"alg":"RS256","kid":"c"}`, "", jwt.SigningMethodRS256, p.rsa},
		{`{"alg":"RS256"}`, "", jwt.SigningMethodRS256, p.rsa},
		{`{"alg":"RS256","kid":"a"}`, "alg", jwt.SigningMethodRS256, p.rsa},
		{`{"alg":"RS256","kid":"C"}`, "kid", jwt.SigningMethodRS256, p.rsa},
		{`{"alg":"RS256","kid":""}`, "kid", jwt.SigningMethodRS256, p.rsa},
		{`{"alg":"RS256","jwk":` + jwk(t, "c", newPairs(t).rsa.Public()) + `}`, "", jwt.SigningMethodRS256, p.rsa},
	} {
		if got := h.broken(t, tenant.KindJWT, signed(t, tc.method, tc.key, tc.head, bob(""))); got != tc.rule {
			t.Errorf("%s breaks %q, want %q", tc.head, got, tc.rule)
		}
	}
}

// ECDSA's s has a second value that is as good; base64 has spellings that decode alike. Neither makes a second token.
func TestMalleableSignature(t *testing.T) {
	h := open(t)
	p := newPairs(t)
	h.give(t, pemOf(t, p.ec.Public()))
	token := signed(t, jwt.SigningMethodES256, p.ec, `{"alg":"ES256"}`, bob(""))
	cut := strings.LastIndexByte(token, '.')
	sig, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(sig[32:]))
	twin := token[:cut+1] + base64.RawURLEncoding.EncodeToString(append(sig[:32:32], s.FillBytes(make([]byte, 32))...))
	first, err := h.check(t, token)
	want(t, "the token", err, nil)
	second, err := h.check(t, twin)
	want(t, "its twin", err, nil)
	if token == twin {
		t.Fatal("they are the same")
	}
	want(t, "the first use", h.spend(t, h.acme, first.Use), nil)
	want(t, "the twin's use", h.spend(t, h.acme, second.Use), partner.ErrReplayed)
	want(t, "the twin, looked at", h.verifier.Unspent(t.Context(), h.acme, second.Use), partner.ErrReplayed)

	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	good := 0
	for _, last := range alphabet {
		if _, err := h.check(t, token[:len(token)-1]+string(last)); err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d spellings of a signature are good", good)
	}
}
