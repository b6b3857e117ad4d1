package mail_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant/mail"
)

func TestParseServer(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"smtp://localhost", "smtp://localhost:25"},
		{"smtp://relay.example/", "smtp://relay.example:25"},
		{"smtp://me:pw@mail.example", "smtp://mail.example:587"},
		{"smtps://me:pw@mail.example", "smtps://mail.example:465"},
		{"smtp://me%40acme.example:p%2Fw%3A%25@mail.example:2525", "smtp://mail.example:2525"},
		{"smtp://[::1]:1025", "smtp://[::1]:1025"},
		{" smtp://127.0.0.1:1025\n", "smtp://127.0.0.1:1025"},
	} {
		s, err := mail.ParseServer(tc.url)
		if err != nil || s.String() != tc.want {
			t.Errorf("ParseServer(%q) = %v, %v, want %s", tc.url, s, err, tc.want)
		}
	}
	for _, bad := range []string{
		"", "mail.example", "mail.example:25", "http://mail.example", "smtp:mail.example", "smtp://", "smtp://:25", "smtp://mail.example:0",
		"smtp://mail.example:70000", "smtp://mail.example:x", "smtp://onlyuser-secret@mail.example", "smtp://:secret@mail.example",
		"smtp://me:secret@mail.example/path", "smtp://me:secret@mail.example?tls=no", "smtp://me:se/cret@mail.example", "smtp://a b:secret@x",
		"smtp://me:se%0d%0acret@mail.example",
	} {
		s, err := mail.ParseServer(bad)
		if err == nil {
			t.Errorf("ParseServer(%q) = %v, want an error", bad, s)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseServer(%q) = %q, which repeats the password", bad, err)
		}
	}
}
