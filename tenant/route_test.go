package tenant_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

func TestRoutes(t *testing.T) {
	h := open(t)
	const host = "help.acme.example"
	h.bind(t, tenant.Binding{Host: host, Tenant: h.acme.ID, Served: true})
	if err := h.tenants.Mount(t.Context(), h.acme.ID, host, "/support/"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []tenant.Route{
		{Prefix: "/", Upstreams: []string{"http://10.0.0.1:8080/"}},
		{Prefix: "/shop", Upstreams: []string{"https://shop.internal", "https://shop2.internal/base"}, StripPrefix: true, Timeout: time.Minute},
		{Prefix: "/shop/cart", Upstreams: []string{"http://10.0.0.3"}},
		{Prefix: "/support/files", Upstreams: []string{"http://10.0.0.4"}},
		{Prefix: "/support/files", Upstreams: []string{"http://app_1.apps-net:80", "http://[fd00::1]:8080", "http://10.0.0.4"}},
		{Prefix: "/support/files", Upstreams: []string{"http://10.0.0.4"}},
		{Prefix: "/shop", Upstreams: []string{"http://10.0.0.2"}, PreserveHost: true},
	} {
		if err := h.tenants.AddRoute(t.Context(), h.acme.ID, host, r); err != nil {
			t.Fatalf("add %s: %v", r.Prefix, err)
		}
	}
	site, ok := h.directory.Lookup(host)
	if !ok || site.Mount != "/support" || len(site.Routes) != 4 {
		t.Fatalf("site %+v", site)
	}
	for path, want := range map[string]string{
		"/":                   "http://10.0.0.1:8080",
		"/about":              "http://10.0.0.1:8080",
		"/shop":               "http://10.0.0.2",
		"/shop/":              "http://10.0.0.2",
		"/shop/a/b":           "http://10.0.0.2",
		"/shopping":           "http://10.0.0.1:8080",
		"/shop/cart":          "http://10.0.0.3",
		"/shop/cart/1":        "http://10.0.0.3",
		"/shop/carts":         "http://10.0.0.2",
		"/support/files/1":    "http://10.0.0.4",
		"/support/filesystem": "http://10.0.0.1:8080",
		"/supporters":         "http://10.0.0.1:8080",
		"":                    "",
		"shop":                "",
	} {
		route, ok := site.Routes.Match(path)
		if ok != (want != "") || ok && route.Upstreams[0] != want {
			t.Errorf("Match(%q) = %+v, %t, want %q", path, route, ok, want)
		}
	}
	if other, _ := h.directory.Lookup("bee.tickets.example"); other.Mount != "/" || len(other.Routes) != 0 {
		t.Errorf("the other tenant's site is %+v", other)
	}
	if err := h.tenants.RemoveRoute(t.Context(), h.acme.ID, host, "/shop"); err != nil {
		t.Fatal(err)
	}
	if err := h.tenants.RemoveRoute(t.Context(), h.acme.ID, host, "/shop"); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("second removal: %v, want ErrNotFound", err)
	}
	setups, err := h.tenants.Setups(t.Context(), h.acme.ID)
	if err != nil || len(setups) != 1 || len(setups[0].Routes) != 3 {
		t.Errorf("Setups: %+v, %v", setups, err)
	}
	if setups, err := h.tenants.Setups(t.Context(), h.bee.ID); err != nil || len(setups) != 0 {
		t.Errorf("the other tenant's setups: %+v, %v", setups, err)
	}
}

