package staff

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// InviteLife is how long an invitation is good.
const InviteLife = 7 * 24 * time.Hour

// Invitation lets somebody join the tenant's staff, once.
type Invitation struct {
	Member    Member
	URL       string
	ExpiresAt time.Time
	// Mailed: a letter with the URL is on its way to the member.
	Mailed bool
}

// Invite makes a member who has yet to join, and the URL that lets them: {portal}/auth/invite?token=…. A node that sends
// mail mails it to them. Inviting somebody again who has not joined replaces the invitation. auth.ErrExists: they have joined; a FieldErrors.
func (m *Members) Invite(ctx context.Context, t *tenant.Tenant, email, name string, role auth.Role, by string) (Invitation, error) {
	who, err := person.Person{Email: email, Name: name}.Checked()
	if err != nil {
		return Invitation{}, err
	}
	if role, err = auth.ParseRole(string(role)); err != nil {
		return Invitation{}, err
	}
	secret := auth.NewSecret()
	i := Invitation{URL: m.directory.PortalURL(t) + "/auth/invite?token=" + secret, Mailed: m.mail.Ready()}
	err = m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := invitable(tx, who.Email)
		if err != nil {
			return err
		}
		r.Name, r.Role, r.InvitedAt = who.Name, role, now()
		hash, _ := auth.HashSecret(secret)
		r.Invite = hash[:]
		r.InviteExpires = r.InvitedAt.Add(InviteLife)
		i.Member, i.ExpiresAt = r.member(), r.InviteExpires
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		if err := m.mailInvitation(tx, i); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "agent.invited", Object: r.Email, Detail: string(role)})
	})
	return i, err
}

// invitable is the record of somebody who has not joined, a new one if there is none. auth.ErrExists: they have joined.
func invitable(tx *storage.Tx, email string) (memberRecord, error) {
	r, err := findByEmail(tx, email)
	switch {
	case gone(err):
		return memberRecord{ID: newID(), Email: email}, nil
	case err == nil && !r.JoinedAt.IsZero():
		return r, auth.ErrExists
	}
	return r, err
}

// mailInvitation has the URL sent to the member, if the node can.
func (m *Members) mailInvitation(tx *storage.Tx, i Invitation) error {
	if !i.Mailed {
		return nil
	}
	return m.mail.Enqueue(tx, mail.Letter{
		Kind: mail.Invite, To: i.Member.Email, Name: i.Member.Name, Expires: i.ExpiresAt,
		Fields: map[string]string{"url": i.URL, "role": string(i.Member.Role)},
	})
}

// Invited returns whom an invitation is for, without using it. ErrInvitation.
func (m *Members) Invited(ctx context.Context, t *tenant.Tenant, token string) (Member, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return invited(tx, token) })
	return r.member(), err
}

func invited(tx *storage.Tx, token string) (memberRecord, error) {
	hash, ok := auth.HashSecret(token)
	if !ok {
		return memberRecord{}, ErrInvitation
	}
	r, err := membersByInvite.Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !time.Now().Before(r.InviteExpires) {
		return memberRecord{}, ErrInvitation
	}
	return r, err
}

// disinvite ends the open invitation.
func (r *memberRecord) disinvite() { r.Invite, r.InviteExpires = nil, time.Time{} }

// Acceptance is an invitation with the password that was chosen.
type Acceptance struct {
	Host            tenant.Host
	Token, Password string
	// Name, if not empty, is how the member wants to be called.
	Name string
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   auth.Client
}

// Accept uses an invitation: it sets the password and lets the member in, or to the second factor if the tenant demands
// one. ErrInvitation; a FieldErrors.
func (m *Members) Accept(ctx context.Context, t *tenant.Tenant, a Acceptance) (Progress, error) {
	who, err := m.Invited(ctx, t, a.Token)
	if err != nil {
		return Progress{}, err
	}
	if a.Name != "" {
		if a.Name, err = person.ParseName(a.Name); err != nil {
			return Progress{}, err
		}
	}
	hash, err := m.choose(ctx, t, who, a.Password)
	if err != nil {
		return Progress{}, err
	}
	e := Entry{Host: a.Host, Previous: a.Previous, Client: a.Client, Method: auth.ByPassword}
	return m.begin(ctx, t, e, func(tx *storage.Tx) (memberRecord, error) {
		r, err := invited(tx, a.Token)
		r.Name = cmp.Or(a.Name, r.Name)
		r.setPassword(hash)
		return r, err
	})
}
