package web_test

import (
	"fmt"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestAddingDomainsIsBounded: each host that is added has DNS asked, so that a tenant can add as many an hour as it may look for.
func TestAddingDomainsIsBounded(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	add := func(of *webtest.Tenant, i int) webtest.Answer {
		return n.Client(t).Do("POST", of.URL+"/api/tenant/domains", fmt.Sprintf(`{"host":"d%d.acme.example"}`, i),
			"Authorization: Bearer "+of.Token, "Content-Type: application/json")
	}
	for i := range 60 {
		host := fmt.Sprintf("d%d.acme.example", i)
		expect(t, add(n.Acme, i), 201, host)
		expect(t, n.Client(t).Do("DELETE", n.Acme.URL+"/api/tenant/domains/"+host, "", "Authorization: Bearer "+n.Acme.Token), 204, "")
	}
	if got := expect(t, add(n.Acme, 60), 429, ""); got.Header.Get("X-RateLimit-Limit") != "60" {
		t.Errorf("the limit is said to be %q", got.Header.Get("X-RateLimit-Limit"))
	}
	expect(t, add(n.Bolt, 0), 201, "d0.acme.example")
}
