package tenant_test

import (
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

// TestLine: what turns the text around it goes, what scripts and emoji are written with stays.
func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Printer\t":                    "Printer",
		"invoice\u202efdp.exe":           "invoicefdp.exe",
		"\u202a\u202b\u202c\u202d\u202e": "",
		"\u2066a\u2067b\u2068c\u2069 ":   "abc",
		" \u202e a":                      "a",
		"می\u200cخواهم":                  "می\u200cخواهم",
		"👩\u200d💻":                       "👩\u200d💻",
		"\u200fשלום\u200e (1)":           "\u200fשלום\u200e (1)",
		"a\u061c":                        "a\u061c",
		"no \xfftext \u202e":             "no \xfftext \u202e",
	} {
		if got := tenant.Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}
