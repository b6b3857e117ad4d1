package tenant

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The algorithms of partners' public keys. Each type of key has one, so that a token can't choose.
const (
	EdDSA = "EdDSA"
	ES256 = "ES256"
	RS256 = "RS256"
)

const (
	minRSA = 2048
	maxRSA = 8192 // bits: what a check may cost
	// maxPublicKeys is how many keys one document may hold.
	maxPublicKeys = 20
	maxKeyID      = 255
)

// PublicKey is a key of a partner's that checks signatures and can't make any.
type PublicKey struct {
	// ID is the partner's own name for it, as in the kid of its tokens; empty if it has none.
	ID string `cbor:"1,keyasint,omitempty"`
	// Algorithm is EdDSA, ES256 or RS256.
	Algorithm string `cbor:"2,keyasint"`
	// DER is the key as a SubjectPublicKeyInfo.
	DER []byte `cbor:"3,keyasint"`
}

// Thumbprint names the key by its content.
func (k PublicKey) Thumbprint() string {
	sum := sha256.Sum256(k.DER)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Key is the key as package crypto knows it: an ed25519.PublicKey, *ecdsa.PublicKey or *rsa.PublicKey.
func (k PublicKey) Key() (crypto.PublicKey, error) { return x509.ParsePKIXPublicKey(k.DER) }

// String is the key for people, and for a file that can be set again: PEM below a line that says what it is.
func (k PublicKey) String() string {
	name := k.Algorithm
	if k.ID != "" {
		name += ", kid " + k.ID
	}
	return name + "\n" + string(pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: k.DER}))
}

// ParsePublicKeys reads what partners send as their public key: PEM with a key or a certificate, a JWK, or a set of JWKs. The
// error is a sentence for people; it never holds anything of the text.
func ParsePublicKeys(text []byte) ([]PublicKey, error) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		keys, skipped, err := ParseKeySet(text)
		if err == nil && len(skipped) > 0 {
			err = skipped[0]
		}
		return keys, err
	}
	return parsePEM(text)
}

const (
	pemPublic      = "PUBLIC KEY"
	pemRSAPublic   = "RSA PUBLIC KEY"
	pemCertificate = "CERTIFICATE"
)

func parsePEM(text []byte) ([]PublicKey, error) {
	var keys []PublicKey
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		key, err := parseBlock(block)
		switch {
		case err != nil:
			return nil, err
		case len(keys) > 0 && block.Type == pemCertificate:
			return nil, sentenceError("There is more than one certificate. Send the one whose key signs the tokens, without its authorities.")
		case len(keys) == maxPublicKeys:
			return nil, errManyKeys
		}
		keys, text = append(keys, key), rest
	}
	if len(keys) == 0 || len(bytes.TrimSpace(text)) > 0 && bytes.Contains(text, []byte("-----BEGIN")) {
		return nil, sentenceError("This is not a public key in PEM, nor a JWK or a set of JWKs.")
	}
	return keys, nil
}

const errManyKeys = sentenceError("There are too many keys: at most 20.")

func parseBlock(block *pem.Block) (PublicKey, error) {
	var (
		key crypto.PublicKey
		err error
	)
	switch block.Type {
	case pemPublic:
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case pemRSAPublic:
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case pemCertificate:
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return PublicKey{}, errPrivateKey
		}
		return PublicKey{}, sentenceError("The PEM block is neither a PUBLIC KEY nor a CERTIFICATE.")
	}
	if err != nil {
		return PublicKey{}, sentenceError("The " + block.Type + " in the PEM can't be read.")
	}
	return newPublicKey("", key)
}

const errPrivateKey = sentenceError("This is a private key, which nobody else should ever see. Make a new pair, and send the public key.")

