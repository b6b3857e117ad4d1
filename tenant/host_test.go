package tenant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

func TestParseHost(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for _, tc := range []struct{ in, want string }{
		{"acme.example", "acme.example"},
		{"ACME.Example", "acme.example"},
		{"acme.example.", "acme.example"},
		{"acme.example:8443", "acme.example"},
		{"acme.example.:8443", "acme.example"},
		{"acme.example:", "acme.example"},
		{"localhost", "localhost"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"straße.example", "xn--strae-oqa.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
		{"acme。example", "acme.example"},
		{"ab--cd.example", "ab--cd.example"},
		{"\u212Aelvin.example", "kelvin.example"},
		{label63 + ".example", label63 + ".example"},
		{"1.example", "1.example"},
		{"", ""},
		{".", ""},
		{"..", ""},
		{"acme..example", ""},
		{".acme.example", ""},
		{"acme.example..", ""},
		{"-acme.example", ""},
		{"acme-.example", ""},
		{"*.acme.example", ""},
		{"a_b.example", ""},
		{"acme example", ""},
		{" acme.example", ""},
		{"acme.example\n", ""},
		{"acme\x00.example", ""},
		{"acme.example/", ""},
		{"https://acme.example", ""},
		{"user@acme.example", ""},
		{"acme.example:https", ""},
		{"acme.example:123456", ""},
		{"192.0.2.1", ""},
		{"192.0.2.1:443", ""},
		{"0x7f.1", ""},
		{"1.2.3", ""},
		{"example.0x1f", ""},
		{"[2001:db8::1]:443", ""},
		{"2001:db8::1", ""},
		{"xn--a.example", ""},
		{"xn--bcher-kva8445foa.example", "xn--bcher-kva8445foa.example"},
		{label63 + "a.example", ""},
		{strings.Repeat("abcdefgh.", 30) + "example", ""},
		{strings.Repeat("a", 5000), ""},
		{"a\u200db.example", ""},
		{"\xff\xfe.example", ""},
	} {
		got, err := tenant.ParseHost(tc.in)
		if string(got) != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("ParseHost(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
		}
		if err != nil && !errors.Is(err, tenant.ErrBadHost) {
			t.Errorf("ParseHost(%q): %v, want ErrBadHost", tc.in, err)
		}
	}
}

func TestParseCustomHost(t *testing.T) {
	for _, tc := range []struct {
		in string
		ok bool
	}{
		{"tickets.acme.example", true},
		{"acme.example", true},
		{"help.acme.co.uk", true},
		{"acme.github.io", true},
		{"localhost", false},
		{"co.uk", false},
		{"com", false},
		{"github.io", false},
		{"*.acme.example", false},
		{"192.0.2.7", false},
	} {
		if _, err := tenant.ParseCustomHost(tc.in); (err == nil) != tc.ok {
			t.Errorf("ParseCustomHost(%q): %v, want ok = %t", tc.in, err, tc.ok)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"https://www.acme.example", "https://www.acme.example"},
		{"HTTPS://WWW.Acme.Example:443/", "https://www.acme.example"},
		{"http://acme.example:80", "http://acme.example"},
		{"https://acme.example:80", "https://acme.example:80"},
		{"http://acme.example:08080", "http://acme.example:8080"},
		{"http://localhost:3000", "http://localhost:3000"},
		{"http://127.0.0.1:3000", "http://127.0.0.1:3000"},
		{"http://[::1]:3000", "http://[::1]:3000"},
		{"http://[0:0::1]", "http://[::1]"},
		{"https://bücher.example", "https://xn--bcher-kva.example"},
		{"https://acme.example.", "https://acme.example"},
		{"null", ""},
		{"*", ""},
		{"", ""},
		{"acme.example", ""},
		{"//acme.example", ""},
		{"https:acme.example", ""},
		{"https://", ""},
		{"https://*.acme.example", ""},
		{"https://user@acme.example", ""},
		{"https://acme.example/path", ""},
		{"https://acme.example//", ""},
		{"https://acme.example?q", ""},
		{"https://acme.example#f", ""},
		{"https://acme.example:0", ""},
		{"https://acme.example:65536", ""},
		{"https://acme.example:", ""},
		{"https://acme.example:+1", ""},
		{"https://acme.example:1:2", ""},
		{"https://[::1", ""},
		{"https://[::1%25eth0]", ""},
		{"https://[127.0.0.1]", ""},
		{"ftp://acme.example", ""},
		{"javascript://acme.example", ""},
	} {
		got, err := tenant.ParseOrigin(tc.in)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("ParseOrigin(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
		}
	}
}

func TestParseSlug(t *testing.T) {
	for _, tc := range []struct {
		in string
		ok bool
	}{
		{"acme", true},
		{"a", true},
		{"42", true},
		{"a-b-c", true},
		{"a---b", false},
		{"a--b", true},
		{"ab--c", false},
		{"ab-c", true},
		{strings.Repeat("a", 63), true},
		{strings.Repeat("a", 64), false},
		{"", false},
		{"t", false},
		{"T", false},
		{"Acme", false},
		{"-acme", false},
		{"acme-", false},
		{"a.b", false},
		{"a_b", false},
		{"a b", false},
		{"ä", false},
		{"acme\n", false},
	} {
		if err := tenant.ParseSlug(tc.in); (err == nil) != tc.ok {
			t.Errorf("ParseSlug(%q): %v, want ok = %t", tc.in, err, tc.ok)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"acme.example:443", "BÜCHER.example.", "xn--bcher-kva.example", "*.a", "1.2.3.4", "a。b", "ab--c.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := tenant.ParseHost(s)
		if err != nil {
			if h != "" {
				t.Fatalf("ParseHost(%q) = %q with %v", s, h, err)
			}
			return
		}
		for _, again := range []string{string(h), string(h) + ".", string(h) + ":443", strings.ToUpper(string(h)), h.Unicode()} {
			if got, err := tenant.ParseHost(again); err != nil || got != h {
				t.Errorf("ParseHost(%q) = %q; ParseHost(%q) = %q, %v", s, h, again, got, err)
			}
		}
		if len(h) > 253 || strings.Trim(string(h), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Errorf("ParseHost(%q) = %q", s, h)
		}
	})
}

func FuzzParseOrigin(f *testing.F) {
	for _, s := range []string{"https://acme.example", "http://[::1]:80", "HTTP://127.0.0.1:8080/", "https://ü.example:443"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := tenant.ParseOrigin(s)
		if err != nil {
			return
		}
		if got, err := tenant.ParseOrigin(o); err != nil || got != o {
			t.Errorf("ParseOrigin(%q) = %q, and of that %q, %v", s, o, got, err)
		}
	})
}

func FuzzParseSlug(f *testing.F) {
	f.Add("acme")
	f.Add("a--b")
	f.Fuzz(func(t *testing.T, s string) {
		if tenant.ParseSlug(s) != nil {
			return
		}
		if h, err := tenant.ParseHost(s + ".tickets.example"); err != nil || string(h) != s+".tickets.example" {
			t.Errorf("slug %q makes the host %q, %v", s, h, err)
		}
	})
}
