package web

import (
	"net/http"
	"sync"

	"github.com/deskgate/deskgate/tenant"
)

// guards keep a tenant's cookie-authenticated routes from other sites' pages. There is one guard for each tenant, because
// a guard's list of trusted origins can't shrink, and a new one whenever the tenant changes.
type guards struct {
	mu     sync.Mutex
	byID   map[tenant.ID]guard
	strict *http.CrossOriginProtection
}

type guard struct {
	tenant     *tenant.Tenant
	protection *http.CrossOriginProtection
}

func newGuards() *guards {
	return &guards{byID: map[tenant.ID]guard{}, strict: http.NewCrossOriginProtection()}
}

// check returns an error if an unsafe request that a cookie speaks for was made by a page that may not make it: for a
// page's form any page but our own, for the API any page whose origin the tenant does not allow.
func (g *guards) check(r *http.Request, t *tenant.Tenant, api bool) error {
	protection := g.strict
	if api {
		protection = g.of(t)
	}
	if err := protection.Check(r); err != nil {
		p := *errCrossOrigin
		p.Cause = err
		return &p
	}
	return nil
}

func (g *guards) of(t *tenant.Tenant) *http.CrossOriginProtection {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known, ok := g.byID[t.ID]; ok && known.tenant == t {
		return known.protection
	}
	p := http.NewCrossOriginProtection()
	for _, origin := range t.Settings.AllowedOrigins {
		// An origin that the guard can't read stays untrusted.
		_ = p.AddTrustedOrigin(origin)
	}
	g.byID[t.ID] = guard{tenant: t, protection: p}
	return p
}
