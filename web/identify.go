package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// caller is who makes a request, once that is established. The zero caller is nobody.
type caller struct {
	auth.Identity

	tenant *tenant.Tenant
	// session is set for browsers only.
	session auth.Session
	// reader is how the caller is spoken to; set for pages only.
	reader *words.Reader
}

// browser reports whether a cookie speaks for the caller, and not the program itself.
func (c caller) browser() bool { return c.session.ID != "" }

// actor is the caller as the help desk knows people.
func (c caller) actor() tickets.Actor {
	p := tickets.Person{ID: c.ID, Email: c.Email, Name: c.Name}
	switch c.Level {
	case auth.Asserted:
		p.Lineage = c.Lineage
		return tickets.Visitor(p)
	case auth.Vouched:
		return tickets.Requester(p)
	case auth.Staff:
		if c.Role == auth.RoleAdmin {
			return tickets.Admin(p)
		}
		return tickets.Agent(p)
	case auth.Program:
		return tickets.Token(c.ID, c.Name)
	}
	return tickets.Actor{}
}

type callerKey struct{}

func withCaller(r *http.Request, c caller) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// callerOf is who makes the request; nobody where no one has to be known.
func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// ambiguous stands for several secrets in the headers of one request: it is nobody's token.
const ambiguous = "more than one token"

// apiToken is the secret in the request's headers, and whether there is one. Two that differ are a secret that opens nothing: whoever
// looked at one of them only might have let somebody else in.
func apiToken(r *http.Request) (string, bool) {
	var all []string
	for _, header := range r.Header.Values("Authorization") {
		if scheme, secret, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Bearer") {
			all = append(all, strings.TrimSpace(secret))
		}
	}
	for _, header := range r.Header.Values("X-Tenant-API-Token") {
		if header != "" {
			all = append(all, strings.TrimSpace(header))
		}
	}
	switch len(slices.Compact(all)) {
	case 0:
		return "", false
	case 1:
		return all[0], true
	}
	return ambiguous, true
}

// identifyProgram finds out who calls the API: whoever the token in its headers stands for, else whoever is signed in. A
// token works at node hosts and at its own tenant's.
func (s *Server) identifyProgram(r *http.Request) (caller, error) {
	at := tenant.VisitFrom(r.Context()).Tenant
	secret, given := apiToken(r)
	if given && strings.HasPrefix(secret, auth.BearerPrefix) {
		return s.identifyWidget(r, secret)
	}
	if given {
		t, id, err := s.doors.Tokens.Authenticate(r.Context(), secret)
		switch {
		case err != nil:
			s.noteToken(r, t, id, err)
			return caller{}, err
		case at != nil && at.ID != t.ID:
			s.noteToken(r, nil, auth.Identity{}, errUnauthenticated)
			return caller{}, errUnauthenticated
		}
		return caller{Identity: id, tenant: t}, nil
	}
	if at == nil {
		return s.identifyAtNode(r)
	}
	c, err := s.identify(r, auth.StaffSide)
	if errors.Is(err, errUnauthenticated) {
		return s.identify(r, auth.RequesterSide)
	}
	return c, err
}

// noteToken has the audit log list a token that opens nothing: that of whom it belonged to or, if it is nobody's, of whose host it
// was tried at.
func (s *Server) noteToken(r *http.Request, t *tenant.Tenant, id auth.Identity, err error) {
	detail := "an API token that is not known here"
	if t == nil {
		t = tenant.VisitFrom(r.Context()).Tenant
	} else {
		detail = err.Error()
	}
	s.doors.Refusals.Note(r.Context(), t, "token.refused", id.ID, detail, client(r))
}

// identifyAtNode finds out who is signed in at a node host: a JWT login there makes a session that names its tenant.
func (s *Server) identifyAtNode(r *http.Request) (caller, error) {
	id, secret, _ := auth.NodeSecret(cookie(r, requesterCookie))
	t, known := s.directory.ByID(id)
	if !known {
		return caller{}, errUnauthenticated
	}
	session, err := s.doors.Sessions.Find(r.Context(), t, auth.RequesterSide, tenant.VisitFrom(r.Context()).Host, secret)
	if errors.Is(err, auth.ErrSignedOut) {
		return caller{}, errUnauthenticated
	}
	if err != nil {
		return caller{}, err
	}
	return caller{Identity: session.Identity(), tenant: t, session: session}, nil
}

// identify finds out who is signed in at a tenant's host, on one of the two sides. errUnauthenticated: nobody is.
func (s *Server) identify(r *http.Request, side auth.Side) (caller, error) {
	visit := tenant.VisitFrom(r.Context())
	secret := cookie(r, requesterCookie)
	if side == auth.StaffSide {
		secret = ""
		if staffCookieCounts(r) {
			secret = cookie(r, staffCookie)
		}
	}
	if secret == "" {
		return caller{}, errUnauthenticated
	}
	session, err := s.doors.Sessions.Find(r.Context(), visit.Tenant, side, visit.Host, secret)
	if errors.Is(err, auth.ErrSignedOut) {
		return caller{}, errUnauthenticated
	}
	if err != nil {
		return caller{}, err
	}
	return caller{Identity: session.Identity(), tenant: visit.Tenant, session: session}, nil
}

// client is the program that makes the request, for the list of sessions.
func client(r *http.Request) auth.Client {
	return auth.Client{IP: tenant.VisitFrom(r.Context()).ClientIP, UserAgent: r.UserAgent()}
}

// navigation is what the request's headers say about how it came about.
func navigation(r *http.Request) auth.Navigation {
	n := auth.Navigation{
		Method: r.Method, Origin: r.Header.Get("Origin"), Referer: r.Header.Get("Referer"),
		FetchSite: r.Header.Get("Sec-Fetch-Site"), FetchMode: r.Header.Get("Sec-Fetch-Mode"),
		FetchDest: r.Header.Get("Sec-Fetch-Dest"),
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		n.Speculative = n.Speculative || r.Header.Get(name) != ""
	}
	return n
}
