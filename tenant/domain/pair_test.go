package domain_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// What somebody brings is checked before it takes the place of what works, and what is wrong is said by its field.
func TestOwnCertificateIsChecked(t *testing.T) {
	const host = "support.acme.example"
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{})
	w.add(t, w.acme, host, domain.ByOperator)
	ca := proxytest.NewSigner(t, "CA", proxytest.NewSigner(t, "Root", nil))
	chain, key := ca.Pair(t, nil, nil, host)
	_, otherKey := ca.Pair(t, nil, nil, host)
	leaf, rest := pem.Decode(chain)
	first := pem.EncodeToMemory(leaf)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shortChain, shortKey := ca.Pair(t, short, nil, host)
	edChain, edKey := ca.Pair(t, edwards, nil, host)
	smallChain, smallKey := ca.Pair(t, onCurve(t, elliptic.P224()), nil, host)
	largeChain, largeKey := ca.Pair(t, onCurve(t, elliptic.P521()), nil, host)
	packed, seven := keep(t, "packed.p12"), keep(t, "packed.p7b")
	pair := func(change func(*x509.Certificate), name string) [2][]byte {
		chain, key := ca.Pair(t, nil, change, name)
		return [2][]byte{chain, key}
	}
	for name, tc := range map[string]struct {
		pair        [2][]byte
		field, want string
	}{
		"good":                {[2][]byte{chain, key}, "", ""},
		"good, without chain": {[2][]byte{first, key}, "", ""},
		"good, wildcard":      {pair(nil, "*.acme.example"), "", ""},
		"another key":         {[2][]byte{chain, otherKey}, "key", "not the key"},
		"another host":        {pair(nil, "acme.example"), "certificate", "does not cover support.acme.example, only acme.example."},
		"over":                {pair(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, host), "certificate", "has expired"},
		"too early":           {pair(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, host), "certificate", "not valid before"},
		"of a client": {pair(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, host), "certificate", "not made for servers"},
		"wrong order":          {[2][]byte{append(bytes.Clone(rest), first...), key}, "certificate", "authority's: the host's own has to be the first"},
		"gap in the chain":     {[2][]byte{append(bytes.Clone(first), skip(rest)...), key}, "certificate", "not signed by the one that follows"},
		"byte-order marks":     {[2][]byte{append([]byte("\ufeff"), chain...), append([]byte("\ufeff"), key...)}, "", ""},
		"short RSA key":        {[2][]byte{shortChain, shortKey}, "key", "1024 bits"},
		"long RSA key":         {[2][]byte{chain, keep(t, "rsa-4104.pem")}, "key", "4104 bits; 4096 is the most"},
		"RSA of three primes":  {[2][]byte{chain, keep(t, "rsa-3-primes.pem")}, "key", "3 prime factors"},
		"P-224":                {[2][]byte{smallChain, smallKey}, "key", "P-224"},
		"P-521":                {[2][]byte{largeChain, largeKey}, "", ""},
		"Ed25519":              {[2][]byte{edChain, edKey}, "key", "RSA or ECDSA is needed"},
		"key among them":       {[2][]byte{append(bytes.Clone(chain), key...), key}, "certificate", "private key among the certificates"},
		"certificate as a key": {[2][]byte{chain, chain}, "key", "a certificate, not its private key"},
		"encrypted key":        {[2][]byte{chain, bytes.ReplaceAll(key, []byte("PRIVATE KEY"), []byte("ENCRYPTED PRIVATE KEY"))}, "key", "is encrypted"},
		"CRLF":                 {[2][]byte{crlf(chain), crlf(key)}, "", ""},
		"UTF-16":               {[2][]byte{utf16le(chain), utf16be(key)}, "", ""},
		"PKCS #12":             {[2][]byte{packed, key}, "certificate", "This is a PKCS #12 file"},
		"PKCS #12 as a key":    {[2][]byte{chain, packed}, "key", "This is a PKCS #12 file"},
		"PKCS #7":              {[2][]byte{seven, key}, "certificate", "This is a PKCS #7 file"},
		"DER":                  {[2][]byte{leaf.Bytes, key}, "certificate", "in DER, not in PEM"},
		"key in DER":           {[2][]byte{chain, skipPEM(key)}, "key", "If it is a key in DER"},
		"begins with a zero":   {[2][]byte{[]byte("0 certificates"), key}, "certificate", "no certificate in PEM"},
		"no names":             {pair(func(c *x509.Certificate) { c.DNSNames = nil }, host), "certificate", "there are no names in it"},
		"huge key":             {[2][]byte{chain, bytes.Repeat([]byte("x"), 70<<10)}, "key", "larger than 64 KiB"},
		"no PEM":               {[2][]byte{[]byte("hello"), key}, "certificate", "no certificate in PEM"},
		"no key":               {[2][]byte{chain, []byte("hello")}, "key", "no private key in PEM"},
		"broken":               {[2][]byte{bytes.Replace(chain, []byte("MII"), []byte("MIJ"), 1), key}, "certificate", "can't be read"},
		"huge":                 {[2][]byte{bytes.Repeat([]byte("x"), 70<<10), key}, "certificate", "larger than 64 KiB"},
	} {
		own, err := w.domains.SetCertificate(t.Context(), w.acme, host, tc.pair[0], tc.pair[1])
		if tc.field == "" {
			if err != nil || own.Issuer != "CA" || !own.NotAfter.After(time.Now()) {
				t.Errorf("%s: %+v, %v", name, own, err)
				continue
			}
			if warned := strings.HasPrefix(own.Warning, "The chain ends with what CA signed."); warned != (name == "good, without chain") {
				t.Errorf("%s: warning %q", name, own.Warning)
			}
			continue
		}
		var fields tenant.FieldErrors
		if !errors.As(err, &fields) || len(fields[tc.field]) != 1 || !strings.Contains(fields[tc.field][0], tc.want) {
			t.Errorf("%s: %v, want %q about the field %s", name, err, tc.want, tc.field)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE KEY----") && tc.want != "no private key in PEM" {
			t.Errorf("%s: a key is in the error", name)
		}
	}
}

