package auth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
)

func TestScopes(t *testing.T) {
	names := auth.AllScopes.Names()
	if len(names) != 11 || names[0] != "tickets:read" || names[10] != "audit:read" {
		t.Errorf("all scopes: %q", names)
	}
	if s, err := auth.ParseScopes(names); err != nil || s != auth.AllScopes {
		t.Errorf("ParseScopes(all) = %b, %v", s, err)
	}
	s, err := auth.ParseScopes([]string{" sessions:create", "tickets:read"})
	if err != nil || s != auth.TicketsRead|auth.SessionsCreate || !slices.Equal(s.Names(), []string{"tickets:read", "sessions:create"}) {
		t.Errorf("ParseScopes = %q, %v", s.Names(), err)
	}
	for _, bad := range []string{"", "tickets", "tickets:*", "TICKETS:READ", "tickets:read,tickets:write"} {
		if _, err := auth.ParseScopes([]string{bad}); !strings.Contains(fields(err), "audit:read") {
			t.Errorf("ParseScopes(%q): %v, want the list of scopes", bad, err)
		}
	}
	if got := auth.Scopes(0).Names(); got == nil || len(got) != 0 {
		t.Errorf("no scopes = %#v, want an empty list", got)
	}
}

func TestMay(t *testing.T) {
	for _, tc := range []struct {
		who      auth.Identity
		may, not auth.Scopes
	}{
		{auth.Identity{}, 0, auth.AllScopes},
		{auth.Identity{Level: auth.Asserted, Scopes: auth.AllScopes}, auth.TicketsRead | auth.TicketsWrite, auth.TicketsDelete | auth.UsersRead | auth.TenantRead | auth.SessionsCreate},
		{auth.Identity{Level: auth.Vouched, Role: auth.RoleAdmin}, auth.TicketsRead | auth.TicketsWrite, auth.TicketsDelete | auth.UsersRead | auth.AuditRead},
		{auth.Identity{Level: auth.Staff, Role: auth.RoleAgent}, auth.TicketsDelete | auth.UsersWrite, auth.TenantWrite | auth.AuditRead | auth.SessionsCreate},
		{auth.Identity{Level: auth.Staff}, auth.TicketsRead, auth.TenantWrite},
		{auth.Identity{Level: auth.Staff, Role: auth.RoleAdmin}, auth.TenantWrite | auth.AuditRead, auth.SessionsCreate},
		{auth.Identity{Level: auth.Program, Scopes: auth.TicketsRead}, auth.TicketsRead, auth.TicketsWrite | auth.SessionsCreate},
		{auth.Identity{Level: auth.Program, Scopes: auth.AllScopes}, auth.AllScopes, 0},
	} {
		for i := range 11 {
			s := auth.Scopes(1 << i)
			if tc.may.Has(s) && !tc.who.May(s) {
				t.Errorf("%+v may not %q", tc.who, s.Names())
			}
			if tc.not.Has(s) && tc.who.May(s) {
				t.Errorf("%+v may %q", tc.who, s.Names())
			}
		}
	}
	if (auth.Identity{Level: auth.Program, Scopes: auth.TicketsRead}).May(auth.TicketsRead | auth.TicketsWrite) {
		t.Error("one of two scopes is enough")
	}
}

func TestParseRole(t *testing.T) {
	for in, out := range map[string]auth.Role{"": auth.RoleAgent, "agent": auth.RoleAgent, "admin": auth.RoleAdmin} {
		if got, err := auth.ParseRole(in); got != out || err != nil {
			t.Errorf("ParseRole(%q) = %q, %v", in, got, err)
		}
	}
	if _, err := auth.ParseRole("owner"); fields(err) == "" {
		t.Errorf("ParseRole(owner): %v", err)
	}
}
