package staff

import (
	"context"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// PasswordLogin is a try to sign in.
type PasswordLogin struct {
	Host            tenant.Host
	Email, Password string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   auth.Client
}

// SignIn takes the password of a member, who then is in, or has to show the second factor. ErrWrongPassword, whatever of
// address and password is wrong; *limit.Error after too many tries.
func (m *Members) SignIn(ctx context.Context, t *tenant.Tenant, l PasswordLogin) (Progress, error) {
	email, err := person.ParseEmail(l.Email)
	if err != nil {
		email = "" // counts, and has no account
	}
	if err := m.tryPassword(ctx, t, email, l.Client); err != nil {
		return Progress{}, err
	}
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return findByEmail(tx, email) })
	if err != nil && !gone(err) {
		return Progress{}, err
	}
	good, err := m.passwords.matches(ctx, r.Password, l.Password)
	if err != nil {
		return Progress{}, err
	}
	if !good {
		m.noteFailure(ctx, t, email, "password", l.Host, l.Client)
		return Progress{}, ErrWrongPassword
	}
	e := Entry{Host: l.Host, Previous: l.Previous, Client: l.Client, Method: auth.ByPassword}
	p, err := m.begin(ctx, t, e, func(tx *storage.Tx) (memberRecord, error) {
		now, err := find(tx, r.ID)
		if gone(err) || err == nil && now.Password != r.Password {
			return now, ErrWrongPassword // changed meanwhile
		}
		return now, err
	})
	if err == nil {
		m.forgivePassword(ctx, t, email, l.Client)
	}
	return p, err
}

// begin lets the member in whom who returns, or to the second factor, in one transaction.
func (m *Members) begin(ctx context.Context, t *tenant.Tenant, e Entry, who func(*storage.Tx) (memberRecord, error)) (Progress, error) {
	secret := auth.NewSecret()
	var p Progress
	err := m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := who(tx)
		if err != nil {
			return err
		}
		p, err = m.advance(tx, t, e, r, secret)
		return err
	})
	if err != nil {
		return Progress{}, err
	}
	return p, nil
}
