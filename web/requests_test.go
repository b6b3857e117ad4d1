package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestBodiesOfTheAPI: a body that is no JSON object is malformed, whatever else is wrong; PATCH takes what RFC 7396 calls its bodies; nothing is
// unpacked.
func TestBodiesOfTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	id := p.file("One")
	const patch = "Content-Type: application/merge-patch+json"
	for _, tc := range []struct {
		method, path, body string
		headers            []string
		status             int
		text               string
	}{
		{"POST", "/api/tickets", `[]`, []string{asJSON}, 400, "The body must be a JSON object."},
		{"POST", "/api/tickets", `5`, []string{asJSON}, 400, "The body must be a JSON object."},
		{"POST", "/api/tickets", ` null`, []string{asJSON}, 400, "The body must be a JSON object."},
		{"POST", "/api/users", `"x"`, []string{asJSON}, 400, "The body must be a JSON object."},
		{"PATCH", "/api/tickets/" + id, `null`, []string{asJSON}, 400, "The body must be a JSON object."},
		{"PATCH", "/api/tickets/" + id, `{"title":"Two"}`, []string{patch}, 200, `"title":"Two"`},
		{"PATCH", "/api/v1/tickets/" + id, `{"external_id":null}`, []string{patch + "; charset=utf-8"}, 200, `"external_id":null`},
		{"PUT", "/api/tickets/" + id, `{"title":"Three"}`, []string{patch}, 415, "application/json"},
		{"POST", "/api/tickets", `{"title":"a","description":"b"}`, []string{patch}, 415, "application/json"},
		{"POST", "/api/tickets", `{"title":"a","description":"b"}`, []string{asJSON, "Content-Encoding: gzip"}, 415, "not compressed"},
		{"POST", "/api/auth/redirect/acme", "email=a@b.example&name=A", []string{asForm, "Content-Encoding: gzip"}, 415, "not compressed"},
		{"POST", "/api/auth/redirect/acme", "email=a@b.example&name=A", []string{asForm, "Content-Encoding: Identity"}, 302, ""},
	} {
		got := n.Client(t).Do(tc.method, n.URL+tc.path, tc.body, append(tc.headers, p.auth)...)
		if got.Status != tc.status || !strings.Contains(got.Body, tc.text) {
			t.Errorf("%s %s %s %v = %d %s, want %d with %q", tc.method, tc.path, tc.body, tc.headers, got.Status, got.Body, tc.status, tc.text)
		}
	}
}

// TestErrorsNameTheField: the keys of errors are the fields as they were sent.
func TestErrorsNameTheField(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	id := p.file("One")
	for _, tc := range []struct{ method, path, body, text string }{
		{"POST", "/api/tickets/" + id + "/comments", `{"body":"b","visibility":"x"}`, `"errors":{"visibility":[`},
		{"PATCH", "/api/tickets/" + id, `{"comment":{"body":"b","visibility":"x"}}`, `"errors":{"comment.visibility":[`},
		{"PATCH", "/api/tickets/" + id, `{"comment":{"visibility":"public"}}`, `"errors":{"comment.body":[`},
		{"POST", "/api/tickets/bulk", `{}`, `"errors":{"ids":["The ids field is required."],"set":[`},
		{"POST", "/api/tickets/bulk", `{"ids":["1"]}`, `"errors":{"set":[`},
	} {
		expect(t, p.call(tc.method, tc.path, tc.body), 422, tc.text)
	}
}

// TestTwoIdempotencyKeys: of two keys neither is chosen.
func TestTwoIdempotencyKeys(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for path, body := range map[string]string{"/api/tickets": `{"title":"a","description":"b"}`, "/api/users": `{"email":"zoe@example.com"}`} {
		expect(t, p.call("POST", path, body, "Idempotency-Key: a", "Idempotency-Key: b"), 400, "more than one Idempotency-Key")
		expect(t, p.call("POST", path, body, "Idempotency-Key: a", "Idempotency-Key: a"), 201, "")
	}
}

