package tenant

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Standing is what a tenant has to do with a host.
type Standing uint8

// The standings. From Registered on each includes the one before it.
const (
	Foreign    Standing = iota // not a host of this tenant
	Registered                 // a domain of the tenant that is not served: not verified yet, or suspended
	Served                     // requests for it are answered
	Fit                        // served and fit to be handed out: it is proven and holds a valid certificate, or TLS is off
)

// Directory knows which tenant a host belongs to, without I/O: an immutable snapshot behind an atomic pointer, kept up by
// the store's change feed. It is safe for concurrent use. Before Load it knows nothing but the node's hosts.
type Directory struct {
	store *storage.Store
	node  *Node
	log   *slog.Logger

	snapshot atomic.Pointer[snapshot]

	changing sync.Mutex // held by whoever makes the next snapshot
	loaded   bool
	applied  storage.Revision
}

// snapshot is what the directory knows at one moment.
type snapshot struct {
	places  *layers[place]  // by host
	entries *layers[*entry] // by tenant ID
	slugs   *layers[*entry] // by slug
	origins *layers[int]    // by allowed origin: how many tenants allow it
	routed  *layers[*Site]  // by host: the served ones that have routes

	rerouted chan struct{} // closed when there is a snapshot with other routed sites
}

// place is a host that is served, if it has a site; it is somebody's domain if it has a binding.
type place struct {
	site    *Site
	binding *Binding
}

// entry is all about one tenant. Its tenant is nil while only bindings or setups were seen.
type entry struct {
	tenant   *Tenant
	bindings []*Binding // those that were fit first come first
	setups   []*Setup
}

func (e *entry) setup(h Host) *Setup {
	i := slices.IndexFunc(e.setups, func(s *Setup) bool { return s.Host == h })
	if i < 0 {
		return nil
	}
	return e.setups[i]
}

// NewDirectory returns a directory that still has to be loaded. A nil log says nothing.
func NewDirectory(store *storage.Store, node *Node, log *slog.Logger) *Directory {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{store: store, node: node, log: log}
	d.install(d.empty())
	return d
}

// install makes a snapshot the one that holds from now on. The caller holds d.changing, or is alone.
func (d *Directory) install(s *snapshot) {
	old := d.snapshot.Load()
	if old != nil && old.routed == s.routed {
		s.rerouted = old.rerouted
	} else {
		s.rerouted = make(chan struct{})
	}
	d.snapshot.Store(s)
	if old != nil && old.rerouted != s.rerouted {
		close(old.rerouted)
	}
}

// Routed are the served sites that have routes, and a channel that is closed as soon as they may be others.
func (d *Directory) Routed() (sites iter.Seq[*Site], changed <-chan struct{}) {
	s := d.snapshot.Load()
	return func(yield func(*Site) bool) {
		for _, site := range s.routed.all {
			if !yield(site) {
				return
			}
		}
	}, s.rerouted
}

func (d *Directory) empty() *snapshot {
	places := edit(new(layers[place]))
	for _, h := range d.node.hosts {
		places.put(string(h), place{site: &Site{Host: h, Kind: NodeHost, Origin: d.node.URLFor(h), Mount: "/"}})
	}
	return &snapshot{
		places: places.done(), entries: new(layers[*entry]), slugs: new(layers[*entry]), origins: new(layers[int]),
		routed: new(layers[*Site]),
	}
}

// Node is the node whose hosts this is about.
func (d *Directory) Node() *Node { return d.node }

// Load reads everything from the store.
func (d *Directory) Load(ctx context.Context) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	return d.load(ctx)
}

func (d *Directory) load(ctx context.Context) error {
	revision, err := d.store.Revision(ctx)
	if err != nil {
		return err
	}
	entries := map[ID]*entry{}
	of := func(id ID) *entry {
		if entries[id] == nil {
			entries[id] = new(entry)
		}
		return entries[id]
	}
	err = errors.Join(
		storage.Each(ctx, d.store, storage.Node(), tenantTable, func(t *Tenant) error {
			of(t.ID).tenant = served(*t)
			return nil
		}),
		storage.Each(ctx, d.store, storage.Node(), bindingTable, func(b *Binding) error {
			of(b.Tenant).bindings = append(of(b.Tenant).bindings, new(*b))
			return nil
		}),
		storage.Each(ctx, d.store, storage.Node(), setupTable, func(s *Setup) error {
			of(s.Tenant).setups = append(of(s.Tenant).setups, new(*s))
			return nil
		}),
	)
	if err != nil {
		return err
	}
	u := d.update(d.empty())
	for id, e := range entries {
		slices.SortFunc(e.bindings, earlier)
		u.replace(id, e)
	}
	d.install(u.done())
	d.applied, d.loaded = revision, true
	return nil
}

