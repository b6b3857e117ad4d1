package domain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// pairError is a sentence for people.
type pairError string

// Error implements error.
func (e pairError) Error() string { return string(e) }

func wrong(form string, args ...any) error { return pairError(fmt.Sprintf(form, args...)) }

const (
	maxPEM       = 64 << 10
	maxChain     = 10
	leastRSABits = 2048
	mostRSABits  = 4096 // a handshake takes the node some 10 ms of processor time, and nearly eight times that with twice the bits
)

// readPair checks what somebody brought for a host: a chain and the key of its first certificate, both in PEM. What is wrong with
// it is said in tenant.FieldErrors.
func readPair(host string, chain, key []byte, now time.Time) (*OwnCertificate, error) {
	certs, err := readChain(chain)
	if err != nil {
		return nil, tenant.FieldErrors{"certificate": {err.Error()}}
	}
	private, der, err := readKey(key)
	if err != nil {
		return nil, tenant.FieldErrors{"key": {err.Error()}}
	}
	leaf := certs[0]
	if err := fits(host, leaf, now); err != nil {
		return nil, tenant.FieldErrors{"certificate": {err.Error()}}
	}
	if err := linked(certs); err != nil {
		return nil, tenant.FieldErrors{"certificate": {err.Error()}}
	}
	if !equal(leaf.PublicKey, private.Public()) {
		return nil, tenant.FieldErrors{"key": {"This is not the key of the certificate."}}
	}
	own := &OwnCertificate{
		Host: host, Key: der, Names: leaf.DNSNames, Issuer: IssuerOf(leaf), NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
		Warning: loose(certs, now), Fingerprint: Fingerprint(leaf),
	}
	if last := certs[len(certs)-1]; len(certs) > 1 && bytes.Equal(last.RawIssuer, last.RawSubject) {
		certs = certs[:len(certs)-1] // clients have the root, or don't trust it
	}
	for _, c := range certs {
		own.Chain = append(own.Chain, c.Raw)
	}
	return own, nil
}

func readChain(b []byte) ([]*x509.Certificate, error) {
	if len(b) > maxPEM {
		return nil, wrong("The certificate is larger than %d KiB.", maxPEM>>10)
	}
	b, err := textOf(b)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return nil, wrong("There is a private key among the certificates: it belongs into the other field.")
		default:
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, wrong("Certificate %d can't be read: %s.", len(certs)+1, err)
		}
		if certs = append(certs, c); len(certs) > maxChain {
			return nil, wrong("There are more than %d certificates.", maxChain)
		}
	}
	if len(certs) == 0 {
		return nil, wrong("There is no certificate in PEM (-----BEGIN CERTIFICATE-----).")
	}
	return certs, nil
}

// readKey reads a private key that browsers can work with. No error repeats anything of it.
func readKey(b []byte) (crypto.Signer, []byte, error) {
	if len(b) > maxPEM {
		return nil, nil, wrong("The key is larger than %d KiB.", maxPEM>>10)
	}
	b, err := textOf(b)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(b)
	for rest := b; block != nil && block.Type == "EC PARAMETERS"; {
		_, rest = pem.Decode(rest)
		block, _ = pem.Decode(rest)
	}
	switch {
	case block == nil:
		return nil, nil, wrong("There is no private key in PEM (-----BEGIN PRIVATE KEY-----).")
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, nil, wrong("The key is encrypted: decrypt it first (openssl pkey -in key.pem -out plain.pem).")
	case block.Type == "CERTIFICATE":
		return nil, nil, wrong("This is a certificate, not its private key.")
	}
	key, err := parseKey(block.Bytes)
	if err != nil {
		return nil, nil, wrong("The private key can't be read: RSA or ECDSA is needed, in PKCS #8, PKCS #1 or SEC 1.")
	}
	if err := usable(key); err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return key, der, err
}

// usable says why nobody could be served with a key.
func usable(key crypto.Signer) error {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return affordable(k)
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P224() { // TLS 1.3 knows three curves for signatures
			return wrong("The key is on the curve P-224, which browsers refuse: P-256, P-384 or P-521 is needed.")
		}
	}
	return nil
}

