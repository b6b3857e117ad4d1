package tenant_test

import (
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

func TestVisit(t *testing.T) {
	h := open(t)
	site, _ := h.directory.Lookup("acme.tickets.example")
	v := &tenant.Visit{Site: site, Tenant: site.Tenant, Host: site.Host, Scheme: "https"}
	ctx := tenant.WithVisit(t.Context(), v)
	if got := tenant.VisitFrom(ctx); got != v || got.Origin() != "https://acme.tickets.example:8443" {
		t.Errorf("VisitFrom = %+v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("VisitFrom without a visit: no panic")
		}
	}()
	tenant.VisitFrom(t.Context())
}

func TestFieldErrors(t *testing.T) {
	e := tenant.FieldErrors{}
	if err := e.Or(); err != nil {
		t.Errorf("no errors are %v, want nil", err)
	}
	e.Add("name", "The name is too long.")
	e.Add("email", "The email field is required.")
	e.Add("name", "The name is odd.")
	want := "email: The email field is required.; name: The name is too long.; name: The name is odd."
	if err := e.Or(); err == nil || err.Error() != want {
		t.Errorf("Or() = %v, want %s", err, want)
	}
}
