package staff

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// Recovery codes stand in for an authenticator that is lost. Each works once. 60 random bits need no slow hash.
const (
	recoveryCodes  = 10
	recoveryLength = 12 // characters
	recoveryGroup  = 4
	// recoveryLetters are Crockford's: none of them is taken for another one.
	recoveryLetters = "0123456789abcdefghjkmnpqrstvwxyz"
)

// NewRecovery makes new recovery codes and returns them; those of before are worthless. Without TOTP there is nothing to
// recover: auth.ErrNotFound.
func (m *Members) NewRecovery(ctx context.Context, t *tenant.Tenant, member string, c auth.Client) ([]string, error) {
	var codes []string
	err := m.change(ctx, t, member, func(tx *storage.Tx, r *memberRecord) error {
		if len(r.TOTP) == 0 {
			return auth.ErrNotFound
		}
		codes = r.newRecovery()
		return m.tell(tx, r, "recovery.made", mail.NoticeRecovery, c)
	})
	return codes, err
}

func (r *memberRecord) newRecovery() []string {
	codes := make([]string, recoveryCodes)
	r.Recovery, r.RecoveryAt = nil, now()
	for i := range codes {
		codes[i] = newRecoveryCode()
		r.Recovery = append(r.Recovery, r.hashRecovery(codes[i]))
	}
	return codes
}

func newRecoveryCode() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	text := base32.NewEncoding(recoveryLetters).WithPadding(base32.NoPadding).EncodeToString(b)[:recoveryLength]
	return text[:recoveryGroup] + "-" + text[recoveryGroup:2*recoveryGroup] + "-" + text[2*recoveryGroup:]
}

// hashRecovery is what is stored of a code. Letters that people read for others are those.
func (r *memberRecord) hashRecovery(code string) []byte {
	code = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(bareCode(code)))
	sum := sha256.Sum256([]byte("deskgate-recovery\x00" + r.ID + "\x00" + code))
	return sum[:]
}

// useRecovery takes one of the member's recovery codes. The caller stores the record.
func (r *memberRecord) useRecovery(code string) bool {
	hash, found := r.hashRecovery(code), -1
	for i, one := range r.Recovery {
		if subtle.ConstantTimeCompare(hash, one) == 1 {
			found = i
		}
	}
	if found < 0 {
		return false
	}
	r.Recovery = slices.Delete(r.Recovery, found, found+1)
	return true
}
