package oidc_test

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
	"github.com/deskgate/deskgate/tenant"
)

// TestSignIn: an invited member joins at the provider, and comes back later.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	started := h.begin(t)
	if started.Provider != "login.example.com" {
		t.Errorf("provider %s", started.Provider)
	}
	asked, err := url.Parse(started.URL)
	ok(t, err)
	q := asked.Query()
	if q.Get("redirect_uri") != callback || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
		t.Errorf("sent to %s", started.URL)
	}
	for _, secret := range []string{q.Get("state"), q.Get("nonce"), oidctest.Secret} {
		if strings.Contains(started.Cookie, secret) {
			t.Errorf("the cookie shows %s", secret)
		}
	}
	in, err := h.finish(t, h.answer(t, started))
	ok(t, err)
	if s := in.Session; s.Email != ann.Email || s.Role != auth.RoleAdmin || s.Method != auth.ByOIDC || !s.ProvenAt.IsZero() || in.Next != "/agent/x" {
		t.Errorf("signed in as %+v, next %q", in.Session, in.Next)
	}
	found, err := h.doors.Sessions.Find(t.Context(), h.acme, auth.StaffSide, acmeHost, in.Secret)
	if err != nil || found.User != in.Session.User {
		t.Errorf("session %+v, %v", found, err)
	}
	if e := h.audited(t, h.acme, "oidc.linked"); e.Object != ann.Email || !strings.Contains(e.Detail, ann.Subject) {
		t.Errorf("audit %+v", e)
	}
	h.logins = h.reopen()
	again, err := h.signIn(t)
	if err != nil || again.Session.User != in.Session.User {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

// TestBoundToTheBrowser: nothing but the browser that began, at the host where it began, ends a sign-in, once.
func TestBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, other := h.answer(t, h.begin(t)), h.answer(t, h.begin(t))
	for what, change := range map[string]func(*oidc.Return){
		"no cookie":             func(r *oidc.Return) { r.Cookie = "" },
		"another browser":       func(r *oidc.Return) { r.Cookie = other.Cookie },
		"a cookie with a break": func(r *oidc.Return) { r.Cookie = r.Cookie[:10] + "\n" + r.Cookie[10:] },
		"a changed cookie":      func(r *oidc.Return) { r.Cookie = "B" + r.Cookie[1:] },
		"wrong state":           func(r *oidc.Return) { r.Query = with(r.Query, "state", "x") },
		"no state":              func(r *oidc.Return) { r.Query = with(r.Query, "state", "") },
		"two states":            func(r *oidc.Return) { r.Query = with(r.Query); r.Query.Add("state", r.Query.Get("state")) },
		"another host":          func(r *oidc.Return) { r.Host = "help.acme.example" },
	} {
		changed := r
		change(&changed)
		_, err := h.finish(t, changed)
		want(t, what, err, oidc.ErrStale)
	}
	_, err := h.logins.Finish(t.Context(), h.bee, oidc.Return{Host: beeHost, Cookie: r.Cookie, Query: r.Query, Client: client})
	want(t, "at the other tenant", err, oidc.ErrStale)
	_, err = h.logins.Finish(t.Context(), h.bee, r)
	want(t, "at the other tenant, under the first one's host", err, oidc.ErrStale)

	_, err = h.finish(t, r)
	want(t, "as it was", err, nil)
	_, err = h.finish(t, r)
	want(t, "replayed", err, oidc.ErrStale)
	h.logins = h.reopen()
	_, err = h.finish(t, r)
	want(t, "replayed after a restart", err, oidc.ErrStale)
}

