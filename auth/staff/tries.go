package staff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// How many tries there are at a password. A member can be shut out from one address by somebody at that address only,
// unless so many guess from all over the world that somebody has to step in.
const (
	triesPerIP      = 30
	triesPerAccount = 10 // from one address
	triesFromAll    = 100
	triesPeriod     = 15 * time.Minute
)

// How many tries there are at a code. Whoever gets there knows the password, so that these shut out nobody but its owner.
// Of a million codes three are right at a time: those who guess on for a year get in with a chance of one in twenty.
const (
	codesPerIP      = 30
	codesPerAccount = 10
	codesPerDay     = 50
)

// count is one of the counts that a try goes to.
type count struct {
	limit.Bucket

	key string
}

// passwordTries are the counts of a try at a password: that of the address, of the account from the address, and of the
// account.
func passwordTries(t *tenant.Tenant, email string, c auth.Client) []count {
	// The counts outlive much, also those of people who are no staff and take this for their own door: no address is in them.
	sum := sha256.Sum256([]byte(email))
	ip, account := limit.IP(c.IP), string(t.ID)+" "+hex.EncodeToString(sum[:16])
	return []count{
		{limit.Bucket{Name: "password-ip", Limit: triesPerIP, Period: triesPeriod}, ip},
		{limit.Bucket{Name: "password-account-ip", Limit: triesPerAccount, Period: triesPeriod}, account + " " + ip},
		{limit.Bucket{Name: "password-account", Limit: triesFromAll, Period: triesPeriod}, account},
	}
}

// codeTries are the counts of a try at a code.
func codeTries(t *tenant.Tenant, member string, c auth.Client) []count {
	account := string(t.ID) + " " + member
	return []count{
		{limit.Bucket{Name: "code-ip", Limit: codesPerIP, Period: triesPeriod}, limit.IP(c.IP)},
		{limit.Bucket{Name: "code-account", Limit: codesPerAccount, Period: triesPeriod}, account},
		{limit.Bucket{Name: "code-account-day", Limit: codesPerDay, Period: 24 * time.Hour}, account},
	}
}

// take counts one in each, before anything is looked at, and on disk: a crash gives nobody more tries. The first that is
// full ends it with a *limit.Error.
func (m *Members) take(ctx context.Context, counts []count) error {
	for _, one := range counts {
		s, err := m.limits.TakeDurably(ctx, one.Bucket, one.key)
		if err := errors.Join(s.Err(), err); err != nil {
			return err
		}
	}
	return nil
}

func (m *Members) tryPassword(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) error {
	return m.take(ctx, passwordTries(t, email, c))
}

func (m *Members) tryCode(ctx context.Context, t *tenant.Tenant, member string, c auth.Client) error {
	return m.take(ctx, codeTries(t, member, c))
}

// forgivePassword takes back the count of the account from the address: whoever knows the password is not guessing.
func (m *Members) forgivePassword(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) {
	one := passwordTries(t, email, c)[1]
	m.limits.Reset(ctx, one.Bucket, one.key)
}

// forgiveCode takes back the counts of the account: whoever has the second factor is not guessing.
func (m *Members) forgiveCode(ctx context.Context, t *tenant.Tenant, member string) {
	for _, one := range codeTries(t, member, auth.Client{})[1:] {
		m.limits.Reset(ctx, one.Bucket, one.key)
	}
}

// noteFailure has the audit log list a try that failed.
func (m *Members) noteFailure(ctx context.Context, t *tenant.Tenant, who, what string, host tenant.Host, c auth.Client) {
	m.refusals.Note(ctx, t, "session.refused", who, fmt.Sprintf("wrong %s, at %s", what, host), c)
}
