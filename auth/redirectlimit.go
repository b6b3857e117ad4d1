package auth

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

const (
	redirectsPerIP         = 60
	redirectsUnlisted      = 30
	redirectsPerCredential = 6000
)

// count counts a redirect login. With a good proof it counts for the credential, and otherwise for the visitor's address,
// whatever the tenant and the result. A proof that works once is no good if it was used or the login is refused. A page whose
// origin nobody has listed can use up half of a visitor's count and no more: else it could shut the visitor out.
func (r *Redirects) count(ctx context.Context, t *tenant.Tenant, req *RedirectRequest, p proof) (limit.State, error) {
	if p.given() {
		s := r.limits.Take(ctx, limit.Bucket{Name: "redirect-credential", Limit: redirectsPerCredential, Period: time.Hour}, p.Credential)
		return s, s.Err()
	}
	ip := limit.IP(req.Client.IP)
	if req.Origin != "" && !r.trusts(t)(req.Origin) {
		s := r.limits.Take(ctx, limit.Bucket{Name: "redirect-unlisted", Limit: redirectsUnlisted, Period: time.Hour}, ip)
		if s.Reached {
			return s, s.Err()
		}
	}
	everywhere := limit.Bucket{Name: "redirect-ip", Limit: redirectsPerIP, Period: time.Hour}
	if t == nil || t.Settings.RedirectRequestsPerHour == redirectsPerIP || t.Settings.RedirectRequestsPerHour <= 0 {
		s := r.limits.Take(ctx, everywhere, ip)
		return s, s.Err()
	}
	return r.countOwn(ctx, t, everywhere, ip)
}

// countOwn counts for a tenant that has set a limit of its own. A lower one holds beside the node's. A higher one holds in
// its place, in a count of its own: what one tenant allows must not use up what the visitor may do elsewhere.
func (r *Redirects) countOwn(ctx context.Context, t *tenant.Tenant, everywhere limit.Bucket, ip string) (limit.State, error) {
	own := limit.Bucket{Name: "redirect-tenant", Limit: int64(t.Settings.RedirectRequestsPerHour), Period: time.Hour}
	s := r.limits.Take(ctx, own, string(t.ID)+" "+ip)
	if s.Reached || own.Limit > everywhere.Limit {
		return s, s.Err()
	}
	all := r.limits.Take(ctx, everywhere, ip)
	if all.Remaining < s.Remaining || all.Reached {
		s = all
	}
	return s, s.Err()
}
