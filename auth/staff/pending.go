package staff

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// pendingLife is how long somebody may take between the password and the second factor.
const pendingLife = 10 * time.Minute

// pending is somebody who knew the password and has yet to show the second factor. It opens nothing but the page that asks
// for it.
type pending struct {
	// Hash is that of the secret in the browser's cookie.
	Hash   []byte      `cbor:"1,keyasint"`
	Member string      `cbor:"2,keyasint"`
	Host   tenant.Host `cbor:"3,keyasint"`
	// SetUp: the member has no second factor, and has to set one up.
	SetUp bool `cbor:"4,keyasint,omitempty"`
	// Password is the hash of the password's hash: a new password ends it.
	Password  []byte    `cbor:"5,keyasint"`
	ExpiresAt time.Time `cbor:"6,keyasint"`
	// TOTP is the secret that is to be set up. It is this browser's alone: whoever else knows the password does not see the key
	// that the member scans.
	TOTP []byte `cbor:"7,keyasint,omitempty"`
}

var pendings = storage.NewTable(storage.Declaration[pending]{
	ID: 85, Name: "staff half-way in",
	Key:     func(p *pending) storage.Key { return storage.Key(nil).Bytes(p.Hash) },
	Expires: func(p *pending) time.Time { return p.ExpiresAt },
})

// Progress is how far somebody has come: in, or to the second factor.
type Progress struct {
	// Session and Secret are set for a member who is in.
	Session auth.Session
	Secret  string
	// Pending is set where the second factor is still to be shown: what a cookie of this browser has to hold until Until.
	Pending string
	Until   time.Time
	// SetUp: the tenant demands a second factor, and the member has none yet.
	SetUp bool
}

// required says whether the tenant's staff need a second factor.
func required(t *tenant.Tenant) bool {
	return t.Settings.StaffSecondFactor == tenant.SecondFactorRequired
}

// advance lets a member in who has shown the password, or has them show the second factor first.
func (m *Members) advance(tx *storage.Tx, t *tenant.Tenant, e Entry, r memberRecord, secret string) (Progress, error) {
	has := len(r.TOTP) > 0
	if !has && !required(t) {
		s, err := m.admit(tx, t, e, r, secret)
		return Progress{Session: s, Secret: secret}, err
	}
	hash, _ := auth.HashSecret(secret)
	p := pending{
		Hash: hash[:], Member: r.ID, Host: e.Host, SetUp: !has, Password: r.passwordMark(),
		ExpiresAt: now().Add(pendingLife),
	}
	if !r.join() {
		if err := m.record(tx, &r, "agent.joined", e); err != nil {
			return Progress{}, err
		}
	}
	if p.SetUp {
		p.TOTP = newTOTPSecret()
	}
	if err := members.Put(tx, &r); err != nil {
		return Progress{}, err
	}
	return Progress{Pending: secret, Until: p.ExpiresAt, SetUp: p.SetUp}, pendings.Put(tx, &p)
}

// passwordMark stands for the password that the member has now.
func (r *memberRecord) passwordMark() []byte {
	sum := sha256.Sum256([]byte(r.Password))
	return sum[:]
}

// Pending is somebody who has shown the password and not yet the second factor.
type Pending struct {
	Member Member
	// SetUp: the member has to set up a second factor, with this Key.
	SetUp bool
	Key   TOTPKey
}

// Pending returns who is half-way in at this host with this secret. ErrPending.
func (m *Members) Pending(ctx context.Context, t *tenant.Tenant, host tenant.Host, secret string) (Pending, error) {
	var out Pending
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		p, r, err := halfway(tx, host, secret)
		if err != nil {
			return err
		}
		out = Pending{Member: r.member(), SetUp: p.SetUp}
		if p.SetUp {
			out.Key, err = r.totpKey(t, p.TOTP)
		}
		return err
	})
	return out, err
}

// halfway finds who is half-way in, and what they are now.
func halfway(tx *storage.Tx, host tenant.Host, secret string) (pending, memberRecord, error) {
	hash, ok := auth.HashSecret(secret)
	if !ok {
		return pending{}, memberRecord{}, ErrPending
	}
	p, err := pendings.Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (p.Host != host || !time.Now().Before(p.ExpiresAt)) {
		return p, memberRecord{}, ErrPending
	}
	if err != nil {
		return p, memberRecord{}, err
	}
	r, err := find(tx, p.Member)
	if gone(err) || err == nil && subtle.ConstantTimeCompare(p.Password, r.passwordMark()) != 1 {
		return p, r, ErrPending
	}
	if err == nil && p.SetUp && len(r.TOTP) > 0 {
		return p, r, ErrPending // set up elsewhere meanwhile: its codes are asked for
	}
	return p, r, err
}

