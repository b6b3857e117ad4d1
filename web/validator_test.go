package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// failedRules are the rules that failed in the answer of the validator, with their reasons, and how many rules there are.
func failedRules(t *testing.T, a webtest.Answer) (failed string, all int) {
	t.Helper()
	var doc struct {
		Rules []struct{ Rule, State, Detail string }
	}
	if err := json.Unmarshal([]byte(a.Body), &doc); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	var text strings.Builder
	for _, r := range doc.Rules {
		if r.State == "failed" {
			fmt.Fprintf(&text, "%s: %s; ", r.Rule, r.Detail)
		}
	}
	return text.String(), len(doc.Rules)
}

func TestTokenValidator(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	ask := func(token, kind string) webtest.Answer {
		t.Helper()
		body := fmt.Sprintf(`{"token":%q,"kind":%q}`, token, kind)
		return n.Client(t).Do("POST", n.URL+"/api/test/jwt", body, asJSON, "Authorization: Bearer "+n.Acme.Token)
	}
	good := jws(sha256.New, secret, hs256, payload("validated"))
	got := ask(good, "")
	doc := got.JSON(t)
	if failed, all := failedRules(t, got); got.Status != 200 || doc["valid"] != true || failed != "" || all != 18 {
		t.Errorf("a good token = %d %s", got.Status, got.Body)
	}
	if who, _ := doc["person"].(map[string]any); who["email"] != "zoe@example.com" || doc["clock_offset_seconds"] == nil {
		t.Errorf("a good token = %s", got.Body)
	}
	login := func() webtest.Answer {
		return n.Client(t).Do("POST", n.Acme.URL+"/api/jwt/login", "token="+good, asForm, nextVisitor())
	}
	if got := login(); got.Status != 200 {
		t.Errorf("a token that was validated signs in = %d %s", got.Status, got.Body)
	}
	if failed, _ := failedRules(t, ask(good, "jwt")); failed != "unused: it was used already; " {
		t.Errorf("a used token: %q", failed)
	}
	now := time.Now().Unix()
	for what, tc := range map[string]struct{ token, kind, failed string }{
		"text":                 {"x", "", "form: it has not three parts with dots between them; "},
		"another secret":       {jws(sha256.New, "another secret of the partner", hs256, payload("a")), "", "signature: its signature was made with another secret than the tenant's jwt_secret; "},
		"the other tenant's":   {jws(sha256.New, n.Bolt.Keys.Secrets()["jwt_secret"], hs256, payload("a")), "", "signature: its signature was made with another secret than the tenant's jwt_secret; "},
		"HS512":                {jws(sha256.New, secret, `{"alg":"HS512"}`, payload("a")), "", "alg: its alg is HS512, and the tenant's key is for HS256; "},
		"several at once":      {jws(sha256.New, secret, `{"alg":"HS256","crit":[]}`, fmt.Sprintf(`{"email":"zoe","exp":%d}`, now+3600)), "", "crit: it has critical extensions (crit); lifetime: it is good for more than ten minutes; email: its email is not one plain email address; name: it has no name; "},
		"for the other door":   {good, "simpleauth", "signature: its signature was made with another secret than the tenant's simpleauth_key; "},
		"SimpleAuth without…":  {jws(sha256.New, n.Acme.Keys.Secrets()["simpleauth_key"], hs256, fmt.Sprintf(`{"email":"zoe@example.com","iat":%d}`, now)), "simpleauth", "end: it has no exp; jti: it has no jti; "},
		"milliseconds":         {jws(sha256.New, secret, hs256, fmt.Sprintf(`{"email":"zoe@example.com","name":"Zoe","exp":%d}`, now*1000)), "", "numbers: its exp is not a number of seconds: perhaps of milliseconds; "},
		"claims that are none": {jws(sha256.New, secret, hs256, `[]`), "", "claims: its claims: it is not a JSON object; "},
	} {
		got := ask(tc.token, tc.kind)
		failed, _ := failedRules(t, got)
		if !strings.HasPrefix(failed, tc.failed) || got.JSON(t)["valid"] != false || got.JSON(t)["person"] != nil {
			t.Errorf("%s: %q, want %q", what, failed, tc.failed)
		}
		if strings.Contains(got.Body, secret) {
			t.Errorf("%s: the answer holds the key", what)
		}
	}
	for what, body := range map[string]string{"no token": `{}`, "an unknown kind": `{"token":"x","kind":"redirect"}`, "an unknown field": `{"token":"x","key":"y"}`} {
		got := n.Client(t).Do("POST", n.URL+"/api/test/jwt", body, asJSON, "Authorization: Bearer "+n.Acme.Token)
		if got.Status != 422 {
			t.Errorf("%s = %d %s", what, got.Status, got.Body)
		}
	}
}

