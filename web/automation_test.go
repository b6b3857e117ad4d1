package web_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

const asJSONBody = "Content-Type: application/json"

// TestRulesNameThePage: what a rule writes leads to the ticket on its own tenant's host.
func TestRulesNameThePage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
		p := caller(t, n, tn)
		expect(t, p.call("POST", "/api/rules", `{"name":"Greet","when":"created","actions":[{"do":"note","text":"See {{ticket.url}}."}]}`), 201, "")
		p.file("One")
		expect(t, p.call("GET", "/api/tickets/1/comments", ""), 200, "See "+tn.URL+"/tickets/1.")
	}
}

// Rules, targets and reports by the API: what one tenant decides runs on its tickets, and on no other's.
func TestAutomationByAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	do := func(tn *webtest.Tenant, method, path, body string, status int) webtest.Answer {
		t.Helper()
		got := n.Client(t).Do(method, tn.URL+path, body, asJSONBody, "Authorization: Bearer "+tn.Token)
		if got.Status != status {
			t.Fatalf("%s %s %s = %d %s, want %d", method, path, body, got.Status, got.Body, status)
		}
		return got
	}
	made := do(n.Acme, "POST", "/api/rules", `{"name":"Outages first","when":"created","match":"any",
		"conditions":[{"field":"title","op":"contains","value":"outage"},{"field":"tag","op":"is","value":"outage"}],
		"actions":[{"do":"set_priority","value":"urgent"},{"do":"add_tag","value":"outage"}]}`, 201)
	id, found := strings.CutPrefix(made.Location(), "/api/rules/")
	if !found || made.JSON(t)["id"] != id {
		t.Errorf("Location: %s", made.Location())
	}
	do(n.Acme, "PUT", "/api/sla", `{"enabled":true,"targets":{"urgent":{"first_response_minutes":30,"resolution_minutes":240}},
		"hours":{"monday":{"from":"00:00","to":"24:00"}},"holidays":["12-25"]}`, 200)
	filed := `{"title":"Outage!","description":"All is dark."}`
	got := do(n.Acme, "POST", "/api/tickets", filed, 201).JSON(t)
	if got["priority"] != "urgent" || fmt.Sprint(got["tags"]) != "[outage]" || got["first_response_due_at"] == nil || got["overdue"] != false {
		t.Errorf("the ticket is %v", got)
	}
	if got := do(n.Bolt, "POST", "/api/tickets", filed, 201).JSON(t); got["priority"] != "medium" || got["first_response_due_at"] != nil {
		t.Errorf("the other tenant's ticket is %v", got)
	}
	trial := do(n.Acme, "POST", "/api/rules/"+id+"/try", `{"ticket":"1"}`, 200).JSON(t)
	if trial["fits"] != true || fmt.Sprint(trial["conditions"]) != "[true true]" {
		t.Errorf("the trial is %v", trial)
	}
	do(n.Acme, "PUT", "/api/rules/"+id, `{"enabled":false,"position":1}`, 200)
	report := do(n.Acme, "GET", "/api/reports", "", 200).Body
	if strings.Count(report, `"date"`) != 30 || !strings.Contains(report, `"created":1`) {
		t.Errorf("the report is %s", report)
	}
	do(n.Acme, "GET", "/api/tickets?overdue=true", "", 200)
	for _, bad := range []struct{ method, path, body string }{
		{"POST", "/api/rules", `{"name":"x","when":"never","actions":[{"do":"note","text":"x"}]}`},
		{"POST", "/api/rules", `{"name":"x","when":"created","actions":[{"do":"set_category","value":"cat_x"}]}`},
		{"POST", "/api/rules", `{"match":"some"}`},
		{"PUT", "/api/rules/" + id, `{"position":0}`},
		{"POST", "/api/rules/" + id + "/try", `{"ticket":"x"}`},
		{"PUT", "/api/sla", `{"enabled":true,"targets":{},"hours":{"monday":{"from":"9","to":"x"}},"holidays":[]}`},
		{"PUT", "/api/sla", `{"enabled":true,"targets":{"huge":{}},"hours":{"monday":{"from":"09:00","to":"17:00"}},"holidays":[]}`},
	} {
		do(n.Acme, bad.method, bad.path, bad.body, 422)
	}
	for _, path := range []string{"/api/reports?from=x", "/api/reports?from=2020-01-01&to=2026-01-01", "/api/reports?from=2026-01-02&to=2026-01-01"} {
		do(n.Acme, "GET", path, "", 400)
	}
	for _, path := range []string{"/api/rules/" + id, "/api/rules/rul_x"} {
		do(n.Bolt, "GET", path, "", 404)
		do(n.Bolt, "PUT", path, `{"name":"mine"}`, 404)
		do(n.Bolt, "DELETE", path, "", 404)
	}
	do(n.Acme, "DELETE", "/api/rules/"+id, "", 204)
}

