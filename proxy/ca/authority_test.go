package ca_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
	host = "desk.example"
)

// office is an authority, and a server that gets its certificate from it.
type office struct {
	*testing.T
	*ca.Authority

	dir   string
	store *storage.Store
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, dir: t.TempDir()}
	o.open()
	t.Cleanup(o.close)
	return o
}

func (o *office) open() {
	o.Helper()
	s, err := storage.Open(o.Context(), storage.Options{Dir: o.dir, MinFree: 1 << 20, Tables: ca.Tables()})
	if err != nil {
		o.Fatal(err)
	}
	o.store, o.Authority = s, ca.New(s)
}

func (o *office) close() {
	if err := o.store.Close(); err != nil {
		o.Error(err)
	}
}

// sleep lets time pass. The store is shut meanwhile: its engine looks around each second, which takes a while in a year.
func (o *office) sleep(d time.Duration) {
	o.Helper()
	o.close()
	time.Sleep(d)
	o.open()
}

// server has a certificate of now.
func (o *office) server() *tls.Certificate {
	o.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		o.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		o.Fatal(err)
	}
	chain, err := o.Issue(o.Context(), csr)
	if err != nil {
		o.Fatal(err)
	}
	c := &tls.Certificate{PrivateKey: key}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		c.Certificate = append(c.Certificate, block.Bytes)
	}
	if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
		o.Fatal(err)
	}
	return c
}

func (o *office) roots() []ca.Root {
	o.Helper()
	all, err := o.Roots(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	return all
}

func (o *office) rotate(after time.Duration) []ca.Root {
	o.Helper()
	all, err := o.Rotate(o.Context(), after)
	if err != nil {
		o.Fatal(err)
	}
	return all
}

// states are those of all roots, as "subject state".
func states(all []ca.Root) string {
	var words []string
	for _, r := range all {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.Subject, "CN=Deskgate internal "), " (")
		words = append(words, name+" "+string(r.State))
	}
	return strings.Join(words, ", ")
}

// hello is a handshake of a client that trusts these roots alone.
func (o *office) hello(server *tls.Certificate, trusted ...ca.Root) error {
	o.Helper()
	pool := x509.NewCertPool()
	for _, r := range trusted {
		pool.AppendCertsFromPEM(r.PEM)
	}
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{*server}}).HandshakeContext(context.WithoutCancel(o.Context()))
		far.Close()
	}()
	return tls.Client(near, &tls.Config{ServerName: host, RootCAs: pool}).HandshakeContext(o.Context())
}

func (o *office) trusts(what string, server *tls.Certificate, trusted ...ca.Root) {
	o.Helper()
	if err := o.hello(server, trusted...); err != nil {
		o.Errorf("%s: %v", what, err)
	}
}

// TestRotation: the new root signs when that was announced, whoever has the old one gets along until that one ends, and who has only
// the new one gets along from then on.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		before := o.server()
		old := o.roots()[0]
		o.sleep(100 * day)
		all := o.rotate(30 * day)
		if got := states(all); got != "root present, root 2 coming" {
			t.Fatalf("roots: %s", got)
		}
		fresh := all[1]
		if got := ca.PEM(all); !bytes.Equal(got, append(old.PEM, fresh.PEM...)) {
			t.Errorf("clients are to install\n%s", got)
		}
		o.sleep(29 * day)
		during := o.server()
		o.trusts("in the overlap, old root", during, old)
		o.trusts("in the overlap, both", during, old, fresh)
		if err := o.hello(during, fresh); err == nil {
			t.Error("the new root has signed before its time")
		}
		o.sleep(2 * day)
		after := o.server()
		for _, c := range []*tls.Certificate{during, after} {
			o.trusts("after it, old root", c, old)
			o.trusts("after it, both", c, old, fresh)
		}
		o.trusts("after it, new root", after, fresh)
		if err := o.hello(before, old, fresh); err == nil {
			t.Error("a certificate of half a year ago is valid")
		}
		if got := states(o.roots()); got != "root 2 present, root former" {
			t.Errorf("after it, roots: %s", got)
		}
		if got := ca.PEM(o.roots()); !bytes.Equal(got, fresh.PEM) {
			t.Errorf("after it, clients are to install\n%s", got)
		}
		o.sleep(time.Until(old.NotAfter) - day)
		o.trusts("a day before the old root's end, old root", o.server(), old)
		o.sleep(2 * day)
		last := o.server()
		o.trusts("after the old root's end, new root", last, fresh)
		if err := o.hello(last, old); err == nil || len(last.Certificate) != 2 {
			t.Errorf("after the old root's end, old root: %v, with %d certificates", err, len(last.Certificate))
		}
	})
}

