package oidc

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// AttemptLife is how long somebody may take at the provider.
	AttemptLife = 10 * time.Minute

	attemptVersion = 1
	// maxCookie bounds what is decoded; maxNext keeps what is sealed below it, and below what browsers keep.
	maxCookie = 4000
	maxNext   = 1000
)

// attempt is a sign-in that is under way. It travels sealed in the cookie of the browser in which it began.
type attempt struct {
	ID       string `json:"i"`
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Issuer   string `json:"p"`
	ClientID string `json:"c"`
	// Callback is the redirect_uri.
	Callback string `json:"r"`
	Next     string `json:"u,omitempty"`
	// Fresh: the person is to prove anew who they are.
	Fresh     bool  `json:"f,omitempty"`
	StartedAt int64 `json:"t"` // unix milliseconds
}

func newAttempt(t *tenant.Tenant, s *Start) attempt {
	a := attempt{
		ID: rand.Text(), State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Issuer: t.Settings.OIDCIssuer, ClientID: t.Settings.OIDCClientID,
		Callback: s.Callback, Next: s.Next, Fresh: s.Fresh, StartedAt: time.Now().UnixMilli(),
	}
	if len(a.Next) > maxNext {
		a.Next = ""
	}
	return a
}

func (a *attempt) startedAt() time.Time { return time.UnixMilli(a.StartedAt) }

// seal makes the cookie: base64url of a version and AES-256-GCM's nonce, text and tag, for one tenant and host.
func (a *attempt) seal(store *storage.Store, t *tenant.Tenant, host tenant.Host) (string, error) {
	plain, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("seal a sign-in: %w", err)
	}
	sealed := sealer(store, t).Seal([]byte{attemptVersion}, nil, plain, bound(t, host))
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// unseal opens a cookie that was made for this tenant and host just now, or returns ErrStale.
func unseal(store *storage.Store, t *tenant.Tenant, host tenant.Host, cookie string) (attempt, error) {
	var a attempt
	if len(cookie) > maxCookie || strings.ContainsAny(cookie, "\r\n") { // which the decoder would skip
		return a, because(ErrStale, "the cookie is not one of ours")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || len(b) == 0 || b[0] != attemptVersion {
		return a, because(ErrStale, "there is no cookie of ours")
	}
	plain, err := sealer(store, t).Open(nil, nil, b[1:], bound(t, host))
	if err != nil {
		return a, because(ErrStale, "the cookie is not for this host")
	}
	if err := json.Unmarshal(plain, &a); err != nil {
		return a, because(ErrStale, "the cookie: %w", err)
	}
	if age := time.Since(a.startedAt()); age < 0 || age >= AttemptLife {
		return a, because(ErrStale, "it began too long ago")
	}
	return a, nil
}

func sealer(store *storage.Store, t *tenant.Tenant) cipher.AEAD {
	return store.Sealer(t.Scope(), "auth/oidc/1")
}

func bound(t *tenant.Tenant, host tenant.Host) []byte {
	return fmt.Appendf(nil, "deskgate-oidc\x00%s\x00%s", t.ID, host)
}

// ended remembers a sign-in that has come back from the provider, as long as its cookie is good.
type ended struct {
	ID        string    `cbor:"1,keyasint"`
	ExpiresAt time.Time `cbor:"2,keyasint"`
}

var endedAttempts = storage.NewTable(storage.Declaration[ended]{
	ID: 92, Name: "ended sign-ins at providers",
	Key:     func(e *ended) storage.Key { return storage.Key(nil).Str(e.ID) },
	Expires: func(e *ended) time.Time { return e.ExpiresAt },
})

// end uses the attempt up. Of any number at once one gets past it.
func (a *attempt) end(tx *storage.Tx) error {
	err := endedAttempts.Insert(tx, &ended{ID: a.ID, ExpiresAt: a.startedAt().Add(AttemptLife + time.Minute).UTC()})
	if errors.Is(err, storage.ErrExists) {
		return because(ErrStale, "it is at its end already")
	}
	return err
}