// What is the desk's own is nothing to requesters, and what is the admins' nothing to agents.
func TestAutomationIsStaffs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	requester := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	visitor := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	for _, path := range []string{"/api/rules", "/api/sla", "/api/reports"} {
		for name, c := range map[string]*webtest.Client{"requester": requester, "visitor": visitor} {
			if got := c.Get(n.Acme.URL + path); got.Status != 403 {
				t.Errorf("a %s's %s = %d %s, want 403", name, path, got.Status, got.Body)
			}
		}
	}
	for _, path := range []string{"/agent/settings/rules", "/agent/settings/sla", "/agent/reports", "/agent/reports/days.csv"} {
		if got := requester.Open(n.Acme.URL + path); got.Status != 303 {
			t.Errorf("a requester's %s = %d, want the way to the staff's sign-in", path, got.Status)
		}
	}
	for path, want := range map[string]int{
		"/agent/settings/rules": 403, "/agent/settings/sla": 403, "/agent/reports": 200, "/agent/reports/days.csv": 403,
	} {
		if got := agent.Open(n.Acme.URL + path); got.Status != want {
			t.Errorf("an agent's %s = %d, want %d", path, got.Status, want)
		}
	}
	if got := agent.Do("POST", n.Acme.URL+"/api/rules", `{"name":"x"}`, asJSONBody, "Sec-Fetch-Site: same-origin"); got.Status != 403 {
		t.Errorf("an agent makes a rule: %d %s", got.Status, got.Body)
	}
	form := url.Values{"title": {"Help"}, "description": {"me"}}
	if got := requester.Send(n.Acme.URL+"/tickets", form); got.Status != 303 {
		t.Fatalf("file = %d", got.Status)
	}
	seen := requester.Get(n.Acme.URL + "/api/tickets/1")
	if seen.Status != 200 || strings.Contains(seen.Body, "due_at") || strings.Contains(seen.Body, "overdue") {
		t.Errorf("a requester sees %s", seen.Body)
	}
	if got := requester.Get(n.Acme.URL + "/api/tickets?overdue=true"); got.Status != 400 {
		t.Errorf("a requester asks what is overdue: %d", got.Status)
	}
}

