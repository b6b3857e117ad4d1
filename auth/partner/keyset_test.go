package partner_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// publisher is a partner's server with its keys. It belongs to no bubble: time doesn't stand still for it.
type publisher struct {
	*httptest.Server

	asked atomic.Int64
	mu    sync.Mutex
	doc   string
	cache string
	down  bool
}

func publish(t *testing.T, doc string) *publisher {
	t.Helper()
	p := &publisher{doc: doc}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		w.Header().Set("Connection", "close")
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Cache-Control", p.cache)
		_, _ = w.Write([]byte(p.doc))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) set(doc, cache string, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doc, p.cache, p.down = doc, cache, down
}

// publishes has acme's keys be those at a URL.
func (h *house) publishes(t *testing.T, url string) {
	t.Helper()
	changed, err := h.tenants.Set(t.Context(), h.acme.Slug, map[string]string{"jwt_jwks_url": url})
	if err != nil {
		t.Fatal(err)
	}
	h.acme = changed
}

func TestPublishedKeys(t *testing.T) {
	old, young := newPairs(t), newPairs(t)
	first := `{"keys":[` + jwk(t, "1", old.ed.Public()) + `]}`
	server := publish(t, first)
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		server.set(first, "max-age=600", false)
		secret := h.key(t, h.acme, tenant.KindJWT).Secret
		byOld := func() string { return signed(t, jwt.SigningMethodEdDSA, old.ed, `{"alg":"EdDSA","kid":"1"}`, bob("")) }
		byYoung := func() string {
			return signed(t, jwt.SigningMethodES256, young.ec, `{"alg":"ES256","kid":"2"}`, bob(""))
		}
		check := func(what, token string, asked int64, expected error) {
			t.Helper()
			before := server.asked.Load()
			_, err := h.check(t, token)
			want(t, what, err, expected)
			if got := server.asked.Load() - before; got != asked {
				t.Errorf("%s: the server was asked %d times, want %d", what, got, asked)
			}
		}
		check("the secret, before", jws(secret, hs256, bob("")), 0, nil)
		h.publishes(t, server.URL)
		check("the secret, now", jws(secret, hs256, bob("")), 1, partner.ErrInvalid)
		check("a published key", byOld(), 0, nil)
		for range 20 {
			check("names that somebody makes up", signed(t, jwt.SigningMethodES256, young.ec, `{"alg":"ES256","kid":"x"}`, bob("")), 0, partner.ErrInvalid)
		}
		time.Sleep(time.Minute)
		check("an unknown name after a minute", byYoung(), 1, partner.ErrInvalid)
		server.set(`{"keys":[`+jwk(t, "2", young.ec.Public())+`]}`, "max-age=600", false)
		check("a new key, at once", byYoung(), 0, partner.ErrInvalid)
		time.Sleep(time.Minute)
		check("a new key, after a minute", byYoung(), 1, nil)
		check("the key that was withdrawn", byOld(), 0, partner.ErrInvalid)

		server.set("", "", true)
		time.Sleep(9 * time.Minute)
		check("while it is fresh", byYoung(), 0, nil)
		time.Sleep(2 * time.Minute)
		check("when it has to be asked and is down", byYoung(), 1, nil)
		check("again, within the minute", byYoung(), 0, nil)
		time.Sleep(23 * time.Hour)
		check("down for nearly a day", byYoung(), 1, nil)
		time.Sleep(2 * time.Hour)
		check("down for more than a day", byYoung(), 1, partner.ErrInvalid)
		if got := h.broken(t, tenant.KindJWT, byYoung()); got != "key" {
			t.Errorf("breaks %q", got)
		}

		h.publishes(t, "")
		check("the secret, after all", jws(secret, hs256, bob("")), 0, nil)
	})
}

// However long a server says that its keys may be kept: an hour at most, a minute at least.
func TestFreshness(t *testing.T) {
	p := newPairs(t)
	doc := jwk(t, "1", p.ed.Public())
	server := publish(t, doc)
	synctest.Test(t, func(t *testing.T) {
		for cache, kept := range map[string]time.Duration{
			"": 10 * time.Minute, "max-age=31536000": time.Hour, "max-age=0": time.Minute, "no-store": time.Minute,
			"public, Max-Age=1800, immutable": 30 * time.Minute, "max-age=x": 10 * time.Minute,
		} {
			h := open(t)
			server.set(doc, cache, false)
			h.publishes(t, server.URL)
			ask := func() int64 {
				before := server.asked.Load()
				_, err := h.check(t, signed(t, jwt.SigningMethodEdDSA, p.ed, `{"alg":"EdDSA"}`, bob("")))
				want(t, cache, err, nil)
				return server.asked.Load() - before
			}
			ask()
			time.Sleep(kept - time.Second)
			if ask() != 0 {
				t.Errorf("%q: asked before %v are over", cache, kept)
			}
			time.Sleep(2 * time.Second)
			if ask() != 1 {
				t.Errorf("%q: not asked after %v", cache, kept)
			}
		}
	})
}

// Many who want to know at the same time ask once.
func TestManyAsk(t *testing.T) {
	p := newPairs(t)
	server := publish(t, jwk(t, "1", p.ed.Public()))
	h := open(t)
	h.publishes(t, server.URL)
	token := signed(t, jwt.SigningMethodEdDSA, p.ed, `{"alg":"EdDSA"}`, bob(""))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			_, err := h.check(t, token)
			want(t, "one of many", err, nil)
		})
	}
	wg.Wait()
	if got := server.asked.Load(); got != 1 {
		t.Errorf("asked %d times", got)
	}
}

// What can't be used as a key set says so to who administers the tenant, and no more than that.
func TestBadKeySets(t *testing.T) {
	p := newPairs(t)
	token := signed(t, jwt.SigningMethodEdDSA, p.ed, `{"alg":"EdDSA"}`, bob(""))
	for what, tc := range map[string]struct{ doc, says string }{
		"too large":     {strings.Repeat(" ", 129<<10), "too large"},
		"a page":        {"<!doctype html>", "not a JSON object"},
		"nothing":       {`{"keys":[]}`, "no key in the document"},
		"a secret":      {`{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"}`, "shared secret"},
		"a private key": {`{"kty":"OKP","crv":"Ed25519","d":"AA","x":"AA"}`, "private key"},
	} {
		h := open(t)
		h.publishes(t, publish(t, tc.doc).URL)
		said, err := h.verifier.Explain(t.Context(), h.acme, tenant.KindJWT, token)
		if err != nil || said.Good {
			t.Errorf("%s: %+v, %v", what, said, err)
		}
		for _, f := range said.Findings {
			if f.Rule == "key" && !strings.Contains(f.Detail, tc.says) {
				t.Errorf("%s: %q, want %q", what, f.Detail, tc.says)
			}
		}
	}
	h := open(t)
	h.publishes(t, "https://169.254.169.254/latest/meta-data")
	said, err := h.verifier.Explain(t.Context(), h.acme, tenant.KindJWT, token)
	if err != nil || !strings.Contains(said.Findings[3].Detail, "may ask") || strings.Contains(said.Findings[3].Detail, "169.254") {
		t.Errorf("an address inside: %+v, %v", said.Findings[3], err)
	}
}