// TestNamesAreUnique: a store that was restored makes a second root with a number that was given before. No client may take the
// one for the other.
func TestNamesAreUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		for range 2 {
			o := newOffice(t)
			if _, err := o.Signs(t.Context()); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("what signs before there is anything: %v, want ErrNotFound", err)
			}
			for _, r := range o.rotate(0) {
				if seen[r.Subject] || !strings.HasPrefix(r.Subject, "CN=Deskgate internal root") {
					t.Errorf("a root named %s among %v", r.Subject, seen)
				}
				seen[r.Subject] = true
			}
			if r, err := o.Signs(t.Context()); err != nil || r.Fingerprint != o.roots()[0].Fingerprint {
				t.Errorf("%s signs, %v; want %s", r.Subject, err, o.roots()[0].Subject)
			}
		}
	})
}

// TestRotationsInARow: who rotates again and again in a hurry cuts nobody off.
func TestRotationsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		first := o.roots()[0]
		for range 3 {
			o.sleep(time.Hour)
			o.rotate(0)
		}
		roots := o.roots()
		if got := states(roots); got != "root 4 present, root 3 former, root 2 former, root former" {
			t.Errorf("roots: %s", got)
		}
		for _, r := range append(roots, first) {
			o.trusts(r.Subject, o.server(), r)
		}
		if got, err := o.Keys(t.Context()); err != nil || !slices.Equal(got, []string{"intermediate", "root-4"}) {
			t.Errorf("keys of %v, %v: want none of what signs no more", got, err)
		}
	})
}

// TestRotationIsSetAnew: a root that is announced already gets another time, and no second one is made.
func TestRotationIsSetAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		fresh := o.rotate(30 * day)[1]
		moved := o.rotate(60 * day)
		if len(moved) != 2 || moved[1].Fingerprint != fresh.Fingerprint || moved[1].Signs.Sub(fresh.Signs) != 30*day {
			t.Errorf("another time: %s, signs at %s", states(moved), moved[1].Signs)
		}
		if got := o.rotate(0); states(got) != "root 2 present, root former" || got[0].Fingerprint != fresh.Fingerprint {
			t.Errorf("at once: %s", states(got))
		}
		o.trusts("at once", o.server(), fresh)
		if _, err := o.Rotate(t.Context(), 10*year); !errors.Is(err, ca.ErrTooLate) {
			t.Errorf("later than the root's end: %v", err)
		}
		if got := states(o.roots()); got != "root 2 present, root former" {
			t.Errorf("after a time that is too late: %s", got)
		}
	})
}

// TestTwentyYears: nobody does anything but install, twice a year, what the authority says; and it never lets anybody down.
func TestTwentyYears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		var installed []ca.Root
		known, intermediates := map[string]ca.Root{}, map[string]bool{}
		for at := range 20 * 4 {
			if at%2 == 0 {
				installed = o.roots()
			}
			server := o.server()
			o.trusts("client that looks twice a year", server, installed...)
			if left := time.Until(server.Leaf.NotAfter); left < 7*day-time.Minute {
				t.Fatalf("a certificate for %s", left)
			}
			for _, r := range o.roots() {
				if known[r.Fingerprint] = r; r.State == ca.Coming && !r.Itself {
					t.Errorf("%s: somebody asked for it", r.Subject)
				}
			}
			for _, r := range known {
				switch err := o.hello(server, r); {
				case time.Now().After(r.NotAfter):
				case err != nil && r.State != ca.Coming:
					t.Fatalf("day %d: who trusts %s alone: %v", 90*at, r.Subject, err)
				case err == nil && r.State == ca.Coming:
					t.Fatalf("day %d: %s signs already", 90*at, r.Subject)
				}
			}
			intermediates[string(server.Certificate[1])] = true
			o.sleep(90 * day)
		}
		if n := len(known); n != 3 { // one after 8 years, one 8 years later
			t.Errorf("%d roots in 20 years", n)
		}
		if n := len(intermediates); n < 20 || n > 30 { // each signs for eight months
			t.Errorf("%d intermediates in 20 years", n)
		}
	})
}

// TestLongSleep: a node that was off for longer than a root lives goes on with a new one.
func TestLongSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.rotate(9 * year)
		o.sleep(25 * year)
		o.trusts("after 25 years", o.server(), o.roots()...)
		if got := states(o.roots()); got != "root present" {
			t.Errorf("roots: %s", got)
		}
	})
}

// TestAllProcessesAgree: of many that find nothing, or rotate at once, all have the same.
func TestAllProcessesAgree(t *testing.T) {
	s := storagetest.Open(t, ca.Tables()...)
	var mu sync.Mutex
	seen := map[string]bool{}
	each := func(do func(*ca.Authority) ([]ca.Root, error)) string {
		clear(seen)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				roots, err := do(ca.New(s))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				seen[string(ca.PEM(roots))] = true
			})
		}
		wg.Wait()
		if len(seen) != 1 {
			t.Errorf("%d different sets of roots", len(seen))
		}
		roots, err := ca.New(s).Roots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return states(roots)
	}
	if got := each(func(a *ca.Authority) ([]ca.Root, error) { return a.Roots(t.Context()) }); got != "root present" {
		t.Errorf("roots: %s", got)
	}
	if got := each(func(a *ca.Authority) ([]ca.Root, error) { return a.Rotate(t.Context(), day) }); got != "root present, root 2 coming" {
		t.Errorf("roots: %s", got)
	}
}
