package upstream_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/tenant"
)

// TestRedirectsOfApplications has applications redirect to where they think they are.
func TestRedirectsOfApplications(t *testing.T) {
	shop, strip := tenant.Route{Prefix: "/shop"}, tenant.Route{Prefix: "/shop", StripPrefix: true}
	for _, tc := range []struct {
		route     tenant.Route
		at        string
		said, got string
	}{
		{shop, "http://app:8080", "http://app:8080/shop/cart?x=1#y", "/shop/cart?x=1#y"},
		{shop, "http://app:8080", "https://APP:8080/shop/a%2Fb", "/shop/a%2Fb"},
		{shop, "http://app:8080", "http://app:8080", "/"},
		{shop, "http://app", "http://app:80/shop", "/shop"},
		{shop, "http://app:80", "https://app/shop", "/shop"},
		{shop, "http://app:8080", "http://app:8080//evil.example/", "/evil.example/"},
		{shop, "http://app:8080", "/cart", "/cart"},
		{shop, "http://app:8080", "cart", "cart"},
		{shop, "http://app:8080", "http://app:8081/shop", "http://app:8081/shop"},
		{shop, "http://app:8080", "http://app.example:8080/shop", "http://app.example:8080/shop"},
		{shop, "http://app:8080", "https://login.example/?next=http://app:8080/", "https://login.example/?next=http://app:8080/"},
		{shop, "http://app:8080", "//app:8080/shop", "//app:8080/shop"},
		{shop, "http://app:8080", "mailto:ann@app", "mailto:ann@app"},
		{strip, "http://app:8080", "http://app:8080/cart", "/shop/cart"},
		{strip, "http://app:8080", "http://app:8080/", "/shop/"},
		{strip, "http://app:8080", "/shop/cart", "/shop/cart"},
		{strip, "http://app:8080/base", "http://app:8080/base/cart", "/shop/cart"},
		{strip, "http://app:8080/base/", "/base/cart", "/shop/cart"},
		{strip, "http://app:8080/base", "/based", "/based"},
		{strip, "http://app:8080/base", "http://app:8080/other", "http://app:8080/other"},
		{shop, "http://app:8080/base", "/base/shop/cart", "/shop/cart"},
	} {
		t.Run(tc.at+" "+tc.said, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				e := newEdge(t, n)
				var prefix []string
				app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					prefix = r.Header["X-Forwarded-Prefix"]
					w.Header()["Location"], w.Header()["Content-Location"] = []string{tc.said}, []string{tc.said}
					w.WriteHeader(http.StatusCreated)
				})
				n.serve("app:8080", app)
				n.serve("app:80", app)
				tc.route.Upstreams = []string{tc.at}
				e.route("acme.example", tc.route)
				status, _, h := e.ask(t, http.MethodGet, "/shop/x", nil, "X-Forwarded-Prefix", "/evil")
				if status != http.StatusCreated || h.Get("Location") != tc.got || h.Get("Content-Location") != tc.got {
					t.Errorf("%d to %q (%q), want %q", status, h.Get("Location"), h.Get("Content-Location"), tc.got)
				}
				want := "[]"
				if tc.route.StripPrefix {
					want = "[/shop]"
				}
				if got := fmt.Sprint(prefix); got != want {
					t.Errorf("the application is told the prefix %s, want %s", got, want)
				}
			})
		})
	}
}

// TestRedirectsToHTTPS has an upstream insist on https, of which the edge's own would be the same page again, without end.
func TestRedirectsToHTTPS(t *testing.T) {
	for _, tc := range []struct{ method, said, got string }{
		{http.MethodGet, "https://app/base/shop/x?y=1", "https://app/base/shop/x?y=1"},
		{http.MethodHead, "https://app/base/shop/x?y=1", "https://app/base/shop/x?y=1"},
		{http.MethodPost, "https://app/base/shop/x?y=1", "/shop/x?y=1"}, // after a form, which is a GET
		{http.MethodGet, "http://app/base/shop/x?y=1", "/shop/x?y=1"},
		{http.MethodGet, "https://app/base/shop/x", "/shop/x"},
		{http.MethodGet, "/base/shop/x?y=1", "/shop/x?y=1"}, // with a cookie, say
	} {
		t.Run(tc.method+" "+tc.said, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				e := newEdge(t, n)
				n.serve("app:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", tc.said)
					w.WriteHeader(http.StatusFound)
				}))
				e.route("acme.example", tenant.Route{Prefix: "/shop", Upstreams: []string{"http://app/base"}})
				r := httptest.NewRequestWithContext(t.Context(), tc.method, "/shop/x?y=1", nil)
				r.Host = "acme.example"
				w := httptest.NewRecorder()
				e.handle(w, r)
				if to := w.Header().Get("Location"); w.Code != http.StatusFound || to != tc.got {
					t.Errorf("%d to %q, want %q", w.Code, to, tc.got)
				}
			})
		})
	}
}
