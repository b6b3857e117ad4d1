package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// tokenPrefix lets people and scanners see what a secret is.
	tokenPrefix = "dgt_"
	// usedEvery is how exactly the last use is known: it is written no more often.
	usedEvery = time.Hour
	// keepRevoked is how long a revoked token is told from one that never was.
	keepRevoked = 7 * 24 * time.Hour
)

// MaxTokens is how many tokens a tenant may have at once.
const MaxTokens = 500

// Token is an API token of a tenant. Its secret is shown once, when it is made, and stored as a hash.
type Token struct {
	ID        string    `cbor:"1,keyasint"`
	Name      string    `cbor:"2,keyasint"`
	Scopes    Scopes    `cbor:"3,keyasint"`
	CreatedAt time.Time `cbor:"4,keyasint"`
	// ExpiresAt and RevokedAt are zero where that has not been set.
	ExpiresAt time.Time `cbor:"5,keyasint,omitzero"`
	RevokedAt time.Time `cbor:"6,keyasint,omitzero"`
	// UsedAt is the last use, within an hour.
	UsedAt    time.Time `cbor:"7,keyasint,omitzero"`
	CreatedBy string    `cbor:"8,keyasint,omitempty"`
	// Hash is that of the secret.
	Hash []byte `cbor:"9,keyasint"`
}

// credential says whose a secret is. It lies in the node's scope, for a secret comes without its tenant.
type credential struct {
	Hash   []byte    `cbor:"1,keyasint"`
	Tenant tenant.ID `cbor:"2,keyasint"`
	Token  string    `cbor:"3,keyasint"`
}

var (
	tokens = storage.NewTable(storage.Declaration[Token]{
		ID: 72, Name: "api tokens",
		Key: func(k *Token) storage.Key { return storage.Key(nil).Str(k.ID) },
	})
	credentials = storage.NewTable(storage.Declaration[credential]{
		ID: 73, Name: "api tokens by hash",
		Key: func(c *credential) storage.Key { return storage.Key(nil).Bytes(c.Hash) },
	})
)

// TokenRequest says what token is wanted.
type TokenRequest struct {
	Name   string
	Scopes Scopes
	// ExpiresAt is zero for a token that does not expire: see ParseExpiry.
	ExpiresAt time.Time
	// By is who makes it, for the audit log: "operator", or an Identity's Actor.
	By string
}

// Tokens keeps the API tokens of all tenants. It is safe for concurrent use.
type Tokens struct {
	store     *storage.Store
	directory *tenant.Directory
	limits    *limit.Limits
	log       *slog.Logger
	warm      *cache[owned]
}

// owned is a token with its tenant.
type owned struct {
	tenant tenant.ID
	Token
}

func newTokens(store *storage.Store, directory *tenant.Directory, limits *limit.Limits, log *slog.Logger) *Tokens {
	return &Tokens{store: store, directory: directory, limits: limits, log: log, warm: newCache[owned]()}
}

// Create makes a token and returns its secret, which can't be had a second time. A FieldErrors says what is wrong.
func (k *Tokens) Create(ctx context.Context, t *tenant.Tenant, req TokenRequest) (Token, string, error) {
	name, err := person.ParseName(req.Name)
	if err != nil {
		return Token{}, "", err
	}
	if req.Scopes == 0 {
		return Token{}, "", oneField("scopes", "The scopes field is required. Scopes are "+strings.Join(AllScopes.Names(), ", ")+".")
	}
	secret := tokenPrefix + NewSecret()
	hash := hashToken(secret)
	made := Token{
		ID: newID("tok_"), Name: name, Scopes: req.Scopes & AllScopes, CreatedAt: now(), ExpiresAt: req.ExpiresAt.UTC(),
		CreatedBy: req.By, Hash: hash[:],
	}
	err = k.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		if err := credentials.Insert(tx, &credential{Hash: made.Hash, Tenant: t.ID, Token: made.ID}); err != nil {
			return err
		}
		if err := roomForOne(tx, t); err != nil {
			return err
		}
		own := tx.Tenant(string(t.ID))
		if err := tokens.Insert(own, &made); err != nil {
			return err
		}
		return tenant.Record(own, tenant.Event{
			Actor: req.By, Action: "token.created", Object: made.ID, Detail: made.Name + ": " + strings.Join(made.Scopes.Names(), " "),
		})
	})
	return made, secret, err
}

// roomForOne says whether the tenant may have one more token. It takes the opportunity to forget those that were revoked
// long ago.
func roomForOne(tx *storage.Tx, t *tenant.Tenant) error {
	own := tx.Tenant(string(t.ID))
	n := 0
	var old []Token
	for one, err := range tokens.Scan(own, storage.Range{}) {
		switch {
		case err != nil:
			return err
		case one.RevokedAt.IsZero():
			n++
		case time.Since(one.RevokedAt) > keepRevoked && len(old) < 100:
			old = append(old, one)
		}
	}
	if n >= MaxTokens {
		return oneField("name", fmt.Sprintf("There are %d tokens already: revoke one first.", n))
	}
	for _, one := range old {
		if err := tokens.Delete(own, storage.Key(nil).Str(one.ID)); err != nil {
			return err
		}
		if err := credentials.Delete(tx, storage.Key(nil).Bytes(one.Hash)); err != nil {
			return err
		}
	}
	return nil
}

