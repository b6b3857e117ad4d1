package tenant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
)

const (
	maxName     = 200 // characters of a tenant's name
	labelLength = 16  // characters of a CNAME target's random label: 80 bits
)

// Registry changes what is stored of tenants. It is safe for concurrent use. When a method that changes something returns,
// the directory given to NewRegistry knows it.
type Registry struct {
	store     *storage.Store
	directory *Directory
	actor     string
	cleaners  *[]func(context.Context, *Tenant) error
}

// NewRegistry returns the registry whose changes the directory follows.
func NewRegistry(store *storage.Store, directory *Directory) *Registry {
	return &Registry{store: store, directory: directory, actor: "operator", cleaners: new([]func(context.Context, *Tenant) error)}
}

// As returns the same registry for changes in somebody's name: it is what the audit log has as actor. Without it that is
// "operator".
func (r *Registry) As(actor string) *Registry {
	as := *r
	as.actor = actor
	return &as
}

// OnDelete has clean called when a tenant is being deleted, before its scope is erased, to remove what lies outside of the
// scope. It may be called again after an interruption. For the time before the first request.
func (r *Registry) OnDelete(clean func(context.Context, *Tenant) error) {
	*r.cleaners = append(*r.cleaners, clean)
}

// Create makes a tenant with its keys. ErrExists: the slug is taken. A FieldErrors says what is wrong with slug or name.
func (r *Registry) Create(ctx context.Context, slug, name string) (*Tenant, Keys, error) {
	wrong := FieldErrors{}
	if err := r.directory.node.CheckSlug(slug); err != nil {
		wrong.Add("slug", err.Error())
	}
	if strings.TrimSpace(name) == "" {
		name = slug
	}
	name, err := cleanName(name)
	if err != nil {
		wrong.Add("name", fmt.Sprintf("A name has from 1 to %d characters and no control characters.", maxName))
	}
	if err := wrong.Or(); err != nil {
		return nil, nil, err
	}
	at := now()
	t := &Tenant{
		ID: ID(rand.Text()), Slug: slug, Name: name, CreatedAt: at, UpdatedAt: at,
		Label: strings.ToLower(rand.Text()[:labelLength]), Settings: Settings{}.withDefaults(),
	}
	var keys Keys
	for _, kind := range Kinds() {
		keys = append(keys, *newKey(kind, at))
	}
	err = r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error { return r.insert(tx, t, keys) })
	if errors.Is(err, storage.ErrExists) {
		return nil, nil, fmt.Errorf("tenant %s: %w", slug, ErrExists)
	}
	if err != nil {
		return nil, nil, err
	}
	r.directory.catchUp(ctx)
	return t, keys, nil
}

func (r *Registry) insert(tx *storage.Tx, t *Tenant, keys Keys) error {
	if err := tenantTable.Insert(tx, t); err != nil {
		return err
	}
	own := tx.Tenant(string(t.ID))
	for i := range keys {
		if err := keyTable.Insert(own, &keys[i]); err != nil {
			return err
		}
	}
	return Record(own, Event{Actor: r.actor, Action: "tenant.created", Object: t.Slug, Detail: t.Name})
}

func cleanName(name string) (string, error) {
	name = Line(name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", errName
	}
	return name, nil
}

// Find returns the tenant with this slug, or ErrNotFound.
func (r *Registry) Find(ctx context.Context, slug string) (t *Tenant, err error) {
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		t, err = findSlug(tx, slug)
		return err
	})
	return t, err
}

// ByID returns the tenant with this ID, or ErrNotFound.
func (r *Registry) ByID(ctx context.Context, id ID) (t *Tenant, err error) {
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		t, err = find(tx, id)
		return err
	})
	return t, err
}

// List returns all tenants, by slug.
func (r *Registry) List(ctx context.Context) ([]*Tenant, error) {
	list := []*Tenant{}
	err := storage.Each(ctx, r.store, storage.Node(), tenantTable, func(t *Tenant) error {
		if t.DeletedAt.IsZero() {
			one := *t
			one.Settings = one.Settings.withDefaults()
			list = append(list, &one)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b *Tenant) int { return strings.Compare(a.Slug, b.Slug) })
	return list, err
}

// Set changes settings, and the name, by their keys. ErrNotFound, or a FieldErrors that says what is allowed; then nothing
// was changed.
func (r *Registry) Set(ctx context.Context, slug string, values map[string]string) (*Tenant, error) {
	t, err := r.Find(ctx, slug)
	if err != nil {
		return nil, err
	}
	return r.SetWith(ctx, t.ID, values, func(*storage.Tx) error { return nil })
}

// SetWith is Set for settings that are changed together with something else in the tenant's scope, which also writes: both
// are stored, or neither is. also may run several times.
func (r *Registry) SetWith(ctx context.Context, id ID, values map[string]string, also func(*storage.Tx) error) (*Tenant, error) {
	return r.change(ctx, id, func(tx *storage.Tx, t *Tenant) error {
		wrong := FieldErrors{}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if fields, ok := errors.AsType[FieldErrors](t.set(key, values[key])); ok {
				maps.Copy(wrong, fields)
			}
		}
		if err := wrong.Or(); err != nil {
			return err
		}
		return also(tx)
	})
}

// Change has fn change a copy of the tenant and stores it if it is sound. fn may run several times. Its name and its
// settings are fn's to change, nothing else.
func (r *Registry) Change(ctx context.Context, id ID, fn func(*Tenant) error) (*Tenant, error) {
	return r.change(ctx, id, func(_ *storage.Tx, t *Tenant) error { return fn(t) })
}

