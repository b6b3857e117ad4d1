package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"runtime"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

// made is a certificate as authorities give them: with 2 KiB of theirs behind it.
func made(tb testing.TB, l *lab, host string, authority []byte) *held {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour), DNSNames: []string{host},
		IssuingCertificateURL: []string{"http://r12.lab.example/"}, CRLDistributionPoints: []string{"http://r12.lab.example/83.crl"},
		SubjectKeyId: make([]byte, 20), AuthorityKeyId: make([]byte, 20), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, l.cert, key.Public(), l.key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &held{pair: &tls.Certificate{Certificate: [][]byte{der, append([]byte(nil), authority...)}, PrivateKey: key}, leaf: leaf, from: "lab", name: host}
}

// TestShelf: it holds what was used last, at 6 KiB each at most, and nothing that is over.
func TestShelf(t *testing.T) {
	const many = 1000
	l := newLab(t, time.Hour)
	authority := make([]byte, 2<<10)
	s := newShelf(many)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range many {
		host := fmt.Sprintf("help.shop%d.example", i)
		s.put(tenant.Host(host), made(t, l, host, authority))
	}
	if each := (heap() - before) / many; each > 6<<10 {
		t.Errorf("%d bytes of memory for each certificate, want 6 KiB at most", each)
	} else {
		t.Logf("%d bytes each", each)
	}
	now := time.Now()
	if s.get("help.shop0.example", now) == nil {
		t.Error("the first one is gone, though there was room")
	}
	s.put("one.more.example", made(t, l, "one.more.example", authority))
	if s.get("help.shop0.example", now) == nil || s.get("help.shop1.example", now) != nil {
		t.Error("not the one that was not used for longest has gone")
	}
	if s.get("help.shop2.example", now.Add(91*24*time.Hour)) != nil {
		t.Error("one that is over is served without a look at the store")
	}
	s.remove("help.shop2.example")
	if s.get("help.shop2.example", now) != nil {
		t.Error("one that was removed is served")
	}
	runtime.KeepAlive(s)
}

// BenchmarkColdLoad is what the first handshake of a host costs that has a certificate in the store.
func BenchmarkColdLoad(b *testing.B) {
	files := NewAssetStore(storagetest.Open(b, Tables()...), nil)
	k := &Keeper{store: files, from: []string{"lab"}}
	h := made(b, newLab(b, time.Hour), "help.shop.example", make([]byte, 2<<10))
	key, err := certmagic.PEMEncodePrivateKey(h.pair.PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	chain := []byte{}
	for _, der := range h.pair.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	for path, content := range map[string][]byte{
		certmagic.StorageKeys.SiteCert("lab", h.name): chain, certmagic.StorageKeys.SitePrivateKey("lab", h.name): key,
	} {
		if err := files.Store(b.Context(), path, content); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := k.obtained(b.Context(), nil, h.name); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWarm is what every other handshake costs of finding the certificate.
func BenchmarkWarm(b *testing.B) {
	s := newShelf(10)
	s.put("help.shop.example", made(b, newLab(b, time.Hour), "help.shop.example", nil))
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if s.get("help.shop.example", now) == nil {
			b.Fatal("it is gone")
		}
	}
}
