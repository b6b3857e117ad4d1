package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

// audit are the events that the API lists, in short, and the cursor behind them.
func audit(t *testing.T, p *program, query string) (events []string, next string) {
	t.Helper()
	got := p.call("GET", "/api/audit?"+query, "")
	if got.Status != http.StatusOK {
		t.Fatalf("audit?%s = %d %s", query, got.Status, got.Body)
	}
	body := got.JSON(t)
	data, _ := body["data"].([]any)
	for _, one := range data {
		e, _ := one.(map[string]any)
		events = append(events, e["actor"].(string)+" "+e["action"].(string)+" "+e["object"].(string)+" "+e["detail"].(string)) //nolint:errcheck,forcetypeassert // the contract
	}
	next, _ = body["next_cursor"].(string)
	if body["has_more"] != (next != "") || strings.Contains(got.Header.Get("Link"), "rel=") != (next != "") {
		t.Errorf("audit?%s: has_more %v, next %q, Link %q", query, body["has_more"], next, got.Header.Get("Link"))
	}
	return events, next
}

// What a tenant has to know afterwards is there: who came in how, what was refused, which keys were used, what was changed.
func TestAuditLogTellsWhatHappened(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	n.SignIn(t, n.Acme, "zoe@acme.example", "Zoe")
	n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin)
	n.Set(t, n.Acme, map[string]string{"unsigned": "signed"})
	if _, err := n.Tenants.Rotate(t.Context(), n.Acme.ID, tenant.KindJWT, 0); err != nil {
		t.Fatal(err)
	}
	guest := n.Client(t)
	secret := "dg_stolen-or-made-up-0123456789"
	guest.Do("POST", n.URL+"/api/auth/redirect/acme", `{"email":"eve@evil.example","name":"Eve"}`, asJSON)
	guest.Do("POST", n.URL+"/api/auth/redirect/acme", `{"email":"eve@evil.example","name":"Eve","token":"eyJhbGciOiJub25lIn0.e30."}`, asJSON)
	guest.Do("POST", n.URL+"/api/jwt/login", `{"tenant_slug":"acme","token":"eyJhbGciOiJub25lIn0.e30."}`, asJSON)
	guest.Get(n.Acme.URL+"/api/tickets", "Authorization: Bearer "+secret)
	guest.Send(n.Acme.URL+"/agent/login", url.Values{"email": {"ana@acme.example"}, "password": {"hush hush secret"}})

	events, _ := audit(t, p, "limit=100")
	log := strings.Join(events, "\n")
	for _, want := range []string{
		"session.started zoe@acme.example", "partner key.used token:", "agent.joined ana@acme.example", "operator tenant.changed unsigned signed",
		"operator key.rotated jwt", "nobody login.refused eve@evil.example redirect: a proof is required",
		"nobody login.refused eve@evil.example redirect: wrong proof", "nobody login.refused  jwt: ", "nobody token.refused  an API token that is not known here",
		"nobody session.refused ana@acme.example wrong password", "token.used",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log has no %q:\n%s", want, log)
		}
	}
	for _, never := range []string{secret, "hush hush secret", webtest.Password, n.Acme.Token, "eyJhbGciOiJub25lIn0"} {
		if strings.Contains(log, never) {
			t.Errorf("the audit log has the secret %q:\n%s", never, log)
		}
	}
	if other, _ := audit(t, caller(t, n, n.Bolt), "limit=100"); strings.Contains(strings.Join(other, " "), "acme.example") {
		t.Errorf("the other tenant's audit log: %q", other)
	}
}

