package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskgate/deskgate/web/webtest"
)

// tokenDoor is a way in for a partner's token.
type tokenDoor struct {
	name string
	// key is the name of the secret that its tokens are made with.
	key string
	try func(c *webtest.Client, token string) webtest.Answer
	// opened is the status of an answer that lets somebody in.
	opened int
}

// tokenDoors are all ways in for Acme's partner's tokens.
func tokenDoors(n *webtest.Node) []tokenDoor {
	login := func(address string, fields url.Values) func(*webtest.Client, string) webtest.Answer {
		return func(c *webtest.Client, token string) webtest.Answer {
			fields := maps.Clone(fields)
			fields.Set("token", token)
			return c.Do("POST", address, fields.Encode(), asForm, nextVisitor())
		}
	}
	zoe := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}}
	return []tokenDoor{
		{"JWT login at the node", "jwt_secret", login(n.URL+"/api/jwt/login", url.Values{"tenant_slug": {"acme"}}), 200},
		{"JWT login at the tenant's host", "jwt_secret", login(n.Acme.URL+"/api/jwt/login", url.Values{}), 200},
		{"redirect login at the node", "jwt_secret", login(n.URL+"/api/auth/redirect/acme", zoe), 302},
		{"redirect login at the tenant's host", "jwt_secret", login(n.Acme.URL+"/api/auth/redirect/acme", zoe), 302},
		{"the widget", "jwt_secret", login(n.Acme.URL+"/widget/session", url.Values{"origin": {n.Acme.URL}}), 200},
		{"SimpleAuth at the node", "simpleauth_key", login(n.URL+"/simpleauth/login", url.Values{"brand_id": {"acme"}}), 302},
		{"SimpleAuth at the tenant's host", "simpleauth_key", login(n.Acme.URL+"/simpleauth/login", url.Values{}), 302},
	}
}

// jws is a token with any header and payload.
func jws(h func() hash.Hash, secret, head, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(head)) + "." + encode([]byte(payload))
	mac := hmac.New(h, []byte(secret))
	_, _ = mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// payload are the claims of a good token, with others written behind them.