// TestOnceOfMany: of many at once one gets in.
func TestOnceOfMany(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.answer(t, h.begin(t))
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		won int
	)
	for range 16 {
		wg.Go(func() {
			_, err := h.logins.Finish(t.Context(), h.acme, r)
			if err != nil {
				want(t, "loser", err, oidc.ErrStale)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won++
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d signed in", won)
	}
}

// TestAnswers: what the provider says on the way back.
func TestAnswers(t *testing.T) {
	t.Parallel()
	h := open(t)
	for what, tc := range map[string]struct {
		changes []string
		want    error
	}{
		"refused by the person":       {[]string{"error", "access_denied", "code", ""}, oidc.ErrDenied},
		"an error":                    {[]string{"error", "server_error", "code", ""}, oidc.ErrProvider},
		"an error with marks":         {[]string{"error", "<script>", "code", ""}, oidc.ErrProvider},
		"an empty error":              {[]string{"code", ""}, oidc.ErrRejected},
		"another code":                {[]string{"code", "x"}, oidc.ErrProvider},
		"another issuer":              {[]string{"iss", "https://evil.example"}, oidc.ErrRejected},
		"no issuer where there is to": {[]string{"iss", ""}, oidc.ErrRejected},
		"an error of another issuer":  {[]string{"iss", "https://evil.example", "error", "access_denied"}, oidc.ErrRejected},
	} {
		r := h.answer(t, h.begin(t))
		good := r.Query
		r.Query = with(good, tc.changes...)
		_, err := h.finish(t, r)
		want(t, what, err, tc.want)
		if e := h.audited(t, h.acme, "oidc.refused"); strings.Contains(e.Detail, "<") || e.IP != "192.0.2.7" {
			t.Errorf("%s: audit %+v", what, e)
		}
		r.Query = good
		_, err = h.finish(t, r)
		want(t, what+", and then the good one", err, oidc.ErrStale)
	}
}

// TestSilentIssuer: a provider that does not say that it names itself need not.
func TestSilentIssuer(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.provider.About(map[string]any{"authorization_response_iss_parameter_supported": nil})
	r := h.answer(t, h.begin(t))
	r.Query = with(r.Query, "iss", "")
	_, err := h.finish(t, r)
	want(t, "without iss", err, nil)
}

// TestProviderMixUp: a sign-in that began at one provider does not end at another, nor with another client.
func TestProviderMixUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.answer(t, h.begin(t))
	h.acme = h.set(t, "acme", map[string]string{"oidc_client_id": "other"})
	_, err := h.finish(t, r)
	want(t, "another client", err, oidc.ErrStale)
	h.acme = h.set(t, "acme", map[string]string{"oidc_client_id": oidctest.ClientID, "oidc_issuer": "https://evil.example.com"})
	_, err = h.finish(t, r)
	want(t, "another issuer", err, oidc.ErrStale)
	if set, err := h.logins.SecretSetAt(t.Context(), h.acme); err != nil || !set.IsZero() {
		t.Errorf("the secret would go to the other provider: %s, %v", set, err)
	}
	h.acme = h.set(t, "acme", map[string]string{"oidc_issuer": ""})
	_, err = h.finish(t, r)
	want(t, "no provider", err, oidc.ErrOff)
	_, err = h.logins.Begin(t.Context(), h.acme, oidc.Start{Host: acmeHost, Callback: callback, Client: client})
	want(t, "begin without a provider", err, oidc.ErrOff)
}

// TestAttemptsAge: ten minutes are enough.
func TestAttemptsAge(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.answer(t, h.begin(t))
	synctest.Test(t, func(t *testing.T) {
		// The bubble's clock stands at the year 2000: before the sign-in began.
		_, err := h.logins.Finish(t.Context(), h.acme, r)
		want(t, "from the future", err, oidc.ErrStale)
		started, err := h.logins.Begin(t.Context(), h.acme, oidc.Start{Host: acmeHost, Callback: callback, Client: client})
		ok(t, err)
		asked, err := url.Parse(started.URL)
		ok(t, err)
		time.Sleep(oidc.AttemptLife)
		late := oidc.Return{Host: acmeHost, Cookie: started.Cookie, Query: with(asked.Query(), "code", "x"), Client: client}
		_, err = h.logins.Finish(t.Context(), h.acme, late)
		want(t, "too late", err, oidc.ErrStale)
	})
}

// TestBeginIsLimited: nobody is sent to a provider again and again.
func TestBeginIsLimited(t *testing.T) {
	t.Parallel()
	h := open(t)
	start := oidc.Start{Host: acmeHost, Callback: callback, Client: auth.Client{IP: netip.MustParseAddr("2001:db8::1")}}
	var over *limit.Error
	n := 0
	for ; n < 100; n++ {
		if _, err := h.logins.Begin(t.Context(), h.acme, start); errors.As(err, &over) {
			break
		}
	}
	if n != 30 {
		t.Errorf("%d sign-ins began, want 30", n)
	}
	start.Client.IP = netip.MustParseAddr("2001:db8::2")
	if _, err := h.logins.Begin(t.Context(), h.acme, start); !errors.As(err, &over) {
		t.Errorf("from the same /64: %v", err)
	}
	if n := h.provider.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("the provider was asked %d times about itself", n)
	}
}