// What will keep visitors out is said, although the certificate is taken.
func TestOwnCertificateWarns(t *testing.T) {
	const host = "support.acme.example"
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{})
	w.add(t, w.acme, host, domain.ByOperator)
	root := proxytest.NewSigner(t, "Root", nil)
	over := proxytest.NewSigner(t, "Old CA", root)
	over.Renew(t, time.Now().Add(-48*time.Hour))
	alone := proxytest.NewSigner(t, "Root", nil)
	selfSigned, selfKey := alone.Self(t, host)
	fresh, freshKey := proxytest.NewSigner(t, "CA", root).Pair(t, nil, nil, host)
	old, oldKey := over.Pair(t, nil, nil, host)
	for name, tc := range map[string]struct {
		chain, key []byte
		want       string
	}{
		"a whole chain":           {fresh, freshKey, ""},
		"an intermediate is over": {old, oldKey, "Certificate 2 (CN=Old CA) has expired on "},
		"signed by itself":        {selfSigned, selfKey, "The certificate is signed by itself"},
	} {
		own, err := w.domains.SetCertificate(t.Context(), w.acme, host, tc.chain, tc.key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(own.Warning, tc.want) || (tc.want == "") != (own.Warning == "") {
			t.Errorf("%s: the warning is %q, want %q", name, own.Warning, tc.want)
		}
	}
}

func onCurve(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// keep reads a file of testdata. Those were made by openssl, from certificates that are of no further use.
func keep(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func crlf(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }

func utf16le(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range b {
		out = append(out, c, 0)
	}
	return out
}

func utf16be(b []byte) []byte {
	out := []byte{0xfe, 0xff}
	for _, c := range b {
		out = append(out, 0, c)
	}
	return out
}

func skipPEM(b []byte) []byte {
	block, _ := pem.Decode(b)
	return block.Bytes
}

// skip is all but the first block.
func skip(b []byte) []byte {
	_, rest := pem.Decode(b)
	return rest
}

// A certificate is its tenant's: nobody else can see, set or remove it, and it goes with the domain.
func TestOwnCertificateIsTheTenants(t *testing.T) {
	const host = "support.acme.example"
	ctx := t.Context()
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{})
	w.add(t, w.acme, host, domain.ByTenant)
	w.add(t, w.bee, host, domain.ByTenant) // who claims it as well
	w.add(t, w.bee, "help.bee.example", domain.ByTenant)
	ca := proxytest.NewSigner(t, "CA", nil)
	chain, key := ca.Pair(t, nil, nil, host, "help.bee.example", "*.tickets.example", "tickets.example")
	if _, err := w.domains.SetCertificate(ctx, w.acme, host, chain, key); err != nil {
		t.Fatal(err)
	}
	if _, err := w.domains.FindCertificate(ctx, w.bee, host); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("the other tenant sees it: %v", err)
	}
	if err := w.domains.RemoveCertificate(ctx, w.bee, host); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("the other tenant removes it: %v", err)
	}
	for _, name := range []string{"help.bee.example", "tickets.example", "*.tickets.example", "bee.tickets.example", "*.acme.example", "nobody.example"} {
		if _, err := w.domains.SetCertificate(ctx, w.acme, name, chain, key); err == nil {
			t.Errorf("a tenant set the certificate of %s", name)
		}
	}
	for name, want := range map[string]bool{"tickets.example": true, "*.tickets.example": true, "bee.tickets.example": true, "*.acme.example": false} {
		if _, err := w.domains.SetCertificate(ctx, nil, name, chain, key); (err == nil) != want {
			t.Errorf("the operator sets the certificate of %s: %v", name, err)
		}
	}
	if err := w.domains.RemoveOwn(ctx, w.acme, host); err != nil {
		t.Fatal(err)
	}
	w.add(t, w.acme, host, domain.ByTenant)
	if _, err := w.domains.FindCertificate(ctx, w.acme, host); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("it outlived its domain: %v", err)
	}
}
