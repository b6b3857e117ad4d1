package tenant

import (
	"context"
	"net/netip"
)

// Visit is what the edge found out about a request before anybody else saw it. It is made once, by proxy, and but
// for its Caller never changed.
type Visit struct {
	// Site is where the request arrived.
	Site *Site
	// Tenant is the site's tenant, nil at a node host.
	Tenant *Tenant
	// Host is the canonical name that was asked for.
	Host Host
	// Mount is the path below which the product's pages live at this host: "/" or "/support", never with a slash at the end.
	Mount string
	// ClientIP is the visitor's address: the right-most one that is not a trusted proxy's.
	ClientIP netip.Addr
	// TrustedPeer: the request came in through one of the operator's own proxies.
	TrustedPeer bool
	// Scheme is what the visitor's browser speaks: "https", or "http" on a node without TLS.
	Scheme string
	// RequestID names the request in logs and error documents.
	RequestID string
	// Caller is the tenant of whoever calls the API at a node host, once that is known: the one thing that web adds, for the access log.
	Caller *Tenant
}

// Origin is the origin of the page that a browser shows for this visit.
func (v *Visit) Origin() string {
	if v.Site != nil && v.Site.Origin != "" {
		return v.Site.Origin
	}
	return v.Scheme + "://" + string(v.Host)
}

type visitKey struct{}

// WithVisit puts the visit into a request's context.
func WithVisit(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitFrom is the visit that proxy put into the context. It panics where there is none: a handler that runs without
// knowing the tenant is our own mistake.
func VisitFrom(ctx context.Context) *Visit {
	return ctx.Value(visitKey{}).(*Visit) //nolint:errcheck,forcetypeassert // the panic is the contract
}
