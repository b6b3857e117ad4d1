package tenant

import "fmt"

// ParseSlug says whether s can name a tenant: [a-z0-9-]{1,63}, no hyphen at either end nor at both positions 3 and 4, where
// it would look like an encoded name, and not "t", below which the tenants' own CNAME targets are.
func ParseSlug(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: it is empty", ErrBadSlug)
	case len(s) > maxLabel:
		return fmt.Errorf("%w: it is longer than %d characters", ErrBadSlug, maxLabel)
	case s[0] == '-' || s[len(s)-1] == '-':
		return fmt.Errorf("%w: %q begins or ends with a hyphen", ErrBadSlug, s)
	case len(s) >= 4 && s[2:4] == "--":
		return fmt.Errorf("%w: %q has hyphens at positions 3 and 4", ErrBadSlug, s)
	case s == targetLabel:
		return fmt.Errorf("%w: %q is taken by the node", ErrBadSlug, s)
	}
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '.' || canonical[c] != c {
			return fmt.Errorf("%w: %q may have a-z, 0-9 and hyphens only", ErrBadSlug, s)
		}
	}
	return nil
}