// SecondFactor is a try to come all the way in.
type SecondFactor struct {
	Host tenant.Host
	// Pending is the secret of the state that SignIn or Accept returned.
	Pending string
	// Code is one of the authenticator, or a recovery code.
	Code string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   auth.Client
}

// Complete lets a member in who is half-way in and has shown a code: one of the authenticator, or a recovery code.
// ErrPending; ErrWrongCode; *limit.Error after too many tries.
func (m *Members) Complete(ctx context.Context, t *tenant.Tenant, f SecondFactor) (auth.Session, string, error) {
	member, err := m.tryPending(ctx, t, &f)
	if err != nil {
		return auth.Session{}, "", err
	}
	e := Entry{Member: member, Host: f.Host, Previous: f.Previous, Client: f.Client}
	s, secret, err := m.finish(ctx, t, e, f.Pending, func(tx *storage.Tx, p *pending, r *memberRecord) (auth.Method, error) {
		if p.SetUp {
			return "", ErrPending // there is a page of its own for it
		}
		return m.useCode(tx, r, f.Code, f.Client)
	})
	m.judge(ctx, t, member, f.Host, f.Client, err)
	return s, secret, err
}

// SetUp lets a member in who is half-way in and had to set up an authenticator first, with its first code. It returns the
// recovery codes. Errors as those of Complete.
func (m *Members) SetUp(ctx context.Context, t *tenant.Tenant, f SecondFactor) (auth.Session, string, []string, error) {
	member, err := m.tryPending(ctx, t, &f)
	if err != nil {
		return auth.Session{}, "", nil, err
	}
	var codes []string
	e := Entry{Member: member, Host: f.Host, Previous: f.Previous, Client: f.Client}
	s, secret, err := m.finish(ctx, t, e, f.Pending, func(tx *storage.Tx, p *pending, r *memberRecord) (_ auth.Method, err error) {
		if !p.SetUp {
			return "", ErrPending
		}
		codes, err = m.startTOTP(tx, r, p.TOTP, f.Code, f.Client)
		return auth.ByTOTP, err
	})
	m.judge(ctx, t, member, f.Host, f.Client, err)
	return s, secret, codes, err
}

// finish uses up the pending state and starts the session, in one transaction, if prove is content.
func (m *Members) finish(
	ctx context.Context, t *tenant.Tenant, e Entry, secret string,
	prove func(*storage.Tx, *pending, *memberRecord) (auth.Method, error),
) (auth.Session, string, error) {
	fresh := auth.NewSecret()
	var s auth.Session
	err := m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		p, r, err := halfway(tx, e.Host, secret)
		if err != nil {
			return err
		}
		in := e
		if in.Method, err = prove(tx, &p, &r); err != nil {
			return err
		}
		if err := pendings.Delete(tx, storage.Key(nil).Bytes(p.Hash)); err != nil {
			return err
		}
		s, err = m.admit(tx, t, in, r, fresh)
		return err
	})
	if err != nil {
		return auth.Session{}, "", err
	}
	return s, fresh, nil
}

// useCode takes a code of the authenticator, or a recovery code. The caller stores the record.
func (m *Members) useCode(tx *storage.Tx, r *memberRecord, code string, c auth.Client) (auth.Method, error) {
	switch {
	case r.useTOTP(code):
		return auth.ByTOTP, nil
	case r.useRecovery(code):
		return auth.ByRecovery, m.tell(tx, r, "recovery.used", mail.NoticeRecoveryUsed, c)
	}
	return "", ErrWrongCode
}

// tryPending counts a try to show a code, and says whose it is.
func (m *Members) tryPending(ctx context.Context, t *tenant.Tenant, f *SecondFactor) (string, error) {
	var member string
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		p, _, err := halfway(tx, f.Host, f.Pending)
		member = p.Member
		return err
	})
	if err != nil {
		return "", err
	}
	return member, m.tryCode(ctx, t, member, f.Client)
}

// judge notes how a try to show a code ended.
func (m *Members) judge(ctx context.Context, t *tenant.Tenant, member string, host tenant.Host, c auth.Client, err error) {
	switch {
	case err == nil:
		m.forgiveCode(ctx, t, member)
	case errors.Is(err, ErrWrongCode):
		m.noteFailure(ctx, t, "agent:"+member, "code", host, c)
	}
}
