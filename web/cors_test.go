package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

const partner = "https://app.acme.example"

func corsNode(t *testing.T) *webtest.Node {
	t.Helper()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": partner + ",http://localhost:3000"})
	n.Set(t, n.Bolt, map[string]string{"allowed_origins": "https://bolt.example"})
	return n
}

func TestAllowedOrigins(t *testing.T) {
	t.Parallel()
	n := corsNode(t)
	token := "Authorization: Bearer " + n.Acme.Token
	const login = "/api/auth/redirect/acme"
	for _, tc := range []struct {
		name, method, address, origin string
		header                        string
		granted                       bool
	}{
		{"API at the tenant's host", "GET", n.Acme.URL + "/api/tickets", partner, token, true},
		{"with a port", "GET", n.Acme.URL + "/api/tickets", "http://localhost:3000", token, true},
		{"another port", "GET", n.Acme.URL + "/api/tickets", "http://localhost:3001", token, false},
		{"own host", "GET", n.Acme.URL + "/api/tickets", n.Acme.URL, token, true},
		{"no credentials", "GET", n.Acme.URL + "/api/tickets", partner, "Accept: */*", true},
		{"no such route", "GET", n.Acme.URL + "/api/unicorns", partner, token, true},
		{"no such method", "PATCH", n.Acme.URL + "/api/tickets", partner, token, true},
		{"API at the node, by the token", "GET", n.URL + "/api/tickets", partner, token, true},
		{"an error at the node, by the token", "GET", n.URL + "/api/tickets/99", partner, token, true},
		{"at the node, another tenant's page", "GET", n.URL + "/api/tickets", "https://bolt.example", token, false},
		{"at the node, no token", "GET", n.URL + "/api/tickets", partner, "Accept: */*", false},
		{"redirect login at the node", "POST", n.URL + login, partner, asForm, true},
		{"redirect login, another tenant's page", "POST", n.URL + login, "https://bolt.example", asForm, false},
		{"unknown slug", "POST", n.URL + "/api/auth/redirect/nobody", partner, asForm, false},
		{"suffix", "GET", n.Acme.URL + "/api/tickets", partner + ".evil.example", token, false},
		{"prefix", "GET", n.Acme.URL + "/api/tickets", "https://evil-app.acme.example", token, false},
		{"scheme", "GET", n.Acme.URL + "/api/tickets", "http://app.acme.example", token, false},
		{"null", "GET", n.Acme.URL + "/api/tickets", "null", token, false},
		{"null at the redirect login", "POST", n.URL + login, "null", asForm, false},
		{"another tenant's host", "GET", n.Acme.URL + "/api/tickets", n.Bolt.URL, token, false},
		{"a page", "GET", n.Acme.URL + "/auth/sign-in", partner, "Accept: text/html", false},
	} {
		got := n.Client(t).Do(tc.method, tc.address, "", "Origin: "+tc.origin, tc.header)
		h := got.Header
		want := ""
		if tc.granted {
			want = tc.origin
		}
		if h.Get("Access-Control-Allow-Origin") != want || (h.Get("Access-Control-Allow-Credentials") == "true") != tc.granted {
			t.Errorf("%s: allowed origin %q, want %q", tc.name, h.Get("Access-Control-Allow-Origin"), want)
		}
		if exposed := h.Get("Access-Control-Expose-Headers"); strings.Contains(exposed, "X-RateLimit-Remaining") != tc.granted {
			t.Errorf("%s: exposed headers %q", tc.name, exposed)
		}
		if strings.Contains(tc.address, "/api/") && !strings.Contains(h.Get("Vary"), "Origin") {
			t.Errorf("%s: Vary = %q", tc.name, h.Get("Vary"))
		}
	}
}