// change is Change for a fn that also writes in the tenant's own scope.
func (r *Registry) change(ctx context.Context, id ID, fn func(*storage.Tx, *Tenant) error) (*Tenant, error) {
	var after *Tenant
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		old, err := find(tx, id)
		if err != nil {
			return err
		}
		t := *old
		t.Settings.AllowedOrigins = slices.Clone(t.Settings.AllowedOrigins)
		if err := fn(tx.Tenant(string(id)), &t); err != nil {
			return err
		}
		t.ID, t.Slug, t.Label, t.CreatedAt, t.DeletedAt = old.ID, old.Slug, old.Label, old.CreatedAt, old.DeletedAt
		t.UpdatedAt = now()
		if err := r.sound(tx, old, &t); err != nil {
			return err
		}
		after = &t
		if err := tenantTable.Put(tx, &t); err != nil {
			return err
		}
		return r.recordChanges(tx.Tenant(string(id)), old, &t)
	})
	if err != nil {
		return nil, err
	}
	r.directory.catchUp(ctx)
	return after, nil
}

// sound says what is wrong with a changed tenant, and brings its parts into canonical form.
func (r *Registry) sound(tx *storage.Tx, old, t *Tenant) error {
	wrong := FieldErrors{}
	t.Settings = t.Settings.withDefaults()
	for _, k := range AllSettings() {
		if fields, ok := errors.AsType[FieldErrors](t.set(k.Key, k.Value(t))); ok {
			maps.Copy(wrong, fields)
		}
	}
	if err := wrong.Or(); err != nil || t.Settings.PrimaryHost == "" {
		return err
	}
	if t.Settings.PrimaryHost == old.Settings.PrimaryHost {
		return nil // it may be suspended by now, which is no reason to refuse other changes
	}
	err := holds(tx, r.directory.node, t, t.Settings.PrimaryHost, true)
	if errors.Is(err, ErrNotFound) {
		return FieldErrors{"primary_host": {string(t.Settings.PrimaryHost) + " is none of the tenant's hosts."}}
	}
	return err
}

func (r *Registry) recordChanges(tx *storage.Tx, old, t *Tenant) error {
	for _, k := range AllSettings() {
		if v := k.Value(t); v != k.Value(old) {
			if err := Record(tx, Event{Actor: r.actor, Action: "tenant.changed", Object: k.Key, Detail: v}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete ends a tenant: it is served no more from the beginning, and when Delete returns nil everything of it is erased and
// its slug is free. After an error, or a crash, Delete again or Run goes on.
func (r *Registry) Delete(ctx context.Context, slug string) error {
	var t *Tenant
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		found, err := tenantBySlug.Get(tx, storage.Key(nil).Str(slug))
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("tenant %s: %w", slug, ErrNotFound)
		}
		if err != nil {
			return err
		}
		if found.DeletedAt.IsZero() {
			found.DeletedAt = now()
		}
		t = &found
		return tenantTable.Put(tx, t)
	})
	if err != nil {
		return err
	}
	r.directory.catchUp(ctx)
	return r.erase(ctx, t)
}

// Scopes are the parts of the store that belong to the tenants.
func (r *Registry) Scopes(ctx context.Context) ([]storage.Scope, error) {
	tenants, err := r.List(ctx)
	var all []storage.Scope
	for _, t := range tenants {
		all = append(all, t.Scope())
	}
	return all, err
}

// Run ends the deletions that were interrupted, and keeps audit logs within their bounds, until ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	r.endDeletions(ctx)
	r.trimAudits(ctx)
	return nil
}

// endDeletions ends what was interrupted. What can't be ended now, because the disk is full for example, is logged and tried
// again.
func (r *Registry) endDeletions(ctx context.Context) {
	const pause = 10 * time.Minute
	for ctx.Err() == nil {
		err := r.Resume(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		r.directory.log.ErrorContext(ctx, "deletions are not at their end", slog.Any("error", err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// Resume tries once to end the deletions that were interrupted.
func (r *Registry) Resume(ctx context.Context) error {
	var gone []*Tenant
	err := storage.Each(ctx, r.store, storage.Node(), tenantTable, func(t *Tenant) error {
		if !t.DeletedAt.IsZero() {
			one := *t
			gone = append(gone, &one)
		}
		return nil
	})
	for _, t := range gone {
		err = errors.Join(err, r.erase(ctx, t))
	}
	return err
}

func (r *Registry) erase(ctx context.Context, t *Tenant) error {
	for _, clean := range *r.cleaners {
		if err := clean(ctx, t); err != nil {
			return fmt.Errorf("delete tenant %s: %w", t.Slug, err)
		}
	}
	if err := r.eraseSetups(ctx, t.ID); err != nil {
		return fmt.Errorf("delete tenant %s: %w", t.Slug, err)
	}
	if err := r.store.Erase(ctx, t.Scope()); err != nil {
		return fmt.Errorf("delete tenant %s: %w", t.Slug, err)
	}
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return tenantTable.Delete(tx, storage.Key(nil).Str(string(t.ID)))
	})
	if err != nil {
		return fmt.Errorf("delete tenant %s: %w", t.Slug, err)
	}
	r.directory.catchUp(ctx)
	return nil
}

// now is the present time as it is stored: UTC and whole milliseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
