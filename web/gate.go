package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// Admit says who the visitor of an application behind the edge is, if we are as sure of it as need says. Otherwise it has
// answered: people are led to where they sign in or prove their address, and from there back; programs get an error. A
// member of staff may go wherever a vouched requester may.
func (s *Server) Admit(w http.ResponseWriter, r *http.Request, need tenant.Assurance) (tenant.Visitor, bool) {
	t := tenant.VisitFrom(r.Context()).Tenant
	who, err := s.visitor(r, need)
	if err == nil {
		err = s.fromHere(r, t)
	}
	if err == nil {
		return who, true
	}
	if errors.Is(err, errUnauthenticated) && (r.Method == http.MethodGet || r.Method == http.MethodHead) && wantsPage(r) {
		s.leadIn(w, r, need, who)
		return tenant.Visitor{}, false
	}
	s.fail(w, r, err)
	return tenant.Visitor{}, false
}

// visitor is who is signed in. errUnauthenticated: nobody of whom we are sure enough; the visitor is what we know.
func (s *Server) visitor(r *http.Request, need tenant.Assurance) (known tenant.Visitor, err error) {
	if need != tenant.Staff {
		c, err := s.identify(r, auth.RequesterSide)
		if err != nil && !errors.Is(err, errUnauthenticated) {
			return known, err
		}
		known = visitorOf(c)
		if known.Assurance == tenant.Vouched || known.Assurance == need {
			return known, nil
		}
	}
	c, err := s.identify(r, auth.StaffSide)
	if err != nil {
		return known, err
	}
	return visitorOf(c), nil
}

// visitorOf is the caller as applications are told.
func visitorOf(c caller) tenant.Visitor {
	v := tenant.Visitor{ID: c.ID, Email: c.Email, Name: c.Name}
	switch c.Level {
	case auth.Asserted:
		v.Assurance = tenant.Asserted
	case auth.Vouched:
		v.Assurance = tenant.Vouched
	case auth.Staff:
		v.Assurance = tenant.Staff
	case auth.Program: // no cookie stands for one
	}
	return v
}

// fromHere returns an error if a page of another site had the browser make the request, unless it is a page of an allowed
// origin, or a visit. The application believes what we say about the visitor, and may know no protection of its own; the
// requesters' cookie goes along from everywhere.
func (s *Server) fromHere(r *http.Request, t *tenant.Tenant) error {
	origin := r.Header.Get("Origin")
	allowed := origin != "" && (s.directory.AllowsOrigin(t, origin) || origin == s.directory.Node().URLFor(tenant.VisitFrom(r.Context()).Host))
	foreign := elsewhere(r) && r.Header.Get("Sec-Fetch-Mode") != "navigate"
	if r.Header.Get("Upgrade") != "" {
		foreign = foreign || origin != "" // a WebSocket is no fetch, and asks nobody
	}
	if foreign && !allowed {
		return errCrossOrigin
	}
	return s.guard.check(r, t, true)
}

// elsewhere says whether a page of somebody else's had the browser make the request. Beside a tenant's own domain are its own pages; beside
// its host below the node's are other tenants', which are of the same site for browsers.
func elsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		return true
	case "same-site":
		return tenant.VisitFrom(r.Context()).Site.Kind != tenant.CustomHost
	}
	return false
}

// leadIn sends a person to where they become somebody who may see the page, and from there to the page.
func (s *Server) leadIn(w http.ResponseWriter, r *http.Request, need tenant.Assurance, known tenant.Visitor) {
	visit, door := tenant.VisitFrom(r.Context()), "/auth/sign-in"
	switch {
	case need == tenant.Staff:
		door = "/agent/login"
	case known.Assurance == tenant.Asserted:
		door = "/auth/confirm"
	}
	w.Header().Set("Cache-Control", "no-store")
	s.report(seeOther(w, visit, door+nextQuery(s.doors.Redirects.Page(visit.Tenant, visit.Host, r.URL.RequestURI()))))
}

// ofApplication is the page of an application that somebody wanted who had to sign in for it; empty: there is none.
func (s *Server) ofApplication(r *http.Request, said string) string {
	next := s.wanted(r, said)
	u, err := url.Parse(next)
	if err != nil || next == "" {
		return ""
	}
	if route, ok := tenant.VisitFrom(r.Context()).Site.Routes.Match(u.Path); !ok || route.RequireLogin == "" {
		return ""
	}
	return next
}
