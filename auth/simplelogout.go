package auth

import (
	"context"
	"errors"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// SimpleLogout is what to answer to a request to sign out.
type SimpleLogout struct {
	SimpleOutcome
	// Ended: the session that the cookie stood for was the token's own, and is over.
	Ended bool
}

// Logout answers a request to sign out. It ends the browser's session if it is that of the token's own address, and nobody
// else's, and sends the browser to where the partner wants it: a page of the tenant's, or one of an allowed origin. Partners
// sign people out from frames and pictures as well, so that it doesn't matter how the request came about, but for what
// nobody has meant: prefetches and HEAD.
//
// Errors as Login's.
func (s *SimpleAuth) Logout(ctx context.Context, q SimpleRequest) (SimpleLogout, error) {
	out := SimpleLogout{SimpleOutcome: SimpleOutcome{Tenant: s.tenant(&q)}}
	switch v := q.asVisit().arrival(); v {
	case AnswerHead, Preflight, Speculation:
		out.Verdict = v
		return out, nil
	}
	b, err := s.admit(ctx, &q, &out.SimpleOutcome)
	if err != nil {
		return out, err
	}
	out.Verdict, out.URL = Elsewhere, s.leaving(&q, b.to)
	use := b.Use.Spend
	if q.At == nil { // the token is used up where the session is
		out.URL = s.door(out.Tenant, b.to, &q, "logout")
		use = func(*storage.Tx) error { return nil }
	}
	out.Ended, err = s.end(ctx, out.Tenant, &q, b.Email, use)
	return out, err
}

// leaving is where somebody goes who has signed out.
func (s *SimpleAuth) leaving(q *SimpleRequest, to landing) string {
	d := s.redirects.directory
	origin := ""
	if to.host != q.Host {
		origin = d.Node().URLFor(to.host)
	}
	switch {
	case to.returnLink != "":
		return to.returnLink
	case q.Redirect != "" && to.dropped == "" && to.target[0] == '/':
		return origin + to.target
	case q.Redirect != "" && to.dropped == "":
		return to.target
	case q.Operators:
		return origin + mountAt(d, to.host) + "/agent/login"
	}
	return origin + mountAt(d, to.host) + "/auth/sign-in?out"
}

// end ends the session with the secret if it is that of the address.
func (s *SimpleAuth) end(ctx context.Context, t *tenant.Tenant, q *SimpleRequest, email string, use func(*storage.Tx) error) (bool, error) {
	sessions, secret := s.redirects.sessions, q.Session
	if q.At == nil {
		if id, own, ok := NodeSecret(q.Session); ok && id == t.ID {
			secret = own
		}
	}
	found, err := sessions.Find(ctx, t, q.side(), q.Host, secret)
	theirs := err == nil && found.Email == email
	if err != nil && !errors.Is(err, ErrSignedOut) {
		return false, err
	}
	err = s.redirects.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		if err := use(tx); err != nil || !theirs {
			return err
		}
		_, err := sessions.end(tx, q.side(), q.Host, secret)
		return err
	})
	return theirs && err == nil, err
}