func TestAuditLogIsListedInPagesAndByFilters(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for range 3 {
		if _, err := n.Tenants.Rotate(t.Context(), n.Acme.ID, tenant.KindJWT, 0); err != nil {
			t.Fatal(err)
		}
	}
	seen, cursor, pages := 0, "", 0
	for {
		events, next := audit(t, p, "actor=operator&action=key.&limit=2&cursor="+cursor)
		for _, e := range events {
			if !strings.HasPrefix(e, "operator key.rotated jwt") {
				t.Errorf("the filter let %q through", e)
			}
		}
		seen, pages = seen+len(events), pages+1
		if cursor = next; cursor == "" {
			break
		}
	}
	if seen != 3 || pages != 2 {
		t.Errorf("%d events in %d pages, want 3 in 2", seen, pages)
	}
	for query, want := range map[string]int{
		"action=key.rotated": 3, "action=key": 0, "actor=agent:": 0, "action=key.&since=2099-01-01T00:00:00Z": 0,
		"action=key.&until=2001-01-01T00:00:00Z": 0, "action=key.&since=2001-01-01T00:00:00Z&until=2099-01-01T00:00:00Z": 3,
	} {
		if events, _ := audit(t, p, query); len(events) != want {
			t.Errorf("audit?%s lists %q, want %d", query, events, want)
		}
	}
	for _, bad := range []string{"cursor=!!", "cursor=AAAA", "since=yesterday", "page=2", "limit=x"} {
		if got := p.call("GET", "/api/audit?"+bad, ""); got.Status != http.StatusBadRequest {
			t.Errorf("audit?%s = %d, want 400", bad, got.Status)
		}
	}
	_, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "x", Scopes: auth.AllScopes &^ auth.AuditRead, By: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Client(t).Get(n.URL+"/api/audit", "Authorization: Bearer "+secret); got.Code() != "INSUFFICIENT_SCOPE" {
		t.Errorf("audit without audit:read = %d %s", got.Status, got.Body)
	}
}

// A stranger can neither fill the disk with refusals nor bury what others have done under them.
func TestRefusalsAreListedWithinBounds(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	guest := n.Client(t)
	for range 50 {
		guest.Do("POST", n.URL+"/api/auth/redirect/acme", `{"email":"eve@evil.example","name":"Eve","ts":"1","nonce":"n","sig":"x"}`, asJSON)
	}
	guest.Do("POST", n.URL+"/api/auth/redirect/acme", `{"email":"eve@evil.example","name":"Eve","ts":"1","nonce":"n","sig":"x"}`, asJSON,
		"X-Forwarded-For: 203.0.113.9")
	events, _ := audit(t, caller(t, n, n.Acme), "action=login.refused&limit=100")
	if len(events) != 21 || !strings.Contains(strings.Join(events, " "), "more from this address in this hour are not listed") {
		t.Errorf("%d refusals are listed: %q", len(events), events)
	}
}

// Admins look at the log in the console, agents do not.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	admin := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin)
	agent := n.Agent(t, n.Acme, "tom@acme.example", "Tom", auth.RoleAgent)
	for range 60 {
		if err := n.Tenants.Log(t.Context(), n.Acme.ID, tenant.Event{Actor: "system", Action: "domain.drifted", Object: "<b>help.acme.example</b>"}); err != nil {
			t.Fatal(err)
		}
	}
	page := admin.Open(n.Acme.URL + "/agent/settings/audit")
	if page.Status != http.StatusOK || strings.Count(page.Body, "<tr>") != 51 || !strings.Contains(page.Body, "&lt;b&gt;help.acme.example") {
		t.Errorf("audit page = %d with %d rows", page.Status, strings.Count(page.Body, "<tr>"))
	}
	_, rest, found := strings.Cut(page.Body, `class="pager"><a class="btn" href="`)
	older, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatal("there is no way to older events")
	}
	page = admin.Open(n.Acme.URL + strings.ReplaceAll(older, "&amp;", "&"))
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "agent.joined") || strings.Contains(page.Body, "Older events") {
		t.Errorf("older events = %d", page.Status)
	}
	page = admin.Open(n.Acme.URL + "/agent/settings/audit?actor=tom%40acme.example&action=agent.&since=2001-01-01&until=2099-12-31")
	if !strings.Contains(page.Body, "agent.joined") || strings.Contains(page.Body, "domain.drifted") || strings.Count(page.Body, "<tr>") != 2 {
		t.Errorf("the filtered page: %s", page.Body)
	}
	for _, odd := range []string{"?since=x", "?action=%00", "?until=2026-13-01&actor=a"} {
		if page := admin.Open(n.Acme.URL + "/agent/settings/audit" + odd); page.Status != http.StatusOK {
			t.Errorf("%s = %d", odd, page.Status)
		}
	}
	if page := admin.Open(n.Acme.URL + "/agent/settings/audit?cursor=x"); page.Status != http.StatusSeeOther {
		t.Errorf("with a broken cursor = %d", page.Status)
	}
	if page := agent.Open(n.Acme.URL + "/agent/settings/audit"); page.Status != http.StatusForbidden {
		t.Errorf("for an agent = %d", page.Status)
	}
	if page := agent.Open(n.Acme.URL + "/agent/settings"); strings.Contains(page.Body, "Audit log") {
		t.Error("an agent's settings lead to the audit log")
	}
}
