package proxytest

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// ACME is a certificate authority. What it validates, it validates over the network, as the real ones do.
type ACME struct {
	// Directory is the URL to begin with; Trust is whom to trust when talking to it.
	Directory string
	Trust     *x509.CertPool
	// Roots are those of the certificates that it issues.
	Roots *x509.CertPool

	options ACMEOptions
	front   atomic.Pointer[http.Handler]

	mu      sync.Mutex
	orders  map[string]int // by host
	replace []string       // what the orders said that they replace
	issued  *db.MemoryStore
	refusal atomic.Pointer[refusal]
	broken  atomic.Bool
	off     atomic.Bool
}

// refusal is what new orders get instead of an order.
type refusal struct {
	status int
	header http.Header
	body   string
}

// ACMEOptions say where the authority looks for what it validates.
type ACMEOptions struct {
	// HTTPPort and TLSPort take the place of 80 and 443.
	HTTPPort, TLSPort int
	// DNS is the server that it asks.
	DNS *DNS
	// Lifetime of certificates. 0: 90 days.
	Lifetime time.Duration
	// Profiles are kinds of certificates beside the usual one, by how long they are valid.
	Profiles map[string]time.Duration
	// Accounts are those that customers have to have, with their HMAC keys. None: everybody is taken.
	Accounts map[string]string
	// Names are those by which CAA records let it issue. It says them, and looks at no such record.
	Names []string
	// Slow has validations take up to so many seconds, by chance.
	Slow int
	// BadNonces is how many of a hundred good nonces are refused.
	BadNonces int
}

// StartACME starts an authority. It ends with the test.
func StartACME(tb testing.TB, o ACMEOptions) *ACME {
	tb.Helper()
	tb.Setenv("PEBBLE_VA_NOSLEEP", strconv.FormatBool(o.Slow == 0))
	tb.Setenv("PEBBLE_VA_SLEEPTIME", strconv.Itoa(o.Slow+1))
	tb.Setenv("PEBBLE_WFE_NONCEREJECT", strconv.Itoa(o.BadNonces))
	tb.Setenv("PEBBLE_AUTHZREUSE", "0")
	if o.Lifetime == 0 {
		o.Lifetime = 90 * 24 * time.Hour
	}
	a := &ACME{options: o, Trust: x509.NewCertPool(), Roots: x509.NewCertPool(), orders: make(map[string]int)}
	a.Forget(tb)
	s := httptest.NewTLSServer(a.count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*a.front.Load()).ServeHTTP(w, r)
	})))
	tb.Cleanup(s.Close)
	a.Directory = s.URL + wfe.DirectoryPath
	a.Trust.AddCert(s.Certificate())
	return a
}

// Forget has the authority begin anew: it knows no account, and has another root.
func (a *ACME) Forget(tb testing.TB) {
	tb.Helper()
	log := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	store := db.NewMemoryStore()
	for id, key := range a.options.Accounts {
		if err := store.AddExternalAccountKeyByID(id, key); err != nil {
			tb.Fatal(err)
		}
	}
	profiles := map[string]ca.Profile{usual: {Description: "for tests", ValidityPeriod: uint64(a.options.Lifetime / time.Second)}}
	for name, d := range a.options.Profiles {
		profiles[name] = ca.Profile{Description: "for tests", ValidityPeriod: uint64(d / time.Second)}
	}
	authority := ca.New(log, store, "", "ecdsa", 0, 1, profiles)
	validation := va.New(log, a.options.HTTPPort, a.options.TLSPort, true, a.options.DNS.Addr, store)
	front := wfe.New(log, store, validation, authority, a.options.Names, true, len(a.options.Accounts) > 0, 0, 0)
	handler := front.Handler()
	a.front.Store(&handler)
	a.mu.Lock()
	a.issued = store
	a.mu.Unlock()
	root, err := x509.ParseCertificate(authority.GetRootCert(0).DER)
	if err != nil {
		tb.Fatal(err)
	}
	a.Roots.AddCert(root)
}

// Orders is how many orders were made, successful or not.
func (a *ACME) Orders() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := 0
	for _, n := range a.orders {
		all += n
	}
	return all
}

// OrdersFor is how many orders were made for a host.
func (a *ACME) OrdersFor(host string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders[host]
}

// Refuse answers new orders with a status and a problem document, until it is called with status 0. Header are names and values
// that go with it.
func (a *ACME) Refuse(status int, problem string, header ...string) {
	if status == 0 {
		a.refusal.Store(nil)
		return
	}
	f := &refusal{status, http.Header{}, problem}
	for i := 0; i+1 < len(header); i += 2 {
		f.header.Set(header[i], header[i+1])
	}
	a.refusal.Store(f)
}

// Replaced are the certificates that orders said that they replace, as RFC 9773 names them.
func (a *ACME) Replaced() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.replace)
}

// Suggest has the authority answer who asks when to renew a certificate. Until then it suggests two thirds of its life.
func (a *ACME) Suggest(tb testing.TB, leaf *x509.Certificate, document string) {
	tb.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.issued.SetARIResponse(leaf.SerialNumber, document); err != nil {
		tb.Fatal(err)
	}
}

// Switch switches the authority off, so that nobody answers, or on again.
func (a *ACME) Switch(on bool) { a.off.Store(!on) }

// Break answers everything with a 500, or mends it.
func (a *ACME) Break(broken bool) { a.broken.Store(broken) }

const (
	newOrder = "/order-plz"
	usual    = "default" // Pebble's word for the profile of those who want none
)

func (a *ACME) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.off.Load() {
			panic(http.ErrAbortHandler)
		}
		if a.broken.Load() {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		if r.URL.Path == newOrder && r.Method == http.MethodPost {
			a.note(r)
			if f := a.refusal.Load(); f != nil {
				maps.Copy(w.Header(), f.header)
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(f.status)
				_, _ = w.Write([]byte(f.body)) // the asker may be gone
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// note counts an order by what it is for, and leaves the request as it was.
func (a *ACME) note(r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return // it will not be answered either
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	var signed struct{ Payload string }
	var order struct {
		Identifiers []struct{ Value string }
		Replaces    string
	}
	if json.Unmarshal(b, &signed) != nil {
		return
	}
	payload, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	if err != nil || json.Unmarshal(payload, &order) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range order.Identifiers {
		a.orders[i.Value]++
	}
	if order.Replaces != "" {
		a.replace = append(a.replace, order.Replaces)
	}
}
