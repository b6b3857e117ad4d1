package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestFloods: all together who are not confirmed may write only so much from one address, and cannot sort themselves before others.
func TestFloods(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"tickets_per_hour": "2", "comments_per_hour": "2"})
	one, two := n.Visit(t, n.Acme, "one@example.com", "One"), n.Visit(t, n.Acme, "two@example.com", "Two")
	urgent := `{"title":"Mine","description":"first","priority":"urgent","tags":["vip"]}`
	got := expect(t, one.Do("POST", n.Acme.URL+"/api/tickets", urgent, asJSON), 201, `"priority":"medium"`)
	if !strings.Contains(got.Body, `"tags":[]`) {
		t.Errorf("a visitor has given tags: %s", got.Body)
	}
	form := url.Values{"title": {"Other"}, "description": {"second, kept"}}
	expect(t, two.Send(n.Acme.URL+"/tickets", form), 303, "")
	refused := expect(t, two.Send(n.Acme.URL+"/tickets", form), 429, "second, kept")
	expect(t, refused, 429, "You have written a lot.")
	if refused.Header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	expect(t, one.Do("POST", n.Acme.URL+"/api/tickets", urgent, asJSON), 429, `"RATE_LIMITED"`)
	for i := range 2 {
		expect(t, one.Do("POST", n.Acme.URL+"/api/tickets/1/comments", fmt.Sprintf(`{"body":"%d"}`, i), asJSON), 201, "")
	}
	expect(t, one.Do("PATCH", n.Acme.URL+"/api/tickets/1", `{"comment":{"body":"3"}}`, asJSON), 429, "")
	expect(t, two.Send(n.Acme.URL+"/tickets/2/reply", url.Values{"body": {"kept as well"}}), 429, "kept as well")

	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for range 10 {
		expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets", urgent, asJSON), 201, `"priority":"urgent"`)
	}
	expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets", urgent, asJSON), 429, "")
	expect(t, n.Visit(t, n.Bolt, "one@example.com", "One").Do("POST", n.Bolt.URL+"/api/tickets", urgent, asJSON), 201, "")
	p := caller(t, n, n.Acme)
	for range 15 {
		p.file("a program's")
	}
}

// TestRequestersSeeNothingOfTheStaff: no address or role of staff, and no tags and fields but their own.
func TestRequestersSeeNothingOfTheStaff(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	ana, zoe := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	base := n.Acme.URL + "/api/tickets"
	expect(t, zoe.Do("POST", base, `{"title":"T","description":"d","tags":["own"],"custom_fields":{"order":"A7"}}`, asJSON), 201, `"tags":["own"]`)
	me, _ := ana.Get(n.Acme.URL + "/api/users/me").JSON(t)["id"].(string)
	change := fmt.Sprintf(`{"assignee_id":%q,"add_tags":["difficult"],"custom_fields":{"score":3},"comment":{"body":"hello"}}`, me)
	expect(t, ana.Do("PATCH", base+"/1", change, asJSON), 200, "")
	for _, path := range []string{"/api/tickets/1", "/api/tickets", "/api/tickets/1/comments", "/api/events", "/tickets/1"} {
		got := expect(t, zoe.Get(n.Acme.URL+path), 200, "")
		for _, secret := range []string{"ana@acme.example", `"admin"`, "difficult", "score"} {
			if strings.Contains(got.Body, secret) {
				t.Errorf("%s tells the requester %s: %s", path, secret, got.Body)
			}
		}
	}
	expect(t, zoe.Get(base+"/1"), 200, `"custom_fields":{"order":"A7"}`)
	expect(t, zoe.Get(base+"/1"), 200, `"name":"Ana"`)
	expect(t, zoe.Get(base+"?tag=difficult"), 200, `"data":[]`)
	expect(t, zoe.Get(base+"?q=difficult"), 200, `"data":[]`)
	expect(t, zoe.Get(base+"?tag=own"), 200, `"number":1`)
	expect(t, ana.Get(base+"/1"), 200, "difficult")
	expect(t, ana.Get(base+"/1/comments"), 200, "ana@acme.example")
}

// TestKeysOfChanges: a change with a key is done once, and what is named by a number may be one.
func TestKeysOfChanges(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	p.file("One")
	p.file("Two")
	for _, method := range []string{"PATCH", "PUT"} {
		for i := range 3 {
			got := expect(t, p.call(method, "/api/tickets/1", `{"comment":{"body":"once"}}`, "Idempotency-Key: k"+method), 200, "")
			if again := got.Header.Get("Idempotency-Replayed"); (again == "true") != (i > 0) {
				t.Errorf("%s %d: replayed %q", method, i, again)
			}
		}
		expect(t, p.call(method, "/api/tickets/1", `{"comment":{"body":"other"}}`, "Idempotency-Key: k"+method), 422, "")
	}
	if all := p.call("GET", "/api/tickets/1/comments", ""); strings.Count(all.Body, `"once"`) != 2 {
		t.Errorf("comments are %s", all.Body)
	}
	expect(t, p.call("POST", "/api/tickets/bulk", `{"ids":[1,"2"],"set":{"priority":"high","assignee_id":""}}`), 200, `"status":200`)
	expect(t, p.call("PATCH", "/api/tickets/1", `{"assignee_id":"","category_id":"","external_id":""}`), 200, `"assignee":null`)
	expect(t, p.call("PATCH", "/api/tickets/1", `{"requester":""}`), 200, `"requester":null`)
	expect(t, p.call("POST", "/api/tickets", `{"title":"T","description":"d","assignee_id":"","requester":""}`), 201, `"assignee":null`)
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":1}`), 200, `"number":1`)
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":true}`), 422, "")
}
