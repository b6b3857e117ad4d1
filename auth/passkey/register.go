package passkey

import (
	"context"
	"errors"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Prepare makes the challenge with which a member who is signed in gets a passkey for the host. The caller has seen to it
// that they have proven just now who they are. auth.ErrNotFound; a FieldErrors: they have as many as there may be;
// *limit.Error.
func (k *Keys) Prepare(ctx context.Context, t *tenant.Tenant, c Ceremony, member string) (Challenge, error) {
	if err := k.limits.Take(ctx, asked, limit.IP(c.Client.IP)).Err(); err != nil {
		return Challenge{}, err
	}
	w, err := party(t, &c)
	if err != nil {
		return Challenge{}, err
	}
	m, err := k.staff.Find(ctx, t, member)
	if err != nil {
		return Challenge{}, err
	}
	browser := c.browser()
	var out Challenge
	err = k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		h, err := room(tx, m, c.Host)
		if err != nil {
			return err
		}
		options, session, err := w.BeginRegistration(h, webauthn.WithExclusions(h.descriptors()))
		if err != nil {
			return err
		}
		out, err = ask(tx, &c, toRegister, member, browser, options.Response, session)
		return err
	})
	return out, err
}

// room is the member with the passkeys that they have at the host, if they may have one more.
func room(tx *storage.Tx, m staff.Member, host tenant.Host) (holder, error) {
	all, err := held(tx, m.ID, "")
	if err != nil {
		return holder{}, err
	}
	if len(all) >= mostPasskeys {
		return holder{}, tenant.FieldErrors{"passkey": {"You have 20 passkeys, and that is the most. Remove one first."}}
	}
	h := holder{id: m.ID, email: m.Email, name: m.Name}
	for _, r := range all {
		if r.Host == host {
			h.held = append(h.held, r)
		}
	}
	return h, nil
}

// Add takes the answer to Prepare's challenge: the member has a new passkey, under the name or, where that is empty, a
// plain one. ErrStale, ErrRejected; auth.ErrNotFound; a FieldErrors.
func (k *Keys) Add(ctx context.Context, t *tenant.Tenant, c Ceremony, member, name string, answer []byte) (Passkey, error) {
	if strings.TrimSpace(name) == "" {
		name = "Passkey"
	}
	name, err := person.ParseName(name)
	if err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, because(ErrRejected, err)
	}
	w, err := party(t, &c)
	if err != nil {
		return Passkey{}, err
	}
	m, err := k.staff.Find(ctx, t, member)
	if err != nil {
		return Passkey{}, err
	}
	var (
		made    Passkey
		refused error // with it the challenge is used up nevertheless
	)
	err = k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		made, refused = Passkey{}, nil
		session, err := take(tx, &c, toRegister, member, parsed.Response.CollectedClientData.Challenge)
		if err != nil {
			return err
		}
		h, err := room(tx, m, c.Host)
		if err != nil {
			return err
		}
		credential, err := w.CreateCredential(h, session, parsed)
		if err != nil {
			refused = because(ErrRejected, err)
			return nil
		}
		r := newRecord(credential, m, c.Host, name)
		if err := passkeys.Insert(tx, &r); errors.Is(err, storage.ErrExists) {
			refused = because(ErrRejected, err)
			return nil
		} else if err != nil {
			return err
		}
		made = r.passkey()
		return note(tx, &r, "passkey.added", c.Client.Address())
	})
	return made, errors.Join(err, refused)
}
