package auth

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// SimpleAuth signs people in, and out, by a token of the partner's that a visitor's browser brings along in an address or a
// form: requesters, and by a key and a switch of their own, the tenant's staff. It is safe for concurrent use.
type SimpleAuth struct {
	redirects *Redirects
	partners  *partner.Verifier
}

// StaffDoor is how members of staff come in whom another site vouches for. ErrNotFound: nobody with the address has joined.
type StaffDoor struct {
	// Knows looks only.
	Knows func(ctx context.Context, t *tenant.Tenant, email string) error
	// Enter calls use in the transaction that starts the session.
	Enter func(ctx context.Context, t *tenant.Tenant, email string, e StaffEntry, use func(*storage.Tx) error) (Session, string, error)
}

// SimpleRequest is one request to a door of SimpleAuth as it came in.
type SimpleRequest struct {
	// Slug is the brand_id, which may be empty at a tenant's host.
	Slug string
	// At is the tenant whose host was called, nil at a node host; Host is that host.
	At   *tenant.Tenant
	Host tenant.Host
	// Operators: the door is that of the staff.
	Operators bool
	// Token and Redirect are the parameters as sent.
	Token, Redirect string
	// Unreadable says why the parameters could not be read. The request is counted like any other; then that is the answer.
	Unreadable error
	// Confirmed: it is our own page's button that was pressed. The caller has made sure of it.
	Confirmed bool
	Navigation
	// Session is what the cookie of the door's side holds, empty where there is none.
	Session string
	Client  Client
	// Staff is needed for operators.
	Staff StaffDoor
}

// SimpleOutcome is what to answer.
type SimpleOutcome struct {
	Outcome
	// URL is set with Elsewhere.
	URL string
	// Limit is how the caller stands. It is set beside an error as well.
	Limit limit.State
	// Tenant is set as soon as it is known, beside an error as well.
	Tenant *tenant.Tenant
}

// kind is the kind of key that the door's tokens are signed with.
func (q *SimpleRequest) kind() tenant.Kind {
	if q.Operators {
		return tenant.KindSimpleAuthOperators
	}
	return tenant.KindSimpleAuth
}

func (q *SimpleRequest) side() Side {
	if q.Operators {
		return StaffSide
	}
	return RequesterSide
}

// bearer is what a good token says, and where its bearer is going.
type bearer struct {
	partner.Token

	to landing
}

// Login answers a request to sign in. As at the callback, nothing but a person's visit uses the token up, and who was sent by
// a page that nobody has listed is asked first.
//
// Errors: *limit.Error, Unreadable, ErrOperatorsOff, ErrNoOperator, partner.ErrInvalid, partner.ErrExpired,
// partner.ErrReplayed, *DomainError.
func (s *SimpleAuth) Login(ctx context.Context, q SimpleRequest) (SimpleOutcome, error) {
	out := SimpleOutcome{Tenant: s.tenant(&q)}
	visit := q.asVisit()
	if v := visit.arrival(); v != SignIn && v != Chained {
		out.Verdict = v
		return out, nil
	}
	b, err := s.admit(ctx, &q, &out)
	if err != nil {
		return out, err
	}
	switch {
	case q.At != nil && b.to.host == q.Host:
		out.Outcome, err = s.here(ctx, &q, visit, b)
	case q.Operators:
		out.Verdict, out.URL = Elsewhere, s.door(out.Tenant, b.to, &q, "login")
	default:
		out.Verdict = Elsewhere
		out.URL, err = s.handOn(ctx, out.Tenant, b)
	}
	return out, err
}

// tenant is whom the request is for, or nil.
func (s *SimpleAuth) tenant(q *SimpleRequest) *tenant.Tenant {
	if q.At != nil && q.Slug == "" {
		return q.At
	}
	return s.redirects.tenant(&RedirectRequest{At: q.At, Slug: q.Slug})
}

// admit judges the token and counts the request: for the partner's key if it is good, and else for the visitor's address.
func (s *SimpleAuth) admit(ctx context.Context, q *SimpleRequest, out *SimpleOutcome) (bearer, error) {
	b, refused := s.consider(ctx, q, out.Tenant)
	var p proof
	if refused == nil {
		p.Proof = b.Proof
	}
	var err error
	out.Limit, err = s.redirects.count(ctx, out.Tenant, &RedirectRequest{Navigation: q.Navigation, Client: q.Client}, p)
	if err != nil {
		return b, err
	}
	if refused != nil {
		s.redirects.note(ctx, out.Tenant, "simpleauth", "", refused, q.Client)
		return b, refused
	}
	s.redirects.refusals.used(ctx, out.Tenant, p, "simpleauth", q.Client)
	return b, nil
}

