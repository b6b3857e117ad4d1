package web_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

// BenchmarkAPI measures what an API call costs behind the edge: credentials, limits, the desk, the document.
func BenchmarkAPI(b *testing.B) {
	n := webtest.Start(b)
	n.Set(b, n.Acme, map[string]string{"api_requests_per_minute": "1000000"})
	product, err := web.New(web.Config{
		Directory: n.Directory, Tenants: n.Tenants, Doors: n.Doors, Staff: n.Staff, Desk: n.Desk, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	site, _ := n.Directory.Lookup(strings.TrimPrefix(n.URL, "https://"))
	call := func(b *testing.B, method, path, body string, want int) {
		b.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+n.Acme.Token)
		r.Header.Set("Content-Type", "application/json")
		r = r.WithContext(tenant.WithVisit(r.Context(), &tenant.Visit{Site: site, Host: site.Host, Mount: "/", Scheme: "https"}))
		w := httptest.NewRecorder()
		product.ServeHTTP(w, r)
		if w.Code != want {
			b.Fatalf("%s %s = %d %s", method, path, w.Code, w.Body)
		}
	}
	for i := range 50 {
		call(b, http.MethodPost, "/api/tickets", fmt.Sprintf(`{"title":"Ticket %d","description":"It is broken."}`, i), 201)
	}
	for _, bench := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"create", http.MethodPost, "/api/tickets", `{"title":"Printer","description":"It is broken."}`, 201},
		{"list of 25", http.MethodGet, "/api/tickets", "", 200},
		{"one", http.MethodGet, "/api/tickets/1", "", 200},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call(b, bench.method, bench.path, bench.body, bench.status)
			}
		})
	}
}
