package person

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/deskgate/deskgate/tenant"
)

const (
	maxEmail = 254 // bytes
	maxLocal = 64  // bytes before the @
	maxName  = 200 // characters

	emailRequired = "The email field is required."
	emailInvalid  = "The email field must be a valid email address."
	nameRequired  = "The name field is required."
)

// ParseEmail brings an address into its one canonical form: ASCII letters in lower case, the domain as it stands in DNS.
// Everything that is not exactly one address, or could be taken for another one, is a FieldErrors for "email".
func ParseEmail(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", field("email", emailRequired)
	}
	local, domain, found := strings.Cut(s, "@")
	if len(s) > maxEmail || !found || !goodLocal(local) {
		return "", field("email", emailInvalid)
	}
	host, ok := mailHost(domain)
	if !ok || len(local)+1+len(host) > maxEmail {
		return "", field("email", emailInvalid)
	}
	return lowerASCII(local) + "@" + host, nil
}

// mailHost is the domain in the form that it has in DNS, so that two that only look alike differ to the eye. What DNS would
// read as something else, or pass over, is no domain: for the partner it is another address than the one it would become.
func mailHost(domain string) (string, bool) {
	if strings.ContainsAny(domain, "@:[]") || strings.HasSuffix(domain, ".") || !utf8.ValidString(domain) || !norm.NFKC.IsNormalString(domain) {
		return "", false
	}
	host, err := tenant.ParseHost(domain)
	if err != nil || !strings.Contains(string(host), ".") && host != "localhost" {
		return "", false
	}
	written, err := idna.Punycode.ToUnicode(strings.ToLower(domain))
	read, err2 := idna.Punycode.ToUnicode(string(host))
	return string(host), err == nil && err2 == nil && written == read
}

// goodLocal says whether s is a dot-atom that looks like nothing else: no quotes, no white space, nothing invisible, no
// character that stands for another one (the Kelvin sign, wide letters), and letters of one script only.
func goodLocal(s string) bool {
	if s == "" || len(s) > maxLocal || !utf8.ValidString(s) || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r < utf8.RuneSelf && !atext(byte(r)) || r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N) {
			return false
		}
	}
	return norm.NFKC.IsNormalString(s) && oneScript(s)
}

func atext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

// oneScript says whether s keeps to one of the scripts whose letters are taken for each other.
func oneScript(s string) bool {
	alike := []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu}
	seen := -1
	for _, r := range s {
		for i, script := range alike {
			if !unicode.Is(script, r) {
				continue
			}
			if seen >= 0 && seen != i {
				return false
			}
			seen = i
		}
	}
	return true
}

// lowerASCII folds A–Z alone: strings.ToLower would make other letters into ASCII ones.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// ParseName trims a person's name. A FieldErrors for "name": nothing is left, more than 200 characters are, or control
// characters are among them.
func ParseName(s string) (string, error) {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' })
	switch {
	case s == "":
		return "", field("name", nameRequired)
	case utf8.RuneCountInString(s) > maxName:
		return "", field("name", "The name field must not be greater than 200 characters.")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, disruptive):
		return "", field("name", "The name field must not contain control characters.")
	}
	return s, nil
}

// disruptive says whether r changes how the text around it is laid out.
func disruptive(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || tenant.Turns(r)
}

// MaskEmail shows an address to somebody who need not know it: "b•••@example.com".
func MaskEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	_, n := utf8.DecodeRuneInString(local)
	return local[:n] + "•••@" + domain
}

// field is a FieldErrors about one field.
func field(name, message string) error { return tenant.FieldErrors{name: {message}} }
