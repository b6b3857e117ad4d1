package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// passing are the parts of an answer that are never the same twice, and the headers that are not compared.
var passing = regexp.MustCompile(`token=[A-Za-z0-9_-]+|name="token" value="[A-Za-z0-9_-]+"|"request_id":"[^"]*"|"bearer":"[^"]*"|(data-owner|name="for" value)="[0-9a-f]{16}"|"expires_in":[0-9]+|<code>[A-Z2-7]{26}</code>|\b[A-Z2-7]{26}\b`)

// shape is all of an answer that must not tell whether somebody is known.
func shape(a webtest.Answer, email string) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		switch name {
		case "Date", "X-Request-Id", "X-Ratelimit-Reset":
			fmt.Fprintln(&b, name)
		case "Location":
			// How long a token is says how much is in it.
			fmt.Fprintln(&b, name, passing.ReplaceAllString(a.Location(), "TOKEN"), len(a.Location()))
		case "Set-Cookie":
			fmt.Fprintln(&b, name, len(a.Header[name]))
		default:
			fmt.Fprintln(&b, name, a.Header[name])
		}
	}
	return b.String() + strings.ReplaceAll(passing.ReplaceAllString(a.Body, "PASSING"), email, "EMAIL")
}

// TestNobodyIsGivenAway: no door tells whether the help desk knows an address, be it a requester's, one of whom somebody
// else has spoken, or an agent's.
func TestNobodyIsGivenAway(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	n.SignIn(t, n.Acme, "zknown001@example.com", "Zoe")
	n.Visit(t, n.Acme, "zclaim001@example.com", "Zoe")
	n.Agent(t, n.Acme, "zagent001@example.com", "Zoe", auth.RoleAdmin)
	emails := []string{"znobody01@example.com", "zknown001@example.com", "zclaim001@example.com", "zagent001@example.com"}
	for name, ask := range map[string]func(c *webtest.Client, email string) webtest.Answer{
		"redirect login": func(c *webtest.Client, email string) webtest.Answer {
			return c.Do("POST", n.URL+"/api/auth/redirect/acme", `{"email":"`+email+`","name":"Zoe"}`, asJSON, nextVisitor())
		},
		"redirect login without a name": func(c *webtest.Client, email string) webtest.Answer {
			return c.Do("POST", n.URL+"/api/auth/redirect/acme", url.Values{"email": {email}}.Encode(), asForm, asPage, nextVisitor())
		},
		"test endpoint": func(c *webtest.Client, email string) webtest.Answer {
			return c.Do("POST", n.URL+"/api/test/auth/redirect/acme", `{"email":"`+email+`","name":"Zoe"}`, asJSON, nextVisitor())
		},
		"unproven callback": func(c *webtest.Client, email string) webtest.Answer {
			return c.Open(n.Handoff(t, n.Acme, email, "Zoe", false))
		},
		"the click on Continue": func(c *webtest.Client, email string) webtest.Answer {
			address, token := split(t, n.Handoff(t, n.Acme, email, "Zoe", false))
			return c.Send(address, token)
		},
		"the dashboard behind it": func(c *webtest.Client, email string) webtest.Answer {
			address, token := split(t, n.Handoff(t, n.Acme, email, "Zoe", false))
			c.Send(address, token)
			return c.Open(n.Acme.URL + "/dashboard")
		},
		"asking for a code": func(c *webtest.Client, email string) webtest.Answer {
			address, token := split(t, n.Handoff(t, n.Acme, email, "Zoe", false))
			c.Send(address, token)
			c.Send(n.Acme.URL+"/auth/confirm/send", nil)
			return c.Open(n.Acme.URL + "/auth/confirm")
		},
		"widget": func(c *webtest.Client, email string) webtest.Answer {
			form := url.Values{"email": {email}, "name": {"Zoe"}, "origin": {partner}}
			return c.Do("POST", n.Acme.URL+"/widget/session", form.Encode(), asForm, "Origin: "+n.Acme.URL, "Sec-Fetch-Site: same-origin", nextVisitor())
		},
		"new password": func(c *webtest.Client, email string) webtest.Answer {
			return c.Do("POST", n.Acme.URL+"/agent/forgot", url.Values{"email": {email}}.Encode(), append([]string{nextVisitor()}, webtest.Submit...)...)
		},
		"single sign-on": func(c *webtest.Client, email string) webtest.Answer {
			return c.Do("POST", n.Acme.URL+"/agent/oidc", url.Values{"email": {email}}.Encode(), append([]string{nextVisitor()}, webtest.Submit...)...)
		},
		"staff sign-in": func(c *webtest.Client, email string) webtest.Answer {
			form := url.Values{"email": {email}, "password": {"not the right one, surely"}}
			return c.Do("POST", n.Acme.URL+"/agent/login", form.Encode(), append([]string{nextVisitor()}, webtest.Submit...)...)
		},
	} {
		var first string
		for i, email := range emails {
			got := shape(ask(n.Client(t), email), email)
			if i == 0 {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s of nobody (-) and of %s (+) differ:\n%s", name, email, diff)
			}
		}
	}
}

