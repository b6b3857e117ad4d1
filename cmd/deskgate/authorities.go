package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/proxy/certificate"
)

// authorities are the CAs that speak ACME, in the order in which they are asked.
func (s *settings) authorities() ([]certificate.Authority, error) {
	roots, err := s.acmeRoots()
	if err != nil {
		return nil, &settingError{"--acme-ca-root", err}
	}
	directories := s.acmeDirectories()
	all := make([]certificate.Authority, len(directories))
	for i, d := range directories {
		all[i] = certificate.Authority{
			Directory: d, Roots: roots, Email: s.acmeEmail, Profile: s.acmeProfile, Limited: certificate.LimitsKnown(d),
		}
	}
	if s.acmeEAB != "" {
		b, err := os.ReadFile(s.acmeEAB)
		if err == nil {
			err = bind(all, string(b))
		}
		if err != nil {
			return nil, &settingError{"--acme-eab", err}
		}
	}
	if err := bind(all, s.acmeEABText); err != nil {
		return nil, &settingError{"DESKGATE_ACME_EAB_KEY or credential acme-eab", err}
	}
	return all, nil
}

// acmeDirectories are where the CAs are asked.
func (s *settings) acmeDirectories() []string {
	if len(s.acmeCA) == 0 {
		return []string{certificate.LetsEncrypt}
	}
	return s.acmeCA
}

// zone is where the node can write records; nil: nowhere.
func (s *settings) zone() (*certificate.DNS, error) {
	if s.acmeDNS == "" {
		return nil, nil //nolint:nilnil // as the edge has it
	}
	key := s.acmeDNSKeyText
	if s.acmeDNSKey != "" {
		b, err := os.ReadFile(s.acmeDNSKey)
		if err != nil {
			return nil, &settingError{"--acme-dns-key", err}
		}
		key = string(b)
	}
	if key == "" {
		return nil, &settingError{"--acme-dns", errors.New("needs --acme-dns-key or the credential acme-dns-key")}
	}
	zone, err := certificate.NewDNS(s.acmeDNS, key, s.resolvers)
	if err != nil {
		return nil, &settingError{"--acme-dns", err}
	}
	return zone, nil
}

// acmeRoots are the system's roots and those of the file; nil without one.
func (s *settings) acmeRoots() (*x509.CertPool, error) {
	if s.acmeCARoot == "" {
		return nil, nil //nolint:nilnil // as crypto/tls has it: those of the system
	}
	pem, err := os.ReadFile(s.acmeCARoot)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.acmeCARoot)
	}
	return pool, nil
}

// bind gives authorities the external accounts of a text: a line each with the CA's host, the key ID and the HMAC key; where there
// is one CA, its host may be missing. Empty lines and those that begin with # don't count. No error repeats a key.
func bind(all []certificate.Authority, text string) error {
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) == 2 && len(all) == 1 {
			words = slices.Insert(words, 0, host(all[0].Directory))
		}
		if err := bindOne(all, words); err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return nil
}

func bindOne(all []certificate.Authority, words []string) error {
	if len(words) != 3 {
		return errors.New("wants the CA's host, the key ID and the HMAC key")
	}
	at := slices.IndexFunc(all, func(a certificate.Authority) bool {
		return a.Directory == words[0] || host(a.Directory) == words[0]
	})
	if at < 0 {
		return errors.New("names none of the CAs of --acme-ca")
	}
	account, err := certificate.NewExternalAccount(words[1], words[2])
	all[at].External = account
	return err
}

func host(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return directory
	}
	return u.Host
}
