package auth

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// InviteLife is how long an invitation is good.
const InviteLife = 7 * 24 * time.Hour

// Member is one of the tenant's staff.
type Member struct {
	ID        string
	Email     string
	Name      string
	Role      Role
	InvitedAt time.Time
	// JoinedAt is when the invitation was accepted; zero: not yet.
	JoinedAt   time.Time
	SignedInAt time.Time
}

// Invitation lets somebody join the tenant's staff, once.
type Invitation struct {
	Member    Member
	URL       string
	ExpiresAt time.Time
}

// Members keeps the tenants' staff. It is safe for concurrent use.
type Members struct {
	store     *storage.Store
	directory *tenant.Directory
	sessions  *Sessions
	limits    *limit.Limits
}

func newMembers(store *storage.Store, directory *tenant.Directory, sessions *Sessions, limits *limit.Limits) *Members {
	return &Members{store: store, directory: directory, sessions: sessions, limits: limits}
}

// Invite makes a member who has yet to join, and the URL that lets them: {primary host}/auth/invite?token=…. Inviting
// somebody again who has not joined replaces the invitation. ErrExists: they have joined; a FieldErrors.
func (m *Members) Invite(ctx context.Context, t *tenant.Tenant, email, name string, role Role, by string) (Invitation, error) {
	panic("not yet")
}

// Invited returns whom an invitation is for, without using it. ErrInvitation.
func (m *Members) Invited(ctx context.Context, t *tenant.Tenant, token string) (Member, error) {
	panic("not yet")
}

// Accept uses an invitation: it sets the password and signs in. ErrInvitation; a FieldErrors for "password".
func (m *Members) Accept(ctx context.Context, t *tenant.Tenant, a Acceptance) (Session, string, error) {
	panic("not yet")
}

// Acceptance is an invitation with the password that was chosen.
type Acceptance struct {
	Host            tenant.Host
	Token, Password string
	// Name, if not empty, is how the member wants to be called.
	Name string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   Client
}

// PasswordLogin is a try to sign in.
type PasswordLogin struct {
	Host            tenant.Host
	Email, Password string
	Previous        string
	Client          Client
}

// SignIn signs a member in and returns the session with its secret. ErrWrongPassword, whatever of the two is wrong;
// *limit.Error after too many tries.
func (m *Members) SignIn(ctx context.Context, t *tenant.Tenant, l PasswordLogin) (Session, string, error) {
	panic("not yet")
}

// Find returns a member by ID, or ErrNotFound.
func (m *Members) Find(ctx context.Context, t *tenant.Tenant, id string) (Member, error) {
	panic("not yet")
}

// ByEmail returns a member by address, or ErrNotFound.
func (m *Members) ByEmail(ctx context.Context, t *tenant.Tenant, email string) (Member, error) {
	panic("not yet")
}

// List returns the tenant's staff by email.
func (m *Members) List(ctx context.Context, t *tenant.Tenant) ([]Member, error) { panic("not yet") }

// Remove ends a membership and every session of the member. ErrNotFound.
func (m *Members) Remove(ctx context.Context, t *tenant.Tenant, email, by string) error {
	panic("not yet")
}
