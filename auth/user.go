package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/auth/person"
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
	// Claimed: the organization was said by a partner's token, and ends with one that says none.
	Claimed bool `cbor:"11,keyasint,omitempty"`
}

var (
	users = storage.NewTable(storage.Declaration[User]{
		ID: 65, Name: "users",
		Key: func(u *User) storage.Key { return storage.Key(nil).Str(u.ID) },
	})
	usersByEmail = storage.NewUnique(users, 1, func(u *User) storage.Key { return storage.Key(nil).Str(u.Email) })
	usersByExtID = storage.NewUnique(users, 2, func(u *User) storage.Key {
		if u.ExternalID == "" {
			return nil
		}
		return storage.Key(nil).Str(u.ExternalID)
	})
)

// Person is how somebody is named from outside.
type Person = person.Person

// UserQuery chooses users. The zero UserQuery is all of them, oldest first.
type UserQuery struct {
	// Email and ExternalID, where set, must be equal to the user's.
	Email, ExternalID string
	// Text, where set, has to stand in the name, the address or the external ID, in upper or lower case.
	Text string
	// CreatedAfter leaves out who was there at that time already; zero: nobody.
	CreatedAfter time.Time
	// Cursor is the Next of the page before.
	Cursor string
	// Limit is 1–100; 0 is 25.
	Limit int
}

// UserPage is a part of the list of users. Next is empty on the last page; a page of a query by Text may be short, and even
// empty, and have a next one.
type UserPage struct {
	Users []User
	Next  string
}

// Users knows a tenant's requesters. It is safe for concurrent use.
type Users struct{ store *storage.Store }

func newUsers(store *storage.Store) *Users { return &Users{store: store} }

// Find returns the user with this ID, or ErrNotFound.
func (u *Users) Find(ctx context.Context, t *tenant.Tenant, id string) (User, error) {
	return u.read(ctx, t, func(tx *storage.Tx) (User, error) { return users.Get(tx, storage.Key(nil).Str(id)) })
}

// ByEmail returns the user with this address, or ErrNotFound.
func (u *Users) ByEmail(ctx context.Context, t *tenant.Tenant, email string) (User, error) {
	email, err := person.ParseEmail(email)
	if err != nil {
		return User{}, ErrNotFound
	}
	return u.read(ctx, t, func(tx *storage.Tx) (User, error) { return usersByEmail.Get(tx, storage.Key(nil).Str(email)) })
}

// ByExternalID returns the user whom the partner knows under this ID, or ErrNotFound.
func (u *Users) ByExternalID(ctx context.Context, t *tenant.Tenant, id string) (User, error) {
	return u.read(ctx, t, func(tx *storage.Tx) (User, error) { return usersByExtID.Get(tx, storage.Key(nil).Str(id)) })
}

func (u *Users) read(ctx context.Context, t *tenant.Tenant, get func(*storage.Tx) (User, error)) (User, error) {
	var found User
	err := u.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		found, err = get(tx)
		return err
	})
	return found, absent(err)
}

// absent makes the store's word for a missing record into this package's.
func absent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// Ensure returns the user with this address or this external ID, and makes one if there is none. It changes nothing of
// one that is there, but for an external ID that was missing. A FieldErrors: the person can't be one.
func (u *Users) Ensure(ctx context.Context, t *tenant.Tenant, p Person) (User, error) {
	var made User
	find, err := Ensuring(p, func(one User) User { return one })
	if err != nil {
		return made, err
	}
	err = u.store.Update(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		made, err = find(tx)
		return err
	})
	return made, err
}

// Ensuring is Ensure for the transaction of another room, which gets of the user what as makes of them: so a record that
// can't be written leaves no user behind. A FieldErrors: the person can't be one.
func Ensuring[P any](p Person, as func(User) P) (func(*storage.Tx) (P, error), error) {
	p, err := p.Checked()
	if err != nil {
		return nil, err
	}
	return func(tx *storage.Tx) (P, error) {
		u, err := ensure(tx, p)
		return as(u), err
	}, nil
}

