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

	Password string
}

// StepUp checks the proof and replaces the member's session by one that is proven anew: see Prove. ErrWrongPassword;
// *limit.Error after too many tries; auth.ErrSignedOut.
func (m *Members) StepUp(ctx context.Context, t *tenant.Tenant, a Again) (auth.Session, string, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return find(tx, a.Member) })
	if err != nil {
		return auth.Session{}, "", err
	}
	if err := m.try(ctx, t, r.Email, a.Client); err != nil {
		return auth.Session{}, "", err
	}
	good, err := m.passwords.matches(ctx, r.Password, a.Password)
	if err != nil {
		return auth.Session{}, "", err
	}
	if !good {
		return auth.Session{}, "", ErrWrongPassword
	}
	m.forgive(ctx, t, r.Email, a.Client)
	a.Method = auth.ByPassword
	return m.Prove(ctx, t, a.Entry)
}
