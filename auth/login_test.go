package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	partners "github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

const nodeHost = tenant.Host("tickets.example")

// bobs is a JWT about bob, with more claims.
func bobs(t *testing.T, h *house, more string) string {
	t.Helper()
	return jws(key(t, h, h.acme, tenant.KindJWT).Secret, hs256, fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","exp":%d%s}`, time.Now().Unix()+60, more))
}

func TestTokenLogin(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	got, err := h.doors.Redirects.Login(ctx, auth.TokenLogin{At: h.acme, Host: acmeHost, Token: bobs(t, h, `,"redirect_url":"/tickets"`), Client: client})
	if err != nil || got.User.Email != "bob@example.com" || got.Assurance != auth.Vouched || got.Landing != "/tickets" || got.Limit.Limit != 6000 {
		t.Fatalf("at a tenant's host: %+v, %v", got, err)
	}
	if s, err := h.find(t, got.Secret); err != nil || s.User != got.User.ID {
		t.Errorf("its session: %+v, %v", s, err)
	}
	out, err := h.doors.Handoffs.Arrive(ctx, h.at(tokenOf(t, got.URL), click("")))
	if err != nil || out.Verdict != auth.SignIn || out.Session.User != got.User.ID {
		t.Errorf("its hand-off: %+v, %v", out, err)
	}

	node, err := h.doors.Redirects.Login(ctx, auth.TokenLogin{Slug: "acme", Host: nodeHost, Token: bobs(t, h, `,"jti":1`), Client: client})
	if err != nil {
		t.Fatal(err)
	}
	id, secret, ok := auth.NodeSecret(node.Secret)
	if !ok || id != h.acme.ID {
		t.Errorf("cookie at the node %q", node.Secret)
	}
	if s, err := h.doors.Sessions.Find(ctx, h.acme, auth.RequesterSide, nodeHost, secret); err != nil || s.User != got.User.ID {
		t.Errorf("session at the node: %+v, %v", s, err)
	}
	_, err = h.find(t, secret)
	want(t, "the node's session at the tenant's host", err, auth.ErrSignedOut)
	again, err := h.doors.Redirects.Login(ctx, auth.TokenLogin{Slug: "acme", Host: nodeHost, Token: bobs(t, h, `,"jti":2`), Session: node.Secret, Client: client})
	if err != nil || again.Secret == node.Secret {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = h.doors.Sessions.Find(ctx, h.acme, auth.RequesterSide, nodeHost, secret)
	want(t, "the session of before", err, auth.ErrSignedOut)
}

func TestTokenLoginFromPages(t *testing.T) {
	h := open(t)
	for i, tc := range []struct {
		origin string
		cookie bool
	}{
		{"", true},
		{partner, true},
		{"https://acme.tickets.example", true},
		{"https://evil.example", false},
		{"https://bee.tickets.example", false},
		{"null", false},
	} {
		got, err := h.doors.Redirects.Login(t.Context(), auth.TokenLogin{
			Slug: "acme", At: h.acme, Host: acmeHost, Token: bobs(t, h, fmt.Sprintf(`,"jti":%d`, i)), Navigation: auth.Navigation{Origin: tc.origin}, Client: client,
		})
		if err != nil || got.URL == "" || got.User.ID == "" || (got.Secret != "") != tc.cookie || (got.Session.ID != "") != tc.cookie {
			t.Errorf("origin %q: %+v, %v", tc.origin, got, err)
		}
	}
}

// The owner's first login ends the sessions of all who only claimed the address, even where it makes no session itself.
func TestTokenLoginEndsAssertedSessions(t *testing.T) {
	for _, origin := range []string{"", "https://evil.example"} {
		synctest.Test(t, func(t *testing.T) {
			h := open(t)
			_, pretender := h.signIn(t, auth.Asserted, "bob@example.com", "")
			time.Sleep(time.Minute)
			_, err := h.doors.Redirects.Login(t.Context(), auth.TokenLogin{
				At: h.acme, Host: acmeHost, Token: bobs(t, h, ""), Navigation: auth.Navigation{Origin: origin}, Client: client,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.find(t, pretender)
			want(t, "the pretender, after a login from "+origin, err, auth.ErrSignedOut)
		})
	}
}

func TestTokenLoginRefuses(t *testing.T) {
	h := open(t)
	h.hosts(t)
	token, unreadable := bobs(t, h, ""), errors.New("no JSON")
	secret := key(t, h, h.acme, tenant.KindJWT).Secret
	for _, tc := range []struct {
		what string
		l    auth.TokenLogin
		want error
	}{
		{"unreadable", auth.TokenLogin{Unreadable: unreadable}, unreadable},
		{"unknown slug", auth.TokenLogin{Slug: "nobody", Token: token}, tenant.ErrNotFound},
		{"another slug", auth.TokenLogin{Slug: "bee", Token: token}, partners.ErrInvalid},
		{"another tenant's host", auth.TokenLogin{At: h.bee, Host: beeHost, Token: token}, partners.ErrInvalid},
		{"its slug at another tenant's host", auth.TokenLogin{Slug: "acme", At: h.bee, Host: beeHost, Token: token}, tenant.ErrNotFound},
		{"garbage", auth.TokenLogin{Slug: "acme", Token: "x.y.z"}, partners.ErrInvalid},
		{"over", auth.TokenLogin{Slug: "acme", Token: jws(secret, hs256, `{"email":"bob@example.com","name":"Bob","exp":1}`)}, partners.ErrExpired},
		{"no name", auth.TokenLogin{Slug: "acme", Token: jws(secret, hs256, fmt.Sprintf(`{"email":"bob@example.com","exp":%d}`, time.Now().Unix()+60))}, partners.ErrInvalid},
		{"no address", auth.TokenLogin{Slug: "acme", Token: jws(secret, hs256, fmt.Sprintf(`{"email":"bob","name":"Bob","exp":%d}`, time.Now().Unix()+60))}, partners.ErrInvalid},
		{"the token itself, after all this", auth.TokenLogin{Slug: "acme", Token: token}, nil},
		{"again", auth.TokenLogin{Slug: "acme", Token: token}, partners.ErrReplayed},
	} {
		tc.l.Client = client
		if tc.l.Host == "" {
			tc.l.Host = nodeHost
		}
		got, err := h.doors.Redirects.Login(t.Context(), tc.l)
		want(t, tc.what, err, tc.want)
		if (got.URL != "" || got.Secret != "") != (tc.want == nil) {
			t.Errorf("%s: %+v", tc.what, got)
		}
	}
	_, err := h.doors.Redirects.Login(t.Context(), auth.TokenLogin{Host: nodeHost, Client: client})
	if got := fields(err); !strings.Contains(got, "token: The token field is required.") || !strings.Contains(got, "tenant_slug: ") {
		t.Errorf("nothing: %v", err)
	}
	_, err = h.doors.Redirects.Login(t.Context(), auth.TokenLogin{Slug: "acme", Host: nodeHost, Token: bobs(t, h, `,"redirect_url":"https://`+pending+`/"`), Client: client})
	var d *auth.DomainError
	if !errors.As(err, &d) || d.Host != pending {
		t.Errorf("host that is not verified: %v", err)
	}
}

// What a visitor holds in hand can't use up what the partner's key may do: a proof that was used, and one whose login is
// refused each time, count for the address.
func TestOnlyGoodLoginsCountForTheKey(t *testing.T) {
	h := open(t)
	h.set(t, &h.acme, "external_redirect", "strict")
	signed := post("bob@example.com", "Bob")
	sign(key(t, h, h.acme, tenant.KindRedirect).Secret, "acme", &signed, time.Now(), "n1")
	astray := post("bob@example.com", "Bob")
	astray.Token, astray.RedirectURL = bobs(t, h, `,"jti":"n2"`), "https://evil.example/"
	login := auth.TokenLogin{At: h.acme, Host: acmeHost, Token: bobs(t, h, `,"jti":"n3"`), Client: client}
	for _, tc := range []struct {
		what  string
		begin func() (limit.State, error)
		limit int64
		want  error
	}{
		{"signed", func() (limit.State, error) { return begun(t, h, signed) }, 6000, nil},
		{"signed, again", func() (limit.State, error) { return begun(t, h, signed) }, 60, auth.ErrSignatureInvalid},
		{"refused for where it leads", func() (limit.State, error) { return begun(t, h, astray) }, 60, &auth.DomainError{Host: "evil.example"}},
		{"JWT", func() (limit.State, error) { return loggedIn(t, h, login) }, 6000, nil},
		{"JWT, again", func() (limit.State, error) { return loggedIn(t, h, login) }, 60, partners.ErrReplayed},
	} {
		got, err := tc.begin()
		if got.Limit != tc.limit || !errors.Is(err, tc.want) && fmt.Sprint(err) != fmt.Sprint(tc.want) {
			t.Errorf("%s: counted among %d, %v, want %d, %v", tc.what, got.Limit, err, tc.limit, tc.want)
		}
	}
}

func begun(t *testing.T, h *house, req auth.RedirectRequest) (limit.State, error) {
	t.Helper()
	out, err := h.doors.Redirects.Begin(t.Context(), req)
	return out.Limit, err
}

func loggedIn(t *testing.T, h *house, l auth.TokenLogin) (limit.State, error) {
	t.Helper()
	out, err := h.doors.Redirects.Login(t.Context(), l)
	return out.Limit, err
}
