package proxytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// Signer is an authority that signs what it is told to, as tenants' own do.
type Signer struct {
	Certificate *x509.Certificate
	// Roots has the authority that this one hangs on.
	Roots  *x509.CertPool
	key    crypto.Signer
	parent *Signer
}

// NewSigner makes a root, or an intermediate authority below parent.
func NewSigner(tb testing.TB, name string, parent *Signer) *Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	s := &Signer{key: key, parent: parent, Certificate: &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	if parent == nil {
		parent = s
	}
	s.Certificate = parent.sign(tb, s.Certificate, key.Public())
	if s.parent != nil {
		s.Roots = parent.Roots
		return s
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(s.Certificate)
	return s
}

func (s *Signer) sign(tb testing.TB, template *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, s.Certificate, public, s.key)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Pair is a certificate for names and its key, both in PEM; the chain goes up to the root. Change may change what is signed. A nil key
// makes a new one.
func (s *Signer) Pair(tb testing.TB, key crypto.Signer, change func(*x509.Certificate), names ...string) (chain, private []byte) {
	tb.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			tb.Fatal(err)
		}
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	chain = inPEM("CERTIFICATE", s.sign(tb, template, key.Public()).Raw)
	for a := s; a != nil; a = a.parent {
		chain = append(chain, inPEM("CERTIFICATE", a.Certificate.Raw)...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return chain, inPEM("PRIVATE KEY", der)
}

// Renew replaces the authority's own certificate by one for the same key that is valid until then.
func (s *Signer) Renew(tb testing.TB, until time.Time) {
	tb.Helper()
	template := *s.Certificate
	template.NotBefore, template.NotAfter = until.AddDate(-1, 0, 0), until
	s.Certificate = s.parent.sign(tb, &template, s.key.Public())
}

// Self is a certificate for a host that is signed by its own key, and that key, both in PEM.
func (s *Signer) Self(tb testing.TB, host string) (chain, private []byte) {
	tb.Helper()
	template := &x509.Certificate{
		Subject: s.Certificate.Subject, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 3, 0),
	}
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		tb.Fatal(err)
	}
	return inPEM("CERTIFICATE", s.sign(tb, template, s.key.Public()).Raw), inPEM("PRIVATE KEY", der)
}

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
