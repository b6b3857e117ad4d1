package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// lab is an authority that speaks ACME over no network, so that its clock is that of a bubble. It has the limits of Let's Encrypt and
// notes who passes them. What is broken, it breaks on purpose.
type lab struct {
	url      string
	lifetime time.Duration
	ahead    time.Duration // of its clock, before that of the node
	key      *ecdsa.PrivateKey
	cert     *x509.Certificate

	mu       sync.Mutex
	requests int
	orders   []*labOrder
	failures map[string][]time.Time // of validation, by host
	passed   []string               // limits that were passed

	broken func(host string) bool
	// trouble is what new requests get instead of an answer; nil: nothing.
	trouble func(now time.Time, r *http.Request) *http.Response
	slow    time.Duration // how long validation takes
	// suggest says when a certificate is to be renewed, as a document of RFC 9773; nil: nothing is suggested.
	suggest func(now time.Time, o *labOrder) any
	again   string // Retry-After of that
}

type labOrder struct {
	host      string
	at        time.Time
	validated time.Time // when validation ends; zero: it was not asked for
	failed    bool
	issued    []byte
	issuedAt  time.Time
	replaces  string // the certificate that it was to replace, as RFC 9773 names it
	replaced  bool   // by a later one
}

func newLab(tb testing.TB, lifetime time.Duration) *lab {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: "Lab"}, SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, SubjectKeyId: []byte("lab")}
	url := fmt.Sprintf("https://%s.example", strings.ToLower(rand.Text())) // acmez keeps directories by their URL, for the whole process
	return &lab{url: url, again: "21600", lifetime: lifetime, key: key, cert: cert, failures: map[string][]time.Time{}, broken: func(string) bool { return false }}
}

// RoundTrip implements [http.RoundTripper].
func (l *lab) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if l.trouble != nil {
		if res := l.trouble(l.now(), r); res != nil {
			res.Request = r
			res.Header.Set("Date", l.now().UTC().Format(http.TimeFormat))
			return res, nil
		}
	}
	w := httptest.NewRecorder()
	l.serve(w, r)
	res := w.Result()
	res.Request = r
	res.Header.Set("Date", l.now().UTC().Format(http.TimeFormat))
	return res, nil
}

// now is what its clock shows. All times that it notes are of that clock.
func (l *lab) now() time.Time { return time.Now().Add(l.ahead) }

func (l *lab) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Replay-Nonce", strconv.Itoa(l.requests))
	what, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if what == "dir" {
		doc := map[string]any{"newNonce": l.url + "/nonce", "newAccount": l.url + "/account", "newOrder": l.url + "/new", "revokeCert": l.url + "/no", "keyChange": l.url + "/no"}
		if l.suggest != nil {
			doc["renewalInfo"] = l.url + "/ari"
		}
		say(w, 200, doc)
		return
	}
	if what == "nonce" {
		return
	}
	if what == "ari" {
		l.advise(w, id)
		return
	}
	payload := signed(r)
	if what == "account" {
		w.Header().Set("Location", l.url+"/account/1")
		say(w, 201, map[string]any{"status": "valid"})
		return
	}
	if what == "new" {
		l.newOrder(w, payload)
		return
	}
	n, err := strconv.Atoi(id)
	if err != nil || n >= len(l.orders) {
		problem(w, 404, "malformed", "no such thing")
		return
	}
	o := l.orders[n]
	switch what {
	case "authz":
		l.authz(w, n, o)
	case "challenge":
		o.validated, o.failed = l.now().Add(l.slow), l.broken(o.host)
		say(w, 200, map[string]any{"type": "http-01", "url": fmt.Sprintf("%s/challenge/%d", l.url, n), "token": "t", "status": "processing"})
	case "finalize":
		l.finalize(w, n, o, payload)
	case "order":
		say(w, 200, l.document(n, o))
	case "cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(o.issued)
	}
}

// advise suggests when a certificate is to be renewed.
func (l *lab) advise(w http.ResponseWriter, id string) {
	o := l.named(id)
	if o == nil {
		problem(w, 404, "malformed", "no such certificate")
		return
	}
	w.Header().Set("Retry-After", l.again)
	say(w, 200, l.suggest(l.now(), o))
}

// named is the order of a certificate, by the name that RFC 9773 gives that.
func (l *lab) named(id string) *labOrder {
	key, serial, _ := strings.Cut(id, ".")
	issuer, _ := base64.RawURLEncoding.DecodeString(key)
	number, _ := base64.RawURLEncoding.DecodeString(serial)
	n := new(big.Int).SetBytes(number).Int64() - 2
	if string(issuer) != "lab" || n < 0 || n >= int64(len(l.orders)) || l.orders[n].issued == nil {
		return nil
	}
	return l.orders[n]
}

