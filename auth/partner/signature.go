package partner

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

const (
	// signatureSkew is how far the clock of a partner who signs may be off.
	signatureSkew = 120 * time.Second
	maxNonce      = 128
)

// SignedRequest is a redirect login with a signature, its fields exactly as sent.
type SignedRequest struct {
	Email, Name, RedirectURL    string
	Timestamp, Nonce, Signature string
}

// Signature checks a signed redirect against the tenant's keys that are valid now. ErrInvalid.
func (v *Verifier) Signature(ctx context.Context, t *tenant.Tenant, r SignedRequest) (Proof, error) {
	seconds, err := strconv.ParseInt(r.Timestamp, 10, 64)
	at := time.Unix(seconds, 0)
	switch {
	case err != nil:
		return Proof{}, fmt.Errorf("%w: ts is not a number of seconds", ErrInvalid)
	case time.Since(at).Abs() > signatureSkew:
		return Proof{}, fmt.Errorf("%w: ts is more than two minutes off", ErrInvalid)
	case r.Nonce == "" || len(r.Nonce) > maxNonce:
		return Proof{}, fmt.Errorf("%w: the nonce is missing or has more than %d bytes", ErrInvalid, maxNonce)
	}
	sig, err := hex.DecodeString(r.Signature)
	if err != nil || len(sig) != sha256.Size {
		return Proof{}, fmt.Errorf("%w: sig is not 64 hexadecimal digits", ErrInvalid)
	}
	keys, err := v.tenants.Keys(ctx, t.ID)
	if err != nil {
		return Proof{}, err
	}
	text := r.text(t.Slug)
	for _, k := range keys.Valid(tenant.KindRedirect, time.Now()) {
		mac := hmac.New(sha256.New, []byte(k.Secret))
		_, _ = mac.Write(text) // it never fails
		if hmac.Equal(mac.Sum(nil), sig) {
			return Proof{Credential: credential(t, k.ID), Use: Use{once: "nonce:" + r.Nonce, ends: at.Add(signatureSkew + time.Minute)}}, nil
		}
	}
	return Proof{}, fmt.Errorf("%w: sig is not the one of these fields with the tenant's redirect_key", ErrInvalid)
}

// text is what a signature is over: the fields exactly as sent, lengths in bytes.
func (r SignedRequest) text(slug string) []byte {
	return fmt.Appendf(nil, "deskgate-redirect-v1\n%s\n%d:%s\n%d:%s\n%d:%s\n%s\n%s", slug,
		len(r.Email), r.Email, len(r.Name), r.Name, len(r.RedirectURL), r.RedirectURL, r.Timestamp, r.Nonce)
}
