package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestCustomDomain: the redirect login leads to the tenant's own domain, and the session lives there and nowhere else.
func TestCustomDomain(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Bring(t, n.Acme, "help.acme.example")
	callback := n.Handoff(t, n.Acme, "zoe@example.com", "Zoe", true)
	if !strings.HasPrefix(callback, home+"/auth/callback?token=") {
		t.Fatalf("callback = %s, want it at %s", callback, home)
	}
	_, token := split(t, callback)
	elsewhere := n.Client(t).Open(n.Acme.URL + "/auth/callback?" + token.Encode())
	if elsewhere.Status != 401 || !strings.Contains(elsewhere.Body, "TOKEN_INVALID") {
		t.Errorf("the token at the tenant's other host = %d, want 401 TOKEN_INVALID", elsewhere.Status)
	}
	zoe := n.Client(t)
	expect(t, zoe.Open(callback), http.StatusSeeOther, "")
	expect(t, zoe.Open(home+"/dashboard"), 200, "Zoe")
	secret := "Cookie: __Host-deskgate=" + zoe.Cookies(home)[0].Value
	if got := n.Client(t).Get(n.Acme.URL+"/api/users/me", secret); got.Status != 401 {
		t.Errorf("the cookie at the tenant's other host = %d, want 401", got.Status)
	}
	got := expect(t, zoe.Send(home+"/tickets", url.Values{"title": {"a"}, "description": {"b"}}), 303, "")
	expect(t, zoe.Open(home+got.Location()), 200, "")
	if ticket := zoe.Get(home + "/api/tickets/1").JSON(t); ticket["url"] != home+"/tickets/1" {
		t.Errorf("url = %v, want it at %s", ticket["url"], home)
	}
	info := caller(t, n, n.Acme).call("GET", "/api/tenant", "").JSON(t)
	if hosts, _ := info["hosts"].([]any); info["url"] != home || len(hosts) != 2 || hosts[0] != "help.acme.example" {
		t.Errorf("tenant = %v", info)
	}
}

// TestRedirectURLs: where the visitor lands, and what is refused.
func TestRedirectURLs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Register(t, n.Acme, "new.acme.example")
	post := func(to string) webtest.Answer {
		form := url.Values{"email": {"a@b.example"}, "name": {"A"}, "redirect_url": {to}}
		return n.Client(t).Do("POST", n.URL+"/api/test/auth/redirect/acme", form.Encode(), asForm)
	}
	for _, to := range []string{
		"//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example/", "http://" + "evil.example",
		n.Acme.URL + "@evil.example/", "https://evil.example\\@" + strings.TrimPrefix(n.Acme.URL, "https://"), "/a\r\nb", "javascript:alert(1)",
		strings.Replace(n.Acme.URL, "https:", "http:", 1) + "/x", n.Acme.URL + ".evil.example/x", "data:text/html,x", n.Bolt.URL + "/x",
	} {
		got := post(to)
		landing, _ := got.JSON(t)["landing"].(string)
		if got.Status == http.StatusOK && (landing != "/dashboard" || got.JSON(t)["return_link"] != nil) {
			t.Errorf("redirect_url %q lands at %v, back to %v", to, landing, got.JSON(t)["return_link"])
		}
	}
	got := post("https://new.acme.example/x")
	if got.Status != 403 || got.Code() != "DOMAIN_NOT_VERIFIED" || got.JSON(t)["details"] != "new.acme.example" {
		t.Errorf("a host that is not verified = %d %s, want 403 with the host", got.Status, got.Body)
	}
	n.Set(t, n.Acme, map[string]string{"external_redirect": "strict"})
	if got := post("https://elsewhere.example/"); got.Status != 403 || got.Code() != "DOMAIN_NOT_VERIFIED" {
		t.Errorf("strict, a foreign URL = %d %s, want 403", got.Status, got.Body)
	}
	n.Set(t, n.Acme, map[string]string{"external_redirect": "follow", "allowed_origins": "https://app.acme.example"})
	if got := post("https://app.acme.example/x").JSON(t); got["landing"] != "https://app.acme.example/x" {
		t.Errorf("follow, an allowed URL = %v", got)
	}
}

