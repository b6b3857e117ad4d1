package auth

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// RedirectRequest is one redirect login as it came in.
type RedirectRequest struct {
	// Slug is the one in the path.
	Slug string
	// At is the tenant whose host was called; nil at a node host.
	At *tenant.Tenant
	// Email, Name and RedirectURL are the fields as sent.
	Email, Name, RedirectURL string
	// Token, Timestamp, Nonce and Signature are the proofs among the fields; APIToken is the one in the headers.
	Token, Timestamp, Nonce, Signature string
	APIToken                           string
	// Unreadable says why the body could not be read. The request is counted like any other; then that is the answer.
	Unreadable error
	Navigation
	Client Client
}

// Redirected is the answer to a redirect login.
type Redirected struct {
	// URL is the callback with its token.
	URL  string
	Host tenant.Host
	// Assurance is what the session will be.
	Assurance Level
	// Landing is where the visitor will arrive: a path on the host, or a URL. ReturnLink is what "Back to …" will be.
	Landing, ReturnLink string
	// Warnings tell the integrator what was not done, in sentences; never nil.
	Warnings  []string
	ExpiresIn time.Duration
	// Limit is how the caller stands. It is set beside an error as well.
	Limit limit.State
	// Tenant is set as soon as it is known, beside an error as well.
	Tenant *tenant.Tenant
}

// Redirects is the redirect login. It is safe for concurrent use.
type Redirects struct {
	directory *tenant.Directory
	handoffs  *Handoffs
	tokens    *Tokens
	limits    *limit.Limits
}

func newRedirects(directory *tenant.Directory, handoffs *Handoffs, tokens *Tokens, limits *limit.Limits) *Redirects {
	return &Redirects{directory: directory, handoffs: handoffs, tokens: tokens, limits: limits}
}

// Begin judges a redirect login and seals its claim into a hand-off token. What it answers does not depend on whether the
// tenant knows the address.
//
// Errors: *limit.Error, tenant.ErrNotFound, ErrTwoProofs, tenant.FieldErrors, ErrSignatureInvalid, ErrInsufficientScope,
// ErrSignatureRequired, ErrOriginNotAllowed, *DomainError, and Unreadable.
func (r *Redirects) Begin(ctx context.Context, req RedirectRequest) (Redirected, error) {
	panic("not yet")
}
