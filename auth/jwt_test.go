package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

const hs256 = `{"typ":"JWT","alg":"HS256"}`

// jws is a token with any header and payload.
func jws(secret, head, payload string) string { return jwsWith(sha256.New, secret, head, payload) }

func jwsWith(h func() hash.Hash, secret, head, payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(head)) + "." + enc([]byte(payload))
	mac := hmac.New(h, []byte(secret))
	_, _ = mac.Write([]byte(text))
	return text + "." + enc(mac.Sum(nil))
}

func TestRedirectWithJWT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ours := key(t, h, h.acme, tenant.KindJWT)
		now := time.Now().Unix()
		// claims are those of a good token, with changes: later ones win.
		claims := func(more string) string {
			return fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","iat":%d,"exp":%d%s}`, now, now+120, more)
		}
		bare := func(more string) string { return `{"email":"bob@example.com","name":"Bob"` + more + `}` }
		at := func(name string, offset int64) string { return fmt.Sprintf(`,%q:%d`, name, now+offset) }
		begin := func(token string) (auth.Redirected, error) {
			r := post("Bob@example.com", " Bob ")
			r.Token = token
			// So that the failures don't use up the count of an address.
			r.Client.IP = addr()
			return h.doors.Redirects.Begin(t.Context(), r)
		}
		for what, token := range map[string]string{
			"exp and iat":        jws(ours.Secret, hs256, claims("")),
			"exp alone":          jws(ours.Secret, hs256, bare(at("exp", 120))),
			"iat alone":          jws(ours.Secret, hs256, bare(at("iat", -110))),
			"ten minutes":        jws(ours.Secret, hs256, bare(at("iat", 0)+at("exp", 600))),
			"a little over":      jws(ours.Secret, hs256, bare(at("exp", -29))),
			"from a fast clock":  jws(ours.Secret, hs256, bare(at("iat", 29)+at("exp", 120))),
			"jti":                jws(ours.Secret, hs256, claims(`,"jti":"a"`)),
			"numeric jti":        jws(ours.Secret, hs256, claims(`,"jti":8883362531196.326`)),
			"numeric id":         jws(ours.Secret, hs256, claims(`,"external_id":42,"jti":"b"`)),
			"kid":                jws(ours.Secret, `{"alg":"HS256","kid":"`+ours.ID+`"}`, claims(`,"jti":"c"`)),
			"embedded key":       jws(ours.Secret, `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example"}`, claims(`,"jti":"d"`)),
			"unknown claims":     jws(ours.Secret, hs256, claims(`,"roles":["admin"],"level":"staff","jti":"e"`)),
			"email in capitals":  jws(ours.Secret, hs256, strings.Replace(claims(`,"jti":"f"`), "bob@", "BOB@", 1)),
			"fraction of second": jws(ours.Secret, hs256, bare(fmt.Sprintf(`,"exp":%d.5`, now+60))),
		} {
			got, err := begin(token)
			if err != nil || got.Assurance != auth.Vouched || got.Limit.Limit != 6000 {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			_, err = begin(token)
			want(t, what+", again", err, auth.ErrSignatureInvalid)
		}
		good := jws(ours.Secret, hs256, claims(`,"jti":"never used"`))
		cut := strings.LastIndexByte(good, '.')
		for what, token := range map[string]string{
			"alg none":               jws(ours.Secret, `{"alg":"none"}`, claims("")),
			"no signature":           good[:cut+1],
			"alg none, no signature": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims(""))) + ".",
			"HS384":                  jwsWith(sha512.New384, ours.Secret, `{"alg":"HS384"}`, claims("")),
			"HS512":                  jwsWith(sha512.New, ours.Secret, `{"alg":"HS512"}`, claims("")),
			"lower case alg":         jws(ours.Secret, `{"alg":"hs256"}`, claims("")),
			"two algs":               jws(ours.Secret, `{"alg":"none","alg":"HS256"}`, claims("")),
			"no alg":                 jws(ours.Secret, `{"typ":"JWT"}`, claims("")),
			"crit":                   jws(ours.Secret, `{"alg":"HS256","crit":["x"],"x":1}`, claims("")),
			"empty crit":             jws(ours.Secret, `{"alg":"HS256","crit":[]}`, claims("")),
			"unknown kid":            jws(ours.Secret, `{"alg":"HS256","kid":"../../dev/null"}`, claims("")),
			"kid that is no text":    jws(ours.Secret, `{"alg":"HS256","kid":1}`, claims("")),
			"another kind's kid":     jws(ours.Secret, `{"alg":"HS256","kid":"`+key(t, h, h.acme, tenant.KindRedirect).ID+`"}`, claims("")),
			"another kind's key":     jws(key(t, h, h.acme, tenant.KindRedirect).Secret, hs256, claims("")),
			"the other tenant's key": jws(key(t, h, h.bee, tenant.KindJWT).Secret, hs256, claims("")),
			"no key":                 jws("", hs256, claims("")),
			"two emails":             jws(ours.Secret, hs256, claims(`,"email":"bob@example.com"`)),
			"email twice by case":    jws(ours.Secret, hs256, claims(`,"EMAIL":"bob@example.com"`)),
			"exp twice by Kelvin":    jws(ours.Secret, hs256, claims(`,"k":1,"\u212a":2`)),
			"another email":          jws(ours.Secret, hs256, strings.Replace(claims(""), "bob@", "eve@", 1)),
			"another name":           jws(ours.Secret, hs256, strings.Replace(claims(""), `"Bob"`, `"Eve"`, 1)),
			"no email":               jws(ours.Secret, hs256, strings.Replace(claims(""), `"email"`, `"mail"`, 1)),
			"email in a list":        jws(ours.Secret, hs256, strings.Replace(claims(""), `"bob@example.com"`, `["bob@example.com"]`, 1)),
			"numeric name":           jws(ours.Secret, hs256, strings.Replace(claims(""), `"Bob"`, `1`, 1)),
			"neither exp nor iat":    jws(ours.Secret, hs256, bare("")),
			"exp null":               jws(ours.Secret, hs256, bare(`,"exp":null`)),
			"exp text":               jws(ours.Secret, hs256, bare(fmt.Sprintf(`,"exp":"%d"`, now+60))),
			"exp huge":               jws(ours.Secret, hs256, bare(`,"exp":1e300`)),
			"exp over":               jws(ours.Secret, hs256, bare(at("exp", -31))),
			"exp far":                jws(ours.Secret, hs256, bare(at("exp", 700))),
			"exp far after iat":      jws(ours.Secret, hs256, bare(at("iat", -500)+at("exp", 300))),
			"iat over":               jws(ours.Secret, hs256, bare(at("iat", -151))),
			"iat to come":            jws(ours.Secret, hs256, bare(at("iat", 31)+at("exp", 120))),
			"iat in milliseconds":    jws(ours.Secret, hs256, bare(fmt.Sprintf(`,"iat":%d`, now*1000))),
			"nbf to come":            jws(ours.Secret, hs256, claims(at("nbf", 60))),
			"padding":                good + "=",
			"white space":            good + "\n",
			"white space inside":     good[:20] + "\n" + good[20:],
			"four parts":             good + ".x",
			"two parts":              good[:cut],
			"another payload":        strings.Replace(good, good[40:44], "AAAA", 1),
			"a payload that is none": jws(ours.Secret, hs256, "[]"),
			"trailing garbage":       jws(ours.Secret, hs256, claims("")+"x"),
			"huge":                   jws(ours.Secret, hs256, claims(`,"x":"`+strings.Repeat("x", 10_000)+`"`)),
			"text":                   "x",
		} {
			_, err := begin(token)
			want(t, what, err, auth.ErrSignatureInvalid)
		}
		_, err := begin(good)
		want(t, "the good one, after all this", err, nil)
	})
}

