package certificate

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/storage"
)

// authority is a certificate of the node's own authority and its key.
type authority struct {
	Name        string `cbor:"1,keyasint"`
	Certificate []byte `cbor:"2,keyasint"` // DER
	Key         []byte `cbor:"3,keyasint"` // PKCS #8

	parsed *x509.Certificate
	signer crypto.Signer
}

var authorities = storage.NewTable(storage.Declaration[authority]{
	ID: 194, Name: "proxy.authority", Sealed: true,
	Key: func(a *authority) storage.Key { return authorityKey(a.Name) },
})

func authorityKey(name string) storage.Key { return storage.Key{}.Str(name) }

const (
	rootName         = "root"
	intermediateName = "intermediate"

	rootLifetime         = 10 * 365 * 24 * time.Hour
	intermediateLifetime = 365 * 24 * time.Hour
	leafLifetime         = 7 * 24 * time.Hour
	// clockSkew is how far behind a client's clock may be.
	clockSkew = time.Hour
)

// internalIssuer issues from the node's own authority: for development and closed networks.
type internalIssuer struct {
	store *storage.Store

	mu           sync.Mutex
	intermediate *authority
}

var _ certmagic.Issuer = (*internalIssuer)(nil)

// IssuerKey implements [certmagic.Issuer].
func (i *internalIssuer) IssuerKey() string { return "internal" }

// Issue implements [certmagic.Issuer].
func (i *internalIssuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	ca, err := i.authority(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		NotBefore:   now.Add(-clockSkew),
		NotAfter:    now.Add(leafLifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    csr.DNSNames,
	}
	leaf, err := sign(template, ca, csr.PublicKey)
	if err != nil {
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: append(asPEM(leaf), asPEM(ca.Certificate)...)}, nil
}

// authority is the intermediate that leaves are signed with. It is replaced before a leaf could outlive it.
func (i *internalIssuer) authority(ctx context.Context) (*authority, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.intermediate != nil && !i.intermediate.old() {
		return i.intermediate, nil
	}
	root, err := loadRoot(ctx, i.store)
	if err != nil {
		return nil, err
	}
	ca, err := loadOrMake(ctx, i.store, intermediateName, intermediateLifetime, root)
	if err != nil {
		return nil, err
	}
	i.intermediate = ca
	return ca, nil
}

func loadRoot(ctx context.Context, s *storage.Store) (*authority, error) {
	return loadOrMake(ctx, s, rootName, rootLifetime, nil)
}

// old says whether a leaf that is signed now would outlive the authority.
func (a *authority) old() bool { return time.Until(a.parsed.NotAfter) < 2*leafLifetime }

// loadOrMake reads an authority from the store. If there is none, or it is old, a new one takes its place; of two processes
// that find none, both get the same.
func loadOrMake(ctx context.Context, s *storage.Store, name string, lifetime time.Duration, parent *authority) (*authority, error) {
	var ca *authority
	find := func(tx *storage.Tx) (err error) {
		ca, err = stored(tx, name)
		return err
	}
	if err := s.View(ctx, storage.Node(), find); err != nil {
		return nil, fmt.Errorf("internal authority: %w", err)
	}
	if ca != nil {
		return ca, nil
	}
	fresh, err := newAuthority(name, lifetime, parent)
	if err != nil {
		return nil, fmt.Errorf("internal authority: %w", err)
	}
	err = s.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		if err := find(tx); err != nil || ca != nil {
			return err
		}
		ca = fresh
		return authorities.Put(tx, fresh)
	})
	if err != nil {
		return nil, fmt.Errorf("internal authority: %w", err)
	}
	return ca, nil
}

// stored is the authority of that name that can be used, nil if there is none.
func stored(tx *storage.Tx, name string) (*authority, error) {
	a, err := authorities.Get(tx, authorityKey(name))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // its two callers make a new one
	}
	if err == nil {
		err = a.parse()
	}
	if err != nil || a.old() {
		return nil, err
	}
	return &a, nil
}

func newAuthority(name string, lifetime time.Duration, parent *authority) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a := &authority{Name: name, Key: der, signer: key}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Deskgate"}, CommonName: "Deskgate internal " + name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            1,
	}
	if parent == nil {
		parent = &authority{parsed: template, signer: key}
	} else {
		template.MaxPathLen, template.MaxPathLenZero = 0, true
	}
	if a.Certificate, err = sign(template, parent, key.Public()); err != nil {
		return nil, err
	}
	a.parsed, err = x509.ParseCertificate(a.Certificate)
	return a, err
}

// parse makes a stored authority usable.
func (a *authority) parse() error {
	key, err := x509.ParsePKCS8PrivateKey(a.Key)
	if err != nil {
		return err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("the key of the %s cannot sign", a.Name)
	}
	a.signer = signer
	a.parsed, err = x509.ParseCertificate(a.Certificate)
	return err
}

func sign(template *x509.Certificate, parent *authority, public crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent.parsed, public, parent.signer)
}

func asPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// RootPEM is the root certificate of the node's own authority, which is made if it is not there yet.
func RootPEM(ctx context.Context, s *storage.Store) ([]byte, error) {
	root, err := loadRoot(ctx, s)
	if err != nil {
		return nil, err
	}
	return asPEM(root.Certificate), nil
}
