package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/web/webtest"
)

// signed is a JWT as partners make it.
func signed(t *testing.T, secret string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func claims(email string) map[string]any {
	return map[string]any{"email": email, "name": "Zoe", "exp": time.Now().Add(time.Minute).Unix(), "external_id": "crm-7"}
}

func TestJWTLogin(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	login := func(c *webtest.Client, host, token, slug string, headers ...string) webtest.Answer {
		body, err := json.Marshal(map[string]string{"token": token, "tenant_slug": slug})
		if err != nil {
			t.Fatal(err)
		}
		return c.Do("POST", host+"/api/jwt/login", string(body), append(headers, asJSON)...)
	}

	// At the tenant's host, without a slug: a session for that host, and a hand-off.
	c, token := n.Client(t), signed(t, secret, claims("zoe@example.com"))
	got := login(c, n.Acme.URL, token, "")
	document := got.JSON(t)
	user, _ := document["user"].(map[string]any)
	if got.Status != 200 || document["success"] != true || document["expires_in"] != 120.0 || user["external_id"] != "crm-7" {
		t.Fatalf("login = %d %s", got.Status, got.Body)
	}
	expect(t, c.Open(n.Acme.URL+"/dashboard"), 200, "Zoe")
	handoff, _ := document["redirect_url"].(string)
	expect(t, n.Client(t).Open(handoff), http.StatusSeeOther, "")
	if got := login(n.Client(t), n.Acme.URL, token, ""); got.Status != 401 || got.Code() != "TOKEN_REPLAYED" {
		t.Errorf("the same token again = %d %s, want 401 TOKEN_REPLAYED", got.Status, got.Body)
	}

	// At the node: a session that opens the API, of this tenant only.
	c = n.Client(t)
	expect(t, login(c, n.URL, signed(t, secret, claims("max@example.com")), "acme"), 200, "max@example.com")
	expect(t, c.Get(n.URL+"/api/users/me"), 200, "max@example.com")
	expect(t, c.Do("POST", n.URL+"/api/tickets", `{"title":"a","description":"b"}`, asJSON), 201, "max@example.com")
	expect(t, c.Do("POST", n.URL+"/api/tickets", `{"title":"a","description":"b"}`, asJSON, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), 403, "")
	expect(t, c.Get(n.URL+"/api/tenant"), 403, "")
	value := strings.Replace(c.Cookies(n.URL)[0].Value, string(n.Acme.ID), string(n.Bolt.ID), 1)
	expect(t, n.Client(t).Get(n.URL+"/api/users/me", "Cookie: __Host-deskgate="+value), 401, "")
	expect(t, n.Client(t).Get(n.Acme.URL+"/api/users/me", "Cookie: __Host-deskgate="+c.Cookies(n.URL)[0].Value), 401, "")

	// A page of another site gets the hand-off and no session.
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	for i, tc := range []struct {
		host, origin string
		session      bool
	}{
		{n.URL, "https://evil.example", false},
		{n.URL, "null", false},
		{n.URL, n.URL, true},
		{n.URL, n.Acme.URL, true},
		{n.URL, partner, true},
		{n.URL, n.Bolt.URL, false},
		{n.Acme.URL, "https://evil.example", false},
		{n.Acme.URL, n.URL, false},
		{n.Acme.URL, n.Acme.URL, true},
		{n.Acme.URL, partner, true},
	} {
		got := login(n.Client(t), tc.host, signed(t, secret, claims(fmt.Sprintf("p%d@example.com", i))), "acme", "Origin: "+tc.origin)
		if got.Status != 200 || (got.Header.Get("Set-Cookie") != "") != tc.session {
			t.Errorf("at %s from a page of %s = %d, cookie %q, want one: %t", tc.host, tc.origin, got.Status, got.Header.Get("Set-Cookie"), tc.session)
		}
	}
}

func TestJWTLoginRefuses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	old := claims("zoe@example.com")
	old["exp"] = time.Now().Add(-time.Hour).Unix()
	good := signed(t, secret, claims("zoe@example.com"))
	for _, tc := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"nothing", `{}`, 422, "VALIDATION_FAILED"},
		{"no slug", `{"token":"` + good + `"}`, 422, "VALIDATION_FAILED"},
		{"unknown slug", `{"token":"` + good + `","tenant_slug":"nobody"}`, 404, "TENANT_NOT_FOUND"},
		{"another tenant's", `{"token":"` + good + `","tenant_slug":"bolt"}`, 401, "TOKEN_INVALID"},
		{"nonsense", `{"token":"a.b.c","tenant_slug":"acme"}`, 401, "TOKEN_INVALID"},
		{"expired", `{"token":"` + signed(t, secret, old) + `","tenant_slug":"acme"}`, 401, "TOKEN_EXPIRED"},
		{"no JSON", `{`, 400, "BAD_REQUEST"},
	} {
		got := n.Client(t).Do("POST", n.URL+"/api/jwt/login", tc.body, asJSON)
		if got.Status != tc.status || got.Code() != tc.code || got.JSON(t)["success"] != false || got.Header["Set-Cookie"] != nil {
			t.Errorf("%s = %d %s, want %d %s", tc.name, got.Status, got.Body, tc.status, tc.code)
		}
	}
	if got := n.Client(t).Do("POST", n.URL+"/api/jwt/login", "token="+good+"&tenant_slug=acme", asForm); got.Status != 200 {
		t.Errorf("as a form = %d %s", got.Status, got.Body)
	}
}
