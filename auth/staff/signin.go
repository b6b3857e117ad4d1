package staff

import (
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
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

// How many tries there are. A member can be shut out from one address by somebody at that address only, unless so many
// guess from all over the world that somebody has to step in.
const (
	triesPerIP      = 30
	triesPerAccount = 10 // from one address
	triesFromAll    = 100
	triesPeriod     = 15 * time.Minute
)

// SignIn signs a member in and returns the session with its secret. ErrWrongPassword, whatever of the two is wrong;
// *limit.Error after too many tries.
func (m *Members) SignIn(ctx context.Context, t *tenant.Tenant, l PasswordLogin) (auth.Session, string, error) {
	email, err := person.ParseEmail(l.Email)
	if err != nil {
		email = "" // counts, and has no account
	}
	if err := m.try(ctx, t, email, l.Client); err != nil {
		return auth.Session{}, "", err
	}
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return findByEmail(tx, email) })
	if err != nil && !gone(err) {
		return auth.Session{}, "", err
	}
	good, err := m.passwords.matches(ctx, r.Password, l.Password)
	if err != nil {
		return auth.Session{}, "", err
	}
	if !good {
		return auth.Session{}, "", ErrWrongPassword
	}
	e := Entry{Host: l.Host, Previous: l.Previous, Client: l.Client, Method: auth.ByPassword}
	s, secret, err := m.enter(ctx, t, e, func(tx *storage.Tx) (memberRecord, error) {
		now, err := find(tx, r.ID)
		if gone(err) || err == nil && now.Password != r.Password {
			return now, ErrWrongPassword // changed meanwhile
		}
		return now, err
	})
	if err == nil {
		m.forgive(ctx, t, email, l.Client)
	}
	return s, secret, err
}

// tries are the counts that one try goes to: that of the address, of the account from the address, and of the account.
func tries(t *tenant.Tenant, email string, c auth.Client) ([]limit.Bucket, []string) {
	ip := limit.IP(c.IP)
	account := string(t.ID) + " " + email
	return []limit.Bucket{
		{Name: "password-ip", Limit: triesPerIP, Period: triesPeriod},
		{Name: "password-account-ip", Limit: triesPerAccount, Period: triesPeriod},
		{Name: "password-account", Limit: triesFromAll, Period: triesPeriod},
	}, []string{ip, account + " " + ip, account}
}

// try counts before the password is looked at, and on disk: a crash gives nobody more tries.
func (m *Members) try(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) error {
	buckets, keys := tries(t, email, c)
	for i, b := range buckets {
		s, err := m.limits.TakeDurably(ctx, b, keys[i])
		if err := errors.Join(s.Err(), err); err != nil {
			return err
		}
	}
	return nil
}

// forgive takes back the count of the account from the address: whoever knows the password is not guessing.
func (m *Members) forgive(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) {
	buckets, keys := tries(t, email, c)
	m.limits.Reset(ctx, buckets[1], keys[1])
}
