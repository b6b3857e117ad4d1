package auth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
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
	store     *storage.Store
	directory *tenant.Directory
	sessions  *Sessions
	handoffs  *Handoffs
	proofs    *proofs
	limits    *limit.Limits
	refusals  *Refusals
}

// Begin judges a redirect login and seals its claim into a hand-off token. What it answers does not depend on whether the
// tenant knows the address.
//
// Errors: *limit.Error, Unreadable, tenant.ErrNotFound, ErrTwoProofs, tenant.FieldErrors, ErrSignatureInvalid,
// ErrInsufficientScope, ErrSignatureRequired, ErrOriginNotAllowed, *DomainError.
func (r *Redirects) Begin(ctx context.Context, req RedirectRequest) (Redirected, error) {
	out := Redirected{Warnings: []string{}, ExpiresIn: HandoffLife}
	out.Tenant = r.tenant(&req)
	p, err := r.proofs.check(ctx, out.Tenant, &req)
	person, to, refused := r.consider(&req, out.Tenant, p, err)
	if refused != nil && p.Use.Once() {
		p = proof{} // it stays unused: whoever has it could have its key's count used up
	}
	if out.Limit, err = r.count(ctx, out.Tenant, &req, p); err != nil {
		return out, err
	}
	if refused == nil {
		refused = r.proofs.spend(ctx, out.Tenant, p)
	}
	if refused != nil {
		r.note(ctx, out.Tenant, "redirect", req.Email, refused, req.Client)
		return out, refused
	}
	if p.given() {
		r.refusals.used(ctx, out.Tenant, p, "redirect", req.Client)
	}
	r.noteDropped(ctx, out.Tenant, "redirect", to, req.Client)
	return r.hand(out, p.claim(person, "redirect", req.source(r.trusts(out.Tenant)), to), to)
}

// noteDropped has the audit log tell of a redirect_url that was dropped, once an hour for each host: whoever sets a partner up looks there,
// whether or not the visitors arrive. Who does arrive has it with the session's beginning.
func (r *Redirects) noteDropped(ctx context.Context, t *tenant.Tenant, door string, to landing, c Client) {
	if to.dropped == "" {
		return
	}
	once := limit.Bucket{Name: "redirect-dropped", Limit: 1, Period: time.Hour}
	if r.refusals.limits.Take(ctx, once, string(t.ID)+" "+to.dropped).Reached {
		return
	}
	r.refusals.Note(ctx, t, "redirect.dropped", to.dropped, door+": it is neither a path, nor on a verified host, nor of an allowed origin", c)
}

// note has the audit log list a login that was refused for what it came with: a wrong proof, or none where one is needed.
func (r *Redirects) note(ctx context.Context, t *tenant.Tenant, door, email string, err error, c Client) {
	for _, wrong := range []error{
		ErrSignatureInvalid, ErrSignatureRequired, ErrOriginNotAllowed, ErrInsufficientScope, ErrTwoProofs,
		partner.ErrInvalid, partner.ErrExpired, partner.ErrReplayed, ErrOperatorsOff, ErrNoOperator,
	} {
		if errors.Is(err, wrong) {
			r.refusals.Note(ctx, t, "login.refused", email, door+": "+err.Error(), c)
			return
		}
	}
}

// consider judges a request without changing anything: who comes and where to, or why not.
func (r *Redirects) consider(req *RedirectRequest, t *tenant.Tenant, p proof, proofErr error) (Person, landing, error) {
	switch {
	case req.Unreadable != nil:
		return Person{}, landing{}, req.Unreadable
	case t == nil:
		return Person{}, landing{}, tenant.ErrNotFound
	case errors.Is(proofErr, ErrTwoProofs):
		return Person{}, landing{}, proofErr
	}
	if proofErr == nil {
		if err := r.admits(t, req, p); err != nil {
			return Person{}, landing{}, err
		}
	}
	person, err := req.person()
	if err != nil {
		return person, landing{}, err
	}
	if proofErr != nil {
		return person, landing{}, proofErr
	}
	to, err := judge(r.directory, t, req.RedirectURL)
	return person, to, err
}

// tenant is whom the slug names, or nil; at a tenant's host only its own slug names anybody.
func (r *Redirects) tenant(req *RedirectRequest) *tenant.Tenant {
	if req.At == nil {
		t, _ := r.directory.BySlug(req.Slug)
		return t
	}
	if req.At.Slug != req.Slug {
		return nil
	}
	return req.At
}

// person checks the fields that say who comes.
func (req *RedirectRequest) person() (Person, error) {
	var p Person
	wrong := tenant.FieldErrors{}
	var err error
	if p.Email, err = person.ParseEmail(req.Email); err != nil {
		wrong.Collect(err)
	}
	if p.Name, err = person.ParseName(req.Name); err != nil {
		wrong.Collect(err)
	}
	return p, wrong.Or()
}

// admits applies what the tenant demands of a login without a proof. It comes before the fields are looked at: who asks the
// visitor for a missing name asks from a page of the node's, and where the request began is forgotten then.
func (r *Redirects) admits(t *tenant.Tenant, req *RedirectRequest, p proof) error {
	switch {
	case p.given():
		return nil
	case t.Settings.Unsigned == tenant.UnsignedSigned:
		return ErrSignatureRequired
	case t.Settings.OriginMode == tenant.OriginEnforce && req.source(r.trusts(t)) != FromListed:
		return ErrOriginNotAllowed
	}
	return nil
}

// trusts returns the judge of origins of a tenant; without one, of an unknown slug.
func (r *Redirects) trusts(t *tenant.Tenant) func(string) bool {
	if t == nil {
		return r.directory.OriginKnown
	}
	return func(origin string) bool { return trustedOrigin(r.directory, t, origin) }
}

// hand seals the claim and says what came of it.
func (r *Redirects) hand(out Redirected, c Claim, to landing) (Redirected, error) {
	if to.dropped != "" {
		out.Warnings = append(out.Warnings, "The redirect_url was dropped ("+to.dropped+
			"): it is neither a path, nor on a verified host of the tenant, nor on one of its allowed origins.")
	}
	if c.Source == FromElsewhere {
		out.Warnings = append(out.Warnings, "The request comes from a page whose origin is not among the tenant's allowed_origins: the visitor will be asked to continue.")
	}
	token, err := r.handoffs.Mint(out.Tenant, to.host, c)
	if err != nil {
		return out, err
	}
	out.URL = r.directory.Node().URLFor(to.host) + "/auth/callback?token=" + url.QueryEscape(token)
	out.Host, out.Assurance, out.Landing, out.ReturnLink = to.host, c.Level, to.target, to.returnLink
	return out, nil
}
