package staff

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// Codes as every authenticator makes them (RFC 6238): six digits, SHA-1, a new one each half minute. One that is a step too
// early or too late is taken, for clocks differ; none is taken twice.
const (
	totpPeriod = 30 * time.Second
	totpSecret = 20 // bytes
	totpSkew   = 1  // steps
	// totpWait is how long a new secret waits for its first code.
	totpWait = time.Hour
)

// TOTPKey is a secret for an authenticator: as text to type, and as the URL that its QR code holds.
type TOTPKey struct{ Text, URL string }

// BeginTOTP makes a secret for the member's authenticator, which counts as soon as ConfirmTOTP has seen its first code.
// Until then an older one stays. auth.ErrNotFound.
func (m *Members) BeginTOTP(ctx context.Context, t *tenant.Tenant, member string) error {
	return m.change(ctx, t, member, func(_ *storage.Tx, r *memberRecord) error {
		r.newTOTP()
		return nil
	})
}

// newTOTP makes a secret that waits for its first code. One that does already stays: it may be on somebody's screen.
func (r *memberRecord) newTOTP() {
	if !r.awaitsTOTP() {
		r.TOTPNew = newTOTPSecret()
	}
	r.TOTPUntil = now().Add(totpWait)
}

func newTOTPSecret() []byte {
	secret := make([]byte, totpSecret)
	_, _ = rand.Read(secret) // it never fails
	return secret
}

func (r *memberRecord) awaitsTOTP() bool { return len(r.TOTPNew) > 0 && time.Now().Before(r.TOTPUntil) }

// NewTOTP returns the secret that waits for its first code. auth.ErrNotFound: there is none.
func (m *Members) NewTOTP(ctx context.Context, t *tenant.Tenant, member string) (TOTPKey, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return find(tx, member) })
	if err != nil {
		return TOTPKey{}, err
	}
	if !r.awaitsTOTP() {
		return TOTPKey{}, auth.ErrNotFound
	}
	return r.totpKey(t, r.TOTPNew)
}

func (r *memberRecord) totpKey(t *tenant.Tenant, secret []byte) (TOTPKey, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer(t), AccountName: r.Email, Secret: secret, SecretSize: totpSecret})
	if err != nil {
		return TOTPKey{}, fmt.Errorf("key for an authenticator: %w", err)
	}
	return TOTPKey{Text: key.Secret(), URL: key.URL()}, nil
}

// issuer is what authenticators show above the code. A colon would end it.
func issuer(t *tenant.Tenant) string { return strings.ReplaceAll(t.Name, ":", " ") }

// ConfirmTOTP takes the first code of the secret that waits for it: from now on codes are asked for. It returns recovery
// codes, if the member had none. ErrWrongCode; *limit.Error after too many tries.
func (m *Members) ConfirmTOTP(ctx context.Context, t *tenant.Tenant, member, code string, c auth.Client) ([]string, error) {
	if err := m.tryCode(ctx, t, member, c); err != nil {
		return nil, err
	}
	var codes []string
	err := m.change(ctx, t, member, func(tx *storage.Tx, r *memberRecord) (err error) {
		if !r.awaitsTOTP() {
			return ErrWrongCode
		}
		codes, err = m.startTOTP(tx, r, r.TOTPNew, code, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.forgiveCode(ctx, t, member)
	return codes, nil
}

// startTOTP makes a new secret the member's, if the code is its. The caller stores the record.
func (m *Members) startTOTP(tx *storage.Tx, r *memberRecord, secret []byte, code string, c auth.Client) ([]string, error) {
	step, ok := matchTOTP(secret, code, 0)
	if !ok {
		return nil, ErrWrongCode
	}
	r.TOTP, r.TOTPAt, r.TOTPStep = secret, now(), step
	r.TOTPNew, r.TOTPUntil = nil, time.Time{}
	var codes []string
	if len(r.Recovery) == 0 {
		codes = r.newRecovery()
	}
	return codes, m.tell(tx, r, "totp.on", mail.NoticeTOTPOn, c)
}

// DropTOTP has no codes asked for any more, and makes the recovery codes worthless. ErrSecondFactor: the tenant demands a
// second factor; auth.ErrNotFound.
func (m *Members) DropTOTP(ctx context.Context, t *tenant.Tenant, member string, c auth.Client) error {
	if required(t) {
		return ErrSecondFactor
	}
	return m.change(ctx, t, member, func(tx *storage.Tx, r *memberRecord) error {
		r.dropTOTP()
		return m.tell(tx, r, "totp.off", mail.NoticeTOTPOff, c)
	})
}

// ForgetTOTP helps a member who has lost the authenticator and the recovery codes: as DropTOTP, and all sessions end. Where
// the tenant demands a second factor, the next sign-in leads to a new one. auth.ErrNotFound.
func (m *Members) ForgetTOTP(ctx context.Context, t *tenant.Tenant, member, by string) error {
	return m.change(ctx, t, member, func(tx *storage.Tx, r *memberRecord) error {
		r.dropTOTP()
		r.endSessions("")
		if err := tenant.Record(tx, tenant.Event{Actor: by, Action: "totp.off", Object: r.Email}); err != nil {
			return err
		}
		return m.notify(tx, r, mail.NoticeTOTPOff, "", auth.Client{})
	})
}

func (r *memberRecord) dropTOTP() {
	r.TOTP, r.TOTPAt, r.TOTPStep = nil, time.Time{}, 0
	r.TOTPNew, r.TOTPUntil = nil, time.Time{}
	r.Recovery, r.RecoveryAt = nil, time.Time{}
}

// useTOTP takes a code of the member's authenticator, each once. The caller stores the record.
func (r *memberRecord) useTOTP(code string) bool {
	if len(r.TOTP) == 0 {
		return false
	}
	step, ok := matchTOTP(r.TOTP, code, r.TOTPStep)
	if ok {
		r.TOTPStep = step
	}
	return ok
}

// matchTOTP returns the step of time that the code is for. Only steps after the last one that was used count. All steps are
// compared, in constant time.
func matchTOTP(secret []byte, code string, used int64) (int64, bool) {
	code = bareCode(code)
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	this, found := time.Now().Unix()/int64(totpPeriod.Seconds()), int64(0)
	for step := this - totpSkew; step <= this+totpSkew; step++ {
		want, err := hotp.GenerateCode(text, uint64(step))
		if err != nil {
			continue // the secret is ours, and good
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > used {
			found = step
		}
	}
	return found, found != 0
}

// bareCode is a code without what people put between its groups.
func bareCode(code string) string {
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(code)
}
