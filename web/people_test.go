package web_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

func textOf(v map[string]any, key string) string {
	s, _ := v[key].(string)
	return s
}

func TestUsersAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, other := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	made := p.call("POST", "/api/users", `{"email":"Zoe@Example.com","name":"Zoe","external_id":"crm-1","organization":"Example"}`)
	expect(t, made, 201, `"email":"zoe@example.com"`)
	zoe := made.JSON(t)
	id := textOf(zoe, "id")
	if made.Header.Get("Location") != "/api/users/"+id || zoe["verified"] != false || zoe["external_id"] != "crm-1" {
		t.Errorf("made %s at %s", made.Body, made.Header.Get("Location"))
	}
	for name, body := range map[string]string{
		"the same address": `{"email":"zoe@example.com","name":"Eve"}`, "the same external id": `{"email":"eve@example.com","external_id":"crm-1"}`,
	} {
		if got := p.call("POST", "/api/users", body); got.Status != 409 || !strings.Contains(got.Body, id) || got.Code() != "CONFLICT" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	expect(t, p.call("POST", "/api/users", `{"name":"Nobody"}`), 422, "The email field is required.")
	expect(t, p.call("POST", "/api/users", `{"email":"a@b.example","role":"admin"}`), 422, "role")
	expect(t, p.call("POST", "/api/users", `{"email":"bob@example.com","name":"Bob","external_id":"crm-2"}`), 201, "")

	for query, want := range map[string]string{
		"": "zoe bob", "?email=ZOE@example.com": "zoe", "?external_id=crm-2": "bob", "?q=ZO": "zoe", "?q=crm-": "zoe bob", "?q=nobody": "",
		"?email=nobody@example.com": "", "?email=zoe@example.com&external_id=crm-2": "", "?created_after=2099-01-01T00:00:00Z": "",
		"?created_after=2020-01-01T00:00:00Z": "zoe bob",
	} {
		got := p.call("GET", "/api/users"+query, "")
		for _, name := range []string{"zoe", "bob"} {
			if has := strings.Contains(got.Body, name+"@example.com"); got.Status != 200 || has != strings.Contains(want, name) {
				t.Errorf("GET /api/users%s = %d %s, want %q", query, got.Status, got.Body, want)
			}
		}
	}
	first := expect(t, p.call("GET", "/api/users?limit=1", ""), 200, "@example.com") // who came in one moment comes in any order
	second := expect(t, p.call("GET", "/api/users?limit=1&cursor="+textOf(first.JSON(t), "next_cursor"), ""), 200, "@example.com")
	if strings.Contains(first.Body, "bob@") == strings.Contains(second.Body, "bob@") {
		t.Errorf("pages of one are %s and %s", first.Body, second.Body)
	}
	expect(t, p.call("GET", "/api/users?cursor=x", ""), 400, "cursor")
	expect(t, p.call("GET", "/api/users?admin=1", ""), 400, "admin")
	expect(t, other.call("GET", "/api/users", ""), 200, `"data":[]`)

	expect(t, p.call("GET", "/api/users/"+id, ""), 200, `"name":"Zoe"`)
	expect(t, p.call("PUT", "/api/users/"+id, `{"name":"Zoe Sample","external_id":null}`), 200, `"external_id":null`)
	expect(t, p.call("PUT", "/api/users/"+id, `{"email":"bob@example.com"}`), 409, "Another user")
	expect(t, p.call("PUT", "/api/users/"+id, `{"name":null}`), 422, "The name field is required.")
	expect(t, p.call("PUT", "/api/users/"+id, `{"email":"zoe@new.example"}`), 200, "zoe@new.example")
	expect(t, p.call("PUT", "/api/users/me", `{"name":"x"}`), 405, "")
	for _, call := range [][2]string{{"GET", ""}, {"PUT", `{"name":"x"}`}} {
		expect(t, other.call(call[0], "/api/users/"+id, call[1]), 404, "")
	}
	expect(t, other.call("GET", "/api/users/"+id+"/export", ""), 404, "")
	expect(t, other.call("POST", "/api/users/"+id+"/erase", ""), 404, "")
	expect(t, p.call("GET", "/api/users/me", ""), 200, `"role":"api"`)
}

