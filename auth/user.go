package auth

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// User is the record of a requester whom a partner, or the owner of the address, has vouched for, or whom a program has
// named. No asserted session ever leads to it.
type User struct {
	ID         string    `cbor:"1,keyasint"`
	Email      string    `cbor:"2,keyasint"`
	Name       string    `cbor:"3,keyasint"`
	ExternalID string    `cbor:"4,keyasint,omitempty"`
	CreatedAt  time.Time `cbor:"5,keyasint"`
	UpdatedAt  time.Time `cbor:"6,keyasint"`
	// VouchedAt is when the user first came in with a proof; zero: never yet.
	VouchedAt time.Time `cbor:"7,keyasint,omitzero"`
	// SignedInAt is the last vouched login.
	SignedInAt   time.Time `cbor:"8,keyasint,omitzero"`
	Locale       string    `cbor:"9,keyasint,omitempty"`
	Organization string    `cbor:"10,keyasint,omitempty"`
}

// Person is how somebody is named from outside. Email and Name are taken as they come and checked here.
type Person struct {
	Email        string
	Name         string
	ExternalID   string
	Locale       string
	Organization string
}

// UserQuery chooses users. The zero UserQuery is all of them, oldest first.
type UserQuery struct {
	// Email and ExternalID, where set, must be equal to the user's.
	Email, ExternalID string
	// Cursor is the Next of the page before.
	Cursor string
	// Limit is 1–100; 0 is 25.
	Limit int
}

// UserPage is a part of the list of users. Next is empty on the last page.
type UserPage struct {
	Users []User
	Next  string
}

// Users knows a tenant's requesters. It is safe for concurrent use.
type Users struct{ store *storage.Store }

func newUsers(store *storage.Store) *Users { return &Users{store: store} }

// Find returns the user with this ID, or ErrNotFound.
func (u *Users) Find(ctx context.Context, t *tenant.Tenant, id string) (User, error) {
	panic("not yet")
}

// ByEmail returns the user with this address, or ErrNotFound.
func (u *Users) ByEmail(ctx context.Context, t *tenant.Tenant, email string) (User, error) {
	panic("not yet")
}

// ByExternalID returns the user whom the partner knows under this ID, or ErrNotFound.
func (u *Users) ByExternalID(ctx context.Context, t *tenant.Tenant, id string) (User, error) {
	panic("not yet")
}

// Ensure returns the user with this address or this external ID, and makes one if there is none. It changes nothing of
// one that is there, but for an external ID that was missing. A FieldErrors: the person can't be one.
func (u *Users) Ensure(ctx context.Context, t *tenant.Tenant, p Person) (User, error) {
	panic("not yet")
}

// Change has fn change name, external ID, locale and organization of a user. fn may run several times. ErrNotFound; ErrExists:
// the external ID is another user's; a FieldErrors.
func (u *Users) Change(ctx context.Context, t *tenant.Tenant, id string, fn func(*User) error) (User, error) {
	panic("not yet")
}

// List returns a page of users. A FieldErrors: the cursor is not one.
func (u *Users) List(ctx context.Context, t *tenant.Tenant, q UserQuery) (UserPage, error) {
	panic("not yet")
}
