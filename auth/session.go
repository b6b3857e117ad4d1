package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Session is one browser that is signed in at one host. Its secret is in the browser's cookie and nowhere else.
type Session struct {
	// ID is the session's public name, for lists and for ending it. It opens nothing.
	ID    string
	Level Level
	// User is the vouched requester's or the member of staff's ID; empty for an asserted requester.
	User    string
	Lineage string
	Email   string
	Name    string
	Role    Role // staff only
	Host    tenant.Host
	// ReturnLink is the partner's page that "Back to …" leads to, or empty.
	ReturnLink string
	IP         string
	UserAgent  string
	CreatedAt  time.Time
	SeenAt     time.Time
	// EndsAt is when the session ends at the latest.
	EndsAt time.Time

	tenant tenant.ID
}

// Identity is who the session stands for.
func (s Session) Identity() Identity {
	return Identity{
		Tenant: s.tenant, Level: s.Level, ID: s.User, Lineage: s.Lineage, Email: s.Email, Name: s.Name, Role: s.Role, Session: s.ID,
	}
}

// Side says which of the two kinds of sessions is meant. They have a cookie each and know nothing of each other.
type Side uint8

// The sides.
const (
	RequesterSide Side = iota + 1
	StaffSide
)

// Sessions keeps the sessions of requesters and of staff. It is safe for concurrent use.
type Sessions struct {
	store *storage.Store
	log   *slog.Logger
}

func newSessions(store *storage.Store, log *slog.Logger) *Sessions {
	return &Sessions{store: store, log: log}
}

// Find returns the session whose secret a browser sent to this host, and notes now and then that it is still in use.
// ErrSignedOut: there is none, it is over, or it belongs to another host, side or tenant.
func (s *Sessions) Find(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, secret string) (Session, error) {
	panic("not yet")
}

// End ends the session with this secret. One that is over already is no error.
func (s *Sessions) End(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, secret string) error {
	panic("not yet")
}

// List returns the sessions of whoever the identity is, the newest first. For an asserted requester that is its own alone.
func (s *Sessions) List(ctx context.Context, t *tenant.Tenant, who Identity) ([]Session, error) {
	panic("not yet")
}

// Revoke ends one of the identity's sessions by its public ID, or returns ErrNotFound.
func (s *Sessions) Revoke(ctx context.Context, t *tenant.Tenant, who Identity, id string) error {
	panic("not yet")
}
