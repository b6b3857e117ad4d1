package auth

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// HandoffLife is how long a hand-off token is good.
const HandoffLife = 2 * time.Minute

// purpose sets apart what tokens are for. One of one purpose is none of another.
type purpose byte

const (
	forCallback purpose = 'h'
	forChain    purpose = 'c'
)

const (
	sealVersion = 1
	// sealKey names the generation of keys, for the day when there is a second one.
	sealKey = 1

	headSize = 3
	// maxSealed bounds what is decoded: a token with the longest fields is shorter.
	maxSealed = 16 << 10
)

// sealed is what a hand-off token carries.
type sealed struct {
	ID        string `json:"i"`
	ExpiresAt int64  `json:"x"` // unix milliseconds
	Claim     Claim  `json:"c"`
	// Chain is the hash of the secret in the cookie of whoever got the token.
	Chain []byte `json:"k,omitempty"`
}

// seal makes a token: base64url of version, purpose, key generation and AES-256-GCM's nonce, text and tag. What it is
// bound to — those three, tenant and host — is authenticated with it.
func seal(store *storage.Store, t *tenant.Tenant, host tenant.Host, p purpose, s *sealed) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("seal a claim: %w", err)
	}
	head := []byte{sealVersion, byte(p), sealKey}
	aead := sealer(store, t, p)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(head, nil, plain, bound(head, t, host))), nil
}

// unseal opens a token that was made for this tenant, host and purpose, or returns ErrTokenInvalid or ErrTokenExpired.
func unseal(store *storage.Store, t *tenant.Tenant, host tenant.Host, p purpose, token string) (sealed, error) {
	var s sealed
	if len(token) > maxSealed || strings.ContainsAny(token, "\r\n") { // which the decoder would skip
		return s, ErrTokenInvalid
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < headSize || b[0] != sealVersion || purpose(b[1]) != p || b[2] != sealKey {
		return s, ErrTokenInvalid
	}
	plain, err := sealer(store, t, p).Open(nil, nil, b[headSize:], bound(b[:headSize], t, host))
	if err != nil {
		return s, ErrTokenInvalid
	}
	if err := json.Unmarshal(plain, &s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrTokenInvalid, err)
	}
	if time.Now().UnixMilli() >= s.ExpiresAt {
		return s, ErrTokenExpired
	}
	return s, nil
}

// sealer is the cipher of one tenant and purpose.
func sealer(store *storage.Store, t *tenant.Tenant, p purpose) cipher.AEAD {
	return store.Sealer(t.Scope(), fmt.Sprintf("auth/handoff/%c/%d", p, sealKey))
}

func bound(head []byte, t *tenant.Tenant, host tenant.Host) []byte {
	return fmt.Appendf(nil, "deskgate-handoff\x00%s\x00%s\x00%s", head, t.ID, host)
}
