package web_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

// bench is the product without the edge before it.
type bench struct {
	*webtest.Node

	product http.Handler
}

func newBench(b *testing.B) *bench {
	b.Helper()
	n := webtest.Start(b)
	n.Set(b, n.Acme, map[string]string{"api_requests_per_minute": "1000000"})
	product, err := web.New(web.Config{
		Directory: n.Directory, Tenants: n.Tenants, Doors: n.Doors, Staff: n.Staff, Desk: n.Desk, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	return &bench{Node: n, product: product}
}

// call has the product answer a visitor from an address that nothing has been counted for.
func (p *bench) call(b *testing.B, method, address, body string, want int, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	site, _ := p.Directory.Lookup(r.Host)
	visit := &tenant.Visit{Site: site, Tenant: site.Tenant, Host: site.Host, Mount: site.Mount, Scheme: "https", ClientIP: stranger()}
	w := httptest.NewRecorder()
	p.product.ServeHTTP(w, r.WithContext(tenant.WithVisit(r.Context(), visit)))
	if w.Code != want {
		b.Fatalf("%s %s = %d %s", method, address, w.Code, w.Body)
	}
	return w
}

func stranger() netip.Addr {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return netip.AddrFrom16(b)
}

// measure runs the operation and reports what it costs the processor, with what the garbage collector and the store do
// meanwhile.
func measure(b *testing.B, op func(i int)) {
	b.Helper()
	b.ReportAllocs()
	i, before := 0, processor(b)
	for b.Loop() {
		op(i)
		i++
	}
	b.ReportMetric(float64((processor(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func processor(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkAPI measures what an API call costs behind the edge: credentials, limits, the desk, the document.
func BenchmarkAPI(b *testing.B) {
	p := newBench(b)
	token := "Authorization: Bearer " + p.Acme.Token
	for i := range 50 {
		p.call(b, http.MethodPost, p.URL+"/api/tickets", fmt.Sprintf(`{"title":"Ticket %d","description":"It is broken."}`, i), 201, token, asJSON)
	}
	signIn := func() string { return headerOf(p.SignIn(b, p.Acme, "zoe@example.com", "Zoe"), p.Acme.URL) }
	zoe := signIn()
	for _, bench := range []struct {
		name, method, address, body, who string
		status                           int
	}{
		{"create", http.MethodPost, p.URL + "/api/tickets", `{"title":"Printer","description":"It is broken."}`, token, 201},
		{"list of 25", http.MethodGet, p.URL + "/api/tickets", "", token, 200},
		{"one", http.MethodGet, p.URL + "/api/tickets/1", "", token, 200},
		{"who am I, by session", http.MethodGet, p.Acme.URL + "/api/users/me", "", zoe, 200},
		{"dashboard", http.MethodGet, p.Acme.URL + "/dashboard", "", zoe, 200},
	} {
		b.Run(bench.name, func(b *testing.B) {
			who := bench.who
			measure(b, func(i int) {
				if i%1000 == 999 && bench.who == zoe { // a session may see so many pages a minute only
					who = signIn()
				}
				p.call(b, bench.method, bench.address, bench.body, bench.status, who, asJSON)
			})
		})
	}
}

// BenchmarkSignIn measures whole logins: from the partner's request to the session, the callback included.
func BenchmarkSignIn(b *testing.B) {
	p := newBench(b)
	partner := "https://app.acme.example"
	p.Set(b, p.Acme, map[string]string{"allowed_origins": partner})
	post := []string{asForm, "Origin: " + partner, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
	arrive := func(b *testing.B, callback string) {
		b.Helper()
		w := p.call(b, http.MethodGet, callback, "", http.StatusSeeOther, "Referer: "+partner+"/", "Sec-Fetch-Site: cross-site",
			"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
		if w.Header().Get("Set-Cookie") == "" {
			b.Fatal("no session")
		}
	}
	who := func(i int) url.Values {
		return url.Values{"email": {"u" + strconv.Itoa(i%1000) + "@example.com"}, "name": {"Zoe"}}
	}
	b.Run("redirect, unsigned", func(b *testing.B) {
		measure(b, func(i int) {
			arrive(b, p.call(b, http.MethodPost, p.URL+"/api/auth/redirect/acme", who(i).Encode(), 302, post...).Header().Get("Location"))
		})
	})
	b.Run("redirect, the first hop alone", func(b *testing.B) {
		measure(b, func(i int) {
			p.call(b, http.MethodPost, p.URL+"/api/auth/redirect/acme", who(i).Encode(), 302, post...)
		})
	})
	b.Run("JWT", func(b *testing.B) {
		var key tenant.Key
		measure(b, func(i int) {
			if i%5000 == 0 { // a key is good for 6,000 logins an hour
				var err error
				if key, err = p.Tenants.Rotate(b.Context(), p.Acme.ID, tenant.KindJWT, 0); err != nil {
					b.Fatal(err)
				}
			}
			token := jws(sha256.New, key.Secret, hs256, payload(strconv.Itoa(i)))
			p.call(b, http.MethodPost, p.Acme.URL+"/api/jwt/login", url.Values{"token": {token}}.Encode(), 200, asForm)
		})
	})
}
