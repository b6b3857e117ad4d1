package staff

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// ResetLife is how long a link to a new password is good.
const ResetLife = 30 * time.Minute

// How many links may be asked for, whether there is such an account or not.
const (
	resetsPerIP      = 10
	resetsPerAccount = 3
	resetsPeriod     = time.Hour
)

// Forgot mails a link to a new password to a member. Whether there is such a member nobody learns: what is done, and how
// long it takes, is the same. ErrNoMail: the node sends no mail; *limit.Error after too many requests; a FieldErrors: it is
// no address.
func (m *Members) Forgot(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) error {
	email, err := person.ParseEmail(email)
	if err != nil {
		return err
	}
	if !m.mail.Ready() {
		return ErrNoMail
	}
	ip := limit.IP(c.IP)
	err = m.take(ctx, []count{
		{limit.Bucket{Name: "reset-ip", Limit: resetsPerIP, Period: resetsPeriod}, ip},
		{limit.Bucket{Name: "reset-account", Limit: resetsPerAccount, Period: resetsPeriod}, string(t.ID) + " " + email},
	})
	if err != nil {
		return err
	}
	secret := auth.NewSecret()
	err = m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := findByEmail(tx, email)
		if err == nil && r.JoinedAt.IsZero() {
			return auth.ErrNotFound
		}
		if err != nil {
			return err
		}
		r.allowReset(secret)
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		err = m.mail.Enqueue(tx, mail.Letter{
			Kind: mail.Reset, To: r.Email, Name: r.Name, Fields: map[string]string{"url": m.resetURL(t, secret)}, Expires: r.ResetExpires,
		})
		if err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: "nobody", Action: "reset.mailed", Object: email, IP: c.Address()})
	})
	if gone(err) {
		return m.noteUnknown(ctx, t, email, c)
	}
	return err
}

// noteUnknown has the audit log list that a link was asked for where there is no account. What is not listed is counted, which
// takes as long.
func (m *Members) noteUnknown(ctx context.Context, t *tenant.Tenant, email string, c auth.Client) error {
	if m.refusals.Note(ctx, t, "reset.refused", email, "no such agent", c) {
		return nil
	}
	unlisted := limit.Bucket{Name: "resets-unlisted", Limit: math.MaxInt32, Period: time.Hour}
	_, err := m.limits.TakeDurably(ctx, unlisted, string(t.ID))
	return err
}

// allowReset lets whoever has the secret choose a new password. An older link is worth nothing any more.
func (r *memberRecord) allowReset(secret string) {
	hash, _ := auth.HashSecret(secret)
	r.Reset, r.ResetExpires = hash[:], now().Add(ResetLife)
}

func (m *Members) resetURL(t *tenant.Tenant, secret string) string {
	return m.directory.PortalURL(t) + "/agent/reset?token=" + secret
}

// ResetLink makes a link to a new password for a member who can't get one by mail, to be handed over by whoever helps
// them: it is returned with the time at which it ends. auth.ErrNotFound: there is no such member, or they have not joined.
func (m *Members) ResetLink(ctx context.Context, t *tenant.Tenant, email, by string) (string, time.Time, error) {
	email, err := person.ParseEmail(email)
	if err != nil {
		return "", time.Time{}, auth.ErrNotFound
	}
	secret := auth.NewSecret()
	var ends time.Time
	err = m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := findByEmail(tx, email)
		if err == nil && r.JoinedAt.IsZero() {
			return auth.ErrNotFound
		}
		if err != nil {
			return err
		}
		r.allowReset(secret)
		ends = r.ResetExpires
		if err := members.Put(tx, &r); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "reset.made", Object: r.Email})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return m.resetURL(t, secret), ends, nil
}

// Resettable returns whose password a link is for, without using it. ErrReset.
func (m *Members) Resettable(ctx context.Context, t *tenant.Tenant, token string) (Member, error) {
	r, err := m.read(ctx, t, func(tx *storage.Tx) (memberRecord, error) { return resettable(tx, token) })
	return r.member(), err
}

func resettable(tx *storage.Tx, token string) (memberRecord, error) {
	hash, ok := auth.HashSecret(token)
	if !ok {
		return memberRecord{}, ErrReset
	}
	r, err := membersByReset.Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !time.Now().Before(r.ResetExpires) {
		return memberRecord{}, ErrReset
	}
	return r, err
}

// Reset sets a new password by a link, once, and ends all sessions of the member. The second factor stays as it is, and
// nobody is signed in by it. ErrReset; a FieldErrors.
func (m *Members) Reset(ctx context.Context, t *tenant.Tenant, token, password string, c auth.Client) error {
	who, err := m.Resettable(ctx, t, token)
	if err != nil {
		return err
	}
	hash, err := m.choose(ctx, t, who, password)
	if err != nil {
		return err
	}
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := resettable(tx, token)
		if err != nil {
			return err
		}
		return m.replacePassword(tx, &r, hash, "password.reset", "", c)
	})
}

// ChangePassword sets a new password and ends all sessions of the member but the one with that public ID. The caller has
// made sure that it is the member. auth.ErrNotFound; a FieldErrors.
func (m *Members) ChangePassword(ctx context.Context, t *tenant.Tenant, member, password, session string, c auth.Client) error {
	who, err := m.Find(ctx, t, member)
	if err != nil {
		return err
	}
	hash, err := m.choose(ctx, t, who, password)
	if err != nil {
		return err
	}
	return m.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := find(tx, member)
		if err != nil {
			return err
		}
		return m.replacePassword(tx, &r, hash, "password.changed", session, c)
	})
}

// replacePassword stores the record with the new password and ends what the old one had begun.
func (m *Members) replacePassword(tx *storage.Tx, r *memberRecord, hash, action, session string, c auth.Client) error {
	r.setPassword(hash)
	r.endSessions(session)
	if err := members.Put(tx, r); err != nil {
		return err
	}
	return m.tell(tx, r, action, mail.NoticePassword, c)
}

// setPassword takes a password's hash. Links to a new one are worth nothing after it.
func (r *memberRecord) setPassword(hash string) {
	r.Password, r.PasswordAt = hash, now()
	r.Reset, r.ResetExpires = nil, time.Time{}
}
