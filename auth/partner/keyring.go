package partner

import (
	"context"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/tenant"
)

// checkKey is a key that a token may have been signed with.
type checkKey struct {
	// id names the key for ourselves, by itself or by its content; name is what a kid has to be.
	id, name string
	// method follows from the type of the key, and from nothing else.
	method jwt.SigningMethod
	key    any
}

// keyring are the keys that a token may have been signed with.
type keyring struct {
	keys []checkKey
	// problem says why there may be keys that we don't know, in words for the tenant.
	problem string
}

// ring are the keys of a kind that count now. A partner with public keys has those alone.
func (v *Verifier) ring(ctx context.Context, t *tenant.Tenant, kind tenant.Kind) (keyring, error) {
	all, err := v.tenants.Keys(ctx, t.ID)
	if err != nil {
		return keyring{}, err
	}
	published := kind == tenant.KindJWT && t.Settings.JWKSURL != ""
	var ring keyring
	for _, k := range all.Valid(kind, time.Now()) {
		switch {
		case k.Public != nil:
			ring.keys = append(ring.keys, publicKeys(k.Public)...)
		case !published && !k.Weak():
			ring.keys = append(ring.keys, checkKey{id: k.ID, name: k.ID, method: jwt.SigningMethodHS256, key: []byte(k.Secret)})
		}
	}
	if published {
		set := v.remote.get(ctx, t)
		ring.keys, ring.problem = append(ring.keys, publicKeys(set.keys)...), set.problem
	}
	return ring, nil
}

// refresh asks a partner that publishes its keys whether there are others now. False: not now, or it publishes none.
func (v *Verifier) refresh(ctx context.Context, t *tenant.Tenant, kind tenant.Kind) bool {
	return kind == tenant.KindJWT && t.Settings.JWKSURL != "" && v.remote.again(ctx, t)
}

// publicKeys are keys with the one method of their type. A key without a name of its own goes by its thumbprint.
func publicKeys(keys []tenant.PublicKey) []checkKey {
	var ring []checkKey
	for _, k := range keys {
		method := map[string]jwt.SigningMethod{
			tenant.EdDSA: jwt.SigningMethodEdDSA, tenant.ES256: jwt.SigningMethodES256, tenant.RS256: jwt.SigningMethodRS256,
		}[k.Algorithm]
		key, err := k.Key()
		if err != nil || method == nil {
			continue // it was readable when it was stored
		}
		one := checkKey{id: k.Thumbprint(), name: k.ID, method: method, key: key}
		if one.name == "" {
			one.name = one.id
		}
		ring = append(ring, one)
	}
	return ring
}
