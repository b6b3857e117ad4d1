package passkey

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Ask makes the challenge with which anybody who has a passkey for the host may sign in; nobody has to say who they are.
// *limit.Error.
func (k *Keys) Ask(ctx context.Context, t *tenant.Tenant, c Ceremony) (Challenge, error) {
	return k.ask(ctx, t, c, toSignIn, "")
}

// AskMember makes the challenge with which a member who is signed in proves once more who they are. *limit.Error;
// auth.ErrNotFound: they have no passkey for the host.
func (k *Keys) AskMember(ctx context.Context, t *tenant.Tenant, c Ceremony, member string) (Challenge, error) {
	return k.ask(ctx, t, c, toProve, member)
}

func (k *Keys) ask(ctx context.Context, t *tenant.Tenant, c Ceremony, p purpose, member string) (Challenge, error) {
	if err := k.limits.Take(ctx, asked, limit.IP(c.Client.IP)).Err(); err != nil {
		return Challenge{}, err
	}
	w, err := party(t, &c)
	if err != nil {
		return Challenge{}, err
	}
	browser := c.browser()
	var out Challenge
	err = k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		var allowed []protocol.CredentialDescriptor
		if member != "" {
			mine, err := held(tx, member, c.Host)
			if err != nil {
				return err
			}
			if len(mine) == 0 {
				return auth.ErrNotFound
			}
			allowed = holder{held: mine}.descriptors()
		}
		options, session, err := w.BeginDiscoverableLogin(webauthn.WithAllowedCredentials(allowed))
		if err != nil {
			return err
		}
		out, err = ask(tx, &c, p, member, browser, options.Response, session)
		return err
	})
	return out, err
}

// SignIn takes the answer to Ask's challenge and starts the session of whoever has given it. Previous is the secret in the
// staff cookie, empty where there is none. ErrStale, ErrUnknown, ErrRejected, ErrCopied.
func (k *Keys) SignIn(ctx context.Context, t *tenant.Tenant, c Ceremony, answer []byte, previous string) (auth.Session, string, error) {
	member, err := k.check(ctx, t, c, toSignIn, "", answer)
	if err != nil {
		return auth.Session{}, "", err
	}
	s, secret, err := k.staff.Enter(ctx, t, entry(&c, member, previous))
	if errors.Is(err, auth.ErrNotFound) {
		err = ErrUnknown
	}
	return s, secret, err
}

// Prove takes the answer to AskMember's challenge and replaces the member's session by one that is proven anew. Errors as
// SignIn; auth.ErrSignedOut.
func (k *Keys) Prove(ctx context.Context, t *tenant.Tenant, c Ceremony, member string, answer []byte, previous string) (auth.Session, string, error) {
	if _, err := k.check(ctx, t, c, toProve, member, answer); err != nil {
		return auth.Session{}, "", err
	}
	return k.staff.Prove(ctx, t, entry(&c, member, previous))
}

func entry(c *Ceremony, member, previous string) staff.Entry {
	return staff.Entry{Member: member, Host: c.Host, Previous: previous, Client: c.Client, Method: auth.ByPasskey}
}

// check uses the challenge up and returns whose passkey has answered it.
func (k *Keys) check(ctx context.Context, t *tenant.Tenant, c Ceremony, p purpose, member string, answer []byte) (string, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", because(ErrRejected, err)
	}
	w, err := party(t, &c)
	if err != nil {
		return "", err
	}
	var (
		r       record
		refused error // with it the challenge is used up nevertheless
	)
	err = k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		session, err := take(tx, &c, p, member, parsed.Response.CollectedClientData.Challenge)
		if err != nil {
			return err
		}
		if r, err = find(tx, &c, member, parsed); err != nil {
			refused = err
			return known(err)
		}
		refused = r.verify(w, session, parsed)
		switch {
		case errors.Is(refused, ErrCopied):
			r.CopiedAt = now()
			err = note(tx, &r, "passkey.copied", c.Client.Address())
		case refused == nil:
			r.UsedAt = now()
		default:
			return nil
		}
		return errors.Join(err, passkeys.Put(tx, &r))
	})
	return r.Member, errors.Join(err, refused)
}

// known is nil for the errors that leave the challenge used up.
func known(err error) error {
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrCopied) {
		return nil
	}
	return err
}

// find is the passkey that gave an answer, if it is one of this host's and, where that is not empty, the member's.
func find(tx *storage.Tx, c *Ceremony, member string, parsed *protocol.ParsedCredentialAssertionData) (record, error) {
	r, err := passkeys.Get(tx, credentialKey(parsed.RawID))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return r, ErrUnknown
	case err != nil:
		return r, err
	case !bytes.Equal(r.Credential, parsed.RawID) || r.Host != c.Host || member != "" && r.Member != member:
		return r, ErrUnknown
	case !r.CopiedAt.IsZero():
		return r, ErrCopied
	}
	return r, nil
}

// verify checks the answer and takes over how often the passkey was used, and whether it is synced by now. ErrRejected,
// ErrCopied.
func (r *record) verify(w *webauthn.WebAuthn, session webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) error {
	owner := func(_, _ []byte) (webauthn.User, error) { return holder{id: r.Member, held: []record{*r}}, nil }
	session.AllowedCredentialIDs = nil // find has seen to it
	used, err := w.ValidateDiscoverableLogin(owner, session, parsed)
	if err != nil {
		return because(ErrRejected, err)
	}
	if used.Authenticator.CloneWarning {
		return ErrCopied
	}
	r.SignCount, r.Flags = used.Authenticator.SignCount, byte(used.Flags.ProtocolValue())
	return nil
}
