package web_test

import (
	"fmt"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestWordsAreNoIDs: where a word stands for an address of its own, it is nobody's ID, whichever the method.
func TestWordsAreNoIDs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for _, tc := range []struct{ method, path, allow string }{
		{"GET", "/api/tickets/bulk", "OPTIONS, POST"},
		{"DELETE", "/api/v1/tickets/bulk", "OPTIONS, POST"},
		{"POST", "/api/users/me", "GET, HEAD, OPTIONS"},
		{"PUT", "/api/users/me", "GET, HEAD, OPTIONS"},
		{"PUT", "/api/tickets", "GET, HEAD, OPTIONS, POST"},
	} {
		got := p.call(tc.method, tc.path, "")
		if got.Status != 405 || got.Header.Get("Allow") != tc.allow || got.Code() != "METHOD_NOT_ALLOWED" {
			t.Errorf("%s %s = %d, Allow %q, %s, want 405 with %q", tc.method, tc.path, got.Status, got.Header.Get("Allow"), got.Code(), tc.allow)
		}
	}
	expect(t, p.call("GET", "/api/users/me", ""), 200, "")
}

// TestRequestersSeeNobodysAddress: of staff requesters see the name alone, and nothing of what programs call a ticket.
func TestRequestersSeeNobodysAddress(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Agent(t, n.Acme, "ann@acme.example", "Ann Arbor", auth.RoleAgent)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	p := caller(t, n, n.Acme)
	team, err := n.Staff.List(t.Context(), n.Acme.Tenant)
	if err != nil || len(team) != 1 {
		t.Fatal(team, err)
	}
	made := expect(t, p.call("POST", "/api/tickets", fmt.Sprintf(
		`{"title":"T","description":"d","external_id":"erp-1","assignee_id":%q,"requester":{"email":"zoe@example.com"}}`, team[0].ID)), 201, `"external_id":"erp-1"`)
	expect(t, made, 201, `"email":"ann@acme.example"`)
	for _, path := range []string{"/api/tickets/1", "/api/tickets"} {
		seen := expect(t, zoe.Get(n.Acme.URL+path), 200, `"external_id":null`)
		expect(t, seen, 200, fmt.Sprintf(`"assignee":{"id":%q,"email":null,"name":"Ann Arbor"}`, team[0].ID))
	}
	user := zoe.Get(n.Acme.URL + "/api/users/me").JSON(t)["id"]
	expect(t, p.call("POST", fmt.Sprintf("/api/users/%s/erase", user), ""), 200, `"status":"erased"`)
	left := expect(t, p.call("GET", "/api/tickets/1", ""), 200, "")
	if requester, _ := left.JSON(t)["requester"].(map[string]any); requester == nil || requester["email"] != nil {
		t.Errorf("the erased requester is %v", requester)
	}
}

// TestTenantErrorsNameTheFields: what is wrong with a tenant's settings is said by the names that the request has for them.
func TestTenantErrorsNameTheFields(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for body, field := range map[string]string{
		`{"name":" "}`:                                  "name",
		`{"settings":{"brand_color":"red"}}`:            "settings.brand_color",
		`{"settings":{"logo_url":"https://x.example"}}`: "settings.logo_url",
		`{"settings":{"attachment_mib":1}}`:             "settings.attachment_mib",
		`{"settings":{"auto_close_days":-1}}`:           "settings.auto_close_days",
		`{"settings":{"language":7}}`:                   "settings.language",
	} {
		got := p.call("PUT", "/api/tenant", body)
		errs, _ := got.JSON(t)["errors"].(map[string]any)
		if got.Status != 422 || len(errs) != 1 || errs[field] == nil {
			t.Errorf("%s = %d %s, want an error about %s", body, got.Status, got.Body, field)
		}
	}
}