// Admins make, order and try rules, and set the targets, by forms alone.
func TestAutomationPages(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "=Boss", auth.RoleAdmin)
	rules := n.Acme.URL + "/agent/settings/rules"
	expect(t, boss.Open(rules), 200, "No rules yet")
	expect(t, boss.Open(rules+"/new"), 200, "New rule")
	form := url.Values{
		"name": {"To the boss"}, "enabled": {"true"}, "when": {"created"}, "match": {"all"}, "field1": {"title"}, "op1": {"is"}, "value1": {"outage"},
		"do1": {"assign"}, "with1": {"BOSS@acme.example"}, "do2": {"set_priority"}, "with2": {"High"},
	}
	expect(t, boss.Send(rules+"/new", form), 303, "")
	list := expect(t, boss.Open(rules), 200, "When a ticket is created, if its title contains “outage”, then assign it to =Boss and set the priority to “high”.")
	_, id, _ := strings.Cut(list.Body, "/agent/settings/rules/rul_")
	id, _, _ = strings.Cut(id, "/")
	one := rules + "/rul_" + id
	form.Set("with2", "enormous")
	expect(t, boss.Send(one, form), 422, "Action 2: the value must be one of low")
	p := caller(t, n, n.Acme)
	p.file("An outage")
	expect(t, boss.Open(one+"?ticket=1"), 200, "The rule would run:")
	expect(t, boss.Open(one+"?ticket=99"), 200, "There is no such ticket.")
	expect(t, boss.Send(one+"/order", url.Values{"do": {"off"}}), 303, "")
	expect(t, boss.Open(rules), 200, ">Off</span>")
	expect(t, boss.Send(one+"/order", url.Values{"do": {"delete"}}), 303, "")
	expect(t, boss.Open(rules), 200, "No rules yet")

	targets := n.Acme.URL + "/agent/settings/sla"
	expect(t, boss.Open(targets), 200, `name="open_monday" value="true" checked`)
	form = url.Values{
		"on": {"true"}, "first_high": {"0,5"}, "resolution_high": {"8"}, "open_monday": {"true"}, "from_monday": {"08:30"}, "to_monday": {"00:00"},
		"holidays": {"12-25\n2027-03-26"}, "close_days": {"5"}, "remind_days": {"2"},
	}
	expect(t, boss.Send(targets, form), 303, "")
	page := expect(t, boss.Open(targets), 200, `name="first_high" value="0.5"`)
	for _, want := range []string{`name="from_monday" value="08:30"`, `name="close_days" type="number" min="1" max="3650" value="5"`, "12-25\n2027-03-26"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page of targets has no %s", want)
		}
	}
	form.Set("first_high", "soon")
	expect(t, boss.Send(targets, form), 422, "numbers of hours")

	reports := n.Acme.URL + "/agent/reports"
	expect(t, boss.Open(reports), 200, `<svg viewBox="0 0 1000 200"`)
	expect(t, boss.Open(reports+"?days=7"), 200, "By category")
	expect(t, boss.Open(reports+"?from=2020-01-01&to=2026-01-01"), 400, "")
	p.call("PATCH", "/api/tickets/1", `{"status":"resolved"}`)
	if csv := boss.Open(reports + "/agents.csv"); !strings.Contains(csv.Body, ",'=Boss,") || csv.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("agents.csv is %s", csv.Body)
	}
	expect(t, boss.Open(reports+"/days.csv"), 200, "date,created,solved")
	day := time.Now().UTC().Format(time.DateOnly)
	page = expect(t, boss.Open(reports+"?from="+day+"&to="+day), 200, "")
	links := regexp.MustCompile(`href="([^"]*/days\.csv[^"]*)"`).FindStringSubmatch(page.Body)
	if links == nil {
		t.Fatal("the report has no link to its CSV")
	}
	if got := expect(t, boss.Open(n.Acme.URL+html.UnescapeString(links[1])), 200, ""); strings.Count(strings.TrimSpace(got.Body), "\n") != 1 {
		t.Errorf("the CSV of one day is\n%s", got.Body)
	}
	expect(t, boss.Open(reports+"/other.csv"), 404, "")
}

// field is the value of a form's field as a page shows it.
func field(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no field %s", name)
	}
	return html.UnescapeString(m[1])
}

// Who saves a rule that somebody else has changed meanwhile is told so, with what they typed and what is stored, and may save
// it then.
func TestRulesAreNotOverwritten(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss, chief := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin), n.Agent(t, n.Acme, "chief@acme.example", "Chief", auth.RoleAdmin)
	made := caller(t, n, n.Acme).call("POST", "/api/rules", `{"name":"Greet","when":"created","actions":[{"do":"add_tag","value":"new"}]}`).JSON(t)
	one := fmt.Sprintf("%s/agent/settings/rules/%s", n.Acme.URL, made["id"])
	form := func(page webtest.Answer, tag string) url.Values {
		return url.Values{
			"version": {field(t, page.Body, "version")}, "name": {"Greet"}, "enabled": {"true"}, "when": {"created"}, "match": {"all"},
			"do1": {"add_tag"}, "with1": {tag},
		}
	}
	seen := boss.Open(one)
	expect(t, chief.Send(one, form(chief.Open(one), "theirs")), 303, "")
	more := form(seen, "mine")
	more.Set("do", "more-if")
	if got := field(t, expect(t, boss.Send(one, more), 200, "").Body, "version"); got != field(t, seen.Body, "version") {
		t.Errorf("with one row more the form is for version %s", got)
	}
	clash := expect(t, boss.Send(one, form(seen, "mine")), 412, "Somebody has changed this meanwhile.")
	expect(t, clash, 412, "When a ticket is created, then add the tag “theirs”.")
	if got := field(t, clash.Body, "with1"); got != "mine" {
		t.Errorf("what was typed became %q", got)
	}
	expect(t, boss.Open(one), 200, `value="theirs"`)
	wrong := form(clash, "mine")
	wrong.Set("name", "")
	again := expect(t, boss.Send(one, wrong), 422, "The name field is required.")
	expect(t, boss.Send(one, form(again, "mine")), 303, "")
	expect(t, boss.Open(one), 200, `value="mine"`)
	expect(t, chief.Send(one+"/order", url.Values{"do": {"off"}}), 303, "")
	expect(t, boss.Send(one, form(again, "mine")), 412, "Somebody has changed this meanwhile.")
}