// Find returns the tenant's token with this ID, or ErrNotFound.
func (k *Tokens) Find(ctx context.Context, t *tenant.Tenant, id string) (Token, error) {
	var found Token
	err := k.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		found, err = tokens.Get(tx, storage.Key(nil).Str(id))
		return err
	})
	if err == nil && !found.RevokedAt.IsZero() {
		return Token{}, ErrNotFound
	}
	return found, absent(err)
}

// List returns the tenant's tokens that are not revoked, oldest first.
func (k *Tokens) List(ctx context.Context, t *tenant.Tenant) ([]Token, error) {
	var all []Token
	err := k.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		all = nil
		for one, err := range tokens.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			if one.RevokedAt.IsZero() {
				all = append(all, one)
			}
		}
		return nil
	})
	return all, err
}

// Revoke ends a token, or returns ErrNotFound.
func (k *Tokens) Revoke(ctx context.Context, t *tenant.Tenant, id, by string) error {
	return k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		one, err := tokens.Get(tx, storage.Key(nil).Str(id))
		if err != nil {
			return absent(err)
		}
		if !one.RevokedAt.IsZero() {
			return ErrNotFound
		}
		one.RevokedAt = now()
		k.forgetWarm(tx, &one)
		if err := tokens.Put(tx, &one); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "token.revoked", Object: id, Detail: one.Name})
	})
}

// Authenticate returns the tenant that a secret belongs to and what it may do there. At a tenant's host the caller has to
// compare the tenants. ErrCredentialUnknown, ErrCredentialRevoked, ErrCredentialExpired.
func (k *Tokens) Authenticate(ctx context.Context, secret string) (*tenant.Tenant, Identity, error) {
	hash := hashToken(secret)
	one, err := k.warm.get(hash, func() (owned, error) { return k.find(ctx, hash) })
	if err != nil {
		return nil, Identity{}, err
	}
	t, known := k.directory.ByID(one.tenant)
	switch at := time.Now(); {
	case !known:
		return nil, Identity{}, ErrCredentialUnknown
	case !one.RevokedAt.IsZero():
		return t, Identity{ID: one.ID}, ErrCredentialRevoked
	case !one.ExpiresAt.IsZero() && !at.Before(one.ExpiresAt):
		return t, Identity{ID: one.ID}, ErrCredentialExpired
	case at.Sub(one.UsedAt) >= usedEvery:
		k.touch(ctx, t, one.ID)
	}
	return t, Identity{Tenant: t.ID, Level: Program, ID: one.ID, Name: one.Name, Scopes: one.Scopes}, nil
}

func (k *Tokens) find(ctx context.Context, hash SecretHash) (owned, error) {
	var found owned
	err := k.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		c, err := credentials.Get(tx, storage.Key(nil).Bytes(hash[:]))
		if err != nil {
			return err
		}
		found.tenant = c.Tenant
		found.Token, err = tokens.Get(tx.Tenant(string(c.Tenant)), storage.Key(nil).Str(c.Token))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		err = ErrCredentialUnknown
	}
	return found, err
}

// touch notes that a token is in use. That it could not be noted is no reason to refuse the program.
func (k *Tokens) touch(ctx context.Context, t *tenant.Tenant, id string) {
	err := k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		one, err := tokens.Get(tx, storage.Key(nil).Str(id))
		if err != nil || time.Since(one.UsedAt) < usedEvery {
			return err
		}
		before := one.UsedAt
		one.UsedAt = now()
		k.forgetWarm(tx, &one)
		if err := tokens.Put(tx, &one); err != nil || before.Format(time.DateOnly) == one.UsedAt.Format(time.DateOnly) {
			return err
		}
		detail := one.Name + ": for the first time today"
		if before.IsZero() {
			detail = one.Name + ": for the first time"
		}
		return tenant.Record(tx, tenant.Event{Actor: "token:" + id, Action: "token.used", Object: id, Detail: detail})
	})
	if err != nil {
		k.log.DebugContext(ctx, "API token stays as it was last used", "error", err)
	}
}

// Admit counts a request to the API of the tenant for its token or session.
func (k *Tokens) Admit(ctx context.Context, t *tenant.Tenant, who Identity) limit.State {
	key := who.ID
	if who.Session != "" {
		key = who.Session
	}
	b := limit.Bucket{Name: "api", Limit: int64(t.Settings.APIRequestsPerMinute), Period: time.Minute}
	return k.limits.Take(ctx, b, key)
}

// forget removes what lies outside of a deleted tenant's scope.
func (k *Tokens) forget(ctx context.Context, t *tenant.Tenant) error {
	const page = 200
	var after storage.Key
	for {
		var last storage.Key
		n := 0
		err := k.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
			n = 0
			for one, err := range tokens.Scan(tx.Tenant(string(t.ID)), storage.Range{After: after, Limit: page}) {
				if err != nil {
					return err
				}
				if err := credentials.Delete(tx, storage.Key(nil).Bytes(one.Hash)); err != nil {
					return err
				}
				n, last = n+1, storage.Key(nil).Str(one.ID)
			}
			return nil
		})
		if err != nil || n < page {
			return err
		}
		after = last
	}
}

// forgetWarm has a token read anew once the transaction is on disk.
func (k *Tokens) forgetWarm(tx *storage.Tx, one *Token) {
	hash := SecretHash(one.Hash)
	tx.OnCommit(func() { k.warm.drop(hash) })
}

func hashToken(secret string) SecretHash { return sha256.Sum256([]byte(secret)) }
