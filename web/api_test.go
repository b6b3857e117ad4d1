package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// program calls the API with a token.
type program struct {
	*webtest.Client

	t    *testing.T
	base string
	auth string
}

func caller(t *testing.T, n *webtest.Node, tn *webtest.Tenant) *program {
	t.Helper()
	return &program{Client: n.Client(t), t: t, base: n.URL, auth: "Authorization: Bearer " + tn.Token}
}

func (p *program) call(method, path, body string, headers ...string) webtest.Answer {
	p.t.Helper()
	headers = append(headers, p.auth)
	if body != "" {
		headers = append(headers, asJSON)
	}
	return p.Do(method, p.base+path, body, headers...)
}

// file makes a ticket and returns its id.
func (p *program) file(title string) string {
	p.t.Helper()
	got := p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":%q,"description":"It is broken."}`, title))
	if got.Status != http.StatusCreated {
		p.t.Fatalf("create %s = %d %s", title, got.Status, got.Body)
	}
	id, _ := got.JSON(p.t)["id"].(string)
	return id
}

func TestTicketOverItsLife(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	got := p.call("POST", "/api/tickets", `{"title":"Printer","description":"It **burns**.","tags":["Fire","hot"],
		"custom_fields":{"floor":3,"big":9007199254740993},"requester":{"email":"zoe@example.com","name":"Zoe"},"external_id":"x-1"}`)
	if got.Status != http.StatusCreated || got.Header.Get("ETag") != `"1"` {
		t.Fatalf("create = %d %v %s", got.Status, got.Header, got.Body)
	}
	ticket := got.JSON(t)
	id, _ := ticket["id"].(string)
	if !strings.HasPrefix(id, "tkt_") || got.Location() != "/api/tickets/"+id {
		t.Errorf("id %q, Location %q", id, got.Location())
	}
	for key, want := range map[string]any{
		"number": 1.0, "status": "new", "status_category": "open", "priority": "medium", "category_id": nil, "source": "api",
		"requester_assurance": "vouched", "assignee": nil, "external_id": "x-1", "version": 1.0, "resolved_at": nil,
		"url": n.Acme.URL + "/tickets/1",
	} {
		if value, there := ticket[key]; !there || value != want {
			t.Errorf("%s = %v, want %v", key, value, want)
		}
	}
	if diff := cmp.Diff([]any{"fire", "hot"}, ticket["tags"]); diff != "" {
		t.Errorf("tags: %s", diff)
	}
	if !strings.Contains(got.Body, `"big":9007199254740993`) {
		t.Errorf("a large number lost digits: %s", got.Body)
	}

	if got := p.call("GET", "/api/v1/tickets/1", "", `If-None-Match: "1"`); got.Status != http.StatusNotModified || got.Body != "" {
		t.Errorf("by number, known = %d %s, want 304", got.Status, got.Body)
	}
	if got := p.call("PATCH", "/api/tickets/1", `{"priority":"high"}`, `If-Match: "7"`); got.Status != 412 || got.Code() != "VERSION_CONFLICT" {
		t.Errorf("change of another version = %d %s, want 412", got.Status, got.Body)
	}
	got = p.call("PUT", "/api/tickets/"+id, `{"status":"pending","external_id":null,"add_tags":["new"],
		"comment":{"body":"Which floor?"}}`, `If-Match: "1"`)
	if got.Status != 200 || got.Header.Get("ETag") != `"2"` || got.JSON(t)["status"] != "pending" || got.JSON(t)["external_id"] != nil ||
		got.JSON(t)["title"] != "Printer" {
		t.Errorf("change = %d %v %s", got.Status, got.Header, got.Body)
	}
	if got := p.call("PATCH", "/api/tickets/1", `{"status":"new"}`); got.Status != 409 || got.Code() != "INVALID_TRANSITION" || got.JSON(t)["allowed"] == nil {
		t.Errorf("back to new = %d %s, want 409 with what is allowed", got.Status, got.Body)
	}
	if got := p.call("DELETE", "/api/tickets/1", ""); got.Status != 204 || got.Body != "" {
		t.Errorf("delete = %d %s", got.Status, got.Body)
	}
	if got := p.call("GET", "/api/tickets/1", ""); got.Status != 404 || got.Code() != "NOT_FOUND" {
		t.Errorf("deleted = %d %s, want 404", got.Status, got.Body)
	}
	if got := p.call("GET", "/api/tickets/1?deleted=true", ""); got.Status != 200 || got.JSON(t)["deleted_at"] == nil {
		t.Errorf("deleted, asked for = %d %s", got.Status, got.Body)
	}
	for _, part := range []string{"comments", "activity"} {
		if got := p.call("GET", "/api/tickets/1/"+part, ""); got.Status != 404 {
			t.Errorf("%s of a deleted ticket = %d", part, got.Status)
		}
		if got := p.call("GET", "/api/tickets/1/"+part+"?deleted=true", ""); got.Status != 200 || !strings.Contains(got.Body, `"id"`) {
			t.Errorf("%s of a deleted ticket, asked for = %d %s", part, got.Status, got.Body)
		}
		if got := caller(t, n, n.Bolt).call("GET", "/api/tickets/1/"+part+"?deleted=true", ""); got.Status != 404 {
			t.Errorf("%s of a deleted ticket, for the other tenant = %d", part, got.Status)
		}
	}
	if got := p.call("POST", "/api/tickets/1/restore", ""); got.Status != 200 || got.JSON(t)["deleted_at"] != nil {
		t.Errorf("restore = %d %s", got.Status, got.Body)
	}
	if got := p.call("GET", "/api/tickets/1/activity", ""); got.Status != 200 || !strings.Contains(got.Body, `"restored"`) {
		t.Errorf("activity = %d %s", got.Status, got.Body)
	}
}

