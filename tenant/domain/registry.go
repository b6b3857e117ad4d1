package domain

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tenant/span"
)

const maxDomains = 500 // that one tenant may add by itself

// ConflictError says that a host cannot be had because another tenant holds it: the proof of that one is seen.
type ConflictError struct{ Host tenant.Host }

// Error says nothing about who has it.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s is held by another tenant, whose proof is seen in DNS", e.Host)
}

// Options of a Registry.
type Options struct {
	// Resolver asks DNS. Nil: no domain can be verified.
	Resolver Resolver
	// Prober asks hosts whether their visitors arrive, where DNS does not show it. Nil: nobody does.
	Prober *outbound.Prober
	// Challenged: certificates come from an authority that has to reach the node by the host, so that none is asked for while its
	// visitors certainly do not arrive.
	Challenged bool
	// Authorities are those that certificates come from, in the order in which they are asked. None: CAA is not looked at.
	Authorities []Authority
	// Grace is how long a drifted domain is still served. 0: 72 hours.
	Grace time.Duration
	// Spans has checks traced. Nil: they are not.
	Spans *span.Source
	// Log takes what goes wrong in the background. Nil: nothing is said.
	Log *slog.Logger
}

// Registry keeps the custom domains of all tenants. It is safe for concurrent use. When a method that changes something
// returns, the directory knows it.
type Registry struct {
	store     *storage.Store
	tenants   *tenant.Registry
	directory *tenant.Directory
	node      *tenant.Node
	options   Options
	rules     rules
	actor     string
	actors    tenant.ID // tenant that the actor belongs to; empty: none
	*shared
}

// shared is what registries for different actors have in common.
type shared struct {
	queued chan struct{} // a certificate was queued
	hurry  chan struct{} // a check is due at once

	mu          sync.Mutex
	removed     []func(tenant.Host)
	authorities func(context.Context) []Authority // nil: those of the options
	checking    map[tenant.Host]bool
	checks      map[string]uint64 // by what they found
}

// New returns the registry of domains, and has the tenants' registry remove a deleted tenant's domains.
func New(store *storage.Store, tenants *tenant.Registry, directory *tenant.Directory, o Options) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = usualGrace
	}
	r := &Registry{
		store: store, tenants: tenants, directory: directory, node: directory.Node(), options: o, actor: "operator",
		rules: rules{tlsOff: directory.Node().TLSOff(), grace: o.Grace},
		shared: &shared{
			queued: make(chan struct{}, 1), hurry: make(chan struct{}, 1), checking: map[tenant.Host]bool{},
			checks: map[string]uint64{proofSeen: 0, proofMissing: 0, proofUnanswered: 0},
		},
	}
	tenants.OnDelete(r.removeAll)
	return r
}

// As returns the same registry for changes in somebody's name, for the audit log.
func (r *Registry) As(actor string) *Registry {
	as := *r
	as.actor = actor
	return &as
}

// within is the same registry for what one of the tenant's own does.
func (r *Registry) within(t *tenant.Tenant) *Registry {
	own := *r
	own.actors = t.ID
	return &own
}

// actorFor names who does something to a domain. To other tenants than the actor's it is the node: nobody learns who got a host.
func (r *Registry) actorFor(d *Domain) string {
	if r.actors != "" && r.actors != d.Tenant {
		return "system"
	}
	return r.actor
}

// OnRemove has fn called after a domain was removed or suspended, so that its certificate goes as well. For the time before Run.
func (r *Registry) OnRemove(fn func(host tenant.Host)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removed = append(r.removed, fn)
}

// nodeHostError says that a host is a good name, but nobody's domain.
type nodeHostError struct{ host tenant.Host }

func (e *nodeHostError) Error() string { return string(e.host) + " belongs to the node itself" }

// Is says that it is a tenant.ErrBadHost.
func (e *nodeHostError) Is(target error) bool { return target == tenant.ErrBadHost }

