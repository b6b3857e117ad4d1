package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Token is an API token of a tenant. Its secret is shown once, when it is made, and stored as a hash.
type Token struct {
	ID        string    `cbor:"1,keyasint"`
	Name      string    `cbor:"2,keyasint"`
	Scopes    Scopes    `cbor:"3,keyasint"`
	CreatedAt time.Time `cbor:"4,keyasint"`
	// ExpiresAt and RevokedAt are zero where that has not been set.
	ExpiresAt time.Time `cbor:"5,keyasint,omitzero"`
	RevokedAt time.Time `cbor:"6,keyasint,omitzero"`
	// UsedAt is the last use, within an hour.
	UsedAt    time.Time `cbor:"7,keyasint,omitzero"`
	CreatedBy string    `cbor:"8,keyasint,omitempty"`
}

// TokenRequest says what token is wanted.
type TokenRequest struct {
	Name   string
	Scopes Scopes
	// ExpiresAt is zero for a token that does not expire: see ParseExpiry.
	ExpiresAt time.Time
	// By is who makes it, for the audit log: "operator", or an Identity's Actor.
	By string
}

// Tokens keeps the API tokens of all tenants. It is safe for concurrent use.
type Tokens struct {
	store     *storage.Store
	directory *tenant.Directory
	limits    *limit.Limits
	log       *slog.Logger
}

func newTokens(store *storage.Store, directory *tenant.Directory, limits *limit.Limits, log *slog.Logger) *Tokens {
	return &Tokens{store: store, directory: directory, limits: limits, log: log}
}

// Create makes a token and returns its secret, which can't be had a second time. A FieldErrors says what is wrong.
func (k *Tokens) Create(ctx context.Context, t *tenant.Tenant, req TokenRequest) (Token, string, error) {
	panic("not yet")
}

// Find returns the tenant's token with this ID, or ErrNotFound.
func (k *Tokens) Find(ctx context.Context, t *tenant.Tenant, id string) (Token, error) {
	panic("not yet")
}

// List returns the tenant's tokens that are not revoked, oldest first.
func (k *Tokens) List(ctx context.Context, t *tenant.Tenant) ([]Token, error) { panic("not yet") }

// Revoke ends a token, or returns ErrNotFound.
func (k *Tokens) Revoke(ctx context.Context, t *tenant.Tenant, id, by string) error {
	panic("not yet")
}

// Authenticate returns the tenant that a secret belongs to and what it may do there. At a tenant's host the caller has to
// compare the tenants. ErrCredentialUnknown, ErrCredentialRevoked, ErrCredentialExpired.
func (k *Tokens) Authenticate(ctx context.Context, secret string) (*tenant.Tenant, Identity, error) {
	panic("not yet")
}

// Admit counts a request to the API of the tenant for its token or session.
func (k *Tokens) Admit(ctx context.Context, t *tenant.Tenant, who Identity) limit.State {
	panic("not yet")
}

// ParseExpiry reads a time to live as people write it: "720h", "30d", or the date "2027-01-31" or a whole RFC 3339 time.
// Empty is never. A FieldErrors: it is none of these, or is over already.
func ParseExpiry(s string) (time.Time, error) { panic("not yet") }

// forget removes what lies outside of a deleted tenant's scope.
func (k *Tokens) forget(ctx context.Context, t *tenant.Tenant) error { panic("not yet") }
