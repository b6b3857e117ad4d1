package upstream_test

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// running is how many goroutines have a function on their stack.
func running(t *testing.T, function string) int {
	t.Helper()
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	count := 0
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, function) {
			count++
		}
	}
	return count
}

// TestRoutesChangeUnderLoad replaces a route again and again: no request fails, those under way end where they began, and of
// what no route names any more nothing is left.
func TestRoutesChangeUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		slow := make(chan struct{})
		for i := range 10 {
			n.serve(fmt.Sprintf("%d:80", i), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					<-slow
				}
				time.Sleep(3 * time.Millisecond)
				fmt.Fprint(w, i)
			}))
		}
		generation := func(i int) tenant.Route {
			return tenant.Route{
				Prefix: "/", Upstreams: []string{fmt.Sprintf("http://%d:80", i%10), fmt.Sprintf("http://%d:80", (i+1)%10)},
				Health: tenant.Health{Path: "/healthz", Interval: time.Second},
			}
		}
		site := e.route("acme.example", generation(0))
		e.route("bee.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://5:80"}, Health: tenant.Health{Path: "/healthz", Interval: time.Second}})
		time.Sleep(time.Second)
		over := make(chan struct{})
		var load sync.WaitGroup
		for range 8 {
			load.Go(func() {
				for {
					select {
					case <-over:
						return
					case <-time.After(5 * time.Millisecond):
					}
					if status, body, _ := e.ask(t, http.MethodGet, "/", nil); status != 200 {
						t.Errorf("a visitor got %d %s", status, body)
					}
				}
			})
		}
		load.Go(func() {
			status, body, _ := e.ask(t, http.MethodGet, "/slow", nil)
			if status != 200 || body != "0" && body != "1" {
				t.Errorf("the request under way got %d %q, want the old upstream's answer", status, body)
			}
		})
		for i := range 50 {
			time.Sleep(15 * time.Millisecond)
			site = e.route("acme.example", generation(i))
		}
		close(slow)
		close(over)
		load.Wait()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := running(t, "upstream.(*Proxy).watch("); got != 3 {
			t.Errorf("%d health checks run, want 3: two of acme's route, one of bee's", got)
		}
		if got := len(e.States(&site.Routes[0])); got != 2 {
			t.Errorf("the newest route has %d upstreams, want 2", got)
		}
		// Connections to upstreams that nobody names are closed at once, those to the others when nobody needs them.
		if got, most := running(t, "persistConn).readLoop("), 9+3*9; got > most { // the clients', and to three upstreams
			t.Errorf("%d connections are open, want %d at most", got, most)
		}
		time.Sleep(70 * time.Second)
		synctest.Wait()
		if got, most := running(t, "persistConn).readLoop("), 9+3; got > most {
			t.Errorf("%d connections are open after a minute, want %d at most", got, most)
		}
		e.mu.Lock()
		clear(e.sites)
		close(e.changed)
		e.changed = make(chan struct{})
		e.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := running(t, "upstream.(*Proxy).watch("); got != 0 {
			t.Errorf("%d health checks run for no route", got)
		}
		if got := e.States(&site.Routes[0]); got != nil {
			t.Errorf("the upstreams of a route that is gone: %v", got)
		}
	})
}

// TestYesterdaysRoute has a request come with a route that is gone already: it is answered, and the route forgotten again.
func TestYesterdaysRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("a:80")
		check := tenant.Health{Path: "/healthz", Interval: time.Second}
		old := e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, Health: check})
		time.Sleep(time.Second)
		e.route("acme.example")
		time.Sleep(time.Second)
		e.mu.Lock()
		e.sites["old.example"] = old // without a word
		e.mu.Unlock()
		if status, _, _ := e.askAt(t, "old.example", http.MethodGet, "/", nil); status != 200 {
			t.Errorf("got %d, want the answer", status)
		}
		e.mu.Lock()
		delete(e.sites, "old.example")
		e.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if e.States(&old.Routes[0]) != nil || running(t, "upstream.(*Proxy).watch(") != 0 {
			t.Error("a route that was gone when a request brought it is still here")
		}
	})
}

// TestHealthSurvivesAChange has a route changed in what does not concern its upstreams: what is known about them stays.
func TestHealthSurvivesAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("a:80")
		route := tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://gone:80"}, Health: tenant.Health{Path: "/healthz"}}
		e.route("acme.example", route)
		time.Sleep(time.Second)
		route.Weights, route.Sticky = []int{2, 1}, true
		site := e.route("acme.example", route)
		e.ask(t, http.MethodGet, "/", nil)
		if got := e.health(site); got["http://a:80"] != "up" || got["http://gone:80"] != "down" {
			t.Errorf("after the change: %v, want what was known before", got)
		}
		route.Timeout = 2 * time.Minute
		site = e.route("acme.example", route)
		e.ask(t, http.MethodGet, "/", nil)
		if got := e.health(site); got["http://a:80"] != "up" || got["http://gone:80"] != "down" {
			t.Errorf("with another time-out: %v, want what was known before", got)
		}
	})
}