// Add registers a host for a tenant; it is pending until Verify finds the proof. tenant.ErrBadHost (wrapped in a sentence for
// people): the name cannot be anybody's domain. *ConflictError: another tenant holds it. That others claim it as well is no
// hindrance: who proves it first gets it. A host that the tenant has already is returned as it is.
func (r *Registry) Add(ctx context.Context, t *tenant.Tenant, host string, by By) (*Domain, error) {
	h, err := tenant.ParseCustomHost(host)
	if err != nil {
		return nil, err
	}
	if r.node.Owns(h) {
		return nil, &nodeHostError{h}
	}
	var d Domain
	err = r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		d, err = r.claim(tx, t, h, by)
		return err
	})
	if _, held := errors.AsType[*ConflictError](err); held {
		r.doubt(ctx, h)
	}
	if err != nil {
		return nil, err
	}
	r.settled(ctx)
	poke(r.hurry)
	return r.describe(ctx, &d)
}

// crowded keeps a tenant from filling the store.
func crowded(tx *storage.Tx, t *tenant.Tenant, by By) error {
	if by == ByOperator {
		return nil
	}
	n := 0
	for _, err := range byTenant.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(string(t.ID)), Limit: maxDomains}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= maxDomains {
		return tenant.FieldErrors{"host": {fmt.Sprintf("A tenant can add %d domains by itself; ask the operator for more.", maxDomains)}}
	}
	return nil
}

// Find returns the domain of a host, or tenant.ErrNotFound. Of several tenants' claims it is that of the one who holds the
// host, else the oldest.
func (r *Registry) Find(ctx context.Context, host string) (*Domain, error) {
	return r.find(ctx, host, func(*Domain) bool { return true })
}

// FindOwn is Find for a tenant: another's domain is tenant.ErrNotFound.
func (r *Registry) FindOwn(ctx context.Context, t *tenant.Tenant, host string) (*Domain, error) {
	return r.find(ctx, host, of(t))
}

// of selects a tenant's domains.
func of(t *tenant.Tenant) func(*Domain) bool { return func(d *Domain) bool { return d.Tenant == t.ID } }

func (r *Registry) find(ctx context.Context, host string, may func(*Domain) bool) (*Domain, error) {
	h, err := tenant.ParseHost(host)
	if err != nil {
		return nil, fmt.Errorf("domain %s: %w", host, tenant.ErrNotFound)
	}
	var d *Domain
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		all, err := claims(tx, h)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, may)
		if i < 0 {
			return notFound(h, storage.ErrNotFound)
		}
		d = all[i]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.describe(ctx, d)
}

func notFound(h tenant.Host, err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("domain %s: %w", h, tenant.ErrNotFound)
	}
	return err
}

// List returns a tenant's domains by name; with a nil tenant those of all.
func (r *Registry) List(ctx context.Context, t *tenant.Tenant) ([]*Domain, error) {
	found := []*Domain{}
	var err error
	if t == nil {
		err = storage.Each(ctx, r.store, storage.Node(), domainTable, func(d *Domain) error {
			found = append(found, new(*d))
			return nil
		})
	} else {
		err = r.eachOf(ctx, t.ID, func(d *Domain) { found = append(found, d) })
	}
	if err != nil {
		return nil, err
	}
	known := map[tenant.ID]*tenant.Tenant{}
	for _, d := range found {
		if known[d.Tenant] == nil {
			if known[d.Tenant], err = r.tenants.ByID(ctx, d.Tenant); errors.Is(err, tenant.ErrNotFound) {
				continue // it is being deleted
			}
			if err != nil {
				return nil, err
			}
		}
		r.complete(d, known[d.Tenant])
	}
	return found, nil
}