// TestLookAlikes: an address that only looks like another one is refused, or is somebody else.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	kim := n.SignIn(t, n.Acme, "kim.ross@example.com", "Kim")
	expect(t, kim.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Heliotrope"}, "description": {"x"}}), 303, "")
	for _, tc := range []struct {
		email string
		same  bool
	}{
		{"KIM.Ross@EXAMPLE.com", true},
		{"\u212aim.ross@example.com", false}, // the Kelvin sign, which lower case turns into k
		{"k\u0131m.ross@example.com", false}, // dotless i
		{"kim.ro\u017fs@example.com", false}, // long s, which upper case turns into S
		{"kim.ro\u00dfs@example.com", false},
		{"k\u0456m.ross@example.com", false}, // Cyrillic
		{"\uff4bim.ross@example.com", false}, // wide
		{"kim.ross@example.com\u200b", false},
		{"kim.ross@example\u3002com", false}, // DNS reads a full stop here
		{"kim.ross@ex\u00e4mple.com", false},
		{"kim.ross@\u0435xample.com", false}, // Cyrillic
		{"kim.ross@example.com.", false},
		{"kim.ross@example.com ", false},
		{" kim.ross@example.com", false},
		{"kim.ross@example.com\u0000", false},
		{"kim.ross@example.com\n", false},
		{"kim.ross+x@example.com", false},
		{"kimross@example.com", false},
		{"\"kim.ross\"@example.com", false},
		{"kim.ross(x)@example.com", false},
		{"Kim <kim.ross@example.com>", false},
		{"eve@evil.example,kim.ross@example.com", false},
		{"kim.ross@example.com@evil.example", false},
		{"kim.ross%40example.com@evil.example", false},
		{"kim.ross@[93.184.216.34]", false},
		{"=?utf-8?q?kim.ross?=@example.com", false},
		{"kim.ross@example.com\r\nBcc: eve@evil.example", false},
	} {
		c := n.Client(t)
		form := url.Values{"email": {tc.email}, "name": {"Kim"}}
		login := c.Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm, "Authorization: Bearer "+n.Acme.Token)
		if login.Status == http.StatusUnprocessableEntity && !tc.same {
			continue
		}
		if login.Status != http.StatusFound {
			t.Errorf("%q = %d %s", tc.email, login.Status, login.Body)
			continue
		}
		expect(t, c.Open(login.Location()), 303, "")
		if sees := strings.Contains(c.Get(n.Acme.URL+"/api/tickets").Body, "Heliotrope"); sees != tc.same {
			t.Errorf("%q sees kim's ticket: %t, signed in as %v", tc.email, sees, c.Get(n.Acme.URL+"/api/users/me").JSON(t))
		}
	}
}

// TestLimitsCountVisitors: what a visitor writes into headers, and the address within the own network, change nothing, at
// any door; somebody else is free.
func TestLimitsCountVisitors(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const body = `{"email":"zoe@example.com","name":"Zoe","token":"x","tenant_slug":"acme"}`
	addresses := []string{n.URL + "/api/auth/redirect/acme", n.Acme.URL + "/api/auth/redirect/acme", n.URL + "/api/test/auth/redirect/acme", n.URL + "/api/jwt/login", n.URL + "/api/auth/redirect/bolt"}
	for _, network := range []struct{ mine, theirs string }{
		{"198.51.100.7", "198.51.100.8"},
		{"2001:db8:1:2:%x::%x", "2001:db8:1:3::1"},
	} {
		c := n.Client(t)
		for i := range 64 {
			mine := network.mine
			if strings.Contains(mine, "%") {
				mine = fmt.Sprintf(mine, i, i*7)
			}
			other := fmt.Sprintf("203.0.113.%d", i)
			got := c.Do("POST", addresses[i%len(addresses)], body, asJSON,
				// Our own proxy writes the last one; all before it, and all else, are the visitor's words.
				"X-Forwarded-For: "+other+", "+mine, "Forwarded: for="+other, "CF-Connecting-IP: "+other, "X-Real-IP: "+other,
				"True-Client-IP: "+other, "X-Client-IP: "+other, "X-Cluster-Client-IP: "+other, "Fastly-Client-IP: "+other, "Via: 1.1 "+other)
			if over := got.Status == 429; over != (i >= 60) {
				t.Fatalf("%s, request %d = %d %s", network.mine, i+1, got.Status, got.Body)
			}
			if got.Status == 429 && (got.Header.Get("Retry-After") == "" || got.Header.Get("X-Ratelimit-Remaining") != "0") {
				t.Errorf("%s, request %d: headers %v", network.mine, i+1, got.Header)
			}
		}
		if got := c.Do("POST", addresses[0], body, asJSON, "X-Forwarded-For: "+network.mine+", "+network.theirs); got.Status == 429 {
			t.Errorf("%s is not free", network.theirs)
		}
	}
}

// TestLimitIsNoWeapon: a page that somebody lures a visitor to can't use up what the visitor may do.
func TestLimitIsNoWeapon(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner})
	visitor := nextVisitor()
	post := func(origin string) int {
		return n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", "email=zoe%40example.com&name=Zoe", asForm, visitor, "Origin: "+origin).Status
	}
	for i := range 100 {
		if got := post([]string{"https://evil.example", "null", n.Bolt.URL}[i%3]); (got == 429) != (i >= 30) {
			t.Fatalf("a lure's request %d = %d", i+1, got)
		}
	}
	if got := post(partner); got != 302 {
		t.Errorf("afterwards the partner's own page = %d, want 302", got)
	}
}
