package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
)

// guard keeps a tenant's cookie-authenticated routes from other sites' pages.
type guard struct {
	directory *tenant.Directory
	// strict trusts no origin but that of the called host. Its own list of trusted origins stays empty: it would hold for all
	// tenants, and can't shrink.
	strict *http.CrossOriginProtection
}

func newGuard(d *tenant.Directory) *guard {
	return &guard{directory: d, strict: http.NewCrossOriginProtection()}
}

// check returns an error if an unsafe request that a cookie speaks for was made by a page that may not make it: for a
// page's form any page but those of the called host, for the API any page whose origin is neither the tenant's own nor
// allowed.
func (g *guard) check(r *http.Request, t *tenant.Tenant, api bool) error {
	if api && g.directory.AllowsOrigin(t, r.Header.Get("Origin")) {
		return nil
	}
	if err := g.strict.Check(r); err != nil {
		p := *errCrossOrigin
		p.Cause = err
		return &p
	}
	return nil
}
