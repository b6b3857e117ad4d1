package auth

import (
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Method is how a member of staff has proven who they are.
type Method string

// The methods.
const (
	ByPassword   Method = "password"
	ByTOTP       Method = "totp"
	ByRecovery   Method = "recovery code"
	ByPasskey    Method = "passkey"
	ByOIDC       Method = "oidc"
	ByOIDCAnew   Method = "oidc, asked anew"
	BySimpleAuth Method = "simpleauth"
)

// Proves says whether the method is a proof that the person gave here, and not another site's word for them.
func (m Method) Proves() bool { return m != "" && m != BySimpleAuth && m != ByOIDC }

// Standing is what a member of staff is at the moment.
type Standing struct {
	Email, Name string
	Role        Role
	// Epoch is how often all sessions of the member were ended. Those of an older one are over, but for the one with the public
	// ID But.
	Epoch uint64
	But   string
}

// ends says whether it has ended a session.
func (m *Standing) ends(r *sessionRecord) bool {
	return r.Epoch != m.Epoch && publicID(r.Hash) != m.But
}

// StaffEntry is a member of staff who has proven who they are. Package staff makes sure of that.
type StaffEntry struct {
	// Member is their ID.
	Member string
	Host   tenant.Host
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   Client
	Method   Method
}

// Staff starts a session of staff within the caller's transaction, in the place of the one that the browser had. The
// secret was made by NewSecret. ErrSignedOut: there is no such member.
func (s *Sessions) Staff(tx *storage.Tx, t *tenant.Tenant, e StaffEntry, secret string) (Session, error) {
	if _, err := s.end(tx, StaffSide, e.Host, e.Previous); err != nil {
		return Session{}, err
	}
	return s.startStaff(tx, t, e, secret, sessionRecord{})
}

// Prove replaces a member's session by one that is proven anew, and ends when the old one would have ended. ErrSignedOut:
// there is none, or it is somebody else's.
func (s *Sessions) Prove(tx *storage.Tx, t *tenant.Tenant, e StaffEntry, secret string) (Session, error) {
	before, err := s.end(tx, StaffSide, e.Host, e.Previous)
	if err != nil {
		return Session{}, err
	}
	if before.User != e.Member || e.Member == "" {
		return Session{}, ErrSignedOut
	}
	if _, err := s.open(tx, t, StaffSide, before); err != nil {
		return Session{}, err
	}
	return s.startStaff(tx, t, e, secret, sessionRecord{CreatedAt: before.CreatedAt, EndsAt: before.EndsAt})
}

func (s *Sessions) startStaff(tx *storage.Tx, t *tenant.Tenant, e StaffEntry, secret string, r sessionRecord) (Session, error) {
	r.Level, r.User, r.Host, r.Method = Staff, e.Member, e.Host, e.Method
	r.IP, r.UserAgent = e.Client.Address(), e.Client.Device()
	if e.Method.Proves() {
		r.ProvenAt = now()
	}
	m, err := s.standing(tx, e.Member)
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, err
	}
	r.Epoch = m.Epoch
	started, err := start(tx, StaffSide, secret, r)
	if err != nil {
		return Session{}, err
	}
	return s.open(tx, t, StaffSide, started)
}

// Fresh says whether the person proved who they are within this time.
func (s Session) Fresh(within time.Duration) bool {
	return !s.ProvenAt.IsZero() && time.Since(s.ProvenAt) < within
}
