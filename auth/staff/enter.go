package staff

import (
	"context"
	"fmt"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Entry is a member who has proven who they are, and where.
type Entry = auth.StaffEntry

// Enter starts the session of a member who has proven who they are, and returns it with its secret. Every way in ends here.
// Somebody who was only invited has joined with it. auth.ErrNotFound: there is no such member any more.
func (m *Members) Enter(ctx context.Context, t *tenant.Tenant, e Entry) (auth.Session, string, error) {
	return m.enter(ctx, t, e, func(tx *storage.Tx) (memberRecord, error) { return find(tx, e.Member) })
}

// EnterByEmail is Enter for another site's word about an address: it lets nobody in who has not joined, and calls use in the
// same transaction. See auth.StaffDoor.
func (m *Members) EnterByEmail(
	ctx context.Context, t *tenant.Tenant, email string, e Entry, use func(*storage.Tx) error,
) (auth.Session, string, error) {
	return m.enter(ctx, t, e, func(tx *storage.Tx) (memberRecord, error) {
		r, err := findByEmail(tx, email)
		if err == nil && r.JoinedAt.IsZero() {
			err = auth.ErrNotFound
		}
		if err != nil {
			return r, err
		}
		return r, use(tx)
	})
}

// Knows looks for a member with this address who has joined. auth.ErrNotFound: there is none.
func (m *Members) Knows(ctx context.Context, t *tenant.Tenant, email string) error {
	one, err := m.ByEmail(ctx, t, email)
	if err == nil && one.JoinedAt.IsZero() {
		return auth.ErrNotFound
	}
	return err
}

// enter starts the session of the member that who returns, in one transaction.
func (m *Members) enter(ctx context.Context, t *tenant.Tenant, e Entry, who func(*storage.Tx) (memberRecord, error)) (auth.Session, string, error) {
	secret := auth.NewSecret()
	var s auth.Session
	err := m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := who(tx)
		if err != nil {
			return err
		}
		s, err = m.admit(tx, t, e, r, secret)
		return err
	})
	if err != nil {
		return auth.Session{}, "", err
	}
	return s, secret, nil
}

// admit notes that the member is in and starts the session.
func (m *Members) admit(tx *storage.Tx, t *tenant.Tenant, e Entry, r memberRecord, secret string) (auth.Session, error) {
	action := "session.started"
	if !r.join() {
		action = "agent.joined"
	}
	r.SignedInAt = now()
	if err := members.Put(tx, &r); err != nil {
		return auth.Session{}, err
	}
	e.Member = r.ID
	s, err := m.sessions.Staff(tx, t, e, secret)
	if err != nil {
		return s, err
	}
	return s, m.record(tx, &r, action, e)
}

// join makes somebody who was invited one who has joined. It says whether they had.
func (r *memberRecord) join() bool {
	had := !r.JoinedAt.IsZero()
	if !had {
		r.JoinedAt = now()
		r.disinvite()
	}
	return had
}

// record notes in the audit log how a member came in.
func (m *Members) record(tx *storage.Tx, r *memberRecord, action string, e Entry) error {
	return tenant.Record(tx, tenant.Event{
		Actor: r.actor(), Action: action, Object: r.Email, Detail: fmt.Sprintf("%s, at %s", e.Method, e.Host), IP: e.Client.Address(),
	})
}

// Prove notes that a member who is signed in has proven anew who they are: their session is replaced by one that is as good
// as one that begins now, and ends when it would have ended. auth.ErrSignedOut: Previous is no session of theirs.
func (m *Members) Prove(ctx context.Context, t *tenant.Tenant, e Entry) (auth.Session, string, error) {
	secret := auth.NewSecret()
	var s auth.Session
	err := m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		if s, err = m.sessions.Prove(tx, t, e, secret); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: s.Identity().Actor(), Action: "session.proven", Object: s.Email, Detail: fmt.Sprintf("%s, at %s", e.Method, e.Host), IP: e.Client.Address(),
		})
	})
	if err != nil {
		return auth.Session{}, "", err
	}
	return s, secret, nil
}
