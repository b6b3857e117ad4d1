package staff

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// Config is what this package stands on.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Sessions were opened with Standing.
	Sessions *auth.Sessions
	Limits   *limit.Limits
	// Refusals has the audit log list tries that failed.
	Refusals *auth.Refusals
	// Mail sends invitations, resets and notices. Nil, or not ready: what needs it says so.
	Mail *mail.Post
}

// Members keeps the tenants' staff. It is safe for concurrent use.
type Members struct {
	store     *storage.Store
	directory *tenant.Directory
	sessions  *auth.Sessions
	limits    *limit.Limits
	mail      *mail.Post
	refusals  *auth.Refusals
	passwords *passwords
}

// Open makes the keeper of the staff.
func Open(c Config) *Members {
	return &Members{
		store: c.Store, directory: c.Directory, sessions: c.Sessions, limits: c.Limits, mail: c.Mail, refusals: c.Refusals,
		passwords: newPasswords(),
	}
}

// Find returns a member by ID, or auth.ErrNotFound.
func (m *Members) Find(ctx context.Context, t *tenant.Tenant, id string) (Member, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return find(tx, id) })
	return r.member(), err
}

// ByEmail returns a member by address, or auth.ErrNotFound.
func (m *Members) ByEmail(ctx context.Context, t *tenant.Tenant, email string) (Member, error) {
	email, err := person.ParseEmail(email)
	if err != nil {
		return Member{}, auth.ErrNotFound
	}
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return findByEmail(tx, email) })
	return r.member(), err
}

func (m *Members) read(ctx context.Context, t *tenant.Tenant, get func(*storage.Tx) (memberRecord, error)) (memberRecord, error) {
	var r memberRecord
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		r, err = get(tx)
		return err
	})
	return r, err
}

func find(tx *storage.Tx, id string) (memberRecord, error) {
	r, err := members.Get(tx, storage.Key(nil).Str(id))
	return r, absent(err)
}

// findByEmail takes an address in canonical form.
func findByEmail(tx *storage.Tx, email string) (memberRecord, error) {
	r, err := membersByEmail.Get(tx, storage.Key(nil).Str(email))
	return r, absent(err)
}

// List returns the tenant's staff by email.
func (m *Members) List(ctx context.Context, t *tenant.Tenant) ([]Member, error) {
	var all []Member
	err := m.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		all = nil
		for r, err := range members.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, r.member())
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Email, b.Email) })
	return all, err
}

// Joined are the members who have accepted their invitation, in the scope of the transaction.
func Joined(tx *storage.Tx) ([]Member, error) {
	var all []Member
	for r, err := range members.Scan(tx, storage.Range{}) {
		if err != nil {
			return nil, err
		}
		if !r.JoinedAt.IsZero() {
			all = append(all, r.member())
		}
	}
	return all, nil
}

// Reading is Joined for another room, which gets of each member, and of how they want to be written to, what as makes of them.
func Reading[P any](as func(Member, auth.Reading) P) func(*storage.Tx) ([]P, error) {
	return func(tx *storage.Tx) ([]P, error) {
		joined, err := Joined(tx)
		if err != nil {
			return nil, err
		}
		all := make([]P, len(joined))
		for i, m := range joined {
			r, err := auth.ReadingOf(tx, m.ID)
			if err != nil {
				return nil, err
			}
			all[i] = as(m, r)
		}
		return all, nil
	}
}

// Remove ends a membership, and with it every session of the member: see Standing. auth.ErrNotFound.
func (m *Members) Remove(ctx context.Context, t *tenant.Tenant, email, by string) error {
	email, err := person.ParseEmail(email)
	if err != nil {
		return auth.ErrNotFound
	}
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := findByEmail(tx, email)
		if err != nil {
			return err
		}
		if err := members.Delete(tx, storage.Key(nil).Str(r.ID)); err != nil {
			return err
		}
		if err := auth.ForgetReading(tx, r.ID); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.removed", Object: r.Email})
	})
}

// identity is the member as the holder of sessions.
func (r *memberRecord) identity() auth.Identity { return auth.Identity{Level: auth.Staff, ID: r.ID} }

// gone says whether an error means that there is no such member.
func gone(err error) bool { return errors.Is(err, auth.ErrNotFound) }

// Rename changes what a member is called. auth.ErrNotFound; a FieldErrors.
func (m *Members) Rename(ctx context.Context, t *tenant.Tenant, id, name string) error {
	name, err := person.ParseName(name)
	if err != nil {
		return err
	}
	return m.change(ctx, t, id, func(_ *storage.Tx, r *memberRecord) error {
		r.Name = name
		return nil
	})
}

// change has fn change a member's record in one transaction. fn may run several times.
func (m *Members) change(ctx context.Context, t *tenant.Tenant, id string, fn func(*storage.Tx, *memberRecord) error) error {
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := find(tx, id)
		if err != nil {
			return err
		}
		if err := fn(tx, &r); err != nil {
			return err
		}
		return members.Put(tx, &r)
	})
}

// EndSessions ends all sessions of a member but the one with that public ID, empty for none. auth.ErrNotFound.
func (m *Members) EndSessions(ctx context.Context, t *tenant.Tenant, member, but, by string) error {
	return m.change(ctx, t, member, func(tx *storage.Tx, r *memberRecord) error {
		r.endSessions(but)
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "sessions.ended", Object: r.Email})
	})
}

// EndSession ends one session of a member by its public ID. auth.ErrNotFound: they have none with it.
func (m *Members) EndSession(ctx context.Context, t *tenant.Tenant, member, id, by string) error {
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := find(tx, member)
		if err != nil {
			return err
		}
		if err := m.sessions.RevokeWithin(tx, r.identity(), id); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "sessions.ended", Object: r.Email, Detail: id})
	})
}

// endSessions ends all sessions that there are, however many, but the one with that public ID. A key that was shown in one of
// them and waits for its first code ends with them.
func (r *memberRecord) endSessions(but string) {
	r.Epoch++
	r.EpochBut = but
	r.TOTPNew, r.TOTPUntil = nil, time.Time{}
}

// Mails says whether the node sends mail, as to whoever forgot the password.
func (m *Members) Mails() bool { return m.mail.Ready() }

// SetRole makes a member an agent or an admin, at once. auth.ErrNotFound; a FieldErrors.
func (m *Members) SetRole(ctx context.Context, t *tenant.Tenant, id string, role auth.Role, by string) error {
	role, err := auth.ParseRole(string(role))
	if err != nil {
		return err
	}
	return m.change(ctx, t, id, func(tx *storage.Tx, r *memberRecord) error {
		r.Role = role
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.changed", Object: r.Email, Detail: string(role)})
	})
}
