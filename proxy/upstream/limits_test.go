package upstream_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// unsized hides how long a body is, so that it goes in chunks.
type unsized struct{ io.Reader }

func TestMaxBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		var got atomic.Int64
		var asked atomic.Int32
		n.serve("a:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			read, _ := io.Copy(io.Discard, r.Body)
			got.Store(read)
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, MaxBody: 100_000},
			tenant.Route{Prefix: "/free", Upstreams: []string{"http://a:80"}})
		body := func(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
		for _, tc := range []struct {
			name  string
			body  io.Reader
			want  int
			asked int32
		}{
			{"all that is allowed", body(100_000), 200, 1},
			{"all that is allowed, in chunks", unsized{body(100_000)}, 200, 1},
			{"a byte more, as it says itself", body(100_001), 413, 0},
			{"a byte more, in chunks", unsized{body(100_001)}, 413, 1},
		} {
			asked.Store(0)
			got.Store(-1)
			status, _, _ := e.ask(t, http.MethodPost, "/", tc.body)
			synctest.Wait()
			if status != tc.want || asked.Load() != tc.asked || got.Load() > 100_000 {
				t.Errorf("%s: got %d, the upstream was asked %d times and read %d bytes; want %d, asked %d times",
					tc.name, status, asked.Load(), got.Load(), tc.want, tc.asked)
			}
		}
		for _, s := range e.States(&e.sites["acme.example"].Routes[0]) {
			if s.Health != "unchecked" {
				t.Errorf("the upstream is %s, though it has done nothing wrong", s.Health)
			}
		}
	})
}

func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		a := n.name("a:80")
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, Maintenance: true})
		e.route("bee.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		if status, _, _ := e.ask(t, http.MethodPost, "/", strings.NewReader("x")); status != 503 || a.asked() != 0 {
			t.Errorf("got %d, and the upstream was asked %d times; want 503 and not at all", status, a.asked())
		}
		if status, _, _ := e.askAt(t, "bee.example", http.MethodGet, "/", nil); status != 200 {
			t.Errorf("the other tenant got %d, want 200", status)
		}
	})
}

// TestIdleAnswer has an upstream stop in the middle of an answer.
func TestIdleAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range 10 { // slow, and alive
				_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(50 * time.Second)
			}
			<-r.Context().Done()
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, IdleTimeout: time.Minute})
		begin := time.Now()
		_, body, _ := e.ask(t, http.MethodGet, "/", nil)
		if took := time.Since(begin); took < 9*50*time.Second+time.Minute || took > 9*50*time.Second+90*time.Second || !strings.Contains(body, "EOF") {
			t.Errorf("the answer ended after %v with %q, want that it is torn a minute after its last part", took, body)
		}
	})
}
