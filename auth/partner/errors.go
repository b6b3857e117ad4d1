package partner

import "errors"

// Errors of this package. What is wrong with a token stands behind them, in words for the partner's developers.
var (
	// ErrInvalid: the token or signature is not one that this tenant's partner has made for this purpose.
	ErrInvalid = errors.New("token is not valid")
	// ErrExpired: the token is good, and too old.
	ErrExpired = errors.New("token has expired")
	// ErrNobody comes with ErrInvalid: all is well with the token, but whom it names can be nobody.
	ErrNobody = errors.New("names nobody")
	// ErrReplayed: the token or signature was used before.
	ErrReplayed = errors.New("token was replayed")
)

// ErrKeySet comes with ErrInvalid, and before what is wrong with the tenant's key set: that is for its staff alone.
var ErrKeySet = errors.New("the key set at its jwt_jwks_url can't be used")

// errNoKey comes with ErrInvalid: none of the keys that we know has signed the token.
var errNoKey = errors.New("not signed with a key of the tenant")