// served is the tenant as a snapshot shows it: nil while it is being deleted.
func served(t Tenant) *Tenant {
	if !t.DeletedAt.IsZero() {
		return nil
	}
	t.Settings = t.Settings.withDefaults()
	return &t
}

// Run loads the directory if that was not done, and follows the store's changes until ctx ends. Trouble with the store is
// logged: the directory goes on with what it knows and tries again.
func (d *Directory) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		d.recover(ctx, d.follow(ctx))
	}
	return nil
}

// recover rebuilds the directory after it could not follow.
func (d *Directory) recover(ctx context.Context, err error) {
	const pause = time.Second
	if ctx.Err() != nil {
		return
	}
	if !errors.Is(err, storage.ErrTruncated) {
		d.log.ErrorContext(ctx, "directory lags behind the store", slog.Any("error", err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if err := d.Load(ctx); err != nil && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "directory cannot be rebuilt", slog.Any("error", err))
	}
}

func (d *Directory) follow(ctx context.Context) error {
	after, err := d.start(ctx)
	if err != nil {
		return err
	}
	return d.store.Follow(ctx, after, func(changes []storage.Change) error {
		d.changing.Lock()
		defer d.changing.Unlock()
		return d.apply(ctx, changes)
	})
}

// start loads the directory if that was not done, and says from where to follow.
func (d *Directory) start(ctx context.Context) (storage.Revision, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.loaded {
		return d.applied, nil
	}
	err := d.load(ctx)
	return d.applied, err
}

var errCaughtUp = errors.New("caught up")

// Sync returns when the directory knows everything that was committed before the call. Before Load it does nothing. The
// registries call it after their own changes.
func (d *Directory) Sync(ctx context.Context) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	if !d.loaded {
		return nil
	}
	want, err := d.store.Revision(ctx)
	if err != nil || want <= d.applied {
		return err
	}
	err = d.store.Follow(ctx, d.applied, func(changes []storage.Change) error {
		if err := d.apply(ctx, changes); err != nil {
			return err
		}
		if d.applied >= want {
			return errCaughtUp
		}
		return nil
	})
	if errors.Is(err, storage.ErrTruncated) {
		return d.load(ctx)
	}
	if errors.Is(err, errCaughtUp) {
		return nil
	}
	return err
}

// catchUp is Sync after a commit: the change is made, whatever happens now. If the store can't be read, Run says so.
func (d *Directory) catchUp(ctx context.Context) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := d.Sync(ctx); err != nil {
		d.log.WarnContext(ctx, "directory lags behind the store", slog.Any("error", err))
	}
}

// BySlug returns the tenant with this slug.
func (d *Directory) BySlug(slug string) (*Tenant, bool) {
	e := d.snapshot.Load().slugs.get(slug)
	if e == nil {
		return nil, false
	}
	return e.tenant, true
}

// ByID returns the tenant with this ID.
func (d *Directory) ByID(id ID) (*Tenant, bool) {
	e := d.snapshot.Load().entries.get(string(id))
	if e == nil || e.tenant == nil {
		return nil, false
	}
	return e.tenant, true
}

// Tenants are all tenants, by slug.
func (d *Directory) Tenants() []*Tenant {
	var list []*Tenant
	for _, e := range d.snapshot.Load().slugs.all {
		list = append(list, e.tenant)
	}
	slices.SortFunc(list, func(a, b *Tenant) int { return strings.Compare(a.Slug, b.Slug) })
	return list
}

// PrimaryHost is the host that the tenant's URLs are made with: its primary custom domain if that is fit, else its host below
// the first node host.
func (d *Directory) PrimaryHost(t *Tenant) Host {
	if h := t.Settings.PrimaryHost; h != "" && d.Standing(t, h) == Fit {
		return h
	}
	if e := d.snapshot.Load().entries.get(string(t.ID)); e != nil {
		at := time.Now()
		for _, b := range e.bindings {
			if b.fit(at, d.node.tlsOff) {
				return b.Host
			}
		}
	}
	return d.node.TenantHost(t.Slug)
}