func TestRoutesRefused(t *testing.T) {
	h := open(t)
	const host = "acme.tickets.example"
	up := []string{"http://10.0.0.1"}
	for _, r := range []tenant.Route{
		{Prefix: "/api", Upstreams: up},
		{Prefix: "/tickets/old", Upstreams: up},
		{Prefix: "/auth/callback", Upstreams: up},
		{Prefix: "/.well-known/deskgate", Upstreams: up},
		{Prefix: "shop", Upstreams: up},
		{Prefix: "", Upstreams: up},
		{Prefix: "/a/../b", Upstreams: up},
		{Prefix: "/a//b", Upstreams: up},
		{Prefix: "/a b", Upstreams: up},
		{Prefix: "/a%2fb", Upstreams: up},
		{Prefix: "/shop"},
		{Prefix: "/shop", Upstreams: []string{"ftp://x"}},
		{Prefix: "/shop", Upstreams: []string{"10.0.0.1:80"}},
		{Prefix: "/shop", Upstreams: []string{"http://user:pw@x"}},
		{Prefix: "/shop", Upstreams: []string{"http://x:99999"}},
		{Prefix: "/shop", Upstreams: []string{"http://x?q=1"}},
		{Prefix: "/shop", Upstreams: []string{"http://schön.example"}},
		{Prefix: "/shop", Upstreams: []string{"http://a%20b"}},
		{Prefix: "/shop", Upstreams: []string{"http://a,b"}},
		{Prefix: "/shop", Upstreams: up, Timeout: -1},
		{Prefix: "/shop", Upstreams: []string{"http://10.0.0.1", "http://10.0.0.1/"}},
		{Prefix: "/shop", Upstreams: up, ConnectTimeout: 2 * time.Minute},
		{Prefix: "/shop", Upstreams: up, IdleTimeout: 25 * time.Hour},
		{Prefix: "/shop", Upstreams: up, MaxBody: -1},
		{Prefix: "/shop", Upstreams: up, Balance: "random"},
		{Prefix: "/shop", Upstreams: up, Balance: tenant.LeastConnections, Sticky: true},
		{Prefix: "/shop", Upstreams: up, Weights: []int{1, 1}},
		{Prefix: "/shop", Upstreams: up, Weights: []int{0}},
		{Prefix: "/shop", Upstreams: up, Weights: []int{101}},
		{Prefix: "/shop", Upstreams: up, Weights: []int{-1}},
		{Prefix: "/shop", Upstreams: up, RequireLogin: "root"},
		{Prefix: "/shop", Upstreams: up, ErrorPage: strings.Repeat("x", 33<<10)},
		{Prefix: "/shop", Upstreams: up, ErrorPage: "\xff"},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Interval: time.Second}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "healthz"}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "//evil.example/"}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "http://evil.example/"}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "/healthz", Interval: time.Millisecond}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "/healthz", Timeout: time.Hour}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "/healthz", Least: 300, Most: 200}},
		{Prefix: "/shop", Upstreams: up, Health: tenant.Health{Path: "/healthz", Most: 200}},
	} {
		err := h.tenants.AddRoute(t.Context(), h.acme.ID, host, r)
		if _, ok := errors.AsType[tenant.FieldErrors](err); !ok {
			t.Errorf("AddRoute(%+v): %v, want FieldErrors", r, err)
		}
	}
	for _, host := range []tenant.Host{"bee.tickets.example", "tickets.example", "nobody.example"} {
		err := h.tenants.AddRoute(t.Context(), h.acme.ID, host, tenant.Route{Prefix: "/shop", Upstreams: up})
		if !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("AddRoute at %s: %v, want ErrNotFound", host, err)
		}
	}
	if err := h.tenants.AddRoute(t.Context(), h.acme.ID, host, tenant.Route{Prefix: "/shop", Upstreams: up}); err != nil {
		t.Fatal(err)
	}
	if err := h.tenants.Mount(t.Context(), h.acme.ID, host, "/shop"); err == nil {
		t.Error("a mount where a route is: nil, want an error")
	}
}

// TestRoutedSites follows what the directory says about sites with routes, through all that changes it.
func TestRoutedSites(t *testing.T) {
	h := open(t)
	const host = "help.acme.example"
	ctx := t.Context()
	routed := func() (map[tenant.Host]int, <-chan struct{}) {
		sites, changed := h.directory.Routed()
		found := map[tenant.Host]int{}
		for s := range sites {
			found[s.Host] = len(s.Routes)
		}
		return found, changed
	}
	_, changed := routed()
	step := func(what string, err error, moves bool, want map[tenant.Host]int) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-changed:
			if !moves {
				t.Errorf("%s: the channel is closed, though no routed site is another", what)
			}
		default:
			if moves {
				t.Errorf("%s: the channel is open", what)
			}
		}
		var got map[tenant.Host]int
		if got, changed = routed(); !maps.Equal(got, want) {
			t.Errorf("%s: routed sites %v, want %v", what, got, want)
		}
	}
	up := tenant.Route{Prefix: "/shop", Upstreams: []string{"http://10.0.0.1"}}
	h.bind(t, tenant.Binding{Host: host, Tenant: h.acme.ID, Served: true})
	step("a domain without routes", nil, false, map[tenant.Host]int{})
	step("a route", h.tenants.AddRoute(ctx, h.acme.ID, host, up), true, map[tenant.Host]int{host: 1})
	step("a route of the default host", h.tenants.AddRoute(ctx, h.bee.ID, "bee.tickets.example", up), true, map[tenant.Host]int{host: 1, "bee.tickets.example": 1})
	h.bind(t, tenant.Binding{Host: host, Tenant: h.acme.ID})
	step("the domain is not served any more", nil, true, map[tenant.Host]int{"bee.tickets.example": 1})
	h.bind(t, tenant.Binding{Host: host, Tenant: h.acme.ID, Served: true})
	step("and is again", nil, true, map[tenant.Host]int{host: 1, "bee.tickets.example": 1})
	step("no route", h.tenants.RemoveRoute(ctx, h.acme.ID, host, "/shop"), true, map[tenant.Host]int{"bee.tickets.example": 1})
	step("no tenant", h.tenants.Delete(ctx, "bee"), true, map[tenant.Host]int{})
	if err := h.directory.Load(ctx); err != nil {
		t.Fatal(err)
	}
	step("everything anew", nil, true, map[tenant.Host]int{})
}
