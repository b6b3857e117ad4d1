package staff

import (
	"context"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Add makes a member without an invitation, for a door at which they have proven who they are: they join when they Enter.
// Who was invited is left as they are. auth.ErrExists: they have joined; a FieldErrors.
func (m *Members) Add(ctx context.Context, t *tenant.Tenant, email, name string, role auth.Role, by string) (Member, error) {
	p, err := person.Person{Email: email, Name: name}.Checked()
	if err != nil {
		return Member{}, err
	}
	var r memberRecord
	err = m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		if r, err = invitable(tx, p.Email); err != nil || !r.InvitedAt.IsZero() {
			return err
		}
		r.Name, r.Role, r.InvitedAt = p.Name, role, now()
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.added", Object: r.Email, Detail: string(role)})
	})
	return r.member(), err
}
