package web_test

import (
	"net/http"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// Every answer of the API says how the caller stands, also where there is nothing.
func TestUnknownAPIRoutesCount(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/nothing", http.StatusNotFound},
		{"GET", "/api/v1/tickets/1/nothing/at/all", http.StatusNotFound},
		{"PATCH", "/api/users/me", http.StatusMethodNotAllowed},
		{"GET", "/api/openapi.json", http.StatusOK},
		{"GET", "/api/v1/docs", http.StatusOK},
	} {
		got := p.call(tc.method, tc.path, "")
		if got.Status != tc.status || got.Header.Get("X-RateLimit-Limit") != "600" || got.Header.Get("X-RateLimit-Remaining") == "" {
			t.Errorf("%s %s = %d %v", tc.method, tc.path, got.Status, got.Header)
		}
		if got := n.Client(t).Do(tc.method, n.URL+tc.path, ""); got.Status != tc.status || got.Header.Get("X-RateLimit-Limit") == "" {
			t.Errorf("%s %s as a stranger = %d %v", tc.method, tc.path, got.Status, got.Header)
		}
	}
	last := ""
	for range 700 {
		got := n.Client(t).Get(n.URL+"/api/nothing", "X-Forwarded-For: 203.0.113.77")
		if last = got.Code(); got.Status == http.StatusTooManyRequests {
			break
		}
	}
	if last != "RATE_LIMITED" {
		t.Errorf("the last of 700 requests to nowhere: %s, want RATE_LIMITED", last)
	}
}

// Two tokens in one request that differ are no token: whoever in front looks at the other one would let somebody else in.
func TestTwoTokensThatDiffer(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	bearer, header := "Authorization: Bearer "+n.Acme.Token, "X-Tenant-API-Token: "
	for _, headers := range [][]string{
		{bearer, header + n.Bolt.Token},
		{bearer, header + "x"},
		{header + n.Acme.Token, header + n.Bolt.Token},
		{bearer, "Authorization: Bearer " + n.Bolt.Token},
	} {
		if got := n.Client(t).Get(n.URL+"/api/tickets", headers...); got.Status != http.StatusUnauthorized {
			t.Errorf("%d tokens that differ = %d", len(headers), got.Status)
		}
		form := "email=zoe%40example.com&name=Zoe"
		headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
		if got := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", form, headers...); got.Code() != "SIGNATURE_INVALID" {
			t.Errorf("a redirect with tokens that differ = %d %s", got.Status, got.Body)
		}
	}
	if got := n.Client(t).Get(n.URL+"/api/tickets", bearer, header+n.Acme.Token); got.Status != http.StatusOK {
		t.Errorf("the same token twice = %d", got.Status)
	}
}

// Somebody who is signed in may look at pages as fast as people do, and no program as fast as it can.
func TestPagesAreLimited(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	agent := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAgent)
	for i := range 1300 {
		got := agent.Do("GET", n.Acme.URL+"/agent", "", "Accept: text/html", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
		if got.Status == http.StatusTooManyRequests {
			if i < 1000 || got.Header.Get("Retry-After") == "" || got.Header.Get("X-RateLimit-Limit") != "1200" {
				t.Errorf("page %d = %d %v", i, got.Status, got.Header)
			}
			return
		}
	}
	t.Error("1300 pages in a moment were all shown")
}
