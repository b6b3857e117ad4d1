package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// torn is an upstream that takes requests, and breaks off.
func torn(read bool) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if read {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		panic(http.ErrAbortHandler)
	})
}

func TestWhatIsSentAgain(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		body         string
		header       []string
		vanished     bool // the first upstream can't be connected to, or breaks off
		want         int
	}{
		{"GET, refused", "GET", "", nil, true, 200},
		{"GET, torn", "GET", "", nil, false, 200},
		{"DELETE, torn", "DELETE", "", nil, false, 200},
		{"POST, refused", "POST", "a body", nil, true, 200},
		{"POST, torn", "POST", "a body", nil, false, 502},
		{"POST without a body, torn", "POST", "", nil, false, 502},
		{"POST without a body that says it is idempotent, torn", "POST", "", []string{"Idempotency-Key", "k"}, false, 200},
		{"PUT with a body, refused", "PUT", "a body", nil, true, 200},
		{"PUT with a body, torn", "PUT", "a body", nil, false, 502},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				e := newEdge(t, n)
				var got string
				n.serve("b:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					got = string(b)
				}))
				if !tc.vanished {
					n.serve("a:80", torn(true))
				}
				// The first turn is the second upstream's.
				e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://b:80", "http://a:80"}})
				var body io.Reader
				if tc.body != "" {
					body = strings.NewReader(tc.body)
				}
				status, _, _ := e.ask(t, tc.method, "/", body, tc.header...)
				if status != tc.want || status == 200 && got != tc.body {
					t.Errorf("got %d and %q at the second upstream, want %d", status, got, tc.want)
				}
				if tries := e.jobs[0].Tries; tries != map[int]int{200: 2, 502: 1}[tc.want] {
					t.Errorf("%d tries", tries)
				}
			})
		})
	}
}

func TestSlowAnswersAreNotAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		b := n.name("b:80")
		n.serve("a:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://b:80", "http://a:80"}, Timeout: 3 * time.Second})
		begin := time.Now()
		status, _, _ := e.ask(t, http.MethodGet, "/", nil)
		if took := time.Since(begin); status != 504 || took != 3*time.Second || b.asked() != 0 {
			t.Errorf("got %d after %v, and %d requests went elsewhere; want 504 after the route's time", status, took, b.asked())
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("b:80")
		n.at["hole:80"] = &machine{} // takes no connection, and refuses none
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://b:80", "http://hole:80"}, ConnectTimeout: 2 * time.Second})
		begin := time.Now()
		status, who, _ := e.ask(t, http.MethodPost, "/", strings.NewReader("x"))
		if took := time.Since(begin); status != 200 || who != "b:80" || took != 2*time.Second {
			t.Errorf("got %d from %q after %v, want the next upstream's answer after 2s", status, who, took)
		}
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://hole:80"}, ConnectTimeout: 2 * time.Second})
		if status, _, _ := e.ask(t, http.MethodGet, "/", nil); status != 502 {
			t.Errorf("got %d from an upstream that can't be connected to, want 502", status)
		}
	})
}

func TestRetriesHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		// Every upstream breaks off: without a bound, each request would become four.
		var ups []string
		asked := new(counter)
		for _, name := range []string{"a", "b", "c", "d"} {
			n.serve(name+":80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.ServeHTTP(w, r)
				panic(http.ErrAbortHandler)
			}))
			ups = append(ups, "http://"+name+":80")
		}
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: ups})
		const seconds, each = 10, 50
		for range seconds * each {
			time.Sleep(time.Second / each)
			e.ask(t, http.MethodGet, "/", nil)
		}
		retries, most := asked.asked()-seconds*each, seconds*each/5+3*seconds+10
		if retries > most || retries < most*9/10 {
			t.Errorf("%d retries for %d requests in %d s, want %d: a fifth, 3 a second and 10", retries, seconds*each, seconds, most)
		}
	})
}

// TestUpstreamsVanishAndReturn has upstreams die and come back under load, one after the other. Nobody notices, but for
// requests that can't be made twice.
func TestUpstreamsVanishAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		var ups []string
		alive := map[string]func(){}
		names := []string{"a:80", "b:80", "c:80"}
		answer := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond) })
		for _, name := range names {
			alive[name] = n.serve(name, answer)
			ups = append(ups, "http://"+name)
		}
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: ups, Health: tenant.Health{Path: "/healthz", Interval: time.Second}})
		time.Sleep(time.Second)
		over := make(chan struct{})
		var load sync.WaitGroup
		for range 10 {
			load.Go(func() {
				for {
					select {
					case <-over:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if status, _, _ := e.ask(t, http.MethodGet, "/", nil); status != 200 {
						t.Errorf("a visitor got %d", status)
					}
				}
			})
		}
		for range 2 {
			for _, name := range names {
				time.Sleep(300 * time.Millisecond)
				alive[name]()
				time.Sleep(700 * time.Millisecond)
				alive[name] = n.serve(name, answer)
				time.Sleep(time.Second)
			}
		}
		close(over)
		load.Wait()
		requests, retries := 0, 0
		for _, j := range e.jobs {
			requests, retries = requests+1, retries+j.Tries-1
		}
		if requests < 3000 || retries == 0 || retries > requests/5 {
			t.Errorf("%d requests and %d retries", requests, retries)
		}
		if len(e.failed) > 0 {
			t.Errorf("failures %v, want none", e.failed)
		}
	})
}

func TestAllUpstreamsVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		a, b := n.name("a:80"), n.name("b:80")
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://b:80"}})
		e.answers(t, 10)
		a.leave()
		b.leave()
		if status, _, _ := e.ask(t, http.MethodGet, "/", nil); status != 502 {
			t.Errorf("got %d, want 502", status)
		}
		for range 20 {
			e.ask(t, http.MethodGet, "/", nil)
		}
		n.name("a:80")
		time.Sleep(time.Second) // the budget's floor
		if status, who, _ := e.ask(t, http.MethodGet, "/", nil); status != 200 {
			t.Errorf("got %d from %q right after one is back, want its answer: both rest, so both are asked", status, who)
		}
		for _, f := range e.failed {
			if f != upstream.Unreachable {
				t.Errorf("failure %v, want that nobody can be reached", f)
			}
		}
	})
}