func TestPreflights(t *testing.T) {
	t.Parallel()
	n := corsNode(t)
	for _, tc := range []struct {
		name, address, origin string
		granted               bool
	}{
		{"tenant's host", n.Acme.URL + "/api/tickets", partner, true},
		{"tenant's host, no such route", n.Acme.URL + "/api/v1/unicorns", partner, true},
		{"tenant's host, another's page", n.Acme.URL + "/api/tickets", "https://bolt.example", false},
		{"node, a page of some tenant", n.URL + "/api/tickets", "https://bolt.example", true},
		{"node, a page of nobody", n.URL + "/api/tickets", "https://evil.example", false},
		{"redirect login", n.URL + "/api/auth/redirect/acme", partner, true},
		{"redirect login, another's page", n.URL + "/api/auth/redirect/acme", "https://bolt.example", false},
		{"test endpoint", n.URL + "/api/test/auth/redirect/acme", partner, true},
		{"null", n.URL + "/api/tickets", "null", false},
		{"callback, a page of nobody", n.Acme.URL + "/auth/callback?token=x", "https://evil.example", false},
		{"SimpleAuth, a page of nobody", n.Acme.URL + "/simpleauth/login?token=x", "https://evil.example", false},
		{"SimpleAuth at the node, a page of nobody", n.URL + "/simpleauth/login?brand_id=acme&token=x", "https://evil.example", false},
	} {
		got := n.Client(t).Do(http.MethodOptions, tc.address, "", "Origin: "+tc.origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: content-type")
		h := got.Header
		if got.Status != 204 || (h.Get("Access-Control-Allow-Origin") == tc.origin) != tc.granted || !strings.Contains(h.Get("Vary"), "Origin") {
			t.Errorf("%s = %d %v, want granted %t", tc.name, got.Status, h, tc.granted)
		}
		if !tc.granted {
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s has %s", tc.name, name)
				}
			}
			continue
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Methods":     "GET, POST, PUT, PATCH, DELETE",
			"Access-Control-Max-Age":           "600",
			"Access-Control-Allow-Headers": "authorization, content-type, accept, x-tenant-api-token, x-requested-with, " +
				"x-csrf-token, if-match, if-none-match, idempotency-key",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s = %q, want %q", tc.name, name, h.Get(name), want)
			}
		}
	}
}

// TestOtherSitesCannotUseTheCookie: a session speaks for a page of an allowed origin, and for no other.
func TestOtherSitesCannotUseTheCookie(t *testing.T) {
	t.Parallel()
	n := corsNode(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	own := n.Bring(t, n.Acme, "help.acme.example")
	for _, tc := range []struct {
		name        string
		path        string
		contentType string
		headers     []string
		status      int
	}{
		{"partner's page", "/api/tickets", asJSON, []string{"Origin: " + partner, "Sec-Fetch-Site: cross-site"}, 201},
		{"a page at another host of the tenant's", "/api/tickets", asJSON, []string{"Origin: " + own, "Sec-Fetch-Site: cross-site"}, 201},
		{"such a page posts our form", "/tickets", asForm, []string{"Origin: " + own, "Sec-Fetch-Site: cross-site"}, 403},
		{"another page", "/api/tickets", asJSON, []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"sibling host", "/api/tickets", asJSON, []string{"Origin: " + n.Bolt.URL, "Sec-Fetch-Site: same-site"}, 403},
		{"an old browser on another page", "/api/tickets", asJSON, []string{"Origin: https://evil.example"}, 403},
		{"null", "/api/tickets", asJSON, []string{"Origin: null", "Sec-Fetch-Site: cross-site"}, 403},
		{"text from the partner's page", "/api/tickets", "Content-Type: text/plain", []string{"Origin: " + partner}, 415},
		{"the partner's page posts our form", "/tickets", asForm, []string{"Origin: " + partner, "Sec-Fetch-Site: cross-site"}, 403},
	} {
		body := `{"title":"a","description":"b"}`
		if tc.contentType == asForm {
			body = "title=a&description=b"
		}
		got := zoe.Do("POST", n.Acme.URL+tc.path, body, append(tc.headers, tc.contentType)...)
		if got.Status != tc.status {
			t.Errorf("%s = %d %s, want %d", tc.name, got.Status, got.Body, tc.status)
		}
	}
	// An origin that is taken from the list loses its trust at once.
	n.Set(t, n.Acme, map[string]string{"allowed_origins": ""})
	got := zoe.Do("POST", n.Acme.URL+"/api/tickets", `{"title":"a","description":"b"}`, asJSON, "Origin: "+partner, "Sec-Fetch-Site: cross-site")
	if got.Status != 403 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("after the list was cleared = %d %v, want 403", got.Status, got.Header)
	}
}

// TestOptionsListMethods: whoever asks what an address takes is told, with and without an origin.
func TestOptionsListMethods(t *testing.T) {
	t.Parallel()
	n := corsNode(t)
	for address, want := range map[string]string{
		n.URL + "/api/tickets":            "GET, HEAD, OPTIONS, POST",
		n.Acme.URL + "/api/v1/tickets/7":  "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
		n.Acme.URL + "/api/tickets/bulk":  "OPTIONS, POST",
		n.Acme.URL + "/dashboard":         "GET, HEAD, OPTIONS",
		n.Acme.URL + "/api/unicorns":      "",
		n.URL + "/api/auth/redirect/acme": "OPTIONS, POST",
	} {
		for _, headers := range [][]string{nil, {"Origin: " + partner, "Access-Control-Request-Method: GET"}} {
			got := n.Client(t).Do(http.MethodOptions, address, "", headers...)
			if got.Status != 204 || got.Header.Get("Allow") != want {
				t.Errorf("OPTIONS %s %v = %d, Allow %q, want 204 and %q", address, headers, got.Status, got.Header.Get("Allow"), want)
			}
		}
	}
}
