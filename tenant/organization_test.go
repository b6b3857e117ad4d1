package tenant_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

func TestParseOrganization(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  ": "", " Acme  Ltd\u00a0": "Acme Ltd", "0016000000ABCde": "0016000000ABCde", "Mu\u0308ller": "M\u00fcller", "ACME": "ACME",
		strings.Repeat("x", 200): strings.Repeat("x", 200),
	} {
		if got, err := tenant.ParseOrganization(in); got != want || err != nil {
			t.Errorf("ParseOrganization(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{strings.Repeat("x", 201), "a\nb", "a\x00b", "\xff", strings.Repeat("\u0958", 66) + "ab"} {
		if got, err := tenant.ParseOrganization(in); err == nil {
			t.Errorf("ParseOrganization(%q) = %q", in, got)
		}
	}
}
