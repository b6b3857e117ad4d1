package tenant

import (
	"context"

	"github.com/deskgate/deskgate/storage"
)

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

// Standing is what a tenant has to do with a host.
type Standing uint8

// The standings, each including those before it but for the first.
const (
	Foreign    Standing = iota // not a host of this tenant
	Registered                 // a domain of the tenant that is not served, not being verified
	Served                     // requests for it are answered
	Fit                        // served and fit to be handed out: it holds a valid certificate, or TLS is off
)

// Directory knows which tenant a host belongs to, without I/O: an immutable snapshot behind an atomic pointer, kept up by
// the store's change feed. It is safe for concurrent use. Before Load it is empty but for the node's hosts.
type Directory struct {
	store *storage.Store
	node  *Node
}

// NewDirectory returns a directory that still has to be loaded.
func NewDirectory(store *storage.Store, node *Node) *Directory { panic("not yet") }

// Node is the node whose hosts this is about.
func (d *Directory) Node() *Node { return d.node }

// Load reads everything from the store.
func (d *Directory) Load(ctx context.Context) error { panic("not yet") }

// Run follows the store's changes until ctx ends.
func (d *Directory) Run(ctx context.Context) error { panic("not yet") }

// Sync returns when the directory knows everything that was committed before the call. Registry calls it after its own
// changes.
func (d *Directory) Sync(ctx context.Context) error { panic("not yet") }

// Lookup finds what is served for a raw Host header or SNI name. It neither allocates nor blocks.
func (d *Directory) Lookup(host string) (*Site, bool) { panic("not yet") }

// BySlug returns the tenant with this slug.
func (d *Directory) BySlug(slug string) (*Tenant, bool) { panic("not yet") }

// ByID returns the tenant with this ID.
func (d *Directory) ByID(id ID) (*Tenant, bool) { panic("not yet") }

// PrimaryHost is the host that the tenant's URLs are made with: its primary custom domain if that is fit, else its host below
// the first node host.
func (d *Directory) PrimaryHost(t *Tenant) Host { panic("not yet") }

// PrimaryURL is the base URL of the tenant's primary host, without a slash at the end.
func (d *Directory) PrimaryURL(t *Tenant) string { panic("not yet") }

// Hosts are the tenant's hosts that are fit to be handed out, the primary one first.
func (d *Directory) Hosts(t *Tenant) []Host { panic("not yet") }

// Standing says what the tenant has to do with a host.
func (d *Directory) Standing(t *Tenant, h Host) Standing { panic("not yet") }

// OwnOrigin says whether the origin is that of one of the tenant's served hosts.
func (d *Directory) OwnOrigin(t *Tenant, origin string) bool { panic("not yet") }

// AllowsOrigin says whether the origin is one of the tenant's own or of its allowed ones.
func (d *Directory) AllowsOrigin(t *Tenant, origin string) bool { panic("not yet") }

// OriginKnown says whether some tenant allows the origin, or owns it.
func (d *Directory) OriginKnown(origin string) bool { panic("not yet") }
