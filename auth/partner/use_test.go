package partner_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

func TestOneUse(t *testing.T) {
	h := open(t)
	token, err := h.check(t, jws(h.key(t, h.acme, tenant.KindJWT).Secret, hs256, bob(`,"jti":"once"`)))
	want(t, "the token", err, nil)
	var (
		wg   sync.WaitGroup
		good atomic.Int64
	)
	for range 64 {
		wg.Go(func() {
			if h.spend(t, h.acme, token.Use) == nil {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 64 uses at once were the first", good.Load())
	}
	want(t, "nothing to use up", h.spend(t, h.acme, partner.Use{}), nil)
}

// The memory is by key, purpose and jti; without a jti by what was signed.
func TestWhatATokenIsRememberedBy(t *testing.T) {
	h := open(t)
	secret := h.key(t, h.acme, tenant.KindJWT).Secret
	use := func(kind tenant.Kind, token string) error {
		t.Helper()
		got, err := h.verifier.Token(t.Context(), h.acme, kind, token)
		if err != nil {
			t.Fatal(err)
		}
		return h.spend(t, h.acme, got.Use)
	}
	want(t, "a jti", use(tenant.KindJWT, jws(secret, hs256, bob(`,"jti":"7"`))), nil)
	want(t, "the jti in another token", use(tenant.KindJWT, jws(secret, hs256, bob(`,"jti":"7","x":1`))), partner.ErrReplayed)
	want(t, "an empty jti", use(tenant.KindJWT, jws(secret, hs256, bob(`,"jti":""`))), nil)
	want(t, "another token with an empty jti", use(tenant.KindJWT, jws(secret, hs256, bob(`,"jti":"","x":1`))), nil)
	want(t, "no jti", use(tenant.KindJWT, jws(secret, hs256, bob(``))), nil)
	want(t, "no jti, again", use(tenant.KindJWT, jws(secret, hs256, bob(``))), partner.ErrReplayed)
	want(t, "the jti for another purpose", use(tenant.KindSimpleAuth, jws(h.key(t, h.acme, tenant.KindSimpleAuth).Secret, hs256, bob(`,"jti":"7"`))), nil)

	// A secret that is set a second time is the same key.
	const own = "kT7#pX2!vQ9$mZ4&"
	h.give(t, own)
	want(t, "with an own secret", use(tenant.KindJWT, jws(own, hs256, bob(`,"jti":"8"`))), nil)
	h.give(t, own)
	want(t, "with the secret set again", use(tenant.KindJWT, jws(own, hs256, bob(`,"jti":"8"`))), partner.ErrReplayed)
	h.give(t, "bW3!nR8$kL1?hY6*")
	want(t, "with the secret in its grace", use(tenant.KindJWT, jws(own, hs256, bob(`,"jti":"8"`))), partner.ErrReplayed)
	h.give(t, own)
	want(t, "with the secret back", use(tenant.KindJWT, jws(own, hs256, bob(`,"jti":"8"`))), partner.ErrReplayed)
}

// As long as a token is good, it is remembered.
func TestMemoryLastsAsLongAsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		secret := h.key(t, h.acme, tenant.KindJWT).Secret
		token := jws(secret, hs256, fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","exp":%d}`, time.Now().Unix()+600))
		got, err := h.check(t, token)
		want(t, "the token", err, nil)
		want(t, "its use", h.spend(t, h.acme, got.Use), nil)
		for range 60 {
			time.Sleep(11 * time.Second)
			again, err := h.check(t, token)
			if err != nil {
				want(t, "at its end", err, partner.ErrExpired)
				continue
			}
			want(t, "while it is good", h.spend(t, h.acme, again.Use), partner.ErrReplayed)
		}
		_, err = h.check(t, token)
		want(t, "after eleven minutes", err, partner.ErrExpired)
	})
}
