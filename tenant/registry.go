package tenant

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Registry changes what is stored of tenants. It is safe for concurrent use. When a method that changes something returns,
// the directory given to NewRegistry knows it.
type Registry struct {
	store     *storage.Store
	directory *Directory
	actor     string
}

// NewRegistry returns the registry whose changes the directory follows.
func NewRegistry(store *storage.Store, directory *Directory) *Registry {
	return &Registry{store: store, directory: directory, actor: "operator"}
}

// As returns the same registry for changes in somebody's name: it is what the audit log has as actor. Without it that is
// "operator".
func (r *Registry) As(actor string) *Registry { panic("not yet") }

// OnDelete has clean called when a tenant is being deleted, before its scope is erased, to remove what lies outside of the
// scope. It may be called again after an interruption. For the time before the first request.
func (r *Registry) OnDelete(clean func(context.Context, *Tenant) error) { panic("not yet") }

// Create makes a tenant with its keys. ErrExists: the slug is taken. A FieldErrors says what is wrong with slug or name.
func (r *Registry) Create(ctx context.Context, slug, name string) (*Tenant, Keys, error) {
	panic("not yet")
}

// Find returns the tenant with this slug, or ErrNotFound.
func (r *Registry) Find(ctx context.Context, slug string) (*Tenant, error) { panic("not yet") }

// ByID returns the tenant with this ID, or ErrNotFound.
func (r *Registry) ByID(ctx context.Context, id ID) (*Tenant, error) { panic("not yet") }

// List returns all tenants, by slug.
func (r *Registry) List(ctx context.Context) ([]*Tenant, error) { panic("not yet") }

// Set changes settings by their names. ErrNotFound, or a FieldErrors that says what is allowed; then nothing was changed.
func (r *Registry) Set(ctx context.Context, slug string, values map[string]string) (*Tenant, error) {
	panic("not yet")
}

// Change has fn change a copy of the tenant and stores it if it is sound. fn may run several times. ID, slug and times are
// not fn's to change.
func (r *Registry) Change(ctx context.Context, id ID, fn func(*Tenant) error) (*Tenant, error) {
	panic("not yet")
}

// Delete ends a tenant: it is served no more when Delete begins, and when it returns everything of it is erased.
func (r *Registry) Delete(ctx context.Context, slug string) error { panic("not yet") }

// Keys returns the tenant's keys.
func (r *Registry) Keys(ctx context.Context, id ID) (Keys, error) { panic("not yet") }

// Rotate makes a new key; the old one stays valid for a time of grace, 24 hours if it is 0.
func (r *Registry) Rotate(ctx context.Context, id ID, kind Kind, grace time.Duration) (Key, error) {
	panic("not yet")
}

// Import makes a secret of the partner's the current key; the old one stays valid for 24 hours. A FieldErrors says why a
// secret is refused.
func (r *Registry) Import(ctx context.Context, id ID, kind Kind, secret string) (Key, error) {
	panic("not yet")
}

// Mount sets the path below which the product's pages live at one of the tenant's hosts.
func (r *Registry) Mount(ctx context.Context, id ID, host Host, path string) error { panic("not yet") }

// AddRoute adds a route to one of the tenant's hosts, or replaces the one with the same prefix.
func (r *Registry) AddRoute(ctx context.Context, id ID, host Host, route Route) error {
	panic("not yet")
}

// RemoveRoute removes a route, or returns ErrNotFound.
func (r *Registry) RemoveRoute(ctx context.Context, id ID, host Host, prefix string) error {
	panic("not yet")
}

// Setups returns what is configured for the tenant's hosts: mounts and routes.
func (r *Registry) Setups(ctx context.Context, id ID) ([]Setup, error) { panic("not yet") }

// Tables are the tables of this package.
func Tables() []storage.Declared { return nil }
