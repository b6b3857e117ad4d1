package web

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// What pages of allowed origins may send, and what they may read beside the body.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "authorization, content-type, accept, x-tenant-api-token, x-requested-with, x-csrf-token, " +
		"if-match, if-none-match, idempotency-key"
	corsExposed = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag, Link, Location, " +
		"Idempotency-Replayed, X-Request-Id"
)

// grant lets the page that made the request read the answer, if the tenant allows the page's origin. It has to come
// before anything is answered, errors included. Granting twice is harmless.
func (s *Server) grant(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) {
	origin := r.Header.Get("Origin")
	if t == nil || origin == "" || origin == "null" || !s.directory.AllowsOrigin(t, origin) {
		return
	}
	allowOrigin(w.Header(), origin)
	w.Header().Set("Access-Control-Expose-Headers", corsExposed)
}

func allowOrigin(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
}

// preflight answers OPTIONS for the API. Where the path names no tenant, it is granted to any origin that some tenant
// allows: the answer itself will be more particular.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, path string) {
	origin, h := r.Header.Get("Origin"), w.Header()
	allowed := origin != "" && origin != "null"
	if t, named := s.namedTenant(r, path); named {
		allowed = allowed && t != nil && s.directory.AllowsOrigin(t, origin)
	} else {
		allowed = allowed && s.directory.OriginKnown(origin)
	}
	if allowed {
		allowOrigin(h, origin)
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// namedTenant is the tenant that the host or the path names. It is nil if the name is nobody's.
func (s *Server) namedTenant(r *http.Request, path string) (t *tenant.Tenant, named bool) {
	if t := tenant.VisitFrom(r.Context()).Tenant; t != nil {
		return t, true
	}
	for _, door := range []string{"/api/auth/redirect/", "/api/test/auth/redirect/"} {
		if slug, ok := strings.CutPrefix(path, door); ok {
			t, _ := s.directory.BySlug(slug)
			return t, true
		}
	}
	return nil, false
}
