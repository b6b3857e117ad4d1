// Package assertion signs who a visitor is, so that an application behind the edge can tell the edge's word from everybody
// else's: a short-lived ES256 JWT in a header, and the keys that verify it at a well-known address of each tenant host.
//
// Each tenant has keys of its own, a new one every week. They are derived from the store's root key: nothing is kept, every
// node and every restored backup has the same ones, and what a tenant's application verifies, no other tenant's key has signed.
// The key of the week before and that of the week after are in the set as well, so that an application may keep the set for
// days.
//
// The package refuses to find out who the visitor is.
package assertion

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// life is how long an assertion is good: the time of one request, and clocks that differ.
	life = time.Minute
	// fresh is how much of it is left at least when it is handed out again.
	fresh = 40 * time.Second
	// remembered is how many assertions are kept to be handed out again, and of how many tenants the keys.
	remembered = 4096
)

// Signer signs assertions. It is safe for concurrent use.
type Signer struct {
	store *storage.Store

	mu     sync.Mutex
	rings  map[tenant.ID]*ring
	signed map[about]word
}

// about is what an assertion says.
type about struct {
	tenant tenant.ID
	slug   string
	host   tenant.Host
	origin string
	who    tenant.Visitor
}

// word is an assertion and the moment until which it may be handed out.
type word struct {
	token string
	until time.Time
}

// New returns a Signer whose keys are those of the store.
func New(store *storage.Store) *Signer {
	return &Signer{store: store, rings: make(map[tenant.ID]*ring), signed: make(map[about]word)}
}

// claims are what the JWT says, by the names of RFC 7519 and OpenID Connect.
type claims struct {
	Issuer    string           `json:"iss"`
	Audience  tenant.Host      `json:"aud"`
	Subject   string           `json:"sub,omitempty"`
	Email     string           `json:"email,omitempty"`
	Name      string           `json:"name,omitempty"`
	Tenant    string           `json:"tenant"`
	Assurance tenant.Assurance `json:"assurance"`
	IssuedAt  int64            `json:"iat"`
	Expires   int64            `json:"exp"`
}

// Sign returns the assertion about a visitor of a tenant's host.
func (s *Signer) Sign(v *tenant.Visit, who tenant.Visitor) (string, error) {
	now := time.Now()
	what := about{tenant: v.Tenant.ID, slug: v.Tenant.Slug, host: v.Host, origin: v.Origin(), who: who}
	s.mu.Lock()
	known := s.signed[what]
	s.mu.Unlock()
	if now.Before(known.until) {
		return known.token, nil
	}
	keys, err := s.ring(v.Tenant, now)
	if err != nil {
		return "", err
	}
	token, err := keys.signs().sign(claims{
		Issuer: what.origin, Audience: v.Host, Subject: who.ID, Email: who.Email, Name: who.Name, Tenant: v.Tenant.Slug,
		Assurance: who.Assurance, IssuedAt: now.Unix(), Expires: now.Add(life).Unix(),
	})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.signed) >= remembered {
		clear(s.signed) // they live for seconds
	}
	s.signed[what] = word{token: token, until: now.Add(life - fresh)}
	return token, nil
}

// sign makes a compact JWS.
func (k *key) sign(c claims) (string, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	token := k.header + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(token))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign an assertion: %w", err)
	}
	var signature [2 * coordinate]byte
	r.FillBytes(signature[:coordinate])
	s.FillBytes(signature[coordinate:])
	return token + "." + base64.RawURLEncoding.EncodeToString(signature[:]), nil
}