// The page of targets is saved as a whole or not at all.
func TestTargetsAreSavedWhole(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss, chief := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin), n.Agent(t, n.Acme, "chief@acme.example", "Chief", auth.RoleAdmin)
	page := n.Acme.URL + "/agent/settings/sla"
	form := func(version, first, days string) url.Values {
		return url.Values{
			"version": {version}, "on": {"true"}, "first_high": {first}, "open_monday": {"true"}, "from_monday": {"09:00"}, "to_monday": {"17:00"},
			"close_days": {days}, "remind_days": {"0"},
		}
	}
	first := field(t, chief.Open(page).Body, "version")
	expect(t, chief.Send(page, form(first, "1", "5")), 303, "")
	expect(t, boss.Send(page, form(first, "3", "9")), 412, "Somebody has changed this meanwhile.")
	seen := field(t, boss.Open(page).Body, "version")
	expect(t, chief.Send(page, form(seen, "2", "6")), 303, "")
	clash := expect(t, boss.Send(page, form(seen, "3", "9")), 412, "Somebody has changed this meanwhile.")
	expect(t, clash, 412, `name="first_high" value="3"`)
	stored := expect(t, boss.Open(page), 200, `name="first_high" value="2"`)
	expect(t, stored, 200, `max="3650" value="6"`)
	version := field(t, clash.Body, "version")
	expect(t, boss.Send(page, form(version, "4", "0")), 422, "is not allowed")
	expect(t, boss.Open(page), 200, `name="first_high" value="2"`)
	expect(t, boss.Send(page, form(version, "3", "9")), 303, "")
	stored = expect(t, boss.Open(page), 200, `name="first_high" value="3"`)
	expect(t, stored, 200, `max="3650" value="9"`)
	expect(t, n.Agent(t, n.Bolt, "boss@bolt.example", "Boss", auth.RoleAdmin).Open(n.Bolt.URL+"/agent/settings/sla"), 200, `name="first_high" value=""`)
}

// TestRulesByVersion: who changes a rule, moves it or removes it by the API can say which one they have seen, and all of a change is done or
// nothing.
func TestRulesByVersion(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	rule := func(name string) string {
		t.Helper()
		made := expect(t, p.call("POST", "/api/rules", `{"name":"`+name+`","position":1,"when":"created","actions":[{"do":"add_tag","value":"x"}]}`), 201, `"version":1`)
		return made.Location()
	}
	second, first := rule("Second"), rule("First")
	if got := p.call("GET", second, ""); got.Header.Get("ETag") != `"1"` || got.JSON(t)["position"] != 2.0 {
		t.Errorf("the rule is %s, %s", got.Header.Get("ETag"), got.Body)
	}
	expect(t, p.call("PUT", second, `{"name":"Other"}`, `If-Match: "7"`), 412, "VERSION_CONFLICT")
	got := expect(t, p.call("PUT", second, `{"name":"Other","position":1}`, `If-Match: "1"`), 200, `"position":1`)
	if got.Header.Get("ETag") != `"2"` || got.JSON(t)["name"] != "Other" {
		t.Errorf("the changed rule is %s, %s", got.Header.Get("ETag"), got.Body)
	}
	expect(t, p.call("PUT", second, `{"name":"","position":2}`), 422, "")
	expect(t, p.call("GET", second, ""), 200, `"position":1`) // what was refused has not moved it
	expect(t, p.call("PUT", second, `{"position":2}`, `If-Match: "2"`), 200, `"version":3`)
	expect(t, p.call("GET", first, ""), 200, `"version":1`)
	expect(t, p.call("DELETE", second, "", `If-Match: "2"`), 412, "VERSION_CONFLICT")
	expect(t, p.call("DELETE", second, "", `If-Match: "3"`), 204, "")

	policy := p.call("GET", "/api/sla", "")
	tag := policy.Header.Get("ETag")
	body := `{"enabled":true,"targets":{"urgent":{"first_response_minutes":30}},"hours":{"monday":{"from":"09:00","to":"17:00"}},"holidays":[]}`
	expect(t, p.call("PUT", "/api/sla", body, `If-Match: "99"`), 412, "VERSION_CONFLICT")
	if got := expect(t, p.call("PUT", "/api/sla", body, "If-Match: "+tag), 200, ""); got.Header.Get("ETag") == tag {
		t.Errorf("the changed policy is still %s", tag)
	}
	expect(t, p.call("PUT", "/api/sla", body, "If-Match: "+tag), 412, "VERSION_CONFLICT")
}
