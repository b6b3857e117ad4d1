package domain

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// ConflictError says that a host cannot be had because somebody else has it, or had it until lately.
type ConflictError struct {
	Host   tenant.Host
	Reason string
}

// Error says nothing about who has it.
func (e *ConflictError) Error() string { return fmt.Sprintf("%s: %s", e.Host, e.Reason) }

// Options of a Registry.
type Options struct {
	// Resolver asks DNS. Nil: no domain can be verified.
	Resolver Resolver
	// Authority is the CA's name as it stands in CAA records ("letsencrypt.org"). Empty: CAA is not looked at.
	Authority string
	// Grace is how long a drifted domain is still served. 0: 72 hours.
	Grace time.Duration
	Log   *slog.Logger
}

// Registry keeps the custom domains of all tenants. It is safe for concurrent use.
type Registry struct {
	store     *storage.Store
	directory *tenant.Directory
	options   Options
}

// New returns the registry of domains, and has the tenants' registry remove a deleted tenant's domains.
func New(store *storage.Store, tenants *tenant.Registry, directory *tenant.Directory, o Options) *Registry {
	panic("not yet")
}

// As returns the same registry for changes in somebody's name, for the audit log.
func (r *Registry) As(actor string) *Registry { panic("not yet") }

// Add registers a host for a tenant; it is pending until Verify finds the proof. tenant.ErrBadHost (wrapped in a sentence for
// people): the name cannot be anybody's domain. *ConflictError: another tenant has it. A host that the tenant has already is
// returned as it is.
func (r *Registry) Add(ctx context.Context, t *tenant.Tenant, host string, by By) (*Domain, error) {
	panic("not yet")
}

// Verify looks for the proof now and returns the domain as it is afterwards. That the proof is missing is not an error:
// Status and Reason tell. tenant.ErrNotFound: nobody registered the host.
func (r *Registry) Verify(ctx context.Context, host string) (*Domain, error) { panic("not yet") }

// Find returns the domain of a host, or tenant.ErrNotFound.
func (r *Registry) Find(ctx context.Context, host string) (*Domain, error) { panic("not yet") }

// List returns a tenant's domains by name; with a nil tenant those of all.
func (r *Registry) List(ctx context.Context, t *tenant.Tenant) ([]*Domain, error) { panic("not yet") }

// Remove takes a domain away: it is served no more when Remove returns, and only the same tenant, or somebody with a fresh
// TXT proof, can have it during the next 30 days.
func (r *Registry) Remove(ctx context.Context, host string) error { panic("not yet") }

// Mount sets the path below which the product's pages live at a host, which may be a tenant's default host as well.
func (r *Registry) Mount(ctx context.Context, host, path string) error { panic("not yet") }

// DueCertificates returns at most limit domains whose certificate is to be obtained or renewed by now, fair between tenants:
// in turn one of each, those that wait longest first.
func (r *Registry) DueCertificates(ctx context.Context, now time.Time, limit int) ([]*Domain, error) {
	panic("not yet")
}

// ReportCertificate notes how it stands with a host's certificate. With a valid one a verified domain becomes active.
// tenant.ErrNotFound: the domain was removed meanwhile.
func (r *Registry) ReportCertificate(ctx context.Context, host tenant.Host, rep Report) error {
	panic("not yet")
}

// Wake is sent to when a certificate was queued. It holds one message: a reader that was busy sees it later.
func (r *Registry) Wake() <-chan struct{} { panic("not yet") }

// OnRemove has fn called after a domain was removed or suspended, so that its certificate goes as well. For the time before Run.
func (r *Registry) OnRemove(fn func(host tenant.Host)) { panic("not yet") }

// Run checks domains in the background until ctx ends.
func (r *Registry) Run(ctx context.Context) error { panic("not yet") }

// Tables are the tables of this package.
func Tables() []storage.Declared { return nil }