// TestAskedAnew: a proof that the provider has asked for anew renews the session, another person's does not.
func TestAskedAnew(t *testing.T) {
	t.Parallel()
	h := open(t)
	in, err := h.signIn(t)
	ok(t, err)
	fresh := func() oidc.Return {
		s, err := h.logins.Begin(t.Context(), h.acme, oidc.Start{Host: acmeHost, Callback: callback, Fresh: true, Client: client})
		ok(t, err)
		if !strings.Contains(s.URL, "max_age=0") || !strings.Contains(s.URL, "prompt=login") {
			t.Errorf("sent to %s", s.URL)
		}
		r := h.answer(t, s)
		r.Previous = in.Secret
		return r
	}
	h.provider.Claims(func(c map[string]any) { c["auth_time"] = time.Now().Add(-time.Hour).Unix() })
	_, err = h.finish(t, fresh())
	want(t, "proven an hour ago", err, oidc.ErrRejected)
	h.provider.Claims(func(c map[string]any) { delete(c, "auth_time") })
	_, err = h.finish(t, fresh())
	want(t, "proven at no time", err, oidc.ErrRejected)
	h.provider.Claims(nil)
	proven, err := h.finish(t, fresh())
	if err != nil || proven.Session.ProvenAt.IsZero() || !proven.Session.EndsAt.Equal(in.Session.EndsAt) {
		t.Errorf("proven: %+v, %v", proven.Session, err)
	}
	_, err = h.doors.Sessions.Find(t.Context(), h.acme, auth.StaffSide, acmeHost, in.Secret)
	want(t, "the session of before", err, auth.ErrSignedOut)
}

// TestSecretIsKept: nothing shows the client secret, and nobody but the provider that it was set for gets it.
func TestSecretIsKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	for what, secret := range map[string]string{"long": strings.Repeat("x", 1025), "two lines": "a\nb", "not ASCII": "é"} {
		if _, is := errors.AsType[tenant.FieldErrors](h.logins.SetSecret(t.Context(), h.acme, secret, "operator")); !is {
			t.Errorf("%s is taken", what)
		}
	}
	if at, err := h.logins.SecretSetAt(t.Context(), h.acme); err != nil || at.IsZero() {
		t.Errorf("set at %s, %v", at, err)
	}
	page, err := h.tenants.Audit(t.Context(), h.acme.ID, "", 100)
	ok(t, err)
	for _, e := range page.Events {
		if strings.Contains(e.Detail+e.Object, oidctest.Secret) {
			t.Errorf("audit %+v", e)
		}
	}
	ok(t, h.logins.SetSecret(t.Context(), h.acme, "", "operator"))
	_, err = h.signIn(t)
	want(t, "without the secret", err, oidc.ErrProvider)
	none := h.set(t, "acme", map[string]string{"oidc_issuer": ""})
	if _, is := errors.AsType[tenant.FieldErrors](h.logins.SetSecret(t.Context(), none, "some secret", "operator")); !is {
		t.Error("a secret for no provider is taken")
	}
}