// Finding looks for a user by ID in the transaction of another room, which gets of the user what as makes of them, and whether there is one.
func Finding[P any](as func(User, Reading) P) func(tx *storage.Tx, id string) (P, bool, error) {
	return func(tx *storage.Tx, id string) (P, bool, error) {
		u, err := users.Get(tx, storage.Key(nil).Str(id))
		if errors.Is(err, storage.ErrNotFound) {
			err = nil
		}
		if err != nil || u.ID == "" {
			return as(u, Reading{}), false, err
		}
		r, err := ReadingOf(tx, id)
		return as(u, r), true, err
	}
}

// OrganizationOf is the organization that a user belongs to, by the last word of the tenant's own, in the transaction of another room.
// Empty: to none, or there is no such user.
func OrganizationOf(tx *storage.Tx, id string) (string, error) {
	u, err := users.Get(tx, storage.Key(nil).Str(id))
	if errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return u.Organization, err
}

func ensure(tx *storage.Tx, p Person) (User, error) {
	u, found, err := lookup(tx, p)
	if err != nil || found && (u.ExternalID != "" || p.ExternalID == "") {
		return u, err
	}
	return u, merge(tx, &u, p)
}

// vouch brings in a person whom somebody with the right to it vouches for: the record is made, or brought up to date. The
// first return value of it is how the user stood before.
func vouch(tx *storage.Tx, p Person) (before, after User, err error) {
	before, _, err = lookup(tx, p)
	if err != nil {
		return before, after, err
	}
	after = before
	after.SignedInAt = now()
	if after.VouchedAt.IsZero() {
		after.VouchedAt = after.SignedInAt
	}
	after.Name = p.Name
	if p.Locale != "" {
		after.Locale = p.Locale
	}
	if p.Organization != "" || p.Complete && after.Claimed {
		after.Organization, after.Claimed = p.Organization, p.Organization != ""
	}
	after.Email = p.Email
	return before, after, merge(tx, &after, p)
}

// lookup finds whom a person is: the address decides, then the external ID. So a claim never fails because the two belong
// to different users, and never takes an address from its owner.
func lookup(tx *storage.Tx, p Person) (User, bool, error) {
	found, err := usersByEmail.Get(tx, storage.Key(nil).Str(p.Email))
	if errors.Is(err, storage.ErrNotFound) && p.ExternalID != "" {
		found, err = usersByExtID.Get(tx, storage.Key(nil).Str(p.ExternalID))
	}
	if errors.Is(err, storage.ErrNotFound) {
		return User{}, false, nil
	}
	return found, err == nil, err
}

// merge stores a user with what the person adds to it: everything if it is new, else an external ID that nobody has.
func merge(tx *storage.Tx, u *User, p Person) error {
	if u.ID == "" {
		u.ID, u.CreatedAt = newID("usr_"), now()
		u.Email, u.Name, u.Locale, u.Organization = p.Email, p.Name, p.Locale, p.Organization
	}
	if u.ExternalID == "" && p.ExternalID != "" {
		_, err := usersByExtID.Get(tx, storage.Key(nil).Str(p.ExternalID))
		if errors.Is(err, storage.ErrNotFound) {
			u.ExternalID = p.ExternalID
		} else if err != nil {
			return err
		}
	}
	u.UpdatedAt = now()
	return users.Put(tx, u)
}

// Create makes a user whom nobody has vouched for yet, or returns ErrExists with the user who has the address or the external ID.
// A FieldErrors: the person can't be one. By is who makes it, for the audit log.
func (u *Users) Create(ctx context.Context, t *tenant.Tenant, p Person, by string) (User, error) {
	p, err := p.Checked()
	if err != nil {
		return User{}, err
	}
	var made User
	err = u.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		found, taken, err := lookup(tx, p)
		if err != nil {
			return err
		}
		if made = found; taken {
			return ErrExists
		}
		if err := merge(tx, &made, p); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "user.created", Object: made.ID})
	})
	return made, err
}

// Change has fn change email, name, external ID, locale and organization of a user. A new address is one that nobody has proven
// yet. fn may run several times. ErrNotFound; ErrExists: the address or the external ID is another user's; a FieldErrors. By is
// who changes it, for the audit log.
func (u *Users) Change(ctx context.Context, t *tenant.Tenant, id, by string, fn func(*User) error) (User, error) {
	var after User
	err := u.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		old, err := users.Get(tx, storage.Key(nil).Str(id))
		if err != nil {
			return absent(err)
		}
		wanted := old
		if err := fn(&wanted); err != nil {
			return err
		}
		if after, err = old.become(&wanted); err != nil || after == old {
			return err
		}
		after.UpdatedAt = now()
		if err := users.Replace(tx, &old, &after); errors.Is(err, storage.ErrExists) {
			return ErrExists
		} else if err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "user.changed", Object: id})
	})
	return after, err
}

