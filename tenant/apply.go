package tenant

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// apply brings the snapshot up to date with changes: each record is read as it is now, so that the order in which changes
// arrive, and that some arrive twice, does not matter. The caller holds d.changing.
func (d *Directory) apply(ctx context.Context, changes []storage.Change) error {
	const some = 1000 // a transaction reads a bounded number of rows
	if mine := ours(changes); len(mine) > 0 {
		u := d.update(d.snapshot.Load())
		for page := range slices.Chunk(mine, some) {
			err := d.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
				for _, c := range page {
					if err := u.read(tx, c); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		d.install(u.done())
	}
	if n := len(changes); n > 0 {
		d.applied = max(d.applied, changes[n-1].Revision)
	}
	return nil
}

// ours are the changes that the directory is made of, each record once. Most changes are other rooms'.
func ours(changes []storage.Change) []storage.Change {
	type row struct {
		table uint16
		key   string
	}
	var (
		mine []storage.Change
		seen map[row]bool
	)
	for _, c := range changes {
		if c.Tenant != "" || c.Table != tenantTable.ID() && c.Table != bindingTable.ID() && c.Table != setupTable.ID() {
			continue
		}
		if at := (row{c.Table, string(c.Key)}); !seen[at] {
			if seen == nil {
				seen = map[row]bool{}
			}
			seen[at] = true
			mine = append(mine, c)
		}
	}
	return mine
}

// update makes the next snapshot.
type update struct {
	node    *Node
	places  *change[place]
	entries *change[*entry]
	slugs   *change[*entry]
	origins *change[int]
	routed  *change[*Site]
}

func (d *Directory) update(s *snapshot) *update {
	return &update{node: d.node, places: edit(s.places), entries: edit(s.entries), slugs: edit(s.slugs), origins: edit(s.origins), routed: edit(s.routed)}
}

func (u *update) done() *snapshot {
	return &snapshot{places: u.places.done(), entries: u.entries.done(), slugs: u.slugs.done(), origins: u.origins.done(), routed: u.routed.done()}
}

// read brings in what one changed record says now.
func (u *update) read(tx *storage.Tx, c storage.Change) error {
	parts := c.Key.Parts()
	first := parts.Str()
	switch c.Table {
	case tenantTable.ID():
		t, err := tenantTable.Get(tx, c.Key)
		if gone := errors.Is(err, storage.ErrNotFound); err != nil && !gone {
			return err
		} else if gone {
			u.tenant(ID(first), nil)
		} else {
			u.tenant(ID(first), served(t))
		}
	case bindingTable.ID():
		b, err := bindingTable.Get(tx, c.Key)
		if gone := errors.Is(err, storage.ErrNotFound); err != nil && !gone {
			return err
		} else if gone {
			u.binding(Host(first), ID(parts.Str()), nil)
		} else {
			u.binding(b.Host, b.Tenant, &b)
		}
	case setupTable.ID():
		s, err := setupTable.Get(tx, c.Key)
		if gone := errors.Is(err, storage.ErrNotFound); err != nil && !gone {
			return err
		} else if gone {
			u.setup(ID(first), Host(parts.Str()), nil)
		} else {
			u.setup(ID(first), s.Host, &s)
		}
	}
	return parts.Err()
}

func (u *update) entry(id ID) *entry {
	if e := u.entries.get(string(id)); e != nil {
		return e
	}
	return &entry{}
}

// tenant notes a tenant as it is now; nil: it is gone.
func (u *update) tenant(id ID, t *Tenant) {
	e := *u.entry(id)
	e.tenant = t
	u.replace(id, &e)
}

// replace puts an entry in the place of the one before, and makes all of its sites anew.
func (u *update) replace(id ID, e *entry) {
	old := u.entry(id)
	if old.tenant != nil {
		u.slugs.delete(old.tenant.Slug)
		for _, h := range u.node.TenantHosts(old.tenant.Slug) {
			u.unplace(h)
		}
		for _, o := range old.tenant.Settings.AllowedOrigins {
			u.allow(o, -1)
		}
	}
	u.keep(id, e)
	if e.tenant != nil {
		for _, h := range u.node.TenantHosts(e.tenant.Slug) {
			u.place(h, place{site: u.site(e, h, DefaultHost)})
		}
		for _, o := range e.tenant.Settings.AllowedOrigins {
			u.allow(o, 1)
		}
	}
	for _, b := range e.bindings {
		u.bind(e, b)
	}
}

// keep stores an entry that has anything in it, also for look-ups by slug.
func (u *update) keep(id ID, e *entry) {
	if e.tenant == nil && len(e.bindings) == 0 && len(e.setups) == 0 {
		u.entries.delete(string(id))
		return
	}
	u.entries.put(string(id), e)
	if e.tenant != nil {
		u.slugs.put(e.tenant.Slug, e)
	}
}

// binding notes a tenant's custom domain as it is now; nil: it is gone. Others may claim the same host.
func (u *update) binding(h Host, id ID, b *Binding) {
	if was := u.places.get(string(h)).binding; was != nil && was.Tenant == id {
		u.unplace(h)
	}
	e := *u.entry(id)
	e.bindings = rebound(e.bindings, h, b)
	u.keep(id, &e)
	if b != nil {
		u.bind(&e, b)
	}
}

// rebound is a copy of sorted bindings with b, if it is not nil, instead of the host's.
func rebound(bindings []*Binding, h Host, b *Binding) []*Binding {
	out := make([]*Binding, 0, len(bindings)+1)
	for _, o := range bindings {
		if o.Host != h {
			out = append(out, o)
		}
	}
	if b == nil {
		return out
	}
	i, _ := slices.BinarySearchFunc(out, b, earlier)
	return slices.Insert(out, i, b)
}

// setup notes what is configured for a host now; nil: nothing.
func (u *update) setup(id ID, h Host, s *Setup) {
	e := *u.entry(id)
	e.setups = slices.DeleteFunc(slices.Clone(e.setups), func(o *Setup) bool { return o.Host == h })
	if s != nil {
		e.setups = append(e.setups, s)
	}
	u.keep(id, &e)
	p := u.places.get(string(h))
	if p.owner() == id && p.site != nil {
		p.site = u.site(&e, h, p.site.Kind)
		u.place(h, p)
	}
}

// bind makes the place of a custom domain that is served.
func (u *update) bind(e *entry, b *Binding) {
	if !b.Served {
		return
	}
	p := place{binding: b}
	if e.tenant != nil {
		p.site = u.site(e, b.Host, CustomHost)
	}
	u.place(b.Host, p)
}

func (u *update) site(e *entry, h Host, kind SiteKind) *Site {
	s := &Site{Tenant: e.tenant, Host: h, Kind: kind, Origin: u.node.URLFor(h), Mount: "/"}
	if setup := e.setup(h); setup != nil {
		s.Mount, s.Routes = setup.mount(), setup.Routes
	}
	return s
}

// place and unplace leave the node's own hosts alone, whatever was stored before the operator chose them.
func (u *update) place(h Host, p place) {
	if u.node.IsNodeHost(h) {
		return
	}
	u.places.put(string(h), p)
	var routed *Site
	if p.site != nil && len(p.site.Routes) > 0 {
		routed = p.site
	}
	if routed != u.routed.get(string(h)) {
		u.routed.put(string(h), routed)
	}
}

func (u *update) unplace(h Host) {
	if u.node.IsNodeHost(h) {
		return
	}
	u.places.delete(string(h))
	if u.routed.get(string(h)) != nil {
		u.routed.delete(string(h))
	}
}

func (u *update) allow(origin string, by int) {
	if n := u.origins.get(origin) + by; n > 0 {
		u.origins.put(origin, n)
	} else {
		u.origins.delete(origin)
	}
}