// TestTenantsDemands: a tenant may ask for a proof, or for its own pages.
func TestTenantsDemands(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"unsigned": "signed"})
	n.Set(t, n.Bolt, map[string]string{"origin_mode": "enforce", "allowed_origins": "https://bolt.example"})
	post := func(slug string, headers ...string) webtest.Answer {
		return n.Client(t).Do("POST", n.URL+"/api/auth/redirect/"+slug, "email=a%40b.example&name=A", append(headers, asForm)...)
	}
	if got := post("acme"); got.Status != 401 || got.Code() != "SIGNATURE_REQUIRED" {
		t.Errorf("without a proof = %d %s, want 401", got.Status, got.Body)
	}
	if got := post("acme", "Authorization: Bearer "+n.Acme.Token); got.Status != 302 {
		t.Errorf("with a proof = %d %s, want 302", got.Status, got.Body)
	}
	if got := post("acme", "Authorization: Bearer "+n.Bolt.Token); got.Status != 401 || got.Code() != "SIGNATURE_INVALID" {
		t.Errorf("with another tenant's proof = %d %s, want 401", got.Status, got.Body)
	}
	if got := post("bolt", "Origin: https://evil.example"); got.Status != 403 || got.Code() != "ORIGIN_NOT_ALLOWED" {
		t.Errorf("from elsewhere = %d %s, want 403", got.Status, got.Body)
	}
	if got := post("bolt", "Origin: https://bolt.example"); got.Status != 302 {
		t.Errorf("from its own page = %d %s, want 302", got.Status, got.Body)
	}
}

// TestClaimsOnAHost: a tenant that registers a host without proving it keeps nobody out, and learns nothing of who has it.
func TestClaimsOnAHost(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path, host = "/api/tenant/domains", "help.acme.example"
	acme, bolt := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	one, two := bolt.call("POST", path, `{"host":"`+host+`"}`), acme.call("POST", path, `{"host":"`+host+`"}`)
	if one.Status != 201 || two.Status != 201 || one.JSON(t)["tenant"] != "bolt" || two.JSON(t)["tenant"] != "acme" {
		t.Fatalf("claims = %d %s and %d %s, want both", one.Status, one.Body, two.Status, two.Body)
	}
	n.Bring(t, n.Acme, host)
	lost := bolt.call("GET", path+"/"+host, "")
	if d := lost.JSON(t); d["status"] != "suspended" || d["reason"] != "Somebody else has proved that this host is theirs." || strings.Contains(lost.Body, "acme\"") {
		t.Errorf("the claim that lost = %s", lost.Body)
	}
	if got := bolt.call("DELETE", path+"/"+host, ""); got.Status != 204 {
		t.Errorf("its removal = %d %s", got.Status, got.Body)
	}
	if got := bolt.call("POST", path, `{"host":"`+host+`"}`); got.Status != 409 || strings.Contains(got.Body, "acme\"") {
		t.Errorf("a claim on a host that is held = %d %s, want 409", got.Status, got.Body)
	}
	for _, way := range []string{"GET /" + host, "DELETE /" + host, "POST /" + host + "/verify"} {
		method, rest, _ := strings.Cut(way, " ")
		if got := bolt.call(method, path+rest, ""); got.Status != 404 {
			t.Errorf("%s by the other tenant = %d, want 404", way, got.Status)
		}
	}
	if got := acme.call("GET", path+"/"+host, "").JSON(t); got["status"] != "active" {
		t.Errorf("the holder's = %v", got)
	}
}

// TestRemovedDomainsByAPI: a domain that was taken away is listed and shown to its tenant who asks for such ones, and to nobody else.
func TestRemovedDomainsByAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path, host = "/api/tenant/domains", "help.acme.example"
	acme, bolt := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	n.Bring(t, n.Acme, host)
	shown := acme.call("GET", path+"/"+host, "").JSON(t)
	history, _ := shown["history"].([]any)
	if first, _ := history[0].(map[string]any); first["to"] != "pending" || first["by"] != "operator" || len(history) < 5 {
		t.Errorf("history = %v", history)
	}
	if listed := acme.call("GET", path, "").Body; strings.Contains(listed, "history") || !strings.Contains(listed, `"arrives":true`) {
		t.Errorf("list = %s", listed)
	}
	expect(t, acme.call("DELETE", path+"/"+host, ""), 204, "")
	for _, one := range []struct {
		who    *program
		path   string
		status int
		want   string
	}{
		{acme, path, 200, `"data":[]`},
		{acme, path + "?removed=true", 200, `"status":"removed"`},
		{acme, path + "/" + host, 404, ""},
		{acme, path + "/" + host + "?removed=true", 200, `"to":"removed"`},
		{bolt, path + "?removed=true", 200, `"data":[]`},
		{bolt, path + "/" + host + "?removed=true", 404, ""},
		{acme, path + "/" + host + "?remove=true", 400, "not known"},
	} {
		expect(t, one.who.call("GET", one.path, ""), one.status, one.want)
	}
}
