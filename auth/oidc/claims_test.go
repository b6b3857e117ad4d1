package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
)

// TestIDTokens: what an ID token has to say. Each case changes one thing of a good one.
func TestIDTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	now := time.Now()
	for what, tc := range map[string]struct {
		change func(map[string]any)
		want   error
	}{
		"as it is":                       {nil, nil},
		"another nonce":                  {set("nonce", "x"), oidc.ErrRejected},
		"no nonce":                       {set("nonce", nil), oidc.ErrRejected},
		"another issuer":                 {set("iss", "https://evil.example"), oidc.ErrRejected},
		"the issuer with a slash":        {set("iss", h.provider.Issuer+"/"), oidc.ErrRejected},
		"another audience":               {set("aud", "other"), oidc.ErrRejected},
		"two audiences":                  {set("aud", []string{oidctest.ClientID, "other"}), oidc.ErrRejected},
		"two audiences, made for us":     {func(c map[string]any) { c["aud"], c["azp"] = []string{oidctest.ClientID, "other"}, oidctest.ClientID }, nil},
		"made for another client":        {set("azp", "other"), oidc.ErrRejected},
		"no subject":                     {set("sub", nil), oidc.ErrRejected},
		"a long subject":                 {set("sub", strings.Repeat("x", 256)), oidc.ErrRejected},
		"another subject in capitals":    {set("SUB", "user-2"), nil},
		"another subject in old letters": {set("\u017fub", "user-2"), oidc.ErrRejected},
		"expired":                        {set("exp", now.Add(-2*time.Minute).Unix()), oidc.ErrRejected},
		"expired by a fast clock":        {set("exp", now.Add(-30*time.Second).Unix()), nil},
		"without end":                    {set("exp", nil), oidc.ErrRejected},
		"old":                            {set("iat", now.Add(-11*time.Minute).Unix()), oidc.ErrRejected},
		"issued at no time":              {set("iat", nil), oidc.ErrRejected},
		"issued by a fast clock":         {set("iat", now.Add(30*time.Second).Unix()), nil},
		"issued in the future":           {set("iat", now.Add(5*time.Minute).Unix()), oidc.ErrRejected},
		"good from tomorrow on":          {set("nbf", now.Add(24*time.Hour).Unix()), oidc.ErrRejected},
		"another access token":           {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), oidc.ErrRejected},
		"no hash of the access token":    {set("at_hash", nil), nil},
		"address not verified":           {set("email_verified", false), oidc.ErrUnverified},
		"nothing said about the address": {set("email_verified", nil), oidc.ErrUnverified},
		"verified in a word":             {set("email_verified", "true"), nil},
		"verified in another word":       {set("email_verified", "yes"), oidc.ErrUnverified},
		"verified by a number":           {set("email_verified", 1), oidc.ErrUnverified},
		"verified in capitals only":      {func(c map[string]any) { c["email_verified"], c["EMAIL_VERIFIED"] = false, true }, oidc.ErrUnverified},
		"another address in capitals":    {set("EMAIL", "bob@acme.example"), nil},
		"no address but at its door":     {set("email", nil), nil},
		"a bad address":                  {set("email", "ann@acme.example\n"), oidc.ErrRejected},
		"no name":                        {set("name", nil), nil},
		"a number for a name":            {set("name", 7), oidc.ErrRejected},
	} {
		h.provider.Claims(tc.change)
		in, err := h.signIn(t)
		want(t, what, err, tc.want)
		if err == nil && in.Session.Email != ann.Email {
			t.Errorf("%s: signed in as %s", what, in.Session.Email)
		}
		h.client.IP = addr()
	}
}

