package tenant

import "time"

// Kind is what a key is for. There is one key per purpose.
type Kind string

// The kinds of keys.
const (
	KindJWT                 Kind = "jwt"
	KindSimpleAuth          Kind = "simpleauth"
	KindSimpleAuthOperators Kind = "simpleauth-operators"
	KindRedirect            Kind = "redirect"
)

// Kinds are all kinds, in the order of the manual.
func Kinds() []Kind {
	return []Kind{KindJWT, KindSimpleAuth, KindSimpleAuthOperators, KindRedirect}
}

// Field is the kind's name in documents: "jwt_secret", "simpleauth_key", …
func (k Kind) Field() string {
	switch k {
	case KindJWT:
		return "jwt_secret"
	case KindSimpleAuth:
		return "simpleauth_key"
	case KindSimpleAuthOperators:
		return "simpleauth_operator_key"
	case KindRedirect:
		return "redirect_key"
	}
	return string(k)
}

// Key is one secret that a tenant shares with its partners. The HMAC key is the bytes of Secret as printed, never decoded.
type Key struct {
	ID        string    `cbor:"1,keyasint"`
	Kind      Kind      `cbor:"2,keyasint"`
	Secret    string    `cbor:"3,keyasint"`
	CreatedAt time.Time `cbor:"4,keyasint"`
	// RetiredUntil is zero for the present key. A rotated one is good until then.
	RetiredUntil time.Time `cbor:"5,keyasint,omitzero"`
}

// Keys are the keys of one tenant, the newest first.
type Keys []Key

// Current is the key that new signatures are made with.
func (ks Keys) Current(kind Kind) (Key, bool) { panic("not yet") }

// Valid are the keys of a kind that a signature may be checked with at a moment: the current one, then retired ones in
// their time of grace.
func (ks Keys) Valid(kind Kind, at time.Time) Keys { panic("not yet") }

// Find is the key with that ID if it is valid at the moment.
func (ks Keys) Find(kind Kind, id string, at time.Time) (Key, bool) { panic("not yet") }

// Secrets is what people are shown: the current secret of each kind by the name that it has in documents.
func (ks Keys) Secrets() map[string]string { panic("not yet") }
