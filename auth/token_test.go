package auth_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
)

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx, tokens := t.Context(), h.doors.Tokens
		made, secret, err := tokens.Create(ctx, h.acme, auth.TokenRequest{
			Name: " CI ", Scopes: auth.TicketsRead, ExpiresAt: time.Now().Add(24 * time.Hour), By: "operator",
		})
		if err != nil || made.Name != "CI" || !strings.HasPrefix(secret, "dgt_") || len(secret) < 40 {
			t.Fatalf("created %+v, %q, %v", made, secret, err)
		}
		owner, id, err := tokens.Authenticate(ctx, secret)
		if err != nil || owner.ID != h.acme.ID || id.Tenant != h.acme.ID || id.ID != made.ID || id.Level != auth.Program || !id.May(auth.TicketsRead) || id.May(auth.TicketsWrite) {
			t.Errorf("authenticated %+v, %v", id, err)
		}
		for _, bad := range []string{"", "dgt_", secret + "x", secret[:len(secret)-1], strings.TrimPrefix(secret, "dgt_"), strings.ToUpper(secret), " " + secret} {
			_, _, err := tokens.Authenticate(ctx, bad)
			want(t, bad, err, auth.ErrCredentialUnknown)
		}
		if found, err := tokens.Find(ctx, h.acme, made.ID); err != nil || found.UsedAt.IsZero() {
			t.Errorf("found %+v, %v", found, err)
		}
		_, err = tokens.Find(ctx, h.bee, made.ID)
		want(t, "find from the other tenant", err, auth.ErrNotFound)
		want(t, "revoke from the other tenant", tokens.Revoke(ctx, h.bee, made.ID, "operator"), auth.ErrNotFound)
		if list, err := tokens.List(ctx, h.bee); err != nil || len(list) != 0 {
			t.Errorf("the other tenant's: %+v, %v", list, err)
		}
		time.Sleep(24 * time.Hour)
		_, _, err = tokens.Authenticate(ctx, secret)
		want(t, "after its time", err, auth.ErrCredentialExpired)

		forever := h.token(t, h.acme, auth.AllScopes)
		time.Sleep(24 * time.Hour)
		_, id, err = tokens.Authenticate(ctx, forever)
		want(t, "without an end, a day later", err, nil)
		want(t, "revoke", tokens.Revoke(ctx, h.acme, id.ID, "operator"), nil)
		_, _, err = tokens.Authenticate(ctx, forever)
		want(t, "revoked", err, auth.ErrCredentialRevoked)
		want(t, "revoke again", tokens.Revoke(ctx, h.acme, id.ID, "operator"), auth.ErrNotFound)
		if list, err := tokens.List(ctx, h.acme); err != nil || len(list) != 1 || list[0].ID != made.ID {
			t.Errorf("left: %+v, %v", list, err)
		}
		time.Sleep(8 * 24 * time.Hour)
		h.token(t, h.acme, auth.TicketsRead)
		_, _, err = tokens.Authenticate(ctx, forever)
		want(t, "long revoked", err, auth.ErrCredentialUnknown)
		for _, action := range []string{"token.created", "token.used", "token.revoked"} {
			h.audited(t, action)
		}
	})
}

func TestCreateTokenRefuses(t *testing.T) {
	h := open(t)
	for _, req := range []auth.TokenRequest{{Scopes: auth.AllScopes}, {Name: "x"}, {Name: "a\nb", Scopes: auth.AllScopes}} {
		if _, secret, err := h.doors.Tokens.Create(t.Context(), h.acme, req); fields(err) == "" || secret != "" {
			t.Errorf("%+v: %q, %v", req, secret, err)
		}
	}
}

// The last use is written at most once an hour.
func TestTokenUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		secret := h.token(t, h.acme, auth.AllScopes)
		written := map[time.Time]bool{}
		for range 19 {
			_, id, err := h.doors.Tokens.Authenticate(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			found, err := h.doors.Tokens.Find(t.Context(), h.acme, id.ID)
			if err != nil {
				t.Fatal(err)
			}
			written[found.UsedAt] = true
			time.Sleep(10 * time.Minute)
		}
		if len(written) != 4 {
			t.Errorf("written %d times in three hours", len(written))
		}
	})
}

func TestDeletedTenantsTokens(t *testing.T) {
	h := open(t)
	secret, other := h.token(t, h.acme, auth.AllScopes), h.token(t, h.bee, auth.AllScopes)
	if err := h.tenants.Delete(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.doors.Tokens.Authenticate(t.Context(), secret)
	want(t, "token of a deleted tenant", err, auth.ErrCredentialUnknown)
	h.create(t, "acme")
	_, _, err = h.doors.Tokens.Authenticate(t.Context(), secret)
	want(t, "token of the tenant of before", err, auth.ErrCredentialUnknown)
	_, _, err = h.doors.Tokens.Authenticate(t.Context(), other)
	want(t, "the other tenant's", err, nil)
}

func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		h.set(t, &h.acme, "api_requests_per_minute", "3")
		_, id, err := h.doors.Tokens.Authenticate(t.Context(), h.token(t, h.acme, auth.AllScopes))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if s := h.doors.Tokens.Admit(t.Context(), h.acme, id); s.Reached != (i == 3) || s.Limit != 3 {
				t.Errorf("request %d: %+v", i+1, s)
			}
		}
		s, _ := h.signIn(t, auth.Vouched, "bob@example.com", "")
		if s := h.doors.Tokens.Admit(t.Context(), h.acme, s.Identity()); s.Reached {
			t.Errorf("a session: %+v", s)
		}
		time.Sleep(time.Minute)
		if s := h.doors.Tokens.Admit(t.Context(), h.acme, id); s.Reached {
			t.Errorf("a minute later: %+v", s)
		}
	})
}

func TestParseExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().UTC()
		for in, out := range map[string]time.Time{
			"":                     {},
			"720h":                 at.Add(720 * time.Hour),
			"30d":                  at.AddDate(0, 0, 30),
			"1h30m":                at.Add(90 * time.Minute),
			"2030-01-31":           time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC),
			"2030-01-31T12:00:00Z": time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC),
		} {
			if got, err := auth.ParseExpiry(in); err != nil || !got.Equal(out) {
				t.Errorf("ParseExpiry(%q) = %s, %v, want %s", in, got, err, out)
			}
		}
		for _, in := range []string{"x", "30", "-1h", "0h", "0d", "-3d", "d", "1999-01-01", "2030-02-31", "99999999d", "1.5d", "never", "+3d", "3 d"} {
			if got, err := auth.ParseExpiry(in); !strings.HasPrefix(fields(err), "expires: ") {
				t.Errorf("ParseExpiry(%q) = %s, %v", in, got, err)
			}
		}
	})
}