func payload(id string, more ...string) string {
	now := time.Now().Unix()
	return fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","iat":%d,"exp":%d,"jti":%q%s}`, now, now+60, id, strings.Join(more, ""))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// TestTokenTricks tries at each door every way that is known to make a token which is not the partner's look like one, or
// say something else than it seems to.
func TestTokenTricks(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	c := n.Forgetful(t)
	for _, door := range tokenDoors(n) {
		secrets, theirs := n.Acme.Keys.Secrets(), n.Bolt.Keys.Secrets()
		ours := secrets[door.key]
		good := jws(sha256.New, ours, hs256, payload("unused at "+door.name))
		parts := strings.Split(good, ".")
		encode := base64.RawURLEncoding.EncodeToString
		decoded, err := base64.RawURLEncoding.DecodeString(ours)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().Unix()
		at := func(exp, iat int64) string {
			return fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","exp":%d,"iat":%d,"jti":"t"}`, now+exp, now+iat)
		}
		signed := func(payload string) string { return jws(sha256.New, ours, hs256, payload) }
		headed := func(head string) string { return jws(sha256.New, ours, head, payload("h")) }
		for name, token := range map[string]string{
			// The algorithm.
			"none":                      encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
			"none with a signature":     headed(`{"alg":"none"}`),
			"None":                      encode([]byte(`{"alg":"None"}`)) + "." + parts[1] + ".",
			"HS384":                     jws(sha512.New384, ours, `{"alg":"HS384"}`, payload("a")),
			"HS512":                     jws(sha512.New, ours, `{"alg":"HS512"}`, payload("b")),
			"RS256 by name":             headed(`{"alg":"RS256"}`),
			"EdDSA by name":             headed(`{"alg":"EdDSA"}`),
			"no algorithm":              headed(`{"typ":"JWT"}`),
			"algorithm as a list":       headed(`{"alg":["HS256"]}`),
			"algorithm twice":           headed(`{"alg":"none","alg":"HS256"}`),
			"a public key as the key":   jws(sha256.New, public, hs256, payload("c")),
			"no signature":              parts[0] + "." + parts[1] + ".",
			"half a signature":          good[:len(good)-20],
			"an encrypted one":          good + ".a.b",
			"a token within the header": headed(`{"alg":"HS256","b64":false,"crit":["b64"]}`),

			// The key.
			"an empty key":             jws(sha256.New, "", hs256, payload("d")),
			"a known key":              jws(sha256.New, "your-256-bit-secret", hs256, payload("e")),
			"the decoded key":          jws(sha256.New, string(decoded), hs256, payload("f")),
			"the other tenant's key":   jws(sha256.New, theirs[door.key], hs256, payload("g")),
			"a key for something else": jws(sha256.New, secrets["redirect_key"], hs256, payload("h")),
			"the API token":            jws(sha256.New, n.Acme.Token, hs256, payload("i")),
			"kid: a file":              headed(`{"alg":"HS256","kid":"../../../../dev/null"}`),
			"kid: a statement":         headed(`{"alg":"HS256","kid":"' OR 1=1 --"}`),
			"kid: a number":            headed(`{"alg":"HS256","kid":1}`),
			"kid: another tenant's":    headed(`{"alg":"HS256","kid":"` + n.Bolt.Keys[0].ID + `"}`),
			"an embedded key":          jws(sha256.New, "mine", `{"alg":"HS256","jwk":{"kty":"oct","k":"bWluZQ"}}`, payload("j")),
			"a key elsewhere":          jws(sha256.New, "mine", `{"alg":"HS256","jku":"https://evil.example/jwks.json","kid":"1"}`, payload("k")),
			"a certificate":            jws(sha256.New, "mine", `{"alg":"HS256","x5c":["bWluZQ"],"x5u":"https://evil.example/"}`, payload("l")),
			"crit":                     headed(`{"alg":"HS256","crit":["exp"],"exp":1}`),
			"empty crit":               headed(`{"alg":"HS256","crit":[]}`),

			// The claims.
			"two emails":          signed(payload("m", `,"email":"eve@example.com"`)),
			"two emails by case":  signed(payload("n", `,"EMAIL":"eve@example.com"`)),
			"an escaped second":   signed(payload("o", `,"\u0065mail":"eve@example.com"`)),
			"email: a list":       signed(strings.Replace(payload("p"), `"zoe@example.com"`, `["zoe@example.com"]`, 1)),
			"email: an object":    signed(strings.Replace(payload("q"), `"zoe@example.com"`, `{"$ne":""}`, 1)),
			"email: nothing":      signed(strings.Replace(payload("r"), `"zoe@example.com"`, `null`, 1)),
			"email: two":          signed(strings.Replace(payload("s"), `zoe@example.com`, `zoe@example.com,eve@example.com`, 1)),
			"email: another form": signed(strings.Replace(payload("t"), `zoe@example.com`, `Zoe <zoe@example.com>`, 1)),
			"no end":              signed(`{"email":"zoe@example.com","name":"Zoe","jti":"u"}`),
			"end as text":         signed(fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","jti":"v","exp":"%d"}`, now+60)),
			"end without end":     signed(`{"email":"zoe@example.com","name":"Zoe","jti":"w","exp":1e400}`),
			"end in milliseconds": signed(fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","jti":"x","exp":%d000}`, now+60)),
			"a list":              signed(`[` + payload("y") + `]`),
			"two objects":         signed(payload("z") + payload("z")),
			"not UTF-8":           signed(strings.Replace(payload("aa"), `"Zoe"`, "\"Zo\xff\"", 1)),

			// The clock.
			"over":              signed(at(-35, -95)),
			"too long":          signed(at(700, 0)),
			"from the future":   signed(at(300, 60)),
			"not before a time": signed(payload("ab", fmt.Sprintf(`,"nbf":%d`, now+120))),
			"issued long ago":   signed(fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","jti":"ac","iat":%d}`, now-200)),

			// The spelling.
			"padding":              good + "=",
			"a line break":         good + "\n",
			"a space":              " " + good,
			"a space inside":       parts[0] + ". " + parts[1] + "." + parts[2],
			"base64 of the others": strings.NewReplacer("-", "+", "_", "/").Replace(jwsWith(t, ours, "-_")),
			"loose bits":           good[:len(good)-1] + loose(good[len(good)-1]),
			"NUL at its end":       good + "\x00",
			"empty parts":          "..",
			"JSON":                 `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
			"much":                 signed(payload("ad", `,"x":"`+strings.Repeat("x", 12<<10)+`"`)),
		} {
			got := door.try(c, token)
			if got.Status == door.opened || got.Status < 400 || got.Status >= 500 || got.Header["Set-Cookie"] != nil {
				t.Errorf("%s takes %q: %d %s", door.name, name, got.Status, got.Body)
			}
		}
		if got := door.try(c, good); got.Status != door.opened {
			t.Errorf("%s, the good token after all this = %d %s", door.name, got.Status, got.Body)
		}
	}
}

// jwsWith returns a good token whose signature has the characters in it.
func jwsWith(t *testing.T, secret, characters string) string {
	t.Helper()
	for i := range 1000 {
		token := jws(sha256.New, secret, hs256, payload(fmt.Sprint("with", i)))
		if strings.ContainsAny(token[strings.LastIndexByte(token, '.'):], characters) {
			return token
		}
	}
	t.Fatalf("no signature with any of %q", characters)
	return ""
}

// loose is another last character of a signature that decodes to the same bytes for those who don't look closely.
func loose(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// TestTokensWorkOnce: of 64 uses at once, at all doors that take the same key, one lets somebody in; and none afterwards,
// in whatever spelling.
func TestTokensWorkOnce(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	byKey := map[string][]tokenDoor{}
	for _, door := range tokenDoors(n) {
		byKey[door.key] = append(byKey[door.key], door)
	}
	for key, doors := range byKey {
		secret := n.Acme.Keys.Secrets()[key]
		once := payload("one")
		for name, token := range map[string]string{
			"with a jti":    jws(sha256.New, secret, hs256, once),
			"numeric jti":   jws(sha256.New, secret, hs256, strings.Replace(payload("x"), `"x"`, "8883362531196.326", 1)),
			"without a jti": jws(sha256.New, secret, hs256, strings.Replace(payload("x"), `,"jti":"x"`, "", 1)),
		} {
			if key != "jwt_secret" && name == "without a jti" {
				continue
			}
			var opened atomic.Int32
			var wg sync.WaitGroup
			for i := range 64 {
				c, door := n.Client(t), doors[i%len(doors)]
				wg.Go(func() {
					if got := door.try(c, token); got.Status == door.opened {
						opened.Add(1)
					} else if got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
						t.Errorf("%s, %s = %d %s", door.name, name, got.Status, got.Body)
					}
				})
			}
			wg.Wait()
			if opened.Load() != 1 {
				t.Errorf("%s, a token %s let in %d of 64", key, name, opened.Load())
			}
		}
		again := jws(sha256.New, secret, hs256, strings.Replace(once, `"name"`, `"locale":"de","name"`, 1))
		for _, door := range doors {
			if got := door.try(n.Client(t), again); got.Status == door.opened {
				t.Errorf("%s takes another token with the same jti", door.name)
			}
		}
	}
}

// TestOddBodies: what partners' programs, scanners and attackers send in the place of a form is refused in one way.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	twice, multipart := multipartForm(t, "email", "zoe@example.com", "email", "eve@example.com", "name", "Zoe", "token", "a", "token", "b")
	file := strings.ReplaceAll(strings.ReplaceAll(twice, `name="email"`, `name="email"; filename="x"`), `name="token"`, `name="token"; filename="x"`)
	deep := strings.Repeat(`{"email":`, 5000) + "1" + strings.Repeat("}", 5000)
	document, err := json.Marshal(map[string]string{"email": "zoe@example.com", "name": "Zoe", "token": "x", "pad": strings.Repeat("x", 1<<20)})
	if err != nil {
		t.Fatal(err)
	}
	c := n.Forgetful(t)
	for _, address := range []string{
		n.URL + "/api/auth/redirect/acme", n.Acme.URL + "/api/auth/redirect/acme", n.URL + "/api/test/auth/redirect/acme", n.URL + "/api/jwt/login",
	} {
		for _, tc := range []struct {
			name, kind, body string
			statuses         []int
		}{
			{"1 MiB of JSON", asJSON, string(document), []int{413}},
			{"1 MiB of form", asForm, "email=" + strings.Repeat("x", 1<<20), []int{413}},
			{"a little too much", asForm, "x=" + strings.Repeat("x", 16<<10), []int{413}},
			{"lists", asForm, "email[]=zoe%40example.com&name=Zoe&token[]=x", []int{400}},
			{"a map", asForm, "email[$ne]=x&name=Zoe&token[$ne]=x", []int{400}},
			{"twice", asForm, "email=a%40b.example&email=c%40d.example&name=Zoe&token=a&token=b", []int{400}},
			{"twice by escape", asForm, "email=a%40b.example&%65mail=c%40d.example&name=Z&token=a&%74oken=b", []int{400}},
			{"semicolons", asForm, "email=a%40b.example;email=c%40d.example;token=a", []int{400}},
			{"twice in JSON", asJSON, `{"email":"a@b.example","email":"c@d.example","name":"Z","token":"a","token":"b"}`, []int{400}},
			{"twice in multipart", "Content-Type: " + multipart, twice, []int{400}},
			{"files", "Content-Type: " + multipart, file, []int{400}},
			{"text", "Content-Type: text/plain", `{"email":"a@b.example","name":"Z","token":"x"}`, []int{415}},
			{"no type", "Accept: */*", `{"email":"a@b.example","name":"Z","token":"x"}`, []int{415}},
			{"XML", "Content-Type: application/xml", `<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>`, []int{415}},
			{"compressed", asJSON + "\r\nContent-Encoding: gzip", "\x1f\x8b", []int{400, 415}},
			{"deep JSON", asJSON, deep, []int{400, 413}},
			{"a number", asJSON, `{"email":1,"name":2,"token":{}}`, []int{422}},
			{"another charset", asForm + "; charset=UTF-7", "email=+AG-&name=Z&token=%ff", []int{400, 401, 415, 422}},
			{"nothing", asJSON, "", []int{400, 422}},
			{"NUL", asJSON, "\x00", []int{400}},
		} {
			kind, more, _ := strings.Cut(tc.kind, "\r\n")
			headers := []string{kind, nextVisitor()}
			if more != "" {
				headers = append(headers, more)
			}
			got := c.Do("POST", address, tc.body, headers...)
			known := false
			for _, status := range tc.statuses {
				known = known || got.Status == status
			}
			if !known || got.JSON(t)["success"] != false || got.Header["Set-Cookie"] != nil {
				t.Errorf("%s, %s = %d %.300s, want %v", address, tc.name, got.Status, got.Body, tc.statuses)
			}
		}
	}
}
