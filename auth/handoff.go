package auth

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// HandoffLife is how long a hand-off token is good.
const HandoffLife = 2 * time.Minute

// Source says who asked for a hand-off.
type Source uint8

// The sources.
const (
	FromElsewhere Source = iota // a browser, on a page that the tenant has not listed
	FromListed                  // a browser, on a page of a listed origin, of the tenant's or of the node's
	FromServer                  // no browser
)

// Claim says who somebody is said to be, and where to. It travels sealed in a hand-off token.
type Claim struct {
	Level Level
	Person
	// Door is how the claim came in: "redirect", "jwt", "simpleauth".
	Door   string
	Source Source
	// Landing is a path on the host, or the URL of an allowed origin where the tenant wants it so.
	Landing    string
	ReturnLink string
	// Warning is what the audit log is to keep, such as that a redirect_url was dropped.
	Warning string
}

// Arrival is a request that brings a hand-off token to a tenant's host.
type Arrival struct {
	Tenant *tenant.Tenant
	Host   tenant.Host
	Token  string
	Navigation
	// Session is the secret in the requester's cookie, Chain that in the chain's cookie; empty where there is none.
	Session, Chain string
	Client         Client
}

// Outcome is what to answer to an arrival.
type Outcome struct {
	Verdict Verdict
	// Session and Secret are set with SignIn: the new session, and what its cookie holds.
	Session Session
	Secret  string
	// Landing is set with SignIn: a path on the host, or a URL.
	Landing string
	// Email is set with AskFirst and Button: whom the token stands for, masked.
	Email string
	// Next and Chain are set with Chained: the token for /auth/continue, and what the chain's cookie holds.
	Next, Chain string
}

// Handoffs seals claims into tokens, and turns each token into one session. It is safe for concurrent use.
type Handoffs struct {
	store     *storage.Store
	directory *tenant.Directory
	sessions  *Sessions
}

func newHandoffs(store *storage.Store, directory *tenant.Directory, sessions *Sessions) *Handoffs {
	return &Handoffs{store: store, directory: directory, sessions: sessions}
}

// Mint seals a claim for one host of the tenant.
func (h *Handoffs) Mint(t *tenant.Tenant, host tenant.Host, c Claim) (string, error) {
	panic("not yet")
}

// Peek reads a token without consuming it. ErrTokenInvalid, ErrTokenExpired, ErrTokenUsed.
func (h *Handoffs) Peek(ctx context.Context, t *tenant.Tenant, host tenant.Host, token string) (Claim, error) {
	panic("not yet")
}

// Arrive answers GET, HEAD and OPTIONS of /auth/callback. ErrTokenInvalid, ErrTokenExpired, ErrTokenUsed.
func (h *Handoffs) Arrive(ctx context.Context, a Arrival) (Outcome, error) { panic("not yet") }

// Continue answers GET and HEAD of /auth/continue. Errors as Arrive.
func (h *Handoffs) Continue(ctx context.Context, a Arrival) (Outcome, error) { panic("not yet") }

// Confirm answers the POST of the pages for AskFirst and Button, at both addresses. The caller has made sure that the
// request comes from a page of the host itself. Errors as Arrive.
func (h *Handoffs) Confirm(ctx context.Context, a Arrival) (Outcome, error) { panic("not yet") }
