package partner_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
)

const hs256 = `{"typ":"JWT","alg":"HS256"}`

// house is a node with two tenants and a verifier that may ask servers of this machine.
type house struct {
	store     *storage.Store
	tenants   *tenant.Registry
	verifier  *partner.Verifier
	acme, bee *tenant.Tenant
}

func open(tb testing.TB) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{store: storagetest.Open(tb, append(tenant.Tables(), partner.Tables()...)...)}
	directory := tenant.NewDirectory(h.store, node, nil)
	if err := directory.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h.tenants = tenant.NewRegistry(h.store, directory)
	h.verifier = partner.New(partner.Config{
		Store: h.store, Tenants: h.tenants, Log: slog.New(slog.DiscardHandler),
		Outbound: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}),
	})
	h.acme, h.bee = h.create(tb, "acme"), h.create(tb, "bee")
	return h
}

func (h *house) create(tb testing.TB, slug string) *tenant.Tenant {
	tb.Helper()
	made, _, err := h.tenants.Create(tb.Context(), slug, "Tenant "+slug)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// key is the tenant's present key of a kind.
func (h *house) key(tb testing.TB, of *tenant.Tenant, kind tenant.Kind) tenant.Key {
	tb.Helper()
	keys, err := h.tenants.Keys(tb.Context(), of.ID)
	if err != nil {
		tb.Fatal(err)
	}
	k, _ := keys.Current(kind)
	return k
}

// give sets a key of acme's for JWTs.
func (h *house) give(tb testing.TB, text string) {
	tb.Helper()
	if _, err := h.tenants.Import(tb.Context(), h.acme.ID, tenant.KindJWT, text); err != nil {
		tb.Fatal(err)
	}
}

// check has acme's door look at a token.
func (h *house) check(tb testing.TB, token string) (partner.Token, error) {
	tb.Helper()
	return h.verifier.Token(tb.Context(), h.acme, tenant.KindJWT, token)
}

// spend uses a token up.
func (h *house) spend(tb testing.TB, of *tenant.Tenant, u partner.Use) error {
	tb.Helper()
	return h.store.Update(tb.Context(), of.Scope(), u.Spend)
}

// broken is the name of the first rule that a token of acme's breaks, empty if it is good.
func (h *house) broken(tb testing.TB, kind tenant.Kind, token string) string {
	tb.Helper()
	said, err := h.verifier.Explain(tb.Context(), h.acme, kind, token)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range said.Findings {
		if f.State == partner.Failed {
			if said.Good || f.Detail == "" {
				tb.Errorf("%s failed, and the token is said to be good (%v), for %q", f.Rule, said.Good, f.Detail)
			}
			return f.Rule
		}
	}
	if !said.Good {
		tb.Errorf("no rule is broken, and the token is no good: %+v", said)
	}
	return ""
}

// jws is a token with any header and payload, signed with a secret.
func jws(secret, head, payload string) string {
	text := encode(head) + "." + encode(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signed is a token with any header and payload, signed in the way of a method with whatever key it takes.
func signed(tb testing.TB, m jwt.SigningMethod, key any, head, payload string) string {
	tb.Helper()
	text := encode(head) + "." + encode(payload)
	sig, err := m.Sign(text, key)
	if err != nil {
		tb.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// bob is a payload that is good now, with more in it.
func bob(more string) string {
	return fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","iat":%d,"exp":%d%s}`, time.Now().Unix(), time.Now().Unix()+120, more)
}

// want fails the test unless err is the error that is expected.
func want(tb testing.TB, what string, err, expected error) {
	tb.Helper()
	if !errors.Is(err, expected) {
		tb.Errorf("%s: %v, want %v", what, err, expected)
	}
}

func replace(s, old, changed string) string { return strings.Replace(s, old, changed, 1) }
