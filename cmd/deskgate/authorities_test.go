package main

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/proxy/certificate"
)

// External accounts are found by the CA's host, and no error repeats a key.
func TestBind(t *testing.T) {
	const key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
	two := func() []certificate.Authority {
		return []certificate.Authority{{Directory: "https://a.example/dir"}, {Directory: "https://b.example:14000/dir"}}
	}
	for _, tc := range []struct {
		text, first, second, want string
		all                       []certificate.Authority
	}{
		{text: "# mine\n\nb.example:14000 kid " + key + "\n", second: "kid", all: two()},
		{text: "https://a.example/dir kid-a " + key + "==\nb.example:14000 kid-b " + key, first: "kid-a", second: "kid-b", all: two()},
		{text: "kid " + key, first: "kid", all: two()[:1]},
		{text: "kid " + key, want: "line 1: wants the CA's host", all: two()},
		{text: "\nc.example kid " + key, want: "line 2: names none of the CAs", all: two()},
		{text: "a.example kid " + key[:8], want: "too few", all: two()},
		{text: "a.example kid " + key + "*", want: "not base64", all: two()},
	} {
		err := bind(tc.all, tc.text)
		if tc.want != "" {
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), key[:8]) {
				t.Errorf("%q: %v, want %q and no key", tc.text, err, tc.want)
			}
			continue
		}
		for i, want := range []string{tc.first, tc.second} {
			if i >= len(tc.all) {
				break
			}
			got := ""
			if x := tc.all[i].External; x != nil {
				got = x.KeyID
			}
			if err != nil || got != want {
				t.Errorf("%q: account %d is %q, %v, want %q", tc.text, i, got, err, want)
			}
		}
	}
}

// A key for the zone is read as it is printed, and no error repeats it.
func TestZone(t *testing.T) {
	const good = `key "tsig" { algorithm hmac-sha256; secret "c2VjcmV0"; };`
	for _, tc := range []struct{ where, key, want string }{
		{"rfc2136://ns.example", good, ""},
		{"rfc2136://[2001:db8::1]:5353", good, ""},
		{"", "", ""},
		{"rfc2136://ns.example", "", "needs --acme-dns-key"},
		{"rfc2136://ns.example", `key "tsig" { secret "c2VjcmV0"; };`, "tsig-keygen"},
		{"rfc2136://ns.example", strings.Replace(good, "sha256", "md5", 1), "none of hmac-sha224"},
		{"https://ns.example", good, "rfc2136://SERVER"},
	} {
		_, err := (&settings{acmeDNS: tc.where, acmeDNSKeyText: tc.key}).zone()
		if (err == nil) != (tc.want == "") || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "c2VjcmV0")) {
			t.Errorf("%q with %q: %v, want %q", tc.where, tc.key, err, tc.want)
		}
	}
}
