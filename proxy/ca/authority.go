package ca

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

const (
	rootLifetime         = 10 * 365 * 24 * time.Hour
	intermediateLifetime = 365 * 24 * time.Hour
	leafLifetime         = 7 * 24 * time.Hour
	// clockSkew is how far behind a client's clock may be.
	clockSkew = time.Hour

	// successorRatio is the part of a root's life that is left when it gets a successor by itself, which signs after half of that.
	successorRatio = 5
	// renewalRatio is the part of an intermediate's life that is left when it is replaced.
	renewalRatio = 3
)

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{records} }

// Authority is the one of the node that the store belongs to. It keeps nothing in memory.
type Authority struct{ store *storage.Store }

// New returns the authority whose keys are in the store. They are made when they are needed first.
func New(s *storage.Store) *Authority { return &Authority{s} }

// family is all that there is at one time.
type family struct {
	roots        []*record // in the order in which they sign; the keys of former ones are gone
	intermediate *record   // nil: there is none
	at           int       // of the root that signs
}

func (f *family) root() *record { return f.roots[f.at] }

// coming is the root that will sign, nil if none is announced.
func (f *family) coming() *record {
	if f.at+1 == len(f.roots) {
		return nil
	}
	return f.roots[f.at+1]
}

// read finds who there is, without those that are over.
func read(tx *storage.Tx, now time.Time) (*family, error) {
	f := &family{}
	for r, err := range records.Scan(tx, storage.Range{}) {
		if err == nil {
			err = r.parse()
		}
		switch {
		case err != nil:
			return nil, err
		case !now.Before(r.parsed.NotAfter):
		case strings.HasPrefix(r.Name, rootName):
			f.roots = append(f.roots, &r)
		default:
			f.intermediate = &r
		}
	}
	slices.SortFunc(f.roots, func(a, b *record) int { return a.Signs.Compare(b.Signs) })
	for i, r := range f.roots {
		// Where the clock went back, the one that signed has no key any more.
		if r.signer != nil && (!now.Before(r.Signs) || f.roots[f.at].signer == nil) {
			f.at = i
		}
	}
	return f, nil
}

// settled says whether nothing is to be done.
func (f *family) settled(now time.Time) bool {
	if len(f.roots) == 0 || f.root().signer == nil || now.Before(f.root().Signs) || f.coming() == nil && f.root().ages(successorRatio, now) {
		return false
	}
	if i := f.intermediate; i == nil || i.Root != f.root().Name || i.ages(renewalRatio, now) {
		return false
	}
	return !slices.ContainsFunc(f.roots[:f.at], func(r *record) bool { return r.signer != nil })
}

// family is who there is now. What time has made necessary is done first, by whoever comes first.
func (a *Authority) family(ctx context.Context) (*family, error) {
	var f *family
	err := a.store.View(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
		f, err = read(tx, time.Now())
		return err
	})
	if err == nil && !f.settled(time.Now()) {
		err = a.store.Update(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
			f, err = settle(tx, time.Now())
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the node's own CA: %w", err)
	}
	return f, nil
}

// settle does what is due: makes the first root, or a successor; takes the key of one that has signed; replaces the intermediate.
func settle(tx *storage.Tx, now time.Time) (*family, error) {
	f, err := read(tx, now)
	if err != nil {
		return nil, err
	}
	switch {
	case len(f.roots) == 0 || f.roots[len(f.roots)-1].signer == nil:
		if err := f.succeed(tx, now, now, false); err != nil {
			return nil, err
		}
		f.at = len(f.roots) - 1
	case now.Before(f.root().Signs): // the one before it is over, or the clock went back
		f.root().Signs = now
		if err := records.Put(tx, f.root()); err != nil {
			return nil, err
		}
	}
	if r := f.root(); f.coming() == nil && r.ages(successorRatio, now) {
		if err := f.succeed(tx, now, now.Add(r.parsed.NotAfter.Sub(now)/2), true); err != nil {
			return nil, err
		}
	}
	for _, r := range f.roots[:f.at] {
		if r.Key == nil {
			continue
		}
		r.Key, r.signer = nil, nil // it has certified its successor, which is all that it was still good for
		if err := records.Put(tx, r); err != nil {
			return nil, err
		}
	}
	if i := f.intermediate; i == nil || i.Root != f.root().Name || i.ages(renewalRatio, now) {
		if f.intermediate, err = newIntermediate(f.root(), now); err != nil {
			return nil, err
		}
		return f, records.Put(tx, f.intermediate)
	}
	return f, nil
}

// succeed adds a root that signs from some time on. Whoever trusts the one that signs now will trust it too.
func (f *family) succeed(tx *storage.Tx, now, signs time.Time, itself bool) error {
	number := 1
	var before *record
	if n := len(f.roots); n > 0 {
		number += f.roots[n-1].number()
		if f.root().signer != nil {
			before = f.root()
		}
	}
	r, err := newRoot(number, before, now)
	if err != nil {
		return err
	}
	r.Signs, r.Itself = signs.UTC().Truncate(time.Second), itself
	f.roots = append(f.roots, r)
	return records.Put(tx, r)
}

// Issue signs a certificate for what a request asks for, and returns it in PEM, with all that a client needs to find the way to a
// root that it trusts.
func (a *Authority) Issue(ctx context.Context, csr *x509.CertificateRequest) ([]byte, error) {
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	f, err := a.family(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	leaf, err := sign(&x509.Certificate{
		NotBefore:   now.Add(-clockSkew),
		NotAfter:    earlier(now.Add(leafLifetime), f.intermediate.parsed.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    csr.DNSNames,
	}, f.intermediate.parsed, csr.PublicKey, f.intermediate.signer)
	if err != nil {
		return nil, err
	}
	chain := append(asPEM(leaf), asPEM(f.intermediate.Certificate)...)
	for i := f.at; i > 0 && f.roots[i].Cross != nil; i-- {
		chain = append(chain, asPEM(f.roots[i].Cross)...)
	}
	return chain, nil
}

// Signed says whether a certificate is under the root that signs now. It comes with its chain, as it is sent.
func (a *Authority) Signed(ctx context.Context, chain [][]byte) (bool, error) {
	f, err := a.family(ctx)
	if err != nil || len(chain) < 2 {
		return false, err
	}
	intermediate, err := x509.ParseCertificate(chain[1])
	if err != nil {
		return false, err
	}
	return intermediate.CheckSignatureFrom(f.root().parsed) == nil, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, public, by)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