// consider judges a request without changing anything.
func (s *SimpleAuth) consider(ctx context.Context, q *SimpleRequest, t *tenant.Tenant) (bearer, error) {
	switch {
	case q.Unreadable != nil:
		return bearer{}, q.Unreadable
	case t == nil:
		return bearer{}, partner.ErrInvalid
	case q.Operators && !t.Settings.SimpleAuthOperators:
		return bearer{}, ErrOperatorsOff
	case q.Token == "":
		return bearer{}, partner.ErrInvalid
	}
	token, err := s.partners.Token(ctx, t, q.kind(), q.Token)
	if err == nil {
		err = s.partners.Unspent(ctx, t, token.Use)
	}
	if err == nil && q.Operators {
		err = noOperator(q.Staff.Knows(ctx, t, token.Email))
	}
	if err != nil {
		return bearer{}, err
	}
	d := s.redirects.directory
	here := q.Host
	if q.At == nil {
		here = d.PrimaryHost(t)
	}
	to, err := judgeAt(d, t, here, q.Redirect)
	if q.Operators && (q.Redirect == "" || to.dropped != "" || to.returnLink != "" || !strings.HasPrefix(to.target, "/")) {
		to.target = mountAt(d, to.host) + "/agent"
	}
	return bearer{Token: token, to: to}, err
}

// claim is what a requester's token is worth: it was made by the partner's server, whoever brings it.
func (b *bearer) claim() Claim {
	p := proof{Proof: b.Proof, person: b.Person}
	return p.claim(b.Person, "simpleauth", FromServer, b.to)
}

// handOn uses the token up, and makes a hand-off to the host where the visitor is going.
func (s *SimpleAuth) handOn(ctx context.Context, t *tenant.Tenant, b bearer) (string, error) {
	r := s.redirects
	if err := r.store.Update(ctx, t.Scope(), b.Use.Spend); err != nil {
		return "", err
	}
	token, err := r.handoffs.Mint(t, b.to.host, b.claim())
	return r.directory.Node().URLFor(b.to.host) + "/auth/callback?token=" + url.QueryEscape(token), err
}

// door is the same door at another host, which the token is for as well.
func (s *SimpleAuth) door(t *tenant.Tenant, to landing, q *SimpleRequest, action string) string {
	d := s.redirects.directory
	path := mountAt(d, to.host)
	if q.Operators {
		path += "/" + t.Settings.AdminFolder
	}
	query := url.Values{"token": {q.Token}}
	if q.Redirect != "" {
		query.Set("redirect", q.Redirect)
	}
	return d.Node().URLFor(to.host) + path + "/simpleauth/" + action + "?" + query.Encode()
}

// here signs a visitor in at the host that was called, or asks first.
func (s *SimpleAuth) here(ctx context.Context, q *SimpleRequest, visit Navigation, b bearer) (Outcome, error) {
	r, c := s.redirects, b.claim()
	a := Arrival{Tenant: q.At, Host: q.Host, Navigation: visit, Session: q.Session, Client: q.Client}
	if !q.Operators && visit.arrival() == Chained && !q.Confirmed {
		return r.handoffs.chainOn(ctx, &a, &c, b.Use.Spend)
	}
	had, err := s.had(ctx, q)
	if err != nil {
		return Outcome{}, err
	}
	if !q.Confirmed && !visit.welcome(&c, had, r.trusts(q.At)) {
		return Outcome{Verdict: AskFirst, Email: person.MaskEmail(b.Email)}, nil
	}
	if q.Operators {
		return s.operator(ctx, q, b)
	}
	return r.handoffs.enter(ctx, &a, &c, b.Use.Spend)
}

// operator lets a member of staff in.
func (s *SimpleAuth) operator(ctx context.Context, q *SimpleRequest, b bearer) (Outcome, error) {
	e := StaffEntry{Host: q.Host, Previous: q.Session, Client: q.Client, Method: BySimpleAuth}
	session, secret, err := q.Staff.Enter(ctx, q.At, b.Email, e, b.Use.Spend)
	return Outcome{Verdict: SignIn, Session: session, Secret: secret, Landing: b.to.target}, noOperator(err)
}

// noOperator is this door's word for an address that is no member's.
func noOperator(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrNoOperator
	}
	return err
}

// had is who is signed in at the host already, on the door's side.
func (s *SimpleAuth) had(ctx context.Context, q *SimpleRequest) (existing, error) {
	found, err := s.redirects.sessions.Find(ctx, q.At, q.side(), q.Host, q.Session)
	if errors.Is(err, ErrSignedOut) {
		return existing{}, nil
	}
	return existing{level: found.Level, email: found.Email}, err
}
