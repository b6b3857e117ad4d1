package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// Setup is what the operator configured for one host of a tenant.
type Setup struct {
	Tenant ID     `cbor:"1,keyasint"`
	Host   Host   `cbor:"2,keyasint"`
	Mount  string `cbor:"3,keyasint,omitempty"` // empty: "/"
	Routes Routes `cbor:"4,keyasint,omitempty"`
}

// The table is the node's, so that the directory reads all of it in one go; the key keeps tenants apart.
var setupTable = storage.NewTable(storage.Declaration[Setup]{
	ID: 19, Name: "host setups", Watched: true,
	Key: func(s *Setup) storage.Key { return setupKey(s.Tenant, s.Host) },
})

func setupKey(id ID, h Host) storage.Key { return storage.Key(nil).Str(string(id)).Str(string(h)) }

func (s *Setup) mount() string {
	if s == nil || s.Mount == "" {
		return "/"
	}
	return s.Mount
}

// Mount sets the path below which the product's pages live at one of the tenant's hosts. ErrNotFound: the host is not the
// tenant's. A FieldErrors says what is wrong with the path.
func (r *Registry) Mount(ctx context.Context, id ID, host Host, path string) error {
	mount, err := cleanPath(path)
	if err != nil {
		return FieldErrors{"path": {err.Error()}}
	}
	return r.changeSetup(ctx, id, host, func(s *Setup) (Event, error) {
		for _, route := range s.Routes {
			if err := collide(route.Prefix, mount); err != nil {
				return Event{}, FieldErrors{"path": {"The route " + route.Prefix + " is in the way: remove it first."}}
			}
		}
		s.Mount = mount
		return Event{Action: "host.mounted", Object: string(host), Detail: mount}, nil
	})
}

// AddRoute adds a route to one of the tenant's hosts, or replaces the one with the same prefix. ErrNotFound: the host is not
// the tenant's. A FieldErrors says what is wrong with the route.
func (r *Registry) AddRoute(ctx context.Context, id ID, host Host, route Route) error {
	if err := route.check(); err != nil {
		return err
	}
	return r.changeSetup(ctx, id, host, func(s *Setup) (Event, error) {
		if err := collide(route.Prefix, s.mount()); err != nil {
			return Event{}, FieldErrors{"path": {err.Error()}}
		}
		s.Routes = s.Routes.upsert(route)
		if len(s.Routes) > maxRoutes {
			return Event{}, FieldErrors{"path": {fmt.Sprintf("A host has at most %d routes.", maxRoutes)}}
		}
		return Event{Action: "route.added", Object: string(host) + route.Prefix, Detail: fmt.Sprint(route.Upstreams)}, nil
	})
}

// ChangeRoute changes a route of one of the tenant's hosts, or returns ErrNotFound. A FieldErrors says what is wrong with what
// came out. The function may be called more than once.
func (r *Registry) ChangeRoute(ctx context.Context, id ID, host Host, prefix string, change func(*Route) error) error {
	prefix, err := cleanPath(prefix)
	if err != nil {
		return FieldErrors{"path": {err.Error()}}
	}
	return r.changeSetup(ctx, id, host, func(s *Setup) (Event, error) {
		i := slices.IndexFunc(s.Routes, func(o Route) bool { return o.Prefix == prefix })
		if i < 0 {
			return Event{}, fmt.Errorf("route %s%s: %w", host, prefix, ErrNotFound)
		}
		route := s.Routes[i]
		if err := change(&route); err != nil {
			return Event{}, err
		}
		route.Prefix = prefix
		if err := route.check(); err != nil {
			return Event{}, err
		}
		s.Routes = s.Routes.upsert(route)
		return Event{Action: "route.changed", Object: string(host) + prefix, Detail: fmt.Sprint(route.Upstreams)}, nil
	})
}

// RemoveRoute removes a route, or returns ErrNotFound.
func (r *Registry) RemoveRoute(ctx context.Context, id ID, host Host, prefix string) error {
	prefix, err := cleanPath(prefix)
	if err != nil {
		return FieldErrors{"path": {err.Error()}}
	}
	return r.changeSetup(ctx, id, host, func(s *Setup) (Event, error) {
		left := slices.DeleteFunc(slices.Clone(s.Routes), func(o Route) bool { return o.Prefix == prefix })
		if len(left) == len(s.Routes) {
			return Event{}, fmt.Errorf("route %s%s: %w", host, prefix, ErrNotFound)
		}
		s.Routes = left
		return Event{Action: "route.removed", Object: string(host) + prefix}, nil
	})
}

func (r *Registry) changeSetup(ctx context.Context, id ID, host Host, fn func(*Setup) (Event, error)) error {
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		t, err := find(tx, id)
		if err != nil {
			return err
		}
		if err := holds(tx, r.directory.node, t, host, false); err != nil {
			return err
		}
		s, err := setupTable.Get(tx, setupKey(id, host))
		if errors.Is(err, storage.ErrNotFound) {
			s, err = Setup{Tenant: id, Host: host}, nil
		}
		if err != nil {
			return err
		}
		event, err := fn(&s)
		if err != nil {
			return err
		}
		if err := setupTable.Put(tx, &s); err != nil {
			return err
		}
		event.Actor = r.actor
		return Record(tx.Tenant(string(id)), event)
	})
	if err == nil {
		r.directory.catchUp(ctx)
	}
	return err
}

// Setups returns what is configured for the tenant's hosts, by host.
func (r *Registry) Setups(ctx context.Context, id ID) ([]Setup, error) {
	list := []Setup{}
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		if _, err := find(tx, id); err != nil {
			return err
		}
		for s, err := range setupTable.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(string(id))}) {
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// eraseSetups removes all setups of a tenant, some at a time.
func (r *Registry) eraseSetups(ctx context.Context, id ID) error {
	const some = 200
	for n := some; n == some; {
		err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
			var hosts []Host
			for s, err := range setupTable.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(string(id)), Limit: some}) {
				if err != nil {
					return err
				}
				hosts = append(hosts, s.Host)
			}
			n = len(hosts)
			for _, h := range hosts {
				if err := setupTable.Delete(tx, setupKey(id, h)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