// PrimaryURL is the base URL of the tenant's primary host, without a slash at the end.
func (d *Directory) PrimaryURL(t *Tenant) string { return d.node.URLFor(d.PrimaryHost(t)) }

// PortalURL is where the product's pages begin at the tenant's primary host: PrimaryURL and the mount, without a slash at
// the end.
func (d *Directory) PortalURL(t *Tenant) string { return d.PortalURLAt(d.PrimaryHost(t)) }

// PortalURLAt is where the product's pages begin at a host, without a slash at the end.
func (d *Directory) PortalURLAt(h Host) string {
	mount := ""
	if site, ok := d.Lookup(string(h)); ok {
		mount = strings.TrimSuffix(site.Mount, "/")
	}
	return d.node.URLFor(h) + mount
}

// Hosts are the tenant's hosts that are fit to be handed out, the primary one first.
func (d *Directory) Hosts(t *Tenant) []Host {
	hosts := []Host{d.PrimaryHost(t)}
	add := func(h Host) {
		if h != hosts[0] {
			hosts = append(hosts, h)
		}
	}
	if e := d.snapshot.Load().entries.get(string(t.ID)); e != nil {
		at := time.Now()
		for _, b := range e.bindings {
			if b.fit(at, d.node.tlsOff) {
				add(b.Host)
			}
		}
	}
	for _, h := range d.node.TenantHosts(t.Slug) {
		add(h)
	}
	return hosts
}

// Standing says what the tenant has to do with a host.
func (d *Directory) Standing(t *Tenant, h Host) Standing {
	s := d.snapshot.Load()
	p := s.places.get(string(h))
	switch {
	case p.owner() != t.ID:
		return s.claim(t, h)
	case p.site == nil:
		return Registered
	case p.binding != nil && !p.binding.fit(time.Now(), d.node.tlsOff):
		return Served
	}
	return Fit
}

// claim is the standing of a tenant to whom a host does not lead.
func (s *snapshot) claim(t *Tenant, h Host) Standing {
	e := s.entries.get(string(t.ID))
	if e != nil && slices.ContainsFunc(e.bindings, func(b *Binding) bool { return b.Host == h }) {
		return Registered
	}
	return Foreign
}

func (p place) owner() ID {
	switch {
	case p.binding != nil:
		return p.binding.Tenant
	case p.site != nil && p.site.Tenant != nil:
		return p.site.Tenant.ID
	}
	return ""
}

// OwnOrigin says whether the origin, as browsers send it, is that of one of the tenant's served hosts.
func (d *Directory) OwnOrigin(t *Tenant, origin string) bool {
	s, ok := d.ofOrigin(origin)
	return ok && s.Tenant != nil && s.Tenant.ID == t.ID
}

func (d *Directory) ofOrigin(origin string) (*Site, bool) {
	_, host, ok := strings.Cut(origin, "://")
	if !ok {
		return nil, false
	}
	s, ok := d.Lookup(host)
	return s, ok && s.Origin == origin
}

// AllowsOrigin says whether the origin, as browsers send it, is one of the tenant's own or of its allowed ones. A host of its own
// whose visitors go astray is none: its pages may be anybody's. What comes from elsewhere goes through ParseOrigin first.
func (d *Directory) AllowsOrigin(t *Tenant, origin string) bool {
	if slices.Contains(t.Settings.AllowedOrigins, origin) {
		return true
	}
	s, ok := d.ofOrigin(origin)
	return ok && s.Tenant != nil && s.Tenant.ID == t.ID && !d.astray(s.Host)
}

// astray says whether who asks for a host gets somebody else's pages.
func (d *Directory) astray(h Host) bool {
	b := d.snapshot.Load().places.get(string(h)).binding
	return b != nil && b.Astray
}

// OriginKnown says whether some tenant allows the origin, or owns it.
func (d *Directory) OriginKnown(origin string) bool {
	if d.snapshot.Load().origins.get(origin) > 0 {
		return true
	}
	s, ok := d.ofOrigin(origin)
	return ok && s.Tenant != nil && !d.astray(s.Host)
}

// earlier orders bindings by when they were fit first; those that never were come last.
func earlier(a, b *Binding) int {
	if a.FitSince.IsZero() != b.FitSince.IsZero() {
		if a.FitSince.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.FitSince.Compare(b.FitSince), strings.Compare(string(a.Host), string(b.Host)))
}
