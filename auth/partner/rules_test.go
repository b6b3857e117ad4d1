package partner_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// Each row breaks the rule that it names, or none.
func TestRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ours := h.key(t, h.acme, tenant.KindJWT)
		now := time.Now().Unix()
		good := jws(ours.Secret, hs256, bob(""))
		bare := func(more string) string {
			return jws(ours.Secret, hs256, `{"email":"bob@example.com","name":"Bob"`+more+`}`)
		}
		at := func(claim string, offset int64) string { return fmt.Sprintf(`,%q:%d`, claim, now+offset) }
		ended := func(value string) string { return bare(`,"exp":` + value) }
		named := func(email string) string {
			return jws(ours.Secret, hs256, replace(bob(""), `"bob@example.com"`, email))
		}
		head := func(more string) string { return jws(ours.Secret, `{"alg":"HS256"`+more+`}`, bob("")) }
		claims := func(more string) string { return jws(ours.Secret, hs256, bob(more)) }
		hmacWith := func(m jwt.SigningMethod, alg string) string {
			return signed(t, m, []byte(ours.Secret), `{"alg":"`+alg+`"}`, bob(""))
		}
		cut := strings.LastIndexByte(good, '.')

		for _, tc := range []struct{ what, rule, token string }{
			{"a good one", "", good},
			{"8 KiB", "form", claims(`,"x":"` + strings.Repeat("x", 8<<10) + `"`)},
			{"nearly 8 KiB", "", claims(`,"x":"` + strings.Repeat("x", 5800) + `"`)},
			{"text", "form", "x"},
			{"nothing", "form", ""},
			{"two parts", "form", good[:cut]},
			{"four parts", "form", good + ".x"},
			{"five parts", "form", good + ".x.x"},
			{"padding", "form", good + "="},
			{"a line end", "form", good + "\n"},
			{"a line end before", "form", "\n" + good},
			{"a line end inside", "form", good[:20] + "\r\n" + good[20:]},
			{"white space around", "form", " " + good},
			{"base64 that is not for URLs", "form", replace(good, good[20:21], "+")},
			{"bits that nobody reads", "form", good[:len(good)-1] + string(good[len(good)-1]+1)},

			{"a header that is text", "header", jws(ours.Secret, `"x"`, bob(""))},
			{"a header that is null", "header", jws(ours.Secret, `null`, bob(""))},
			{"no header", "header", jws(ours.Secret, ``, bob(""))},
			{"alg twice", "header", head(`,"alg":"HS256"`)},
			{"alg twice by case", "header", head(`,"ALG":"none"`)},
			{"alg twice by an escape", "header", head(`,"\u0061lg":"none"`)},
			{"a name twice inside", "header", head(`,"x":{"a":1,"a":2}`)},
			{"a name twice by case in a list", "header", head(`,"x":[1,{"a":1,"A":2}]`)},
			{"something behind the header", "header", jws(ours.Secret, hs256+hs256, bob(""))},
			{"a header with a comment", "header", jws(ours.Secret, hs256+"//", bob(""))},
			{"a byte order mark", "header", jws(ours.Secret, "\ufeff"+hs256, bob(""))},
			{"a header that is not UTF-8", "header", head(",\"x\":\"\xff\"")},
			{"half a surrogate pair", "header", head(`,"x":"\ud800"`)},
			{"17 levels", "header", head(`,"x":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16))},
			{"16 levels", "", head(`,"x":` + strings.Repeat(`[`, 15) + strings.Repeat(`]`, 15))},

			{"crit", "crit", head(`,"crit":["exp"]`)},
			{"an empty crit", "crit", head(`,"crit":[]`)},
			{"a null crit", "crit", head(`,"crit":null`)},
			{"b64 with its crit", "crit", head(`,"b64":false,"crit":["b64"]`)},

			{"our kid", "", head(`,"kid":"` + ours.ID + `"`)},
			{"our kid in another case", "kid", head(`,"kid":"` + strings.ToLower(ours.ID) + `"`)},
			{"a longer kid", "kid", head(`,"kid":"` + ours.ID + `x"`)},
			{"a path as kid", "kid", head(`,"kid":"../../dev/null"`)},
			{"SQL as kid", "kid", head(`,"kid":"x' UNION SELECT 'key"`)},
			{"an empty kid", "kid", head(`,"kid":""`)},
			{"a null kid", "kid", head(`,"kid":null`)},
			{"a number as kid", "kid", head(`,"kid":1`)},
			{"another kind's kid", "kid", head(`,"kid":"` + h.key(t, h.acme, tenant.KindSimpleAuth).ID + `"`)},
			{"another tenant's kid", "kid", head(`,"kid":"` + h.key(t, h.bee, tenant.KindJWT).ID + `"`)},

			{"none", "alg", encode(`{"alg":"none"}`) + "." + encode(bob("")) + "."},
			{"none with a signature", "alg", jws(ours.Secret, `{"alg":"none"}`, bob(""))},
			{"None", "alg", encode(`{"alg":"None"}`) + "." + encode(bob("")) + "."},
			{"HS384", "alg", hmacWith(jwt.SigningMethodHS384, "HS384")},
			{"HS512", "alg", hmacWith(jwt.SigningMethodHS512, "HS512")},
			{"HS384 that says HS256", "signature", hmacWith(jwt.SigningMethodHS384, "HS256")},
			{"hs256", "alg", hmacWith(jwt.SigningMethodHS256, "hs256")},
			{"no alg", "alg", jws(ours.Secret, `{"typ":"JWT"}`, bob(""))},
			{"a list as alg", "alg", jws(ours.Secret, `{"alg":["HS256"]}`, bob(""))},
			{"EdDSA", "alg", jws(ours.Secret, `{"alg":"EdDSA"}`, bob(""))},

			{"no signature", "signature", good[:cut+1]},
			{"half a signature", "signature", good[:cut+21]},
			{"another payload", "signature", strings.Join([]string{good[:strings.IndexByte(good, '.')], encode(bob(`,"x":1`)), good[cut+1:]}, ".")},
			{"another secret", "signature", jws(ours.Secret+"x", hs256, bob(""))},
			{"no secret", "signature", jws("", hs256, bob(""))},
			{"another kind's secret", "signature", jws(h.key(t, h.acme, tenant.KindSimpleAuth).Secret, hs256, bob(""))},
			{"another tenant's secret", "signature", jws(h.key(t, h.bee, tenant.KindJWT).Secret, hs256, bob(""))},
			{"the key in the header (jwk)", "signature", jws("AAAA", `{"alg":"HS256","jwk":{"kty":"oct","k":"QUFBQQ"}}`, bob(""))},
			{"jwk, jku, x5u and x5c beside a good signature", "", head(`,"jwk":{"kty":"oct","k":"AA"},"jku":"https://127.0.0.1:1/","x5u":"https://127.0.0.1:1/","x5c":["x"]`)},

			{"claims in a list", "claims", jws(ours.Secret, hs256, "["+bob("")+"]")},
			{"null claims", "claims", jws(ours.Secret, hs256, "null")},
			{"email twice", "claims", claims(`,"email":"eve@example.com"`)},
			{"EMAIL", "claims", claims(`,"EMAIL":"eve@example.com"`)},
			{"email twice by an escape", "claims", claims(`,"\u0065mail":"eve@example.com"`)},
			{"a name twice by the Kelvin sign", "claims", claims(`,"k":1,"\u212a":2`)},
			{"a name twice by the long s", "claims", claims(`,"s":1,"\u017f":2`)},
			{"a name twice inside the claims", "claims", claims(`,"x":{"y":{"a":1,"a":2}}`)},
			{"something behind the claims", "claims", jws(ours.Secret, hs256, bob("")+"x")},
			{"a second object", "claims", jws(ours.Secret, hs256, bob("")+bob(""))},
			{"a comma too many", "claims", jws(ours.Secret, hs256, replace(bob(""), "}", ",}"))},
			{"NaN", "claims", claims(`,"x":NaN`)},
			{"white space in the claims", "", jws(ours.Secret, hs256, " \n"+bob("")+"\n\t ")},
			{"the same name in different objects", "", claims(`,"a":{"x":1},"b":{"x":2},"c":[{"x":1},{"x":2}]`)},
			{"rights that nobody gave", "", claims(`,"roles":["admin"],"level":"staff","scope":"tickets:write"`)},

			{"exp as text", "numbers", ended(fmt.Sprintf(`"%d"`, now+60))},
			{"exp null", "numbers", ended("null")},
			{"exp true", "numbers", ended("true")},
			{"exp in a list", "numbers", ended(fmt.Sprintf("[%d]", now+60))},
			{"exp huge", "numbers", ended("1e300")},
			{"exp beyond all numbers", "numbers", ended("1e999")},
			{"exp beyond 64 bits", "numbers", ended("18446744073709551616")},
			{"exp in milliseconds", "numbers", ended(strconv.FormatInt((now+60)*1000, 10))},
			{"exp negative", "numbers", ended("-1")},
			{"iat in milliseconds", "numbers", bare(fmt.Sprintf(`,"iat":%d`, now*1000))},
			{"iat negative", "numbers", bare(`,"iat":-1` + at("exp", 60))},
			{"nbf as text", "numbers", claims(`,"nbf":"now"`)},
			{"exp with a fraction", "", ended(fmt.Sprintf("%d.5", now+60))},
			{"exp with an exponent", "", ended(fmt.Sprintf("%de0", now+60))},

			{"neither exp nor iat", "end", bare("")},
			{"exp alone", "", bare(at("exp", 60))},
			{"iat alone", "", bare(at("iat", 0))},
			{"iat alone, nearly over", "", bare(at("iat", -149))},
			{"iat alone, over", "expired", bare(at("iat", -150))},
			{"exp over", "expired", bare(at("exp", -30))},
			{"exp nearly over", "", bare(at("exp", -29))},
			{"exp 0", "expired", ended("0")},
			{"iat to come", "future", bare(at("iat", 31) + at("exp", 120))},
			{"iat of a clock that is fast", "", bare(at("iat", 29) + at("exp", 120))},
			{"nbf to come", "future", claims(at("nbf", 31))},
			{"nbf of a clock that is fast", "", claims(at("nbf", 29))},
			{"ten minutes", "", bare(at("iat", 0) + at("exp", 600))},
			{"eleven minutes", "lifetime", bare(at("iat", 0) + at("exp", 660))},
			{"eleven minutes from now", "lifetime", bare(at("exp", 660))},
			{"eleven minutes, half of them gone", "lifetime", bare(at("iat", -330) + at("exp", 330))},
			{"a year", "lifetime", bare(at("exp", 365*24*3600))},

			{"a number as email", "text", named("1")},
			{"a list as email", "text", named(`["bob@example.com"]`)},
			{"an object as email", "text", named(`{"value":"bob@example.com"}`)},
			{"a number as name", "text", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, "1"))},
			{"a list as redirect_url", "text", claims(`,"redirect_url":["/"]`)},
			{"a number as external_id", "", claims(`,"external_id":42`)},
			{"null for what may be absent", "", claims(`,"locale":null,"external_id":null,"jti":null`)},

			{"no email", "email", jws(ours.Secret, hs256, replace(bob(""), `"email"`, `"mail"`))},
			{"an empty email", "email", named(`""`)},
			{"null for an email", "email", named(`null`)},
			{"two emails", "email", named(`"bob@example.com,eve@example.com"`)},
			{"an email with a name", "email", named(`"Bob <bob@example.com>"`)},
			{"a Kelvin sign", "email", named(`"\u212aim@example.com"`)},
			{"an email with a line end", "email", named(`"bob@example.com\n"`)},
			{"an email with a NUL", "email", named(`"bob\u0000@example.com"`)},
			{"an email with white space", "email", named(`" bob@example.com"`)},
			{"quotes", "email", named(`"\"bob\"@example.com"`)},
			{"an address literal", "email", named(`"bob@[192.0.2.1]"`)},
			{"Cyrillic among Latin letters", "email", named(`"b\u043eb@example.com"`)},
			{"an invisible letter", "email", named(`"bob\u200b@example.com"`)},
			{"an email in capitals", "", named(`"BOB@EXAMPLE.COM"`)},

			{"no name", "name", jws(ours.Secret, hs256, replace(bob(""), `"name"`, `"nom"`))},
			{"an empty name", "name", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, `" "`))},
			{"201 characters", "name", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, `"`+strings.Repeat("ä", 201)+`"`))},
			{"200 characters", "", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, `"`+strings.Repeat("ä", 200)+`"`))},
			{"a name with a line end", "name", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, `"Bob\nadmin"`))},
			{"a name that turns text around", "name", jws(ours.Secret, hs256, replace(bob(""), `"Bob"`, `"Bob\u202e"`))},
			{"a long external_id", "name", claims(`,"external_id":"` + strings.Repeat("x", 256) + `"`)},

			{"a jti", "", claims(`,"jti":"a"`)},
			{"a number as jti", "", claims(`,"jti":8883362531196.326`)},
			{"an empty jti", "", claims(`,"jti":""`)},
			{"an object as jti", "jti", claims(`,"jti":{}`)},
			{"true as jti", "jti", claims(`,"jti":true`)},
		} {
			if got := h.broken(t, tenant.KindJWT, tc.token); got != tc.rule {
				t.Errorf("%s breaks %q, want %q", tc.what, got, tc.rule)
			}
			token, err := h.check(t, tc.token)
			switch tc.rule {
			case "":
				want(t, tc.what, err, nil)
				if token.Email != "bob@example.com" || token.Credential == "" || !token.Use.Once() {
					t.Errorf("%s: %+v", tc.what, token)
				}
			case "expired":
				want(t, tc.what, err, partner.ErrExpired)
			default:
				want(t, tc.what, err, partner.ErrInvalid)
			}
			if nobody := errors.Is(err, partner.ErrNobody); nobody && tc.rule != "email" && tc.rule != "name" {
				t.Errorf("%s: %v", tc.what, err)
			}
		}
	})
}

// SimpleAuth's tokens need an exp and a jti, and no name.
func TestRulesOfSimpleAuth(t *testing.T) {
	h := open(t)
	now := time.Now().Unix()
	token := func(payload string) string {
		return jws(h.key(t, h.acme, tenant.KindSimpleAuth).Secret, hs256, fmt.Sprintf(payload, now+60))
	}
	for _, tc := range []struct{ what, rule, name, payload string }{
		{"name", "", "Bob B.", `{"email":"bob@example.com","name":" Bob B. ","firstname":"X","jti":"1","exp":%d}`},
		{"first and last name", "", "Bob Brown", `{"email":"bob@example.com","firstname":"Bob","lastname":"Brown","jti":"1","exp":%d}`},
		{"last name", "", "Brown", `{"email":"bob@example.com","lastname":"Brown","jti":"1","exp":%d}`},
		{"no name", "", "bob.brown", `{"email":"Bob.Brown@example.com","jti":1,"exp":%d}`},
		{"empty names", "", "bob", `{"email":"bob@example.com","name":"","firstname":"","lastname":" ","jti":1,"exp":%d}`},
		{"no jti", "jti", "", `{"email":"bob@example.com","exp":%d}`},
		{"an empty jti", "jti", "", `{"email":"bob@example.com","jti":"","exp":%d}`},
		{"no exp", "end", "", `{"email":"bob@example.com","jti":"1","iat":%d}`},
		{"no email", "email", "", `{"jti":"1","exp":%d}`},
		{"a firstname that is none", "text", "", `{"email":"bob@example.com","firstname":{},"jti":"1","exp":%d}`},
	} {
		if got := h.broken(t, tenant.KindSimpleAuth, token(tc.payload)); got != tc.rule {
			t.Errorf("%s breaks %q, want %q", tc.what, got, tc.rule)
		}
		got, err := h.verifier.Token(t.Context(), h.acme, tenant.KindSimpleAuth, token(tc.payload))
		if got.Name != tc.name || (err == nil) != (tc.rule == "") {
			t.Errorf("%s: name %q, %v", tc.what, got.Name, err)
		}
		if _, err := h.verifier.Token(t.Context(), h.acme, tenant.KindSimpleAuthOperators, token(tc.payload)); err == nil {
			t.Errorf("%s: signs operators in as well", tc.what)
		}
	}
}