// A token with another encoding of the same signature is the same token.
func TestMalleableJWT(t *testing.T) {
	h := open(t)
	token := jws(key(t, h, h.acme, tenant.KindJWT).Secret, hs256, fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","exp":%d}`, time.Now().Unix()+60))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	worked := 0
	for _, last := range alphabet {
		r := post("bob@example.com", "Bob")
		r.Token, r.Client.IP = token[:len(token)-1]+string(last), addr()
		if _, err := h.doors.Redirects.Begin(t.Context(), r); err == nil {
			worked++
		}
	}
	if worked != 1 {
		t.Errorf("%d spellings worked", worked)
	}
}

func TestExternalIDFromJWT(t *testing.T) {
	h := open(t)
	secret := key(t, h, h.acme, tenant.KindJWT).Secret
	arrive := func(email, more string) auth.Session {
		t.Helper()
		r := post(email, "Bob")
		r.Token = jws(secret, hs256, fmt.Sprintf(`{"email":%q,"name":"Bob","exp":%d%s}`, email, time.Now().Unix()+60, more))
		got, err := h.doors.Redirects.Begin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.doors.Handoffs.Arrive(t.Context(), h.at(tokenOf(t, got.URL), click(partner)))
		if err != nil {
			t.Fatal(err)
		}
		return out.Session
	}
	bob := arrive("bob@example.com", `,"external_id":"42","locale":"de","organization":"Acme"`)
	moved := arrive("robert@example.com", `,"external_id":"42"`)
	if moved.User != bob.User || moved.Email != "robert@example.com" {
		t.Errorf("the partner's user 42 came with a new address as %+v, and before as %+v", moved, bob)
	}
	u, err := h.doors.Users.Find(t.Context(), h.acme, bob.User)
	if err != nil || u.Email != "robert@example.com" || u.ExternalID != "42" || u.Locale != "de" || u.Organization != "Acme" {
		t.Errorf("user %+v, %v", u, err)
	}
	eve := arrive("eve@example.com", "")
	if took := arrive("eve@example.com", `,"external_id":"42"`); took.User != eve.User {
		t.Errorf("an external ID takes over another user: %+v", took)
	}
}

func FuzzPartnerToken(f *testing.F) {
	h := open(f)
	now := time.Now().Unix()
	keys, err := h.tenants.Keys(f.Context(), h.acme.ID)
	if err != nil {
		f.Fatal(err)
	}
	k, _ := keys.Current(tenant.KindJWT)
	f.Add(hs256, fmt.Sprintf(`{"email":"bob@example.com","name":"Bob","exp":%d}`, now+100))
	f.Add(`{"alg":"none"}`, `{}`)
	f.Add(hs256, `{"email":"bob@example.com","email":"eve@example.com","exp":1e9}`)
	f.Fuzz(func(t *testing.T, head, payload string) {
		r := post("bob@example.com", "Bob")
		r.Client.IP = addr()
		r.Token = jws(k.Secret+"x", head, payload)
		if got, err := h.doors.Redirects.Begin(t.Context(), r); err == nil {
			t.Errorf("a token with another key: %+v", got)
		}
		r.Token = jws(k.Secret, head, payload)
		if _, err := h.doors.Redirects.Begin(t.Context(), r); err == nil && !strings.Contains(head, "HS256") {
			t.Errorf("header %s", head)
		}
	})
}