// A ticket that can't be taken leaves nobody behind whom it was for.
func TestRefusedTicketMakesNoUser(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	const requester = `"requester":{"email":"zoe@example.com","name":"Zoe"}`
	p.call("POST", "/api/tickets", `{"title":"taken","description":"b","external_id":"x-1"}`)
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/api/tickets", `{"title":"","description":"b",` + requester + `}`, 422},
		{"POST", "/api/tickets", `{"title":"a","description":"b","category_id":"cat_none",` + requester + `}`, 422},
		{"POST", "/api/tickets", `{"title":"a","description":"b","external_id":"x-1",` + requester + `}`, 422},
		{"PATCH", "/api/tickets/1", `{"title":"",` + requester + `}`, 422},
		{"PATCH", "/api/tickets/1", `{"status":"new","comment":{"body":""},` + requester + `}`, 422},
		{"PATCH", "/api/tickets/99", `{` + requester + `}`, 404},
	} {
		if got := p.call(tc.method, tc.path, tc.body); got.Status != tc.status {
			t.Errorf("%s %s %s = %d %s, want %d", tc.method, tc.path, tc.body, got.Status, got.Body, tc.status)
		}
		if u, err := n.Doors.Users.ByEmail(t.Context(), n.Acme.Tenant, "zoe@example.com"); err == nil {
			t.Fatalf("%s %s %s has made %+v", tc.method, tc.path, tc.body, u)
		}
	}
	if got := p.call("PATCH", "/api/tickets/1", `{`+requester+`}`); got.Status != 200 || !strings.Contains(got.Body, "zoe@example.com") {
		t.Errorf("a change that can be made = %d %s", got.Status, got.Body)
	}
}