func signed(r *http.Request) []byte {
	var jws struct{ Payload string }
	b, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(b, &jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	return payload
}

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func problem(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "status": status, "detail": detail})
}

func (l *lab) newOrder(w http.ResponseWriter, payload []byte) {
	var in struct {
		Identifiers []struct{ Value string }
		Replaces    string
	}
	_ = json.Unmarshal(payload, &in)
	o := &labOrder{host: in.Identifiers[0].Value, at: l.now(), replaces: in.Replaces}
	if old := l.named(in.Replaces); in.Replaces != "" && (old == nil || old.host != o.host) {
		problem(w, 400, "malformed", "that is none to be replaced")
		return
	}
	recent := 1
	for i := len(l.orders) - 1; i >= 0 && o.at.Sub(l.orders[i].at) < 3*time.Hour; i-- {
		recent++
	}
	if recent > 300 {
		l.pass("%d orders in 3 hours", recent)
	}
	l.orders = append(l.orders, o)
	n := len(l.orders) - 1
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", l.url, n))
	say(w, 201, l.document(n, o))
}

// asked is how many requests came.
func (l *lab) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

// made are copies of all orders.
func (l *lab) made() []labOrder {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]labOrder, len(l.orders))
	for i, o := range l.orders {
		all[i] = *o
	}
	return all
}

func (l *lab) pass(form string, args ...any) {
	if len(l.passed) < 20 {
		l.passed = append(l.passed, l.now().Format(time.DateTime)+": "+fmt.Sprintf(form, args...))
	}
}

func (l *lab) document(n int, o *labOrder) map[string]any {
	status := "pending"
	if o.issued != nil {
		status = "valid"
	}
	return map[string]any{
		"status": status, "identifiers": []any{map[string]string{"type": "dns", "value": o.host}},
		"authorizations": []string{fmt.Sprintf("%s/authz/%d", l.url, n)}, "finalize": fmt.Sprintf("%s/finalize/%d", l.url, n),
		"certificate": fmt.Sprintf("%s/cert/%d", l.url, n),
	}
}

func (l *lab) authz(w http.ResponseWriter, n int, o *labOrder) {
	challenge := map[string]any{"type": "http-01", "url": fmt.Sprintf("%s/challenge/%d", l.url, n), "token": "t", "status": "pending"}
	other := map[string]any{"type": "tls-alpn-01", "url": fmt.Sprintf("%s/challenge/%d", l.url, n), "token": "t", "status": "pending"}
	status := "pending"
	switch done := !o.validated.IsZero() && !l.now().Before(o.validated); {
	case done && o.failed:
		status, challenge["status"] = "invalid", "invalid"
		challenge["error"] = map[string]any{"type": "urn:ietf:params:acme:error:connection", "status": 400, "detail": "nobody there"}
		l.fail(o)
	case done:
		status = "valid"
	}
	w.Header().Set("Retry-After", "5") // as the real ones ask for
	say(w, 200, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": o.host}, "challenges": []any{challenge, other}})
}

// fail notes a failed validation, once for each order.
func (l *lab) fail(o *labOrder) {
	all := l.failures[o.host]
	if len(all) > 0 && all[len(all)-1].Equal(o.validated) {
		return
	}
	all = append(all, o.validated)
	l.failures[o.host] = all
	if n := len(all); n >= 5 && o.validated.Sub(all[n-5]) < time.Hour {
		l.pass("5 failures of %s in an hour", o.host)
	}
}

func (l *lab) finalize(w http.ResponseWriter, n int, o *labOrder, payload []byte) {
	var in struct{ CSR string }
	_ = json.Unmarshal(payload, &in)
	der, _ := base64.RawURLEncoding.DecodeString(in.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		problem(w, 400, "badCSR", err.Error())
		return
	}
	now := l.now()
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(n + 2)), NotBefore: now, NotAfter: now.Add(l.lifetime), DNSNames: csr.DNSNames}
	leaf, err := x509.CreateCertificate(rand.Reader, template, l.cert, csr.PublicKey, l.key)
	if err != nil {
		problem(w, 500, "serverInternal", err.Error())
		return
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: leaf})
	o.issued, o.issuedAt = b.Bytes(), now
	if old := l.named(o.replaces); old != nil {
		old.replaced = true
	}
	same := 0
	for _, other := range l.orders {
		if other.issued != nil && now.Sub(other.issuedAt) < 7*24*time.Hour && registered(tenant.Host(other.host)) == registered(tenant.Host(o.host)) {
			same++
		}
	}
	if same > 50 {
		l.pass("%d certificates a week for %s", same, registered(tenant.Host(o.host)))
	}
	say(w, 200, l.document(n, o))
}

// refused is an answer in place of the one that was asked for.
func refused(status int, kind string, header ...string) *http.Response {
	w := httptest.NewRecorder()
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	problem(w, status, kind, "as the lab wants it")
	return w.Result()
}