// TestPeopleRights: who may do what with people, programs and hosts.
func TestPeopleRights(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	id := textOf(p.call("POST", "/api/users", `{"email":"bob@example.com","name":"Bob"}`).JSON(t), "id")
	weak := func(scopes auth.Scopes) *program {
		_, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "weak", Scopes: scopes, By: "operator"})
		if err != nil {
			t.Fatal(err)
		}
		return &program{Client: n.Client(t), t: t, base: n.URL, auth: "Authorization: Bearer " + secret}
	}
	reader, writer := weak(auth.UsersRead|auth.TenantRead), weak(auth.UsersWrite)
	requester, visitor := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	admin := n.Agent(t, n.Acme, "amy@acme.example", "Amy", auth.RoleAdmin)
	stale := n.Vouched(t, n.Acme, "amy@acme.example")
	type who struct {
		name string
		do   func(method, path, body string) webtest.Answer
	}
	browser := func(name string, c *webtest.Client) who {
		return who{name, func(method, path, body string) webtest.Answer { return c.Do(method, n.Acme.URL+path, body, asJSON) }}
	}
	program := func(name string, p *program) who {
		return who{name, func(method, path, body string) webtest.Answer { return p.call(method, path, body) }}
	}
	all := []who{
		program("reader", reader), program("writer", writer), browser("requester", requester), browser("visitor", visitor),
		browser("agent", agent), browser("unproven admin", stale), browser("admin", admin),
		{"nobody", browser("", n.Client(t)).do},
	}
	for _, tc := range []struct {
		method, path, body string
		may                []int // in the order of all
	}{
		{"GET", "/api/users", "", []int{200, 403, 403, 403, 200, 200, 200, 401}},
		{"GET", "/api/users/" + id, "", []int{200, 403, 403, 403, 200, 200, 200, 401}},
		{"PUT", "/api/users/" + id, `{"name":"Bob"}`, []int{403, 200, 403, 403, 200, 200, 200, 401}},
		{"POST", "/api/users", `{"email":"bob@example.com"}`, []int{403, 409, 403, 403, 409, 409, 409, 401}},
		{"GET", "/api/users/" + id + "/export", "", []int{403, 403, 403, 403, 403, 403, 200, 401}},
		{"POST", "/api/users/nobody/erase", "", []int{403, 403, 403, 403, 403, 403, 404, 401}},
		{"GET", "/api/tokens", "", []int{403, 403, 403, 403, 403, 403, 200, 401}},
		{"POST", "/api/tokens", `{"name":"x","scopes":[]}`, []int{403, 403, 403, 403, 403, 403, 422, 401}},
		{"DELETE", "/api/tokens/tok_x", "", []int{403, 403, 403, 403, 403, 403, 404, 401}},
		{"GET", "/api/tenant/domains", "", []int{200, 403, 403, 403, 200, 200, 200, 401}},
		{"POST", "/api/tenant/domains", `{"host":""}`, []int{403, 403, 403, 403, 403, 403, 422, 401}},
		{"GET", "/api/tenant/domains/x.example", "", []int{404, 403, 403, 403, 404, 404, 404, 401}},
		{"DELETE", "/api/tenant/domains/x.example", "", []int{403, 403, 403, 403, 403, 403, 404, 401}},
		{"POST", "/api/tenant/domains/x.example/verify", "", []int{403, 403, 403, 403, 403, 403, 404, 401}},
	} {
		for i, one := range all {
			if got := one.do(tc.method, tc.path, tc.body); got.Status != tc.may[i] {
				t.Errorf("%s: %s %s = %d %s, want %d", one.name, tc.method, tc.path, got.Status, got.Body, tc.may[i])
			}
		}
	}
	// A page of another site cannot use the admin's cookies.
	evil := admin.Do("POST", n.Acme.URL+"/api/tokens", `{"name":"x","scopes":["tickets:read"]}`, asJSON, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	if evil.Status != 401 && evil.Status != 403 {
		t.Errorf("another site makes a token: %d %s", evil.Status, evil.Body)
	}
}

func TestTokensAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, other := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	made := p.call("POST", "/api/tokens", `{"name":"night","scopes":["tickets:read","tenant:write"],"expires_at":"90d"}`)
	expect(t, made, 201, `"secret":"dgt_`)
	token := made.JSON(t)
	id := textOf(token, "id")
	night := &program{Client: n.Client(t), t: t, base: n.URL, auth: "Authorization: Bearer " + textOf(token, "secret")}
	expect(t, night.call("GET", "/api/tickets", ""), 200, "")
	expect(t, night.call("POST", "/api/tokens", `{"name":"more","scopes":["tickets:read","users:write"]}`), 422, "scope users:write yourself")
	expect(t, night.call("POST", "/api/tokens", `{"name":"same","scopes":["tickets:read"]}`), 201, "")
	expect(t, p.call("POST", "/api/tokens", `{"name":"x","scopes":["everything"]}`), 422, "There is no scope")
	expect(t, p.call("POST", "/api/tokens", `{"name":"x","scopes":["tickets:read"],"expires_at":"2001-01-01"}`), 422, "expires_at")
	expect(t, p.call("POST", "/api/tokens", `{"name":"","scopes":["tickets:read"]}`), 422, "name")
	list := p.call("GET", "/api/tokens", "")
	expect(t, list, 200, id)
	if strings.Contains(list.Body, "dgt_") || strings.Contains(list.Body, "secret") {
		t.Errorf("the list has secrets: %s", list.Body)
	}
	if got := other.call("GET", "/api/tokens", ""); strings.Contains(got.Body, id) {
		t.Errorf("the other tenant sees the token: %s", got.Body)
	}
	expect(t, other.call("DELETE", "/api/tokens/"+id, ""), 404, "")
	expect(t, p.call("DELETE", "/api/tokens/"+id, ""), 204, "")
	expect(t, p.call("DELETE", "/api/tokens/"+id, ""), 404, "")
	expect(t, night.call("GET", "/api/tickets", ""), 401, "revoked")
}

func TestDomainsAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, other := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	made := p.call("POST", "/api/tenant/domains", `{"host":"Support.Acme-Shop.com"}`)
	expect(t, made, 201, `"host":"support.acme-shop.com"`)
	expect(t, made, 201, "_deskgate.support.acme-shop.com")
	if made.Header.Get("Location") != "/api/tenant/domains/support.acme-shop.com" {
		t.Errorf("it is at %s", made.Header.Get("Location"))
	}
	expect(t, p.call("POST", "/api/tenant/domains", `{"host":"support.acme-shop.com"}`), 201, `"status":"pending"`)
	for _, bad := range []string{"", "no", "com", "https://a.example", "127.0.0.1", "acme.desk.example", "*.acme-shop.com"} {
		expect(t, p.call("POST", "/api/tenant/domains", `{"host":"`+bad+`"}`), 422, "host")
	}
	for _, method := range []string{"GET", "DELETE"} {
		expect(t, other.call(method, "/api/tenant/domains/support.acme-shop.com", ""), 404, "")
	}
	expect(t, other.call("POST", "/api/tenant/domains/support.acme-shop.com/verify", ""), 404, "")
	expect(t, other.call("GET", "/api/tenant/domains", ""), 200, `"data":[]`)
	// Who claims it as well has a claim of its own, and acme's stays.
	theirs := other.call("POST", "/api/tenant/domains", `{"host":"support.acme-shop.com"}`)
	expect(t, theirs, 201, `"tenant":"bolt"`)
	if a, b := made.JSON(t)["records"], theirs.JSON(t)["records"]; reflect.DeepEqual(a, b) {
		t.Errorf("both have the records %v", a)
	}
	expect(t, other.call("DELETE", "/api/tenant/domains/support.acme-shop.com", ""), 204, "")
	expect(t, other.call("GET", "/api/tenant/domains", ""), 200, `"data":[]`)
	expect(t, p.call("GET", "/api/tenant/domains", ""), 200, "support.acme-shop.com")
	expect(t, p.call("POST", "/api/tenant/domains/support.acme-shop.com/verify", ""), 200, `"checked_at":"`)
	limited := 0
	for range 70 {
		if got := p.call("POST", "/api/tenant/domains/support.acme-shop.com/verify", ""); got.Status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Error("DNS may be asked as often as one likes")
	}
	expect(t, p.call("DELETE", "/api/tenant/domains/support.acme-shop.com", ""), 204, "")
	expect(t, p.call("GET", "/api/tenant/domains/support.acme-shop.com", ""), 404, "")
}

func TestTenantAPILimitsAreTheOperators(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	whole := p.call("GET", "/api/tenant", "")
	expect(t, whole, 200, `"api_requests_per_minute":600`)
	for _, secret := range n.Acme.Keys.Secrets() {
		if strings.Contains(whole.Body, secret) {
			t.Fatal("a key is in the document")
		}
	}
	expect(t, p.call("PUT", "/api/tenant", `{"settings":{"api_requests_per_minute":100000}}`), 422, "Only the operator")
	expect(t, p.call("PUT", "/api/tenant", `{"settings":{"attachment_mib":null}}`), 422, "Only the operator")
	back, err := json.Marshal(map[string]any{"settings": whole.JSON(t)["settings"]})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, p.call("PUT", "/api/tenant", string(back)), 200, "")
	got := p.call("PUT", "/api/tenant", `{"settings":{"brand_color":"#0B6E4F","language":"de","time_zone":"Europe/Berlin","welcome_text":"Hello"}}`)
	expect(t, got, 200, `"brand_color":"#0b6e4f"`)
	expect(t, p.call("PUT", "/api/tenant", `{"settings":{"time_zone":"Mars/Olympus"}}`), 422, "time_zone")
	if got := caller(t, n, n.Bolt).call("GET", "/api/tenant", ""); strings.Contains(got.Body, "0b6e4f") {
		t.Error("the other tenant has the colour")
	}
}
