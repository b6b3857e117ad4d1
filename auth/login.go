package auth

import (
	"context"
	"strings"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// TokenLogin is one JWT login as it came in.
type TokenLogin struct {
	// Slug names the tenant; at a tenant's host it may be empty.
	Slug string
	// At is the tenant whose host was called, nil at a node host; Host is that host.
	At    *tenant.Tenant
	Host  tenant.Host
	Token string
	// Unreadable says why the body could not be read. The request is counted like any other; then that is the answer.
	Unreadable error
	Navigation
	// Session is what the requester's cookie holds, empty where there is none.
	Session string
	Client  Client
}

// LoggedIn is the answer to a JWT login.
type LoggedIn struct {
	Redirected
	User User
	// Session is set, and Secret is what its cookie has to hold, unless a page of another site asked: then both are zero.
	Session Session
	Secret  string
}

// Login takes a partner's JWT for itself. It makes a hand-off, as Begin does, and a session for the host that was called.
//
// Errors: *limit.Error, Unreadable, tenant.FieldErrors, tenant.ErrNotFound, partner.ErrInvalid,
// partner.ErrExpired, partner.ErrReplayed, *DomainError.
func (r *Redirects) Login(ctx context.Context, l TokenLogin) (LoggedIn, error) {
	req := RedirectRequest{Slug: l.Slug, At: l.At, Navigation: l.Navigation, Client: l.Client}
	if l.At != nil && l.Slug == "" {
		req.Slug = l.At.Slug
	}
	out := LoggedIn{Redirected: Redirected{Warnings: []string{}, ExpiresIn: HandoffLife}}
	out.Tenant = r.tenant(&req)
	var (
		token partner.Token
		p     proof
		wrong error
	)
	if out.Tenant != nil && l.Token != "" {
		token, p, wrong = r.proofs.login(ctx, out.Tenant, l.Token)
	}
	var to landing
	refused := l.refused(req.Slug, out.Tenant, wrong)
	if refused == nil {
		to, refused = judge(r.directory, out.Tenant, token.RedirectURL)
	}
	if refused != nil {
		p = proof{} // as in Begin
	}
	var err error
	if out.Limit, err = r.count(ctx, out.Tenant, &req, p); err != nil {
		return out, err
	}
	if refused == nil {
		out, refused = r.logIn(ctx, out, &l, p, to)
	}
	if refused != nil {
		r.note(ctx, out.Tenant, "jwt", "", refused, l.Client)
		return out, refused
	}
	r.refusals.used(ctx, out.Tenant, p, "jwt", l.Client)
	r.noteDropped(ctx, out.Tenant, "jwt", to, l.Client)
	return out, nil
}

// refused says what is wrong with a login, in the order in which it is told.
func (l *TokenLogin) refused(slug string, t *tenant.Tenant, wrong error) error {
	missing := tenant.FieldErrors{}
	if l.Token == "" {
		missing.Add("token", "The token field is required.")
	}
	if slug == "" {
		missing.Add("tenant_slug", "The tenant_slug field is required.")
	}
	switch {
	case l.Unreadable != nil:
		return l.Unreadable
	case len(missing) > 0:
		return missing
	case t == nil:
		return tenant.ErrNotFound
	}
	return wrong
}

// login checks a JWT that stands alone: it has to say who comes, and to be fresh. With an error there is no proof.
func (p *proofs) login(ctx context.Context, t *tenant.Tenant, raw string) (partner.Token, proof, error) {
	token, err := p.partners.Token(ctx, t, tenant.KindJWT, raw)
	if err != nil {
		return token, proof{}, err
	}
	pr := proof{Proof: token.Proof, person: token.Person}
	if err := p.partners.Unspent(ctx, t, pr.Use); err != nil {
		return token, proof{}, err
	}
	return token, pr, nil
}

// logIn uses up the token, makes the session and the hand-off of whom it names.
func (r *Redirects) logIn(ctx context.Context, out LoggedIn, l *TokenLogin, p proof, to landing) (LoggedIn, error) {
	trusted := r.trusts(out.Tenant)
	claim := p.claim(p.person, "jwt", l.source(trusted), to)
	a := Arrival{Tenant: out.Tenant, Host: l.Host, Session: l.previous(out.Tenant), Client: l.Client}
	secret := ""
	if l.mayHold(r.directory, out.Tenant) {
		secret = NewSecret()
	}
	err := r.store.Update(ctx, out.Tenant.Scope(), func(tx *storage.Tx) (err error) {
		if err := p.Use.Spend(tx); err != nil {
			return err
		}
		var rec sessionRecord
		if secret == "" {
			// There is no session, but the owner has come all the same: whoever only claimed to be them has to go.
			err = r.sessions.vouched(tx, &rec, out.Tenant, claim.Person)
		} else if rec, err = r.sessions.welcome(tx, &claim, &a, secret); err == nil {
			out.Session, err = r.sessions.open(tx, out.Tenant, RequesterSide, rec)
		}
		if err != nil {
			return err
		}
		out.User, err = users.Get(tx, storage.Key(nil).Str(rec.User))
		return err
	})
	if err != nil {
		return LoggedIn{Redirected: out.Redirected}, err
	}
	out.Secret = secret
	if l.At == nil && secret != "" {
		out.Secret = string(out.Tenant.ID) + "." + secret
	}
	out.Redirected, err = r.hand(out.Redirected, claim, to)
	return out, err
}

// mayHold says whether the browser gets a session at the host that was called: what asks is no page, a page of that host, or one that the
// tenant allows. A page of the node at a tenant's host is neither.
func (l *TokenLogin) mayHold(d *tenant.Directory, t *tenant.Tenant) bool {
	return l.Origin == "" || l.At == nil && l.Origin == d.Node().URLFor(l.Host) || d.AllowsOrigin(t, l.Origin)
}

// previous is the secret of the session that the browser has at the called host.
func (l *TokenLogin) previous(t *tenant.Tenant) string {
	if l.At != nil {
		return l.Session
	}
	if id, secret, ok := NodeSecret(l.Session); ok && id == t.ID {
		return secret
	}
	return ""
}

// NodeSecret takes apart what a requester's cookie at a node host holds: there the session has to say whose it is. The
// session itself is found as any other, with the node host as its host.
func NodeSecret(value string) (tenant.ID, string, bool) {
	id, secret, found := strings.Cut(value, ".")
	return tenant.ID(id), secret, found
}
