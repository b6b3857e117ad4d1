package tenant

import "strings"

// SiteKind says what a served host is.
type SiteKind uint8

// The kinds of served hosts.
const (
	NodeHost    SiteKind = iota + 1 // one of the operator's own
	DefaultHost                     // {slug}.{node host}
	CustomHost                      // a verified domain of the tenant's
)

// Site is a host that is served, and what stands behind it. It is never changed.
type Site struct {
	Tenant *Tenant // nil for a node host
	Host   Host
	Kind   SiteKind
	// Origin is the host's origin as browsers send it.
	Origin string
	// Mount is where the product's pages live: "/" or "/support".
	Mount  string
	Routes Routes
}

// Upstream is the route that a clean path is forwarded by. It is none where the product itself answers: on paths that are
// its own on every host, and below the mount unless a route has a longer prefix.
func (s *Site) Upstream(path string) (*Route, bool) {
	if len(s.Routes) == 0 || under(path, "/.well-known/deskgate") || under(path, "/.well-known/acme-challenge") ||
		path == "/auth/callback" {
		return nil, false
	}
	route, ok := s.Routes.Match(path)
	if !ok || under(path, s.Mount) && len(s.Mount) >= len(route.Prefix) {
		return nil, false
	}
	return route, true
}

// Below is the path as the product's routes know it: without the mount. It is false for a path that is not below the mount.
func (s *Site) Below(path string) (string, bool) {
	if s.Mount == "/" {
		return path, true
	}
	if !under(path, s.Mount) {
		return "", false
	}
	if rest := strings.TrimPrefix(path, s.Mount); rest != "" {
		return rest, true
	}
	return "/", true
}