// affordable says why an RSA key is no good: too weak, or such that strangers' handshakes would keep the node's processors busy.
func affordable(k *rsa.PrivateKey) error {
	switch bits := k.N.BitLen(); {
	case bits < leastRSABits:
		return wrong("The RSA key has %d bits; %d is the least.", bits, leastRSABits)
	case bits > mostRSABits:
		return wrong("The RSA key has %d bits; %d is the most.", bits, mostRSABits)
	case len(k.Primes) != 2:
		return wrong("The RSA key has %d prime factors: only one with two is taken.", len(k.Primes))
	}
	return nil
}

func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	default:
		return nil, errors.ErrUnsupported // browsers take no other
	}
}

// fits says why a certificate cannot be used for the host.
func fits(host string, leaf *x509.Certificate, now time.Time) error {
	name := host
	if wildcard(host) {
		name = "any" + host[1:]
	}
	switch {
	case leaf.IsCA && leaf.BasicConstraintsValid && !bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return wrong("The first certificate is an authority's: the host's own has to be the first one.")
	case leaf.VerifyHostname(name) != nil:
		return uncovered(host, leaf.DNSNames)
	case !now.Before(leaf.NotAfter):
		return wrong("The certificate has expired on %s.", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return wrong("The certificate is not valid before %s UTC.", leaf.NotBefore.UTC().Format(time.DateTime))
	case len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return wrong("The certificate is not made for servers (extended key usage).")
	}
	return nil
}

func uncovered(host string, names []string) error {
	if len(names) == 0 {
		return wrong("The certificate does not cover %s: there are no names in it.", host)
	}
	return wrong("The certificate does not cover %s, only %s.", host, list(names, strPlain))
}

// linked says what is wrong with the order of a chain, or how it is signed.
func linked(certs []*x509.Certificate) error {
	for i, c := range certs {
		selfSigned := bytes.Equal(c.RawIssuer, c.RawSubject)
		if weak(c.SignatureAlgorithm) && !selfSigned {
			return wrong("Certificate %d is signed with %s, which browsers refuse.", i+1, c.SignatureAlgorithm)
		}
		if i+1 == len(certs) {
			continue
		}
		if err := c.CheckSignatureFrom(certs[i+1]); err != nil {
			return wrong("Certificate %d (%s) is not signed by the one that follows (%s): the order is the host's own, then each authority that signed the one before.",
				i+1, c.Subject, certs[i+1].Subject)
		}
	}
	return nil
}

// loose says that a chain ends at an authority which, as far as this machine knows, is not everybody's, or that a part of it is over.
// Empty: it does not.
func loose(certs []*x509.Certificate, now time.Time) string {
	last := certs[len(certs)-1]
	ends := bytes.Equal(last.RawIssuer, last.RawSubject) // whose root it is, is known to who made it
	if ends && len(certs) == 1 {
		return "The certificate is signed by itself: browsers warn everybody of it who was not told to trust it."
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	if _, err := certs[0].Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: now}); err == nil {
		return ""
	}
	for i, c := range certs {
		if i > 0 && !now.Before(c.NotAfter) {
			return wrong("Certificate %d (%s) has expired on %s: put the authority's current one in its place, or browsers refuse the chain.",
				i+1, c.Subject, c.NotAfter.UTC().Format(time.DateOnly)).Error()
		}
	}
	if ends {
		return ""
	}
	return wrong("The chain ends with what %s signed. Unless your visitors know that authority, add its certificate below: else some can't come.",
		IssuerOf(last)).Error()
}

func weak(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1:
		return true
	default:
		return false
	}
}

func equal(a, b crypto.PublicKey) bool {
	k, ok := a.(interface {
		Equal(other crypto.PublicKey) bool
	})
	return ok && k.Equal(b)
}

// IssuerOf is who issued a certificate, in the words that people know.
func IssuerOf(c *x509.Certificate) string {
	name := c.Issuer.CommonName
	if len(c.Issuer.Organization) == 0 || strings.HasPrefix(name, c.Issuer.Organization[0]) {
		return name
	}
	return strings.TrimSpace(c.Issuer.Organization[0] + " " + name)
}