// TestSignatures: an ID token is signed by the provider's own key, in one of the ways that take a public key.
func TestSignatures(t *testing.T) {
	t.Parallel()
	h := open(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	sign := func(m jwt.SigningMethod, with any) func(map[string]any) string {
		return func(claims map[string]any) string {
			signed, err := jwt.NewWithClaims(m, jwt.MapClaims(claims)).SignedString(with)
			ok(t, err)
			return signed
		}
	}
	enc := base64.RawURLEncoding
	for what, sign := range map[string]func(map[string]any) string{
		"another key":                  sign(jwt.SigningMethodES256, key),
		"none":                         sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"HS256 with the client secret": sign(jwt.SigningMethodHS256, []byte(oidctest.Secret)),
		"no token":                     func(map[string]any) string { return "x" },
		"no signature": func(claims map[string]any) string {
			text, err := json.Marshal(claims)
			ok(t, err)
			return enc.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + enc.EncodeToString(text) + "."
		},
	} {
		h.provider.Sign(sign)
		_, err := h.signIn(t)
		want(t, what, err, oidc.ErrRejected)
	}
}

// TestKeysAreKept: the provider's keys are asked for once, and again when there is a new one.
func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 3 {
		_, err := h.signIn(t)
		ok(t, err)
	}
	if n := h.provider.Asked("/keys"); n != 1 {
		t.Errorf("keys were asked for %d times", n)
	}
	h.provider.Rotate(t)
	_, err := h.signIn(t)
	want(t, "with a new key", err, nil)
	if n := h.provider.Asked("/keys"); n != 2 {
		t.Errorf("keys were asked for %d times after the change", n)
	}
}

// TestUserInfo: an address that is not in the ID token is asked for, and counts for the same person only.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	h := open(t)
	noEmail := func(c map[string]any) { delete(c, "email"); delete(c, "email_verified"); delete(c, "name") }
	h.provider.Claims(noEmail)
	in, err := h.signIn(t)
	if err != nil || in.Session.Email != ann.Email {
		t.Errorf("signed in as %+v, %v", in.Session, err)
	}
	h.provider.Claims(func(c map[string]any) { noEmail(c); c["sub"] = "user-2" })
	_, err = h.signIn(t)
	want(t, "about somebody else", err, oidc.ErrRejected)
	h.provider.Claims(noEmail)
	unverified := ann
	unverified.Unverified = true
	h.provider.SignIn(unverified)
	_, err = h.signIn(t)
	want(t, "not verified there", err, oidc.ErrUnverified)
	h.provider.About(map[string]any{"userinfo_endpoint": nil})
	h.logins = h.reopen()
	_, err = h.signIn(t)
	want(t, "nowhere to ask", err, oidc.ErrRejected)
}

// TestDiscovery: a provider that sends people or secrets anywhere but over TLS, or is another than it should be, is none.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	h := open(t)
	for what, about := range map[string]map[string]any{
		"another issuer":         {"issuer": "https://evil.example"},
		"issuer with a slash":    {"issuer": h.provider.Issuer + "/"},
		"script":                 {"authorization_endpoint": "javascript:alert(1)"},
		"in the clear":           {"authorization_endpoint": "http://login.example.com/authorize"},
		"with somebody's name":   {"authorization_endpoint": "https://acme.example@evil.example/"},
		"token in the clear":     {"token_endpoint": "http://login.example.com/token"},
		"keys in the clear":      {"jwks_uri": "http://login.example.com/keys"},
		"no token endpoint":      {"token_endpoint": nil},
		"no keys":                {"jwks_uri": nil},
		"a number for a list":    {"id_token_signing_alg_values_supported": 7},
		"a path without a house": {"authorization_endpoint": "/authorize"},
	} {
		h.provider.About(about)
		h.logins = h.reopen()
		_, err := h.logins.Begin(t.Context(), h.acme, oidc.Start{Host: acmeHost, Callback: callback, Client: h.client})
		want(t, what, err, oidc.ErrProvider)
		h.client.IP = addr()
	}
	h.provider.About(map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}})
	h.logins = h.reopen()
	_, err := h.signIn(t)
	want(t, "the secret in the body", err, nil)
}
