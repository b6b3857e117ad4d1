package assertion_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/assertion"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

var (
	acme = &tenant.Tenant{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Slug: "acme"}
	bee  = &tenant.Tenant{ID: "BBBBBBBBBBBBBBBBBBBBBBBBBB", Slug: "bee"}
	zoe  = tenant.Visitor{ID: "usr_1", Email: "zoe@example.com", Name: "Zoë \"Z\" O'Neil", Assurance: tenant.Vouched}
)

func visit(t *tenant.Tenant, host tenant.Host) *tenant.Visit {
	return &tenant.Visit{Tenant: t, Host: host, Scheme: "https"}
}

// The stores of these tests are outside of the bubbles: nothing but derived secrets is asked of them.

// keys are a tenant's, as its host shows them, read by a foreign library.
func keys(t *testing.T, s *assertion.Signer, tn *tenant.Tenant) jose.JSONWebKeySet {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeKeys(w, httptest.NewRequest(http.MethodGet, assertion.Path, nil), tn)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || w.Code != http.StatusOK {
		t.Fatalf("the keys of %s: %d %s: %v", tn.Slug, w.Code, w.Body, err)
	}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() {
			t.Errorf("the key %s is not a public one", k.KeyID)
		}
	}
	return set
}

// verify checks an assertion as an application does that has the keys.
func verify(token string, set jose.JSONWebKeySet, host string) (map[string]any, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	var registered jwt.Claims
	var all map[string]any
	if err := parsed.Claims(set, &registered, &all); err != nil {
		return nil, err
	}
	return all, registered.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{host}, Time: time.Now()}, 0)
}

func sign(t *testing.T, s *assertion.Signer, v *tenant.Visit, who tenant.Visitor) string {
	t.Helper()
	token, err := s.Sign(v, who)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAssertion(t *testing.T) {
	store := storagetest.Open(t, tenant.Tables()...)
	synctest.Test(t, func(t *testing.T) {
		s := assertion.New(store)
		token := sign(t, s, visit(acme, "www.acme.example"), zoe)
		got, err := verify(token, keys(t, s, acme), "www.acme.example")
		if err != nil {
			t.Fatal(err)
		}
		now := float64(time.Now().Unix())
		want := map[string]any{
			"iss": "https://www.acme.example", "aud": "www.acme.example", "sub": "usr_1", "email": "zoe@example.com",
			"name": "Zoë \"Z\" O'Neil", "tenant": "acme", "assurance": "vouched", "iat": now, "exp": now + 60,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if _, err := verify(token, keys(t, s, acme), "shop.acme.example"); err == nil {
			t.Error("an assertion is good at another host")
		}
		if _, err := verify(token, keys(t, s, bee), "www.acme.example"); err == nil {
			t.Error("another tenant's keys verify the assertion")
		}
		head, body, _ := strings.Cut(token, ".")
		if _, err := verify(head+"."+body[:len(body)-4]+"AAAA", keys(t, s, acme), "www.acme.example"); err == nil {
			t.Error("a changed signature is verified")
		}
		time.Sleep(61 * time.Second)
		if _, err := verify(token, keys(t, s, acme), "www.acme.example"); err == nil {
			t.Error("an assertion is good after a minute")
		}
	})
}

func TestAssertionsOfClaims(t *testing.T) {
	store := storagetest.Open(t, tenant.Tables()...)
	synctest.Test(t, func(t *testing.T) {
		s := assertion.New(store)
		token := sign(t, s, visit(acme, "www.acme.example"), tenant.Visitor{Email: "a@example.com", Assurance: tenant.Asserted})
		got, err := verify(token, keys(t, s, acme), "www.acme.example")
		if _, has := got["sub"]; err != nil || has || got["assurance"] != "asserted" {
			t.Errorf("claims %v, %v: want no subject, as nobody is known", got, err)
		}
	})
}

func TestAssertionsAreHandedOutAgain(t *testing.T) {
	store := storagetest.Open(t, tenant.Tables()...)
	synctest.Test(t, func(t *testing.T) {
		s := assertion.New(store)
		v := visit(acme, "www.acme.example")
		first := sign(t, s, v, zoe)
		time.Sleep(19 * time.Second)
		if sign(t, s, v, zoe) != first {
			t.Error("another assertion after 19 s, want the same one: to sign costs more than all else")
		}
		other := zoe
		other.Name = "Zoe"
		for name, token := range map[string]string{
			"another name": sign(t, s, v, other), "another host": sign(t, s, visit(acme, "shop.acme.example"), zoe),
			"another tenant": sign(t, s, visit(bee, "www.acme.example"), zoe),
		} {
			if token == first {
				t.Errorf("%s gets the same assertion", name)
			}
		}
		time.Sleep(2 * time.Second)
		if sign(t, s, v, zoe) == first {
			t.Error("an assertion is handed out with less than 40 s left")
		}
	})
}

// TestKeysRotate has a year go by: what is signed is always verified by a set that is up to a week old, and other nodes over
// the same store have the same keys.
func TestKeysRotate(t *testing.T) {
	store := storagetest.Open(t, tenant.Tables()...)
	synctest.Test(t, func(t *testing.T) {
		s, other := assertion.New(store), assertion.New(store)
		ids := map[string]bool{}
		old := keys(t, s, acme)
		for range 52 {
			time.Sleep(7*24*time.Hour - time.Minute)
			token := sign(t, other, visit(acme, "www.acme.example"), zoe)
			if _, err := verify(token, old, "www.acme.example"); err != nil {
				t.Fatalf("a set that is a week old: %v", err)
			}
			parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatal(err)
			}
			ids[parsed.Headers[0].KeyID] = true
			old = keys(t, s, acme)
		}
		if len(ids) < 51 {
			t.Errorf("%d keys signed in a year, want one a week", len(ids))
		}
	})
}

func TestKeysAreOnlyRead(t *testing.T) {
	store := storagetest.Open(t, tenant.Tables()...)
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		assertion.New(store).ServeKeys(w, httptest.NewRequest(http.MethodPost, assertion.Path, nil), acme)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
		}
	})
}

func BenchmarkSign(b *testing.B) {
	s := assertion.New(storagetest.Open(b, tenant.Tables()...))
	v := visit(acme, "www.acme.example")
	for b.Loop() {
		if _, err := s.Sign(v, zoe); err != nil {
			b.Fatal(err)
		}
	}
}
