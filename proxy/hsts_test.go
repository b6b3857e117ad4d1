package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

func TestStrictTransportSecurity(t *testing.T) {
	n, ca := newACMENode(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=7; preload")
	}))
	t.Cleanup(shop.Close)
	for _, host := range []string{acmeHost, "bee.tickets.example", "tickets.example"} {
		n.dns.Set(t, host+". 60 IN A 127.0.0.1")
	}
	n.start(t)
	n.add(t)
	n.verify(t)
	n.await(t, domain.CertificateActive)
	if err := n.tenants.AddRoute(t.Context(), n.acme.ID, custom, tenant.Route{Prefix: "/shop", Upstreams: []string{shop.URL}}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ days, host, path, want string }{
		{"", custom, "/", "max-age=86400"},
		{"", custom, "/shop", "max-age=7; preload"},
		{"", acmeHost, "/", "max-age=15552000"},
		{"", "tickets.example", "/", "max-age=15552000"},
		{"365", custom, "/", "max-age=31536000"},
		{"365", custom, "/nothing", "max-age=31536000"},
		{"365", "bee.tickets.example", "/", "max-age=15552000"},
		{"0", custom, "/", "max-age=0"},
		{"0", acmeHost, "/", "max-age=15552000"},
	} {
		if _, err := n.tenants.Set(t.Context(), "acme", map[string]string{"hsts_days": step.days}); err != nil {
			t.Fatal(err)
		}
		n.eventually(t, func() string {
			res, err := n.secureClient(t, "", ca.Roots).Get("https://" + step.host + step.path)
			if err != nil {
				return err.Error()
			}
			res.Body.Close()
			if got := res.Header.Get("Strict-Transport-Security"); got != step.want {
				return "hsts_days=" + step.days + ": " + step.host + step.path + " says " + got + ", want " + step.want
			}
			return ""
		})
	}
	if a := n.get(t, custom, "/"); a.Header.Get("Strict-Transport-Security") != "" {
		t.Error("it is said without TLS")
	}
}

// Where visitors may have to get past a warning once, nobody is told never to.
func TestNoStrictTransportSecurity(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	res, err := n.secureClient(t, "", n.roots(t)).Get("https://" + acmeHost + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("with the node's own authority: %q", got)
	}
}
