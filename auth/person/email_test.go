package person_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/tenant"
)

func TestParseEmail(t *testing.T) {
	long := strings.Repeat("a", 60)
	domain := strings.Repeat(strings.Repeat("b", 60)+".", 3) + "example"
	for _, tc := range []struct{ in, want string }{
		{"bob@example.com", "bob@example.com"},
		{"BOB@Example.COM", "bob@example.com"},
		{"bob.o'brien+tag_1-2=x/y@sub.example.com", "bob.o'brien+tag_1-2=x/y@sub.example.com"},
		{"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"root@localhost", "root@localhost"},
		{"jürgen@example.com", "jürgen@example.com"},
		{"Иван@example.com", "Иван@example.com"},
		{"bob@BÜCHER.example", "bob@xn--bcher-kva.example"},
		{"bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example"},
		{long + "@" + domain, long + "@" + domain},
	} {
		if got, err := person.ParseEmail(tc.in); got != tc.want || err != nil {
			t.Errorf("ParseEmail(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
		}
	}
}

func TestParseEmailRefuses(t *testing.T) {
	for _, in := range []string{
		"bob", "bob@", "@example.com", "bob@@example.com", "bob@x@example.com", "bob@example", "bob@.com", "bob@example..com", "bob@example.com.",
		" bob@example.com", "bob@example.com ", "bob @example.com", "bob@exa mple.com", "bob\u00a0@example.com", "bob\t@example.com", "bob@example.com\n",
		"bob\r\nBcc: x@example.com", "bob\x00@example.com", "bob\x7f@example.com", "bob@example.com\x00", "bob\u200b@example.com", "bob\u202e@example.com", "b\u00adob@example.com",
		`"bob"@example.com`, `"a b"@example.com`, `bob\@example.com`, "Bob <bob@example.com>", "<bob@example.com>", "bob@example.com,eve@example.com", "bob;eve@example.com", "(x)bob@example.com",
		"bob@[192.0.2.1]", "bob@[IPv6:::1]", "bob@192.0.2.1", "bob@example.com:25", "bob@*.example.com",
		".bob@example.com", "bob.@example.com", "b..ob@example.com",
		"bo\u212a@example.com", "ｂｏｂ@example.com", "ﬁ@example.com", "u\u0308@example.com", // each stands for something else
		"bob@exam\u200bple.com", "bob@example.com\u200b", "bob@exam\u00adple.com", "bob@example\u3002com", // DNS reads example.com
		"bob@\uff45xample.com", "bob@example.\u212aim", "bob@example.com\ufe0f", "bob@bu\u0308cher.example", // as well
		"b\u043eb@example.com", "αdmin@example.com", // one letter of another script
		"\xff@example.com", "bob@\xff.example", "mailto:bob@example.com",
		strings.Repeat("a", 65) + "@example.com", "bob@" + strings.Repeat("a.", 130) + "example",
	} {
		if got, err := person.ParseEmail(in); fields(err) != "email: The email field must be a valid email address." {
			t.Errorf("ParseEmail(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", " ", "\t\n"} {
		if _, err := person.ParseEmail(in); fields(err) != "email: The email field is required." {
			t.Errorf("ParseEmail(%q): %v", in, err)
		}
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"bob@example.com", "JÜRGEN@bücher.example", "a@b@c", "\"x\"@example.com", "bo\u212a@example.com", "x@[::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := person.ParseEmail(s)
		if err != nil {
			if got != "" || !strings.HasPrefix(fields(err), "email: ") {
				t.Errorf("ParseEmail(%q) = %q, %v", s, got, err)
			}
			return
		}
		if again, err := person.ParseEmail(got); again != got || err != nil {
			t.Errorf("ParseEmail(%q) = %q, which is parsed to %q, %v", s, got, again, err)
		}
		if strings.Count(got, "@") != 1 || len(got) > 254 || strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || 'A' <= r && r <= 'Z' || strings.ContainsRune(`"<>[]()\,;:`, r)
		}) {
			t.Errorf("ParseEmail(%q) = %q", s, got)
		}
	})
}

func TestParseName(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"Bob", "Bob"},
		{"  Zoë  van der Berg\t", "Zoë  van der Berg"},
		{"\u200b Ada \ufeff", "Ada"},
		{strings.Repeat("ü", 200), strings.Repeat("ü", 200)},
		{"\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"},
		{"\U0001f469\u200d\U0001f527", "\U0001f469\u200d\U0001f527"},
		{"<script>alert(1)</script>", "<script>alert(1)</script>"},
	} {
		if got, err := person.ParseName(tc.in); got != tc.want || err != nil {
			t.Errorf("ParseName(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
		}
	}
	for _, tc := range []struct{ in, want string }{
		{"", "required"},
		{" \t\r\n\u00a0\u200b", "required"},
		{strings.Repeat("a", 201), "200 characters"},
		{"a\nb", "control"},
		{"a\x00b", "control"},
		{"a\u202eb", "control"},
		{"a\u2066b", "control"},
		{"a\u2028b", "control"},
		{"a\u0085b", "control"},
		{"a\xffb", "control"},
	} {
		if got, err := person.ParseName(tc.in); !strings.HasPrefix(fields(err), "name: ") || !strings.Contains(fields(err), tc.want) {
			t.Errorf("ParseName(%q) = %q, %v, want %s", tc.in, got, err, tc.want)
		}
	}
}

func TestMaskEmail(t *testing.T) {
	for in, out := range map[string]string{"bob@example.com": "b•••@example.com", "ü@example.com": "ü•••@example.com", "": "•••@"} {
		if got := person.MaskEmail(in); got != out {
			t.Errorf("MaskEmail(%q) = %q, want %q", in, got, out)
		}
	}
}

// fields is what a FieldErrors says, as text.
func fields(err error) string {
	fe, _ := errors.AsType[tenant.FieldErrors](err)
	return fe.Error()
}