// become is the user with what is wanted of them, if it can be.
func (u *User) become(wanted *User) (User, error) {
	p, err := Person{
		Email: wanted.Email, Name: wanted.Name, ExternalID: wanted.ExternalID, Locale: wanted.Locale, Organization: wanted.Organization,
	}.Checked()
	if err != nil {
		return *u, err
	}
	after := *u
	after.Email, after.Name, after.ExternalID, after.Locale, after.Organization = p.Email, p.Name, p.ExternalID, p.Locale, p.Organization
	if after.Email != u.Email {
		after.VouchedAt = time.Time{}
	}
	if after.Organization != u.Organization {
		after.Claimed = false
	}
	return after, nil
}

// List returns a page of users. A FieldErrors: the cursor is not one.
func (u *Users) List(ctx context.Context, t *tenant.Tenant, q UserQuery) (UserPage, error) {
	if q.Email != "" || q.ExternalID != "" {
		return u.listOne(ctx, t, q)
	}
	if q.Limit <= 0 || q.Limit > 100 {
		q.Limit = 25
	}
	r, err := q.rows()
	if err != nil {
		return UserPage{}, err
	}
	const most = 5000 // rows looked at for one page
	var page UserPage
	err = u.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		page = UserPage{}
		n, last := 0, ""
		for one, err := range users.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(page.Users) == q.Limit || n == most {
				page.Next = last
				break
			}
			if n++; q.selects(&one) {
				page.Users = append(page.Users, one)
			}
			last = one.ID
		}
		return nil
	})
	return page, err
}

// rows are those behind the cursor and the time. An ID begins with when it was made.
func (q *UserQuery) rows() (storage.Range, error) {
	r := storage.Range{}
	if !q.CreatedAfter.IsZero() {
		var first ulid.ULID
		if err := first.SetTime(ulid.Timestamp(q.CreatedAfter)); err == nil {
			r.From = storage.Key(nil).Str("usr_" + first.String())
		}
	}
	if q.Cursor == "" {
		return r, nil
	}
	if !isID(q.Cursor, "usr_") {
		return r, oneField("cursor", "The cursor field is not a cursor.")
	}
	r.After = storage.Key(nil).Str(q.Cursor)
	return r, nil
}

func (q *UserQuery) selects(u *User) bool {
	text := strings.ToLower(q.Text)
	has := func(field string) bool { return strings.Contains(strings.ToLower(field), text) }
	return (q.Email == "" || u.Email == q.Email) && (q.ExternalID == "" || u.ExternalID == q.ExternalID) &&
		(q.CreatedAfter.IsZero() || u.CreatedAt.After(q.CreatedAfter)) &&
		(text == "" || has(u.Name) || has(u.Email) || has(u.ExternalID))
}

// listOne is the page of a query that at most one user fits.
func (u *Users) listOne(ctx context.Context, t *tenant.Tenant, q UserQuery) (UserPage, error) {
	var (
		one User
		err error
	)
	if q.Email != "" {
		q.Email, err = person.ParseEmail(q.Email)
		if err == nil {
			one, err = u.ByEmail(ctx, t, q.Email)
		} else {
			err = ErrNotFound // nobody has it
		}
	} else {
		one, err = u.ByExternalID(ctx, t, q.ExternalID)
	}
	if errors.Is(err, ErrNotFound) || err == nil && !q.selects(&one) {
		return UserPage{}, nil
	}
	return UserPage{Users: []User{one}}, err
}

// now is the time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// newID makes a name that sorts by time.
func newID(prefix string) string {
	return prefix + ulid.MustNew(ulid.Now(), rand.Reader).String()
}

// isID says whether s was made by newID.
func isID(s, prefix string) bool {
	id, found := strings.CutPrefix(s, prefix)
	_, err := ulid.ParseStrict(id)
	return found && err == nil
}
