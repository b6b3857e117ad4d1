package tenant_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func spki(key crypto.PublicKey) string {
	return pemBlock("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key)))
}

func certificate(key crypto.Signer) string {
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "partner"}, NotAfter: time.Unix(0, 0)}
	return pemBlock("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)))
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestParsePublicKeys(t *testing.T) {
	edPublic, ed, _ := ed25519.GenerateKey(rand.Reader)
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	r := must(rsa.GenerateKey(rand.Reader, 2048))
	point := must(ec.PublicKey.Bytes())
	okp := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}`, b64(edPublic))
	p256 := fmt.Sprintf(`{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"b","x":%q,"y":%q}`, b64(point[1:33]), b64(point[33:]))
	encrypting := replaced(p256, `"use":"sig"`, `"use":"enc"`)
	for what, tc := range map[string]struct{ text, want string }{
		"Ed25519":          {spki(ed.Public()), "EdDSA"},
		"P-256":            {"some words\n" + spki(ec.Public()) + "\n", "ES256"},
		"RSA":              {spki(r.Public()), "RS256"},
		"RSA in PKCS#1":    {pemBlock("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&r.PublicKey)), "RS256"},
		"certificate":      {certificate(ec), "ES256"},
		"CRLF":             {strings.ReplaceAll(spki(ed.Public()), "\n", "\r\n"), "EdDSA"},
		"two keys":         {spki(ed.Public()) + spki(r.Public()), "EdDSA RS256"},
		"JWK":              {okp, "EdDSA/a"},
		"JWK with more":    {replaced(okp, "{", `{"x5t":"x","ext":true,`), "EdDSA/a"},
		"set":              {`{"keys":[` + okp + `,` + p256 + `]}`, "EdDSA/a ES256/b"},
		"key for checking": {replaced(p256, `"use":"sig"`, `"key_ops":["verify"]`), "ES256/b"},
	} {
		keys, err := tenant.ParsePublicKeys([]byte(tc.text))
		var got []string
		for _, k := range keys {
			got = append(got, strings.TrimSuffix(k.Algorithm+"/"+k.ID, "/"))
			if again, err := tenant.ParsePublicKeys([]byte(k.String())); err != nil || again[0].Thumbprint() != k.Thumbprint() {
				t.Errorf("%s: printed as %q, which is %v, %v", what, k, again, err)
			}
		}
		if strings.Join(got, " ") != tc.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", what, got, err, tc.want)
		}
	}
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(r))
	for what, tc := range map[string]struct{ text, says string }{
		"nothing":               {"", "not a public key"},
		"words":                 {"hello", "not a public key"},
		"half of a PEM":         {spki(ed.Public())[:60], "not a public key"},
		"garbage in a PEM":      {pemBlock("PUBLIC KEY", []byte("x")), "can't be read"},
		"private key":           {pemBlock("PRIVATE KEY", pkcs8), "send the public key"},
		"RSA private key":       {pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r)), "send the public key"},
		"EC private key":        {pemBlock("EC PRIVATE KEY", []byte("x")), "send the public key"},
		"OpenSSH's private key": {pemBlock("OPENSSH PRIVATE KEY", []byte("x")), "send the public key"},
		"locked private key":    {pemBlock("ENCRYPTED PRIVATE KEY", []byte("x")), "send the public key"},
		"private after public":  {spki(r.Public()) + pemBlock("PRIVATE KEY", pkcs8), "send the public key"},
		"private JWK":           {replaced(okp, "{", `{"d":"AA",`), "send the public key"},
		"private JWK in a set":  {`{"keys":[` + p256 + `,` + replaced(okp, "{", `{"d":"AA",`) + `]}`, "send the public key"},
		"shared secret":         {`{"kty":"oct","k":"AAAA"}`, "shared secret"},
		"short RSA":             {spki(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}), "from 2048"},
		"long RSA":              {spki(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16383, 1), E: 65537}), "16384"},
		"exponent 1":            {spki(&rsa.PublicKey{N: r.N, E: 1}), "can't be right"},
		"even modulus":          {spki(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}), "can't be right"},
		"P-384":                 {spki(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Public()), "P-256"},
		"X25519":                {spki(must(ecdh.X25519().GenerateKey(rand.Reader)).Public()), "Ed25519"},
		"a chain":               {certificate(ec) + certificate(r), "more than one certificate"},
		"a request":             {pemBlock("CERTIFICATE REQUEST", []byte("x")), "neither"},
		"an empty object":       {"{}", "one of"},
		"an empty set":          {`{"keys":[]}`, "no key"},
		"a list":                {"[" + okp + "]", "not a public key"},
		"a name twice":          {replaced(okp, "{", `{"kty":"oct",`), "not a JSON object"},
		"a key for ciphers":     {encrypting, "not for signatures"},
		"a key for signing":     {replaced(p256, `"use":"sig"`, `"key_ops":["sign"]`), "not for signatures"},
		"another alg":           {replaced(p256, "ES256", "ES512"), "something else"},
		"off the curve":         {replaced(p256, b64(point[33:]), b64(point[1:33])), "can't be read"},
		"half a coordinate":     {replaced(p256, b64(point[33:]), b64(point[33:50])), "can't be read"},
		"a small key":           {replaced(okp, b64(edPublic), "AAAA"), "can't be read"},
		"numbers that are text": {`{"kty":"RSA","n":"?","e":"?"}`, "can't be read"},
		"too many":              {strings.Repeat(spki(ed.Public()), 21), "too many"},
		"too many in a set":     {`{"keys":[` + strings.Repeat(okp+",", 20) + okp + `]}`, "too many"},
	} {
		keys, err := tenant.ParsePublicKeys([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, %v, want %q", what, keys, err, tc.says)
		}
	}
	// A server's set may hold keys for other things.
	if keys, skipped, err := tenant.ParseKeySet([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"new"},` + encrypting + `,` + okp + `]}`)); len(keys) != 1 || len(skipped) != 3 || err != nil {
		t.Errorf("a mixed set: %v, %v, %v", keys, skipped, err)
	}
}

func replaced(s, old, changed string) string {
	if !strings.Contains(s, old) {
		panic("nothing to replace")
	}
	return strings.Replace(s, old, changed, 1)
}

// A partner goes over to public keys and back: only what is set now counts, and among the same type the grace stays.
func TestImportPublicKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		give := func(text string) tenant.Keys {
			t.Helper()
			time.Sleep(time.Second)
			if _, err := h.tenants.Import(t.Context(), h.acme.ID, tenant.KindJWT, text); err != nil {
				t.Fatal(err)
			}
			return h.keys(t, h.acme).Valid(tenant.KindJWT, time.Now())
		}
		_, one, _ := ed25519.GenerateKey(rand.Reader)
		_, two, _ := ed25519.GenerateKey(rand.Reader)
		if got := give(spki(one.Public())); len(got) != 1 || got[0].Secret != "" || len(got[0].Public) != 1 {
			t.Errorf("after the secret: %+v", got)
		}
		if got := give(spki(two.Public())); len(got) != 2 {
			t.Errorf("after another public key: %+v", got)
		}
		secrets := h.keys(t, h.acme).Secrets()
		if _, there := secrets["jwt_secret"]; there || !strings.HasPrefix(secrets[tenant.PublicKeysField], "EdDSA\n-----BEGIN PUBLIC KEY-----") {
			t.Errorf("shown as %q", secrets)
		}
		if got := give("kT7#pX2!vQ9$mZ4&"); len(got) != 1 || got[0].Secret == "" {
			t.Errorf("after a secret again: %+v", got)
		}
		for _, kind := range []tenant.Kind{tenant.KindSimpleAuth, tenant.KindSimpleAuthOperators, tenant.KindRedirect} {
			_, err := h.tenants.Import(t.Context(), h.acme.ID, kind, spki(one.Public()))
			if fields, ok := errors.AsType[tenant.FieldErrors](err); !ok || !strings.Contains(fields.Error(), "JWTs alone") {
				t.Errorf("a public key for %s: %v", kind, err)
			}
		}
		if got := h.keys(t, h.bee).Valid(tenant.KindJWT, time.Now()); len(got) != 1 || got[0].Public != nil {
			t.Errorf("the other tenant: %+v", got)
		}
	})
}

func TestJWKSURL(t *testing.T) {
	h := open(t)
	for value, good := range map[string]bool{
		"https://auth.example.com/.well-known/jwks.json?x=1": true, "http://10.1.2.3:8080/keys": true, "": true,
		"ftp://example.com/": false, "https://": false, "https://u:p@example.com/": false, "https://example.com/#x": false, "keys.json": false,
		"https://example.com/" + strings.Repeat("x", 500): false, "//example.com/": false, "file:///etc/passwd": false,
	} {
		changed, err := h.tenants.Set(t.Context(), "acme", map[string]string{"jwt_jwks_url": value})
		if (err == nil) != good || good && changed.Settings.JWKSURL != value {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func FuzzParsePublicKeys(f *testing.F) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	f.Add([]byte(spki(ed.Public())))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`))
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := tenant.ParsePublicKeys(text)
		if len(keys) == 0 && err == nil {
			t.Fatalf("%d keys and %v", len(keys), err)
		}
		for _, k := range keys {
			if key, err := k.Key(); err != nil || key == nil {
				t.Errorf("a key that can't be used: %v", err)
			}
		}
	})
}
