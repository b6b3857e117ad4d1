package tickets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Category is a kind of request that a tenant tells apart.
type Category struct {
	ID       string `cbor:"1,keyasint"` // "cat_" and a ULID
	Name     string `cbor:"2,keyasint"`
	Slug     string `cbor:"3,keyasint"` // unique in the tenant
	Position int    `cbor:"4,keyasint,omitempty"`
	Active   bool   `cbor:"5,keyasint,omitempty"` // requesters may choose it
}

// CategoryChange is what a category is to be: absent is unchanged. A new one needs a Name; it is active, comes last and has
// a slug made from its name, if nothing else is said.
type CategoryChange struct {
	Name     Optional[string]
	Slug     Optional[string]
	Position Optional[int]
	Active   Optional[bool] // null: active
}

const (
	maxCategories    = 200
	maxCategoryName  = 100
	maxCategoryPlace = 1_000_000
)

type seed struct {
	Done bool `cbor:"1,keyasint"`
}

// Seed gives a tenant the categories that everyone begins with, once.
func (d *Desk) Seed(ctx context.Context, tn *tenant.Tenant) error {
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		if has, err := seedTable.Has(tx, storage.Key(nil).Uint(0)); has || err != nil {
			return err
		}
		for i, name := range []string{"General question", "Technical problem", "Billing", "Account and access"} {
			c := Category{
				ID: d.mint.next(categoryPrefix, now()), Name: name, Slug: slugOf(name), Position: i + 1, Active: true,
			}
			if err := categoryTable.Put(tx, &c); err != nil && !errors.Is(err, storage.ErrExists) {
				return err
			}
		}
		return seedTable.Put(tx, &seed{Done: true})
	})
}

// Categories returns the tenant's categories by position, for requesters the active ones. A tenant that never had any is
// seeded.
func (d *Desk) Categories(ctx context.Context, tn *tenant.Tenant, a Actor) ([]Category, error) {
	var out []Category
	var seeded bool
	read := func(tx *storage.Tx) (err error) {
		if seeded, err = seedTable.Has(tx, storage.Key(nil).Uint(0)); err == nil {
			out, err = categories(tx, a)
		}
		return err
	}
	if err := d.store.View(ctx, tn.Scope(), read); err != nil || seeded {
		return out, err
	}
	if err := d.Seed(ctx, tn); errors.Is(err, storage.ErrReadOnly) {
		return out, nil // a full disk is no reason not to show what there is
	} else if err != nil {
		return nil, err
	}
	return out, d.store.View(ctx, tn.Scope(), read)
}

func categories(tx *storage.Tx, a Actor) ([]Category, error) {
	out := []Category{}
	for c, err := range categoryTable.Scan(tx, storage.Range{}) {
		if err != nil {
			return nil, err
		}
		if c.Active || a.Staff() {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y Category) int {
		return cmp.Or(cmp.Compare(x.Position, y.Position), strings.Compare(x.ID, y.ID))
	})
	return out, nil
}

// Category returns one category, or ErrNotFound.
func (d *Desk) Category(ctx context.Context, tn *tenant.Tenant, a Actor, id string) (Category, error) {
	var c Category
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		c, err = category(tx, a, id)
		return err
	})
	return c, err
}

func category(tx *storage.Tx, a Actor, id string) (Category, error) {
	if parseID(categoryPrefix, id).IsZero() {
		return Category{}, ErrNotFound
	}
	c, err := categoryTable.Get(tx, storage.Key(nil).Str(id))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !c.Active && !a.Staff() {
		return Category{}, ErrNotFound
	}
	return c, err
}

// HasCategory says whether the tenant has a category with that ID, in the scope of the transaction.
func HasCategory(tx *storage.Tx, id string) (bool, error) {
	return categoryTable.Has(tx, storage.Key(nil).Str(id))
}

