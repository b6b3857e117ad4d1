package web

import (
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/domains"
	"github.com/deskgate/deskgate/web/words"
)

// DomainSpeech is how tenants' people are told of their own domains, by all of them at once: in the tenant's language and time zone.
// An error is a mistake in our own files.
func DomainSpeech() (func(*tenant.Tenant) domains.Speech, error) {
	c, err := words.Load()
	if err != nil {
		return nil, err
	}
	return func(t *tenant.Tenant) domains.Speech {
		zone := t.Settings.Location()
		if zone == time.UTC {
			zone = nil // then times say so
		}
		r := c.Reader(t.Settings.Language, zone)
		return domains.Speech{T: r.T, Time: r.Time}
	}, nil
}

// DomainPage is where a tenant's staff sees one of its domains, or all of them: at a host that is not the one that it is about.
func DomainPage(d *tenant.Directory) func(*tenant.Tenant, tenant.Host) string {
	return func(t *tenant.Tenant, h tenant.Host) string {
		switch {
		case h == "":
			return d.PortalURL(t) + domainsPath
		case h == d.PrimaryHost(t):
			return d.PortalURLAt(d.Node().TenantHost(t.Slug)) + domainPath(string(h))
		}
		return d.PortalURL(t) + domainPath(string(h))
	}
}