// newPublicKey says why a key is not one to check tokens with.
func newPublicKey(id string, key crypto.PublicKey) (PublicKey, error) {
	k := PublicKey{ID: id}
	switch key := key.(type) {
	case ed25519.PublicKey:
		k.Algorithm = EdDSA
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return k, sentenceError("Of elliptic curves, P-256 and Ed25519 will do, for ES256 and EdDSA.")
		}
		k.Algorithm = ES256
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return k, sentenceError(fmt.Sprintf("An RSA key has from %d to %d bits; this one has %d.", minRSA, maxRSA, bits))
		}
		if key.E < 3 || key.E%2 == 0 || key.N.Bit(0) == 0 {
			return k, sentenceError("The numbers of the RSA key can't be right.")
		}
		k.Algorithm = RS256
	default:
		return k, sentenceError("A key is one of Ed25519, P-256 or RSA.")
	}
	var err error
	if k.DER, err = x509.MarshalPKIXPublicKey(key); err != nil {
		return k, sentenceError("The key can't be read.")
	}
	return k, nil
}

// jwk is what we read of a JSON Web Key. A pointer tells what is there from what is not.
type jwk struct {
	Type       string   `json:"kty"`
	Curve      string   `json:"crv"`
	ID         string   `json:"kid"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	N          string   `json:"n"`
	E          string   `json:"e"`

	Private any `json:"d"`
	Secret  any `json:"k"`
}

// ParseKeySet reads a JWK or a set of JWKs. Keys in it that are not for checking the signatures of tokens are left out, each with
// a reason. A sentence as error: there is none left.
func ParseKeySet(text []byte) (keys []PublicKey, skipped []error, err error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, sentenceError("This is not a JSON object with a key or a set of keys.")
	}
	if set.Keys == nil {
		set.Keys = []jsontext.Value{text}
	}
	if len(set.Keys) > maxPublicKeys {
		return nil, nil, errManyKeys
	}
	for i, one := range set.Keys {
		key, err := parseJWK(one)
		if err != nil {
			skipped = append(skipped, sentenceError(fmt.Sprintf("Key %d of the document: %s", i+1, err.Error())))
			continue
		}
		keys = append(keys, key)
	}
	switch {
	case len(keys) > 0:
		return keys, skipped, nil
	case len(skipped) > 0:
		return nil, nil, skipped[0]
	}
	return nil, nil, sentenceError("There is no key in the document.")
}

func parseJWK(text []byte) (PublicKey, error) {
	var k jwk
	if json.Unmarshal(text, &k) != nil {
		return PublicKey{}, sentenceError("This is not a JWK.")
	}
	switch {
	case k.Type == "oct" || k.Secret != nil:
		return PublicKey{}, sentenceError("This is a shared secret. Set the secret itself, as plain text.")
	case k.Private != nil:
		return PublicKey{}, errPrivateKey
	case k.Use != "" && k.Use != "sig", k.Operations != nil && !slices.Contains(k.Operations, "verify"):
		return PublicKey{}, sentenceError("The key is not for signatures.")
	case len(k.ID) > maxKeyID:
		return PublicKey{}, sentenceError("The kid is too long.")
	}
	public, err := k.public()
	if err != nil {
		return PublicKey{}, sentenceError("The numbers of the key can't be read.")
	}
	key, err := newPublicKey(k.ID, public)
	if err == nil && k.Algorithm != "" && k.Algorithm != key.Algorithm {
		err = sentenceError("The key is for " + key.Algorithm + " here, and its alg says something else.")
	}
	return key, err
}

var errNumbers = errors.New("not the numbers of a key")

// public puts a key together from its numbers; nil without an error is a type that nobody here knows.
func (k *jwk) public() (crypto.PublicKey, error) {
	number := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		return b
	}
	const size = 32 // of a coordinate
	x, y := number(k.X), number(k.Y)
	switch {
	case k.Type == "OKP" && k.Curve == "Ed25519":
		if len(x) != ed25519.PublicKeySize {
			return nil, errNumbers
		}
		return ed25519.PublicKey(x), nil
	case k.Type == "EC" && k.Curve == "P-256":
		if len(x) != size || len(y) != size {
			return nil, errNumbers
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	case k.Type == "RSA":
		n, e := new(big.Int).SetBytes(number(k.N)), new(big.Int).SetBytes(number(k.E))
		if n.Sign() == 0 || e.BitLen() > 31 {
			return nil, errNumbers
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	}
	return nil, nil //nolint:nilnil // newPublicKey says what types there are
}
