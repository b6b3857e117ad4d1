package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// record is a certificate of the authority and its key.
type record struct {
	Name        string `cbor:"1,keyasint"`
	Certificate []byte `cbor:"2,keyasint"`           // DER
	Key         []byte `cbor:"3,keyasint,omitempty"` // PKCS #8; a root that signs no more has none

	// Of a root: when it begins to sign; its key, certified by the root before it (DER); whether nobody has asked for it; and whether
	// all hosts have a certificate under it.
	Signs  time.Time `cbor:"4,keyasint"`
	Cross  []byte    `cbor:"5,keyasint,omitempty"`
	Itself bool      `cbor:"6,keyasint,omitempty"`
	Turned bool      `cbor:"7,keyasint,omitempty"`

	Root string `cbor:"8,keyasint,omitempty"` // of an intermediate: who signed it

	parsed *x509.Certificate
	signer crypto.Signer // nil without key
}

var records = storage.NewTable(storage.Declaration[record]{
	ID: 194, Name: "proxy.authority", Sealed: true, Watched: true,
	Key: func(r *record) storage.Key { return recordKey(r.Name) },
})

func recordKey(name string) storage.Key { return storage.Key{}.Str(name) }

const (
	rootName         = "root" // and root-2 and so on
	intermediateName = "intermediate"
)

// number is the how manieth root it is.
func (r *record) number() int {
	n, err := strconv.Atoi(strings.TrimPrefix(r.Name, rootName+"-"))
	if err != nil {
		return 1
	}
	return n
}

// ages says whether less than one in so many parts of its life is left.
func (r *record) ages(parts int, now time.Time) bool {
	return r.parsed.NotAfter.Sub(now) < r.parsed.NotAfter.Sub(r.parsed.NotBefore)/time.Duration(parts)
}

func newRoot(number int, before *record, now time.Time) (*record, error) {
	name, title := rootName, "Deskgate internal root"
	if number > 1 { // names differ, so that no client mixes them up
		name, title = fmt.Sprintf("%s-%d", rootName, number), fmt.Sprintf("%s %d", title, number)
	}
	r, err := newRecord(name)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(r.signer.Public())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(spki) // in a store that was restored there may be the same number twice
	title += fmt.Sprintf(" (%x)", sum[:4])
	// No bound on the length of paths: a root that has certified its successor stands above one more than it knew of.
	template := authorityTemplate(title, now, now.Add(rootLifetime))
	if r.Certificate, err = sign(template, template, r.signer.Public(), r.signer); err != nil {
		return nil, err
	}
	if r.parsed, err = x509.ParseCertificate(r.Certificate); err != nil || before == nil {
		return r, err
	}
	template = authorityTemplate(title, now, earlier(r.parsed.NotAfter, before.parsed.NotAfter))
	template.SubjectKeyId = r.parsed.SubjectKeyId
	r.Cross, err = sign(template, before.parsed, r.signer.Public(), before.signer)
	return r, err
}

func newIntermediate(root *record, now time.Time) (*record, error) {
	r, err := newRecord(intermediateName)
	if err != nil {
		return nil, err
	}
	r.Root = root.Name
	template := authorityTemplate("Deskgate internal intermediate", now, earlier(now.Add(intermediateLifetime), root.parsed.NotAfter))
	template.MaxPathLenZero = true
	if r.Certificate, err = sign(template, root.parsed, r.signer.Public(), root.signer); err != nil {
		return nil, err
	}
	r.parsed, err = x509.ParseCertificate(r.Certificate)
	return r, err
}

func newRecord(name string) (*record, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return &record{Name: name, Key: der, signer: key}, err
}

func authorityTemplate(title string, now, end time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Deskgate"}, CommonName: title},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
}

// parse makes a stored record usable.
func (r *record) parse() (err error) {
	if r.parsed, err = x509.ParseCertificate(r.Certificate); err != nil || r.Key == nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(r.Key)
	if err != nil {
		return err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("the key of the %s cannot sign", r.Name)
	}
	r.signer = signer
	return nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

func asPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