// eachOf calls fn for the domains of a tenant, page by page.
func (r *Registry) eachOf(ctx context.Context, id tenant.ID, fn func(*Domain)) error {
	const page = 500
	rg := storage.Range{Prefix: storage.Key(nil).Str(string(id)), Limit: page}
	for n := page; n == page; {
		err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
			n = 0
			for e, err := range byTenant.Scan(tx, rg) {
				if err != nil {
					return err
				}
				d, err := domainTable.Get(tx, e.Primary)
				if err != nil {
					return err
				}
				fn(&d)
				rg.After, n = e.Key, n+1
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// describe fills in what is not stored.
func (r *Registry) describe(ctx context.Context, d *Domain) (*Domain, error) {
	t, err := r.tenants.ByID(ctx, d.Tenant)
	if err != nil {
		return nil, err
	}
	r.complete(d, t)
	return d, nil
}

func (r *Registry) complete(d *Domain, t *tenant.Tenant) {
	d.Slug = t.Slug
	d.Records = r.claimOf(d, t).records(d.AtApex)
	for i := range d.Records {
		d.Records[i].Found = d.found(d.Records[i].Type)
	}
	if d.Status == Drifted {
		d.ServesUntil = d.Since.Add(r.rules.grace)
	}
}

// found says whether DNS has shown the domain's record of a type.
func (d *Domain) found(kind string) bool {
	switch kind {
	case "TXT":
		return d.TextFound
	case "CNAME":
		return d.AliasFound
	}
	return d.Arrives && !d.BehindCDN
}

const proofSize = 20 // octets of a TXT record's proof

// text is the proof: the same for ever for one tenant and host, and no use for another.
func (r *Registry) text(d *Domain) string {
	m := hmac.New(sha256.New, r.store.Derive(storage.Node(), "domain proof"))
	m.Write([]byte(string(d.Tenant) + "\n" + string(d.Host)))
	return hex.EncodeToString(m.Sum(nil)[:proofSize])
}

// gone tells those who keep something of a host that it is served no more.
func (r *Registry) gone(ctx context.Context, h tenant.Host) {
	r.settled(ctx)
	r.mu.Lock()
	hooks := r.removed
	r.mu.Unlock()
	for _, fn := range hooks {
		fn(h)
	}
}

// Mount sets the path below which the product's pages live at a host, which may be a tenant's default host as well.
func (r *Registry) Mount(ctx context.Context, host, path string) error {
	h, err := tenant.ParseHost(host)
	if err != nil {
		return fmt.Errorf("host %s: %w", host, tenant.ErrNotFound)
	}
	id, err := r.ownerOf(ctx, h)
	if err != nil {
		return err
	}
	return r.tenants.As(r.actor).Mount(ctx, id, h, path)
}

// ownerOf is the tenant whose custom domain or default host a host is.
func (r *Registry) ownerOf(ctx context.Context, h tenant.Host) (tenant.ID, error) {
	for _, own := range r.node.Hosts() {
		if slug, below := strings.CutSuffix(string(h), "."+string(own)); below {
			if t, err := r.tenants.Find(ctx, slug); err == nil {
				return t.ID, nil
			}
		}
	}
	var id tenant.ID
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		all, err := claims(tx, h)
		if err != nil {
			return err
		}
		d, err := choose(all, h, nil)
		if err == nil {
			id = d.Tenant
		}
		return err
	})
	return id, err
}

// record writes into the audit log of the domain's tenant.
func (r *Registry) record(tx *storage.Tx, d *Domain, action, detail string) error {
	return tenant.Record(tx.Tenant(string(d.Tenant)), tenant.Event{
		Actor: r.actorFor(d), Action: action, Object: string(d.Host), Detail: detail,
	})
}

// settled waits until the directory knows what was committed. If it can't be told now, it will be by its feed.
func (r *Registry) settled(ctx context.Context) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := r.directory.Sync(ctx); err != nil {
		r.options.Log.WarnContext(ctx, "directory lags behind the store", slog.Any("error", err))
	}
}

// poke wakes a reader, who sees it later if it is busy.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// clock is the present time as it is stored: UTC and whole milliseconds.
func clock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
