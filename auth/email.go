package auth

// ParseEmail brings an address into its one canonical form: ASCII letters in lower case, the domain as it stands in DNS.
// Everything that is not exactly one address, or could be taken for another one, is a FieldErrors for "email".
func ParseEmail(s string) (string, error) { panic("not yet") }

// ParseName trims a person's name. A FieldErrors for "name": nothing is left, more than 200 characters are, or control
// characters are among them.
func ParseName(s string) (string, error) { panic("not yet") }

// MaskEmail shows an address to somebody who need not know it: "b•••@example.com".
func MaskEmail(email string) string { panic("not yet") }
