package oidc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const maxSecret = 1024 // bytes

// clientSecret is what a tenant's provider knows us by. It is good for the provider and the client that it was set for:
// whoever may change the settings can't have it sent elsewhere.
type clientSecret struct {
	Issuer   string    `cbor:"1,keyasint"`
	ClientID string    `cbor:"2,keyasint"`
	Secret   string    `cbor:"3,keyasint"`
	SetAt    time.Time `cbor:"4,keyasint"`
}

// A tenant has one.
var clientSecrets = storage.NewTable(storage.Declaration[clientSecret]{
	ID: 93, Name: "client secrets at providers", Sealed: true,
	Key: func(*clientSecret) storage.Key { return onlySecret() },
})

func onlySecret() storage.Key { return storage.Key(nil).Str("client") }

// SetSecret keeps the client secret for the provider and client that the settings name now; an empty one removes it, for a
// provider that takes public clients. Nothing ever shows it again. A FieldErrors says why it is refused.
func (l *Logins) SetSecret(ctx context.Context, t *tenant.Tenant, secret, by string) error {
	if secret != "" && (t.Settings.OIDCIssuer == "" || t.Settings.OIDCClientID == "") {
		return tenant.FieldErrors{"secret": {"Set oidc_issuer and oidc_client_id first: the secret is for these."}}
	}
	if len(secret) > maxSecret || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }) {
		return tenant.FieldErrors{"secret": {"A client secret is at most 1,024 printable ASCII characters in one line."}}
	}
	return l.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		e := tenant.Event{Actor: by, Action: "oidc.secret_set", Object: t.Settings.OIDCIssuer}
		if secret == "" {
			e.Action = "oidc.secret_removed"
			if err := clientSecrets.Delete(tx, onlySecret()); err != nil {
				return err
			}
			return tenant.Record(tx, e)
		}
		err := clientSecrets.Put(tx, &clientSecret{
			Issuer: t.Settings.OIDCIssuer, ClientID: t.Settings.OIDCClientID, Secret: secret,
			SetAt: time.Now().UTC().Truncate(time.Millisecond),
		})
		if err != nil {
			return err
		}
		return tenant.Record(tx, e)
	})
}

// SecretSetAt is when the client secret was set for what the settings name now; zero: there is none.
func (l *Logins) SecretSetAt(ctx context.Context, t *tenant.Tenant) (time.Time, error) {
	s, err := l.secret(ctx, t)
	return s.SetAt, err
}

// secret is the client secret for what the settings name; the zero clientSecret where there is none.
func (l *Logins) secret(ctx context.Context, t *tenant.Tenant) (clientSecret, error) {
	var s clientSecret
	err := l.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		s, err = clientSecrets.Get(tx, onlySecret())
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return clientSecret{}, nil
	}
	if err != nil || s.Issuer != t.Settings.OIDCIssuer || s.ClientID != t.Settings.OIDCClientID {
		return clientSecret{}, err
	}
	return s, nil
}