func TestAPIRefusesBadInput(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	const text = "Content-Type: text/plain"
	for _, tc := range []struct {
		name, method, path, contentType, body string
		status                                int
		code                                  string
	}{
		{"no JSON", "POST", "/api/tickets", asJSON, `{"title":`, 400, "BAD_REQUEST"},
		{"JSON and more", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b"} x`, 400, "BAD_REQUEST"},
		{"field twice", "POST", "/api/tickets", asJSON, `{"title":"a","title":"b","description":"c"}`, 400, "BAD_REQUEST"},
		{"field twice, deep", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","requester":{"email":"a@b.example","email":"c@d.example"}}`, 400, "BAD_REQUEST"},
		{"not UTF-8", "POST", "/api/tickets", asJSON, "{\"title\":\"\xff\",\"description\":\"b\"}", 400, "BAD_REQUEST"},
		{"empty", "POST", "/api/tickets", asJSON, "", 400, "BAD_REQUEST"},
		{"form", "POST", "/api/tickets", asForm, "title=a&description=b", 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"text", "POST", "/api/tickets", text, `{"title":"a","description":"b"}`, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"too large", "POST", "/api/tickets", asJSON, `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "PAYLOAD_TOO_LARGE"},
		{"unknown field", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","colour":"red"}`, 422, "VALIDATION_FAILED"},
		{"unknown field, deep", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","requester":{"mail":"x"}}`, 422, "VALIDATION_FAILED"},
		{"wrong case", "POST", "/api/tickets", asJSON, `{"Title":"a","description":"b"}`, 422, "VALIDATION_FAILED"},
		{"wrong type", "POST", "/api/tickets", asJSON, `{"title":7,"description":"b"}`, 422, "VALIDATION_FAILED"},
		{"null title", "POST", "/api/tickets", asJSON, `{"title":null,"description":"b"}`, 422, "VALIDATION_FAILED"},
		{"list instead of object", "POST", "/api/tickets", asJSON, `[1]`, 400, "BAD_REQUEST"},
		{"deep custom field", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","custom_fields":{"x":{"y":1}}}`, 422, "VALIDATION_FAILED"},
		{"no title", "POST", "/api/tickets", asJSON, `{"description":"b"}`, 422, "VALIDATION_FAILED"},
		{"long title", "POST", "/api/tickets", asJSON, `{"title":"` + strings.Repeat("x", 201) + `","description":"b"}`, 422, "VALIDATION_FAILED"},
		{"bad priority", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","priority":"huge"}`, 422, "VALIDATION_FAILED"},
		{"bad requester", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","requester":{"email":"nobody"}}`, 422, "VALIDATION_FAILED"},
		{"unknown requester", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","requester":"usr_nobody"}`, 422, "VALIDATION_FAILED"},
		{"unknown agent", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","assignee_id":"nobody"}`, 422, "VALIDATION_FAILED"},
		{"unknown category", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","category_id":"cat_none"}`, 422, "VALIDATION_FAILED"},
		{"unknown attachment", "POST", "/api/tickets", asJSON, `{"title":"a","description":"b","attachment_ids":["att_1"]}`, 422, "VALIDATION_FAILED"},
		{"unknown parameter", "GET", "/api/tickets?colour=red", asJSON, "", 400, "BAD_REQUEST"},
		{"bad status", "GET", "/api/tickets?status=odd", asJSON, "", 400, "BAD_REQUEST"},
		{"bad time", "GET", "/api/tickets?created_after=yesterday", asJSON, "", 400, "BAD_REQUEST"},
		{"bad limit", "GET", "/api/tickets?limit=0", asJSON, "", 400, "BAD_REQUEST"},
		{"bad cursor", "GET", "/api/tickets?cursor=abc", asJSON, "", 400, "BAD_REQUEST"},
		{"query half readable", "GET", "/api/tickets?status=open;priority=low", asJSON, "", 400, "BAD_REQUEST"},
		{"query badly escaped", "GET", "/api/tickets?status=open&tag=%zz", asJSON, "", 400, "BAD_REQUEST"},
		{"query not UTF-8", "GET", "/api/tickets?q=%ff", asJSON, "", 400, "BAD_REQUEST"},
		{"parameter twice", "GET", "/api/tickets?tag=a&tag=b", asJSON, "", 400, "BAD_REQUEST"},
		{"no such ticket", "GET", "/api/tickets/99", asJSON, "", 404, "NOT_FOUND"},
		{"no such id", "GET", "/api/tickets/tkt_nonsense", asJSON, "", 404, "NOT_FOUND"},
		{"no such route", "GET", "/api/unicorns", asJSON, "", 404, "NOT_FOUND"},
		{"trailing slash", "GET", "/api/tickets/", asJSON, "", 404, "NOT_FOUND"},
		{"no such method", "PATCH", "/api/tickets", asJSON, "{}", 405, "METHOD_NOT_ALLOWED"},
		{"unknown setting", "PUT", "/api/tenant", asJSON, `{"settings":{"colour":"red"}}`, 422, "VALIDATION_FAILED"},
		{"bad setting", "PUT", "/api/tenant", asJSON, `{"settings":{"unsigned":"never"}}`, 422, "VALIDATION_FAILED"},
	} {
		got := p.Do(tc.method, n.URL+tc.path, tc.body, tc.contentType, p.auth)
		if got.Status != tc.status || got.Code() != tc.code {
			t.Errorf("%s: %s %s = %d %s, want %d %s", tc.name, tc.method, tc.path, got.Status, got.Body, tc.status, tc.code)
		}
		if tc.status == 422 && got.JSON(t)["errors"] == nil {
			t.Errorf("%s: no errors per field: %s", tc.name, got.Body)
		}
	}
	if got := p.call("GET", "/api/tickets/99", "", asPage); got.Code() != "NOT_FOUND" {
		t.Errorf("for a browser: %s, want the document: the API is for programs", got.Body)
	}
	if got := p.call("PATCH", "/api/tickets", "{}"); got.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("405 with Allow %q", got.Header.Get("Allow"))
	}
}

func TestAPIRefusesCompressedBodies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	const body = `{"title":"a","description":"b"}`
	expect(t, p.call("POST", "/api/tickets", body, "Content-Encoding: gzip"), 415, "not compressed")
	expect(t, p.call("POST", "/api/tickets", body, "Content-Encoding: identity"), 201, "")
}

func TestListsAndCursors(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	if got := p.call("GET", "/api/tickets", ""); !strings.HasPrefix(got.Body, `{"data":[],"has_more":false,"next_cursor":null}`) {
		t.Errorf("empty list = %s", got.Body)
	}
	for i := range 5 {
		p.file(fmt.Sprintf("Ticket %d", i+1))
	}
	var titles []any
	path := "/api/tickets?limit=2&sort=created_at&status=new,open&include_total=true"
	for path != "" {
		got := p.call("GET", path, "")
		page := got.JSON(t)
		rows, _ := page["data"].([]any)
		for _, row := range rows {
			ticket, _ := row.(map[string]any)
			titles = append(titles, ticket["title"])
		}
		if page["total"] != 5.0 {
			t.Errorf("total = %v, want 5", page["total"])
		}
		path = ""
		if page["has_more"] == true {
			link, _, _ := strings.Cut(strings.TrimPrefix(got.Header.Get("Link"), "<"+n.URL), ">")
			path = link
		}
	}
	if diff := cmp.Diff([]any{"Ticket 1", "Ticket 2", "Ticket 3", "Ticket 4", "Ticket 5"}, titles); diff != "" {
		t.Errorf("pages: %s", diff)
	}
	if got := p.call("GET", "/api/tickets?q=ticket+3&limit=1000", "").JSON(t); len(got["data"].([]any)) != 1 { //nolint:forcetypeassert,errcheck // a list always has data
		t.Errorf("search: %v", got)
	}
}

// TestTimesOfOtherZones: also where nobody escaped the plus sign.
func TestTimesOfOtherZones(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	p.file("Printer")
	for after, want := range map[string]int{"2000-01-01T00:00:00%2B02:00": 1, "2000-01-01T00:00:00+02:00": 1, "2999-01-01T00:00:00-05:00": 0} {
		got := expect(t, p.call("GET", "/api/tickets?created_after="+after, ""), 200, `"data"`)
		if rows, _ := got.JSON(t)["data"].([]any); len(rows) != want {
			t.Errorf("created_after=%s: %d tickets, want %d", after, len(rows), want)
		}
	}
}

// TestIfMatchAny: any version is the right one, also where it changes all the time.
func TestIfMatchAny(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	id := p.file("Printer")
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			body := fmt.Sprintf(`{"custom_fields":{"n":%d}}`, i+1)
			expect(t, p.call("PATCH", "/api/tickets/"+id, body, "If-Match: *"), 200, "")
		})
	}
	all.Wait()
	expect(t, p.call("PATCH", "/api/tickets/999", "{}", "If-Match: *"), 404, "")
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	const body, key = `{"title":"Once","description":"only"}`, "Idempotency-Key: k1"
	first := p.call("POST", "/api/tickets", body, key)
	again := p.call("POST", "/api/tickets", body, key)
	if again.Status != 201 || again.Body != first.Body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again = %d %v %s, want the first answer", again.Status, again.Header, again.Body)
	}
	if got := p.call("POST", "/api/tickets", `{"title":"Other","description":"body"}`, key); got.Status != 422 {
		t.Errorf("another body = %d %s, want 422", got.Status, got.Body)
	}
	other := caller(t, n, n.Bolt)
	if got := other.call("POST", "/api/tickets", body, key); got.Status != 201 || got.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("another tenant's key = %d %v", got.Status, got.Header)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	p.file("Printer")
	got := p.call("POST", "/api/tickets/1/comments", `{"body":"A note","visibility":"internal"}`, "Idempotency-Key: c1")
	if got.Status != 201 || got.JSON(t)["visibility"] != "internal" || !strings.Contains(got.Body, `"attachments":[]`) {
		t.Fatalf("comment = %d %s", got.Status, got.Body)
	}
	again := p.call("POST", "/api/tickets/1/comments", `{"body":"A note","visibility":"internal"}`, "Idempotency-Key: c1")
	if again.Body != got.Body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again = %s %v", again.Body, again.Header)
	}
	if list := p.call("GET", "/api/tickets/1/comments", "").JSON(t); len(list["data"].([]any)) != 1 { //nolint:forcetypeassert,errcheck // a list always has data
		t.Errorf("comments: %v", list)
	}
	for _, body := range []string{`{}`, `{"body":""}`, `{"body":"x","visibility":"secret"}`, `{"body":"` + strings.Repeat("x", 64<<10+1) + `"}`} {
		if got := p.call("POST", "/api/tickets/1/comments", body); got.Status != 422 {
			t.Errorf("comment %.40s = %d %s, want 422", body, got.Status, got.Body)
		}
	}
}

func TestCategories(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	got := p.call("POST", "/api/categories", `{"name":"Hardware"}`)
	if got.Status != 201 || got.JSON(t)["slug"] != "hardware" || got.JSON(t)["active"] != true {
		t.Fatalf("create = %d %s", got.Status, got.Body)
	}
	path := got.Location()
	if got := p.call("PUT", path, `{"active":false}`); got.Status != 200 || got.JSON(t)["name"] != "Hardware" || got.JSON(t)["active"] != false {
		t.Errorf("change = %d %s", got.Status, got.Body)
	}
	if got := p.call("GET", path, ""); got.Status != 200 {
		t.Errorf("show = %d %s", got.Status, got.Body)
	}
	if got := p.call("DELETE", path, ""); got.Status != 204 {
		t.Errorf("delete = %d %s", got.Status, got.Body)
	}
	if got := p.call("GET", path, ""); got.Status != 404 {
		t.Errorf("deleted = %d %s", got.Status, got.Body)
	}
}

func TestTenantShowsNoSecretAndChanges(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	got := p.call("GET", "/api/tenant", "")
	if got.Status != 200 || got.JSON(t)["slug"] != "acme" || got.JSON(t)["url"] != n.Acme.URL {
		t.Errorf("show = %d %s", got.Status, got.Body)
	}
	for name, secret := range n.Acme.Keys.Secrets() {
		if strings.Contains(got.Body, secret) {
			t.Errorf("the tenant shows its %s", name)
		}
	}
	got = p.call("PUT", "/api/tenant", `{"name":"Acme Ltd","settings":{"allowed_origins":["https://app.acme.example"],"cookie_samesite":"lax"}}`)
	settings, _ := got.JSON(t)["settings"].(map[string]any)
	if got.Status != 200 || got.JSON(t)["name"] != "Acme Ltd" || settings["cookie_samesite"] != "lax" {
		t.Errorf("change = %d %s", got.Status, got.Body)
	}
	if got := p.call("PUT", "/api/tenant", `{"settings":{"allowed_origins":null}}`); !strings.Contains(got.Body, `"allowed_origins":[]`) {
		t.Errorf("cleared = %d %s", got.Status, got.Body)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	caller(t, n, n.Acme).file("Printer")
	_, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "reader", Scopes: auth.TicketsRead, By: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/tickets", "", 200},
		{"GET", "/api/tickets/1", "", 200},
		{"GET", "/api/users/me", "", 200},
		{"POST", "/api/tickets", `{"title":"a","description":"b"}`, 403},
		{"PATCH", "/api/tickets/1", `{"priority":"low"}`, 403},
		{"DELETE", "/api/tickets/1", "", 403},
		{"GET", "/api/tenant", "", 403},
		{"PUT", "/api/tenant", `{"name":"x"}`, 403},
		{"POST", "/api/categories", `{"name":"x"}`, 403},
	} {
		got := n.Client(t).Do(tc.method, n.URL+tc.path, tc.body, asJSON, "X-Tenant-API-Token: "+secret)
		if got.Status != tc.status || tc.status == 403 && got.Code() != "INSUFFICIENT_SCOPE" {
			t.Errorf("%s %s = %d %s, want %d", tc.method, tc.path, got.Status, got.Body, tc.status)
		}
	}
	got := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", "email=a%40b.example&name=A", asForm, "Authorization: Bearer "+secret)
	if got.Status != 403 || got.Code() != "INSUFFICIENT_SCOPE" {
		t.Errorf("redirect login without sessions:create = %d %s, want 403", got.Status, got.Body)
	}
}

func TestAPILimit(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"api_requests_per_minute": "3", "allowed_origins": "https://app.acme.example"})
	p := caller(t, n, n.Acme)
	for i := range 3 {
		got := p.call("GET", "/api/tickets", "")
		if want := strconv.Itoa(2 - i); got.Status != 200 || got.Header.Get("X-RateLimit-Limit") != "3" || got.Header.Get("X-RateLimit-Remaining") != want {
			t.Fatalf("request %d = %d %v, want %s remaining", i+1, got.Status, got.Header, want)
		}
	}
	got := p.call("GET", "/api/tickets", "", "Origin: https://app.acme.example")
	if got.Status != 429 || got.Code() != "RATE_LIMITED" || got.Header.Get("Retry-After") == "" || got.JSON(t)["retry_after"] == nil {
		t.Errorf("request 4 = %d %v %s, want 429", got.Status, got.Header, got.Body)
	}
	if got.Header.Get("Access-Control-Allow-Origin") != "https://app.acme.example" {
		t.Errorf("429 without CORS: %v", got.Header)
	}
	if got := n.Client(t).Get(n.URL + "/api/tickets"); got.Status != 401 || got.Header.Get("X-RateLimit-Limit") == "" {
		t.Errorf("a stranger = %d %v, want 401 with X-RateLimit-Limit", got.Status, got.Header)
	}
}

func TestHEADAndDescription(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	if got := p.call("HEAD", "/api/tickets", ""); got.Status != 200 || got.Body != "" {
		t.Errorf("HEAD = %d %q", got.Status, got.Body)
	}
	if got := p.call("HEAD", "/api/tickets/9", ""); got.Status != 404 || got.Body != "" {
		t.Errorf("HEAD of nothing = %d %q", got.Status, got.Body)
	}
	if got := n.Client(t).Get(n.Acme.URL + "/api/openapi.json"); got.Status != 200 || got.JSON(t)["openapi"] != "3.1.0" {
		t.Errorf("description = %d %.60s", got.Status, got.Body)
	}
}
