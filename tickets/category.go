package tickets

import (
	"context"

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
	Active   Optional[bool]
}

// Seed gives a tenant the categories that everyone begins with, once.
func (d *Desk) Seed(ctx context.Context, tn *tenant.Tenant) error { panic("not yet") }

// Categories returns the tenant's categories by position, for requesters the active ones. A tenant that never had any is
// seeded.
func (d *Desk) Categories(ctx context.Context, tn *tenant.Tenant, a Actor) ([]Category, error) {
	panic("not yet")
}

// Category returns one category, or ErrNotFound.
func (d *Desk) Category(ctx context.Context, tn *tenant.Tenant, a Actor, id string) (Category, error) {
	panic("not yet")
}

// AddCategory makes a category. Staff only, as are ChangeCategory and RemoveCategory.
func (d *Desk) AddCategory(ctx context.Context, tn *tenant.Tenant, a Actor, c CategoryChange) (Category, error) {
	panic("not yet")
}

// ChangeCategory changes a category.
func (d *Desk) ChangeCategory(ctx context.Context, tn *tenant.Tenant, a Actor, id string, c CategoryChange) (Category, error) {
	panic("not yet")
}

// RemoveCategory deletes a category that no ticket has. ErrInUse: make it inactive instead.
func (d *Desk) RemoveCategory(ctx context.Context, tn *tenant.Tenant, a Actor, id string) error {
	panic("not yet")
}
