package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestDaysInLists: wherever a time narrows a list, a day of the tenant's calendar does; and tickets without a rating are one parameter away.
func TestDaysInLists(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	zone := "Pacific/Kiritimati" // 14 hours ahead: in half of the day another date than that of UTC
	expect(t, p.call("PUT", "/api/tenant", `{"settings":{"time_zone":"`+zone+`"}}`), 200, zone)
	p.file("Printer")
	expect(t, p.call("POST", "/api/users", `{"email":"zoe@example.com","name":"Zoe"}`), 201, "")
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(location)
	if left := time.Until(time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, location)); left < time.Minute {
		now = now.AddDate(0, 0, 1) // it is about to be tomorrow: then all was made before
	}
	day := func(days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) }
	for query, want := range map[string]bool{
		"/api/tickets?created_after=" + day(-1): true, "/api/tickets?created_after=" + day(1): false,
		"/api/tickets?created_before=" + day(1): true, "/api/tickets?created_before=" + day(-1): false,
		"/api/tickets?updated_after=" + day(-1) + "&updated_before=" + day(1): true, "/api/tickets?updated_before=" + day(-1): false,
		"/api/tickets?created_after=" + url.QueryEscape(now.Add(-time.Hour).Format(time.RFC3339)): true,
		"/api/tickets?rated=false": true, "/api/tickets?rated=true": false, "/api/tickets?q=is:unrated": true, "/api/tickets?rated=false&rating=5": false,
		"/api/users?created_after=" + day(-1): true, "/api/users?created_after=" + day(1): false,
		"/api/events?created_after=" + day(-1): true, "/api/events?created_after=" + day(1): false,
		"/api/audit?since=" + day(-1) + "&until=" + day(2): true, "/api/audit?until=" + day(-1): false,
	} {
		got := expect(t, p.call("GET", query, ""), 200, "")
		if found := !strings.Contains(got.Body, `"data":[]`); found != want {
			t.Errorf("%s finds something: %t, want %t: %s", query, found, want, got.Body)
		}
	}
	for _, query := range []string{"created_after=2026-13-01", "created_before=today", "updated_after=2026-01", "rated=perhaps"} {
		expect(t, p.call("GET", "/api/tickets?"+query, ""), 400, "BAD_REQUEST")
	}
}