// Strangers, requesters, agents and weak API tokens learn nothing about tokens.
func TestTokenValidatorIsForAdmins(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	_, weak, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "weak", Scopes: auth.AllScopes &^ auth.TenantWrite, By: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"token":"x"}`
	own := []string{asJSON, "Origin: " + n.Acme.URL, "Sec-Fetch-Site: same-origin"}
	for what, got := range map[string]webtest.Answer{
		"a stranger":            n.Client(t).Do("POST", n.Acme.URL+"/api/test/jwt", body, own...),
		"a requester":           n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Do("POST", n.Acme.URL+"/api/test/jwt", body, own...),
		"an agent":              ann.Do("POST", n.Acme.URL+"/api/test/jwt", body, own...),
		"a weak token":          n.Client(t).Do("POST", n.Acme.URL+"/api/test/jwt", body, asJSON, "Authorization: Bearer "+weak),
		"the other tenant's":    n.Client(t).Do("POST", n.Acme.URL+"/api/test/jwt", body, asJSON, "Authorization: Bearer "+n.Bolt.Token),
		"a stranger at page":    n.Client(t).Send(n.Acme.URL+"/agent/settings/validator", url.Values{"token": {"x"}}),
		"an agent at the page":  ann.Send(n.Acme.URL+"/agent/settings/validator", url.Values{"token": {"x"}}),
		"an agent who looks on": ann.Open(n.Acme.URL + "/agent/settings/validator"),
	} {
		if got.Status == 200 || strings.Contains(got.Body, "three parts") {
			t.Errorf("%s = %d %s", what, got.Status, got.Body)
		}
	}
	if got := boss.Do("POST", n.Acme.URL+"/api/test/jwt", body, own...); got.Status != 200 {
		t.Errorf("an admin = %d %s", got.Status, got.Body)
	}
}

func TestTokenValidatorPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	page := n.Acme.URL + "/agent/settings/validator"
	expect(t, boss.Open(page), 200, `aria-current="page">Token validator</a>`)
	good := jws(sha256.New, n.Acme.Keys.Secrets()["jwt_secret"], hs256, payload("page", `,"note":"<b>bold</b>"`))
	got := expect(t, boss.Send(page, url.Values{"token": {" " + good + "\r\n"}, "kind": {"jwt"}}), 200, "This token is good.")
	expect(t, got, 200, "It would sign in Zoe, zoe@example.com.")
	expect(t, got, 200, "&lt;b&gt;bold")
	if strings.Contains(got.Body, good) {
		t.Error("the page shows the token again")
	}
	expect(t, boss.Send(page, url.Values{"token": {good}, "kind": {"simpleauth"}}), 200, "1 of 18 rules fails")
	expect(t, boss.Send(page, url.Values{"token": {" "}}), 422, "Paste a token first.")
	expect(t, boss.Send(page, url.Values{"token": {"x"}, "kind": {"redirect"}}), 422, "")
	if got := n.Client(t).Do("POST", n.Acme.URL+"/api/jwt/login", "token="+good, asForm); got.Status != 200 {
		t.Errorf("after all that the token signs in = %d %s", got.Status, got.Body)
	}
}

// TestTokenValidatorSpeaksGerman: also what is wrong with a token is said in the reader's language.
func TestTokenValidatorSpeaksGerman(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	claims := func(more string) string { return `{"email":"zoe@example.com","name":"Zoe"` + more + `}` }
	for token, want := range map[string][]string{
		"x": {"es besteht nicht aus drei Teilen mit Punkten dazwischen"},
		jws(sha256.New, "another secret of the partner", hs256, payload("g1")):                       {"die Signatur wurde mit einem anderen Secret gemacht als dem jwt_secret des Helpdesks"},
		jws(sha256.New, secret, `{"alg":"none"}`, payload("g2")):                                     {"alg ist none, und der Schlüssel des Helpdesks ist für HS256"},
		jws(sha256.New, secret, `{"alg":"HS256","kid":"k"}`, payload("g3")):                          {"es gibt keinen Schlüssel mit diesem kid"},
		jws(sha256.New, secret, hs256, `{"email":"a@b.example","email":"c@d.example","name":"Zoe"}`): {"die Angaben: es ist kein strenges JSON"},
		jws(sha256.New, secret, hs256, claims(`,"exp":1000000000`)):                                  {"es ist seit ", " Sekunden abgelaufen"},
		jws(sha256.New, secret, hs256, claims(``)):                                                   {"exp und iat fehlen"},
		jws(sha256.New, secret, hs256, claims(`,"exp":"soon"`)):                                      {"exp ist keine Zahl"},
		jws(sha256.New, secret, hs256, claims(`,"exp":32503680000`)):                                 {"es gilt länger als zehn Minuten"},
		jws(sha256.New, secret, hs256, claims(`,"exp":32503680000,"locale":5`)):                      {"locale ist kein Text"},
	} {
		form := url.Values{"token": {token}, "kind": {"jwt"}}
		page := boss.Do("POST", n.Acme.URL+"/agent/settings/validator", form.Encode(), append([]string{"Accept-Language: de"}, webtest.Submit...)...)
		for _, text := range want {
			if !strings.Contains(page.Body, text) {
				t.Errorf("the page about %.60s (%d) does not say %q: %q", token, page.Status, text, regexp.MustCompile(`<p class="detail">[^<]*`).FindAllString(page.Body, -1))
			}
		}
	}
}
