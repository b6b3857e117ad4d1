package tenant

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxOrganization is how many bytes the name of an organization may have.
const MaxOrganization = 200

// ParseOrganization reads the name, or the ID, that a partner has for the organization somebody belongs to: without white space
// around, with one space in the place of several, and in one of the forms that Unicode has for the same characters. Nothing else is
// taken for the same: an ID may tell small letters from capital ones. Empty is none. A FieldErrors says what is wrong.
func ParseOrganization(s string) (string, error) {
	if len(s) > MaxOrganization || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", wrongOrganization()
	}
	if s = norm.NFC.String(strings.Join(strings.Fields(s), " ")); len(s) > MaxOrganization { // some characters grow
		return "", wrongOrganization()
	}
	return s, nil
}

func wrongOrganization() error {
	return FieldErrors{"organization": {fmt.Sprintf("The organization field must be at most %d bytes of plain text.", MaxOrganization)}}
}
