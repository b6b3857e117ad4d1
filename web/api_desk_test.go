package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestSearchInTheAPI: the language of the search box works in q, together with the other parameters.
func TestSearchInTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAgent)
	id := expect(t, ann.Get(n.Acme.URL+"/api/users/me"), 200, "").JSON(t)["id"]
	p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":"One","description":"red","tags":["vip"],"assignee_id":%q,
		"requester":{"email":"zoe@example.com","name":"Zoe Park"},"external_id":"x-1"}`, id))
	p.call("POST", "/api/tickets", `{"title":"Two","description":"red","priority":"urgent"}`)
	p.call("PATCH", "/api/tickets/2", `{"status":"closed"}`)
	for q, want := range map[string]string{
		"red": "2 1", "red status:closed": "2", "-status:closed": "1", "is:done": "2", "assignee:lee": "1", "assignee:ann@acme.example": "1",
		"is:unassigned": "2", "tag:vip": "1", "-tag:vip": "2", "from:zoe@example.com": "1", "from:park": "1", "zoe@example.com": "1", "park": "1", "vip": "1",
		"#2": "2", "external:x-1": "1", "x-1": "1", "priority:urgent": "2", "created:<1d": "2 1", "created:>1d": "", "category:nonsense": "", "has:attachment": "",
		"foo:bar": "", "assignee:nobody": "", `"re"`: "", "re": "2 1",
	} {
		got := expect(t, p.call("GET", "/api/tickets?sort=-created_at&q="+url.QueryEscape(q), ""), 200, "")
		var numbers []string
		all, _ := got.JSON(t)["data"].([]any)
		for _, one := range all {
			ticket, _ := one.(map[string]any)
			numbers = append(numbers, fmt.Sprint(ticket["number"]))
		}
		if have := strings.Join(numbers, " "); have != want {
			t.Errorf("q=%s has %q, want %q", q, have, want)
		}
		problem := strings.Contains(got.Body, "search_problems")
		if want := q == "foo:bar" || q == "category:nonsense" || q == "assignee:nobody"; problem != want {
			t.Errorf("q=%s says that there is a problem: %t", q, problem)
		}
	}
	for query, want := range map[string]int{"status=new&q=status%3Aclosed": 0, "status=closed&q=status%3Aclosed": 1, "status=open&q=-tag%3Ax": 1, "tag=vip&q=red": 1, "priority=low&q=priority%3Aurgent": 0} {
		all, _ := expect(t, p.call("GET", "/api/tickets?"+query, ""), 200, "").JSON(t)["data"].([]any)
		if len(all) != want {
			t.Errorf("%s has %d, want %d", query, len(all), want)
		}
	}
	expect(t, p.call("GET", "/api/tickets?status=odd&q=status%3Aclosed", ""), 400, "status")
}

// TestRatingsAreFound: lists have the tickets with so many stars, of one's own tenant and, for requesters, one's own.
func TestRatingsAreFound(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, zoe, yan := caller(t, n, n.Acme), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.SignIn(t, n.Acme, "yan@example.com", "Yan")
	for i, who := range []*webtest.Client{zoe, zoe, yan, zoe} {
		expect(t, who.Send(n.Acme.URL+"/tickets", url.Values{"title": {"T"}, "description": {"text"}}), 303, "")
		at := fmt.Sprintf("/api/tickets/%d", i+1)
		if i < 3 {
			expect(t, p.call("PATCH", at, `{"status":"resolved"}`), 200, "")
			expect(t, who.Do("PUT", n.Acme.URL+at+"/rating", fmt.Sprintf(`{"stars":%d}`, 2*i+1), asJSON), 200, "")
		}
	}
	numbers := func(got webtest.Answer) string {
		var out []string
		all, _ := expect(t, got, 200, "").JSON(t)["data"].([]any)
		for _, one := range all {
			ticket, _ := one.(map[string]any)
			out = append(out, fmt.Sprint(ticket["number"]))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string][2]string{
		"rating=1": {"1", "1"}, "rating=1,5": {"3 1", "1"}, "rated=true": {"3 2 1", "2 1"}, "rating=4": {"", ""}, "q=rating%3A%3C4": {"2 1", "2 1"},
		"q=rating%3A5&rating=1": {"", ""}, "q=rating%3Aany&status=resolved": {"3 2 1", "2 1"}, "rating=3&q=nothing": {"", ""}, "rated=false": {"4", "4"},
		"rating=1&sort=created_at&include_total=true": {"1", "1"},
	} {
		if !strings.Contains(query, "sort") {
			query += "&sort=-created_at"
		}
		if got := numbers(p.call("GET", "/api/tickets?"+query, "")); got != want[0] {
			t.Errorf("%s has %q, want %q", query, got, want[0])
		}
		if got := numbers(zoe.Get(n.Acme.URL + "/api/tickets?" + query)); got != want[1] {
			t.Errorf("%s has %q for a requester, want %q", query, got, want[1])
		}
		if got := numbers(caller(t, n, n.Bolt).call("GET", "/api/tickets?"+query, "")); got != "" {
			t.Errorf("%s has %q at the other tenant", query, got)
		}
	}
	for _, bad := range []string{"rating=0", "rating=6", "rating=good", "rated=yes!", "ratings=1"} {
		expect(t, p.call("GET", "/api/tickets?"+bad, ""), 400, "")
	}
}

// TestViewsInTheAPI: tokens keep what is shared, agents their own, and requesters nothing.
func TestViewsInTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	p.file("One")
	expect(t, p.call("GET", "/api/views", ""), 200, `"id":"inbox"`)
	for _, list := range []struct{ path, create, change, name string }{
		{"/api/views", `{"name":"Big ones","query":"is:open tag:vip","shared":true}`, `{"name":"Renamed"}`, "Big ones"},
		{"/api/canned-replies", `{"name":"Thanks","shortcut":"thanks","body":"Hello {{requester.first_name}}","status":"resolved","add_tags":["x"],"shared":true}`, `{"name":"Renamed"}`, "Thanks"},
	} {
		got := expect(t, p.call("POST", list.path, list.create), 201, list.name)
		at := got.Location()
		if !strings.HasPrefix(at, list.path+"/") {
			t.Errorf("Location %q", at)
		}
		if one := expect(t, p.call("GET", at, ""), 200, list.name); one.Header.Get("ETag") != `"1"` {
			t.Errorf("ETag %q", one.Header.Get("ETag"))
		}
		expect(t, p.call("PUT", at, list.change, `If-Match: "7"`), 412, "VERSION_CONFLICT")
		expect(t, p.call("PUT", at, list.change, `If-Match: "1"`), 200, "Renamed")
		expect(t, p.call("GET", list.path, ""), 200, "Renamed")
		expect(t, p.call("POST", list.path, `{"name":""}`), 422, "name")
		expect(t, p.call("POST", list.path, `{"nme":""}`), 422, "nme")
		ann := n.Agent(t, n.Acme, strings.Trim(list.path, "/api-")+"@acme.example", "Ann", auth.RoleAgent)
		expect(t, ann.Get(n.Acme.URL+list.path), 200, "Renamed")
		expect(t, ann.Do("DELETE", n.Acme.URL+at, "", asJSON, "Sec-Fetch-Site: same-origin"), 403, "")
		zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
		expect(t, zoe.Get(n.Acme.URL+list.path), 403, "FORBIDDEN")
		expect(t, zoe.Get(n.Acme.URL+at), 403, "FORBIDDEN")
		expect(t, zoe.Do("POST", n.Acme.URL+list.path, list.create, asJSON), 403, "FORBIDDEN")
		expect(t, caller(t, n, n.Bolt).call("GET", at, ""), 404, "NOT_FOUND")
		expect(t, p.call("DELETE", at, ""), 204, "")
		expect(t, p.call("GET", at, ""), 404, "NOT_FOUND")
	}
}

func TestMergeInTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	zoe, yan := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.SignIn(t, n.Acme, "yan@example.com", "Yan")
	for _, form := range []url.Values{{"title": {"First"}, "description": {"amaranth"}}, {"title": {"Second"}, "description": {"celadon"}}} {
		expect(t, zoe.Send(n.Acme.URL+"/tickets", form), 303, "")
	}
	expect(t, yan.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Yan's"}, "description": {"saffron"}}), 303, "")
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":"2"}`), 422, "itself")
	expect(t, p.call("POST", "/api/tickets/2/merge", `{}`), 422, "into")
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":"99"}`), 422, "into")
	expect(t, p.call("POST", "/api/tickets/99/merge", `{"into":"1"}`), 404, "NOT_FOUND")
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":"3","apart":false}`), 409, "REQUESTERS_DIFFER")
	expect(t, p.call("POST", "/api/tickets/2/merge", `{"into":"1"}`, `If-Match: "9"`), 412, "VERSION_CONFLICT")
	expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets/2/merge", `{"into":"1"}`, asJSON), 403, "FORBIDDEN")
	expect(t, yan.Do("POST", n.Acme.URL+"/api/tickets/2/merge", `{"into":"3"}`, asJSON), 404, "NOT_FOUND")
	expect(t, caller(t, n, n.Bolt).call("POST", "/api/tickets/2/merge", `{"into":"1"}`), 404, "NOT_FOUND")

	first := p.call("POST", "/api/tickets/2/merge", `{"into":"1"}`, "Idempotency-Key: m")
	expect(t, first, 200, `"merged_from":["tkt_`)
	if again := p.call("POST", "/api/tickets/2/merge", `{"into":"1"}`, "Idempotency-Key: m"); again.Header.Get("Idempotency-Replayed") != "true" || again.Body != first.Body {
		t.Errorf("again = %d %s", again.Status, again.Body)
	}
	expect(t, p.call("GET", "/api/tickets/2", ""), 200, `"merged_into":"tkt_`)
	expect(t, p.call("PATCH", "/api/tickets/2", `{"priority":"low"}`), 409, "TICKET_MERGED")
	expect(t, p.call("GET", "/api/tickets/1/comments", ""), 200, `"merged_from":2`)
	expect(t, zoe.Get(n.Acme.URL+"/api/tickets/1/comments"), 200, "celadon")
	expect(t, zoe.Get(n.Acme.URL+"/api/tickets/2"), 200, `"merged_into":"tkt_`)
	if got := zoe.Open(n.Acme.URL + "/tickets/2"); got.Status != 303 || got.Location() != "/tickets/1" {
		t.Errorf("the stub's page = %d to %q, want to lead on", got.Status, got.Location())
	}

	expect(t, p.call("POST", "/api/tickets/1/merge", `{"into":"3"}`), 200, "")
	for who, hidden := range map[*webtest.Client][]string{yan: {"amaranth", "celadon", "First"}, zoe: {"saffron", "Yan's", `"merged_into":"`, `"merged_from":[`, `"spam"`, "#3"}} {
		for _, path := range []string{"/api/tickets", "/api/tickets/1", "/api/tickets/3", "/api/tickets/3/comments", "/api/events", "/api/tickets?q=amaranth", "/tickets", "/tickets/1", "/tickets/3"} {
			got := who.Open(n.Acme.URL + path)
			for _, word := range hidden {
				if strings.Contains(got.Body, word) && !strings.Contains(path, strings.ToLower(word)) {
					t.Errorf("%s = %d shows %q: %s", path, got.Status, word, got.Body)
				}
			}
		}
	}
	expect(t, zoe.Open(n.Acme.URL+"/tickets/1"), 200, "amaranth")
	expect(t, zoe.Get(n.Acme.URL+"/api/tickets/1"), 200, `"status":"closed"`)
}

func TestBulkInTheAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	one, two := p.file("One"), p.file("Two")
	foreign := caller(t, n, n.Bolt).file("Bolt's")
	body := fmt.Sprintf(`{"ids":[%q,"2",%q],"set":{"priority":"high","status":"pending"},"add_tags":["outage"],"comment":{"body":"We know.","visibility":"internal"}}`, one, foreign)
	first := expect(t, p.call("POST", "/api/tickets/bulk", body, "Idempotency-Key: b"), 200, fmt.Sprintf(`{"id":%q,"status":404,"code":"NOT_FOUND"`, foreign))
	expect(t, first, 200, fmt.Sprintf(`{"id":%q,"status":200}`, one))
	if again := p.call("POST", "/api/tickets/bulk", body, "Idempotency-Key: b"); again.Header.Get("Idempotency-Replayed") != "true" || again.Body != first.Body {
		t.Errorf("again = %d %s", again.Status, again.Body)
	}
	expect(t, p.call("GET", "/api/tickets/"+two, ""), 200, `"tags":["outage"]`)
	expect(t, p.call("GET", "/api/v1/tickets?q=tag:outage+status:pending+priority:high", ""), 200, one)
	for body, code := range map[string]int{
		`{}`: 422, `{"ids":["1"]}`: 422, `{"ids":[],"set":{"priority":"low"}}`: 422, `{"ids":["1"],"set":{"title":"x"}}`: 422,
		`{"ids":["1"],"action":"burn"}`: 422, `{"ids":["1"],"action":"delete","add_tags":["x"]}`: 422,
		`{"ids":["1"],"comment":{"body":"x","attachment_ids":["att_x"]}}`: 422, `{"ids":["1"],"set":{"assignee_id":"none"}}`: 422,
	} {
		if got := p.call("POST", "/api/tickets/bulk", body); got.Status != code {
			t.Errorf("%s = %d %s, want %d", body, got.Status, got.Body, code)
		}
	}
	expect(t, p.call("POST", "/api/tickets/bulk", `{"ids":["1","2"],"set":{"spam":true}}`), 200, "")
	expect(t, p.call("GET", "/api/tickets", ""), 200, `"data":[]`)
	expect(t, p.call("GET", "/api/tickets?q=is:spam", ""), 200, two)
	expect(t, p.call("POST", "/api/tickets/bulk", `{"ids":["1","2"],"action":"delete"}`), 200, `"status":200`)
	expect(t, p.call("GET", "/api/tickets/1", ""), 404, "")
	expect(t, p.call("POST", "/api/tickets/bulk", `{"ids":["1"],"action":"restore"}`), 200, `"status":200`)
	expect(t, p.call("GET", "/api/tickets/1", ""), 200, `"spam":true`)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Do("POST", n.Acme.URL+"/api/tickets/bulk", `{"ids":["1"],"add_tags":["x"]}`, asJSON), 403, "FORBIDDEN")
	claims := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, claims.Do("POST", n.Acme.URL+"/api/tickets/bulk", `{"ids":["1"],"action":"delete"}`, asJSON), 403, "")
	expect(t, p.call("PATCH", "/api/tickets/bulk", `{}`), 405, "METHOD_NOT_ALLOWED")
}