// TestLocationsKeepTheVersion: who posts to /api/v1 is sent to where it is there.
func TestLocationsKeepTheVersion(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	if err := n.Tenants.Mount(t.Context(), n.Acme.ID, n.Directory.Node().TenantHost("acme"), "/support"); err != nil {
		t.Fatal(err)
	}
	for i, base := range []string{n.URL + "/api", n.URL + "/api/v1", n.Acme.URL + "/support/api", n.Acme.URL + "/support/api/v1"} {
		for path, body := range map[string]string{
			"/tickets":    `{"title":"a","description":"b"}`,
			"/users":      fmt.Sprintf(`{"email":"zoe%d@example.com"}`, i),
			"/categories": fmt.Sprintf(`{"name":"C%d"}`, i),
		} {
			got := n.Client(t).Do("POST", base+path, body, asJSON, p.auth)
			host := strings.Join(strings.Split(base, "/")[:3], "/")
			if id, _ := got.JSON(t)["id"].(string); host+got.Location() != base+path+"/"+id {
				t.Errorf("POST %s leads to %s (%d)", base+path, got.Location(), got.Status)
			}
			expect(t, n.Client(t).Get(host+got.Location(), p.auth), 200, "")
		}
	}
}

// TestRequesterByExternalID: a user whom the partner's system knows by an id of its own is named by it alone.
func TestRequesterByExternalID(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	made := expect(t, p.call("POST", "/api/users", `{"email":"zoe@example.com","name":"Zoe","external_id":"crm-1"}`), 201, "")
	user, _ := made.JSON(t)["id"].(string)
	const file = `{"title":"a","description":"b","requester":{"external_id":%q}}`
	got := expect(t, p.call("POST", "/api/tickets", fmt.Sprintf(file, "crm-1")), 201, `"requester":{"id":"`+user+`","email":"zoe@example.com","name":"Zoe"}`)
	ticket, _ := got.JSON(t)["id"].(string)
	expect(t, p.call("POST", "/api/tickets", fmt.Sprintf(file, "crm-2")), 422, `"errors":{"requester.email":[`)
	expect(t, p.call("PATCH", "/api/tickets/"+ticket, `{"requester":null}`), 200, `"requester":null`)
	expect(t, p.call("PATCH", "/api/tickets/"+ticket, `{"requester":{"external_id":"crm-1"}}`), 200, `"requester":{"id":"`+user+`"`)
	expect(t, caller(t, n, n.Bolt).call("POST", "/api/tickets", fmt.Sprintf(file, "crm-1")), 422, `"errors":{"requester.email":[`)
}

// TestPagesWithASlashAtTheEnd: people write one, and are led to the page. The API has one address for each thing.
func TestPagesWithASlashAtTheEnd(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	if err := n.Tenants.Mount(t.Context(), n.Acme.ID, n.Directory.Node().TenantHost("acme"), "/support"); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		n.Acme.URL + "/support/tickets/?status=open": "/support/tickets?status=open",
		n.Acme.URL + "/support/agent/settings/":      "/support/agent/settings",
		n.Bolt.URL + "/dashboard/":                   "/dashboard",
		n.Bolt.URL + "/tickets/7/":                   "/tickets/7",
		n.URL + "/integration/":                      "/integration",
		n.URL + "/dashboard/":                        "",
		n.Bolt.URL + "/unicorns/":                    "",
		n.Bolt.URL + "/dashboard//":                  "",
		n.Bolt.URL + "//evil.example/":               "",
		n.Bolt.URL + "/api/tickets/":                 "",
	} {
		status := http.StatusPermanentRedirect
		if want == "" {
			status = http.StatusNotFound
		}
		if got := n.Client(t).Get(address); got.Status != status || got.Location() != want {
			t.Errorf("%s = %d to %q, want %d to %q", address, got.Status, got.Location(), status, want)
		}
	}
	if got := n.Client(t).Do("POST", n.Bolt.URL+"/tickets/", "title=a", asForm); got.Status != http.StatusNotFound {
		t.Errorf("POST with a slash = %d", got.Status)
	}
}
