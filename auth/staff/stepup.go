package staff

import (
	"context"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Again is a member who is signed in and proves once more who they are.
type Again struct {
	// Entry says who and where. Previous is the secret of their session.
	Entry

	// Password counts for a member without TOTP, Code for one with it: one of the authenticator, or a recovery code.
	Password, Code string
}

// StepUp checks the proof and replaces the member's session by one that is proven anew: see Prove. ErrWrongPassword,
// ErrWrongCode; *limit.Error after too many tries; auth.ErrSignedOut.
func (m *Members) StepUp(ctx context.Context, t *tenant.Tenant, a Again) (auth.Session, string, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return find(tx, a.Member) })
	if err != nil {
		return auth.Session{}, "", err
	}
	if len(r.TOTP) > 0 {
		a.Method, err = m.checkCode(ctx, t, &a)
	} else {
		a.Method, err = auth.ByPassword, m.checkAgain(ctx, t, &r, &a)
	}
	if err != nil {
		return auth.Session{}, "", err
	}
	return m.Prove(ctx, t, a.Entry)
}

// checkAgain takes the password of a member who is signed in.
func (m *Members) checkAgain(ctx context.Context, t *tenant.Tenant, r *memberRecord, a *Again) error {
	if err := m.tryPassword(ctx, t, r.Email, a.Client); err != nil {
		return err
	}
	good, err := m.passwords.matches(ctx, r.Password, a.Password)
	if err != nil {
		return err
	}
	if !good {
		m.noteFailure(ctx, t, r.actor(), "password", a.Host, a.Client)
		return ErrWrongPassword
	}
	m.forgivePassword(ctx, t, r.Email, a.Client)
	return nil
}

// checkCode uses up a code of a member who is signed in.
func (m *Members) checkCode(ctx context.Context, t *tenant.Tenant, a *Again) (auth.Method, error) {
	if err := m.tryCode(ctx, t, a.Member, a.Client); err != nil {
		return "", err
	}
	var method auth.Method
	err := m.change(ctx, t, a.Member, func(tx *storage.Tx, r *memberRecord) (err error) {
		method, err = m.useCode(tx, r, a.Code, a.Client)
		return err
	})
	m.judge(ctx, t, a.Member, a.Host, a.Client, err)
	return method, err
}
