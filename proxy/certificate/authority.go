package certificate

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// Authority is a certificate authority that speaks ACME.
type Authority struct {
	// Directory is the URL to begin with. Empty: Let's Encrypt.
	Directory string
	// Roots are trusted when talking to the authority; nil: the system's.
	Roots *x509.CertPool
	// Email is told to the authority; it may be empty.
	Email string
	// Profile is asked for where the authority offers it, e.g. "shortlived".
	Profile string
	// External is the account with the authority's operator that the node's own is bound to; nil: none is needed.
	External *ExternalAccount
	// Limited says that the limits are those of Let's Encrypt, and that the node is to keep to them by itself. Others tell when
	// it is enough.
	Limited bool
}

func (a *Authority) name() string {
	if u, err := url.Parse(a.Directory); err == nil && u.Host != "" {
		return u.Host
	}
	return a.Directory
}

// LimitsKnown says whether the authority with that directory has the limits that the node keeps to by itself.
func LimitsKnown(directory string) bool {
	if directory == "" {
		return true
	}
	u, err := url.Parse(directory)
	return err == nil && strings.HasSuffix("."+u.Hostname(), ".api.letsencrypt.org")
}

// CAANames are those by which CAA records name the authority with that directory, where that is known without asking it; its directory
// may say more.
func CAANames(directory string) []string {
	u, err := url.Parse(directory)
	if err != nil {
		return nil
	}
	for _, known := range []struct{ host, name string }{
		{"letsencrypt.org", "letsencrypt.org"},
		{"zerossl.com", "sectigo.com"},
		{"sectigo.com", "sectigo.com"},
		{"pki.goog", "pki.goog"},
		{"ssl.com", "ssl.com"},
		{"digicert.com", "digicert.com"},
		{"buypass.com", "buypass.com"},
	} {
		if strings.HasSuffix("."+u.Hostname(), "."+known.host) {
			return []string{known.name}
		}
	}
	return nil
}

// ExternalAccount is a customer's account with an authority (RFC 8555, 7.3.4).
type ExternalAccount struct {
	KeyID string
	Key   string // HMAC key, base64url without padding
}

// NewExternalAccount checks what an authority's operator gave its customer. Keys come with and without padding, and in both
// alphabets of base64.
func NewExternalAccount(keyID, key string) (*ExternalAccount, error) {
	key = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(key), "=")
	b, err := base64.RawURLEncoding.DecodeString(key)
	switch {
	case keyID == "":
		return nil, errors.New("the key ID is empty")
	case err != nil:
		return nil, errors.New("the HMAC key is not base64") // and is not repeated
	case len(b) < 16:
		return nil, fmt.Errorf("the HMAC key has %d bytes, which is too few", len(b))
	}
	return &ExternalAccount{KeyID: keyID, Key: key}, nil
}

// String says who it is, and nothing secret.
func (x *ExternalAccount) String() string { return x.KeyID }

// GoString says no more.
func (x *ExternalAccount) GoString() string { return x.KeyID }

// LogValue implements [slog.LogValuer].
func (x *ExternalAccount) LogValue() slog.Value { return slog.StringValue(x.KeyID) }
