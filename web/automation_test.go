package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

const asJSONBody = "Content-Type: application/json"

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
	id := made.JSON(t)["id"].(string)
	if made.Location() != "/api/rules/"+id {
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
	report := do(n.Acme, "GET", "/api/reports", "", 200).JSON(t)
	if len(report["days"].([]any)) != 30 || report["total"].(map[string]any)["created"] != 1.0 {
		t.Errorf("the report is %v", report)
	}
	do(n.Acme, "GET", "/api/tickets?overdue=true", "", 200)
	for _, bad := range []struct{ method, path, body string }{
		{"POST", "/api/rules", `{"name":"x","when":"never","actions":[{"do":"note","text":"x"}]}`},
		{"POST", "/api/rules", `{"name":"x","when":"created","actions":[{"do":"set_category","value":"cat_x"}]}`},
		{"POST", "/api/rules", `{"match":"some"}`},
		{"PUT", "/api/rules/" + id, `{"position":0}`},
		{"POST", "/api/rules/" + id + "/try", `{"ticket":"x"}`},
		{"PUT", "/api/sla", `{"enabled":true,"targets":{},"hours":{"monday":{"from":"9","to":"x"}},"holidays":[]}`},
		{"PUT", "/api/sla", `{"enabled":true,"targets":{"huge":{}},"hours":{},"holidays":[]}`},
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
