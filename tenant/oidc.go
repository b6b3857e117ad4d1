package tenant

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	maxIssuer      = 255 // bytes
	maxClientID    = 255 // bytes
	maxOIDCDomains = 20
)

var (
	errIssuer   = errors.New("it is not an https URL without query, fragment and user")
	errClientID = errors.New("it is too long or has other characters")
)

// setOIDCIssuer takes the issuer as it is: what the provider says of itself is compared with it byte by byte.
func setOIDCIssuer(t *Tenant, value string) error {
	if value == "" {
		t.Settings.OIDCIssuer = ""
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || len(value) > maxIssuer || u.String() != value || u.Scheme != "https" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return errIssuer
	}
	if _, err := ParseHost(u.Hostname()); err != nil {
		return err
	}
	t.Settings.OIDCIssuer = value
	return nil
}

func setOIDCClientID(t *Tenant, value string) error {
	if len(value) > maxClientID || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errClientID
	}
	t.Settings.OIDCClientID = value
	return nil
}

func setOIDCDomains(t *Tenant, value string) error {
	domains := []string{}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		h, err := ParseCustomHost(part) // everybody has an address below a public suffix
		if err != nil {
			return err
		}
		if !slices.Contains(domains, string(h)) {
			domains = append(domains, string(h))
		}
	}
	if len(domains) > maxOIDCDomains {
		return fmt.Errorf("more than %d", maxOIDCDomains)
	}
	t.Settings.OIDCDomains = domains
	return nil
}