// AddCategory makes a category. Staff only, as are ChangeCategory and RemoveCategory.
func (d *Desk) AddCategory(ctx context.Context, tn *tenant.Tenant, a Actor, change CategoryChange) (Category, error) {
	if err := staffOnly(a); err != nil {
		return Category{}, err
	}
	if !change.Name.Present {
		change.Name = Set("")
	}
	if err := d.Seed(ctx, tn); err != nil { // or the first category of one's own would keep the others away
		return Category{}, err
	}
	var c Category
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all, err := categories(tx, a)
		if err != nil {
			return err
		}
		if len(all) >= maxCategories {
			return tenant.FieldErrors{"name": {"There are " + strconv.Itoa(maxCategories) + " categories already."}}
		}
		c = Category{ID: d.mint.next(categoryPrefix, now()), Active: true, Position: 1}
		if len(all) > 0 {
			c.Position = min(all[len(all)-1].Position+1, maxCategoryPlace)
		}
		return change.put(tx, &c)
	})
	return c, err
}

// ChangeCategory changes a category.
func (d *Desk) ChangeCategory(ctx context.Context, tn *tenant.Tenant, a Actor, id string, change CategoryChange) (Category, error) {
	if err := staffOnly(a); err != nil {
		return Category{}, err
	}
	var c Category
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if c, err = category(tx, a, id); err != nil {
			return err
		}
		return change.put(tx, &c)
	})
	return c, err
}

// RemoveCategory deletes a category that no ticket has. ErrInUse: make it inactive instead.
func (d *Desk) RemoveCategory(ctx context.Context, tn *tenant.Tenant, a Actor, id string) error {
	if err := staffOnly(a); err != nil {
		return err
	}
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		if _, err := category(tx, a, id); err != nil {
			return err
		}
		for _, err := range byCategory.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(id), Limit: 1}) {
			if err != nil {
				return err
			}
			return ErrInUse
		}
		return categoryTable.Delete(tx, storage.Key(nil).Str(id))
	})
}

func staffOnly(a Actor) error {
	if !a.Staff() {
		return fmt.Errorf("%w: categories are staff's", ErrNotAllowed)
	}
	return nil
}

// put applies the change and writes the category.
func (change *CategoryChange) put(tx *storage.Tx, c *Category) error {
	k := newCheck()
	if change.Name.Present {
		c.Name = tenant.Line(change.Name.Value)
		switch {
		case !strings.ContainsFunc(c.Name, visible):
			k.fail("name", "is required.")
		case utf8.RuneCountInString(c.Name) > maxCategoryName:
			k.fail("name", "must not be longer than %d characters.", maxCategoryName)
		case !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, unicode.IsControl):
			k.fail("name", "must be one line of text.")
		}
	}
	switch {
	case change.Slug.Present && !change.Slug.Null:
		c.Slug = change.Slug.Value
		if c.Slug == "" || slugOf(c.Slug) != c.Slug {
			k.fail("slug", "must have 1 to 63 lower-case letters, digits and single hyphens.")
		}
	case c.Slug == "" || change.Slug.Null:
		c.Slug = cmp.Or(slugOf(c.Name), strings.ToLower(c.ID[len(c.ID)-10:]))
	}
	if change.Position.Present {
		c.Position = change.Position.Value
		if c.Position < 0 || c.Position > maxCategoryPlace {
			k.fail("position", "must be between 0 and %d.", maxCategoryPlace)
		}
	}
	if change.Active.Present {
		c.Active = change.Active.Value || change.Active.Null
	}
	if err := k.errs.Or(); err != nil {
		return err
	}
	err := categoryTable.Put(tx, c)
	if errors.Is(err, storage.ErrExists) {
		return tenant.FieldErrors{"slug": {"The slug has already been taken."}}
	}
	return err
}

// slugOf makes a slug of a name: its letters and digits as far as they are ASCII when folded, with hyphens between.
func slugOf(name string) string {
	parts := strings.FieldsFunc(fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	s := strings.Join(parts, "-")
	return strings.Trim(s[:min(len(s), 63)], "-")
}
