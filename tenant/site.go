package tenant

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
