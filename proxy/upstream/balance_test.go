package upstream_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
)

func TestWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("a:80")
		n.name("b:80")
		n.name("c:80")
		ups := []string{"http://a:80", "http://b:80", "http://c:80"}
		for _, tc := range []struct {
			weights []int
			want    map[string]int
		}{
			{nil, map[string]int{"a:80": 20, "b:80": 20, "c:80": 20}},
			{[]int{30, 20, 10}, map[string]int{"a:80": 30, "b:80": 20, "c:80": 10}},
			{[]int{1, 0, 1}, map[string]int{"a:80": 30, "c:80": 30}}, // b drains
		} {
			e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: ups, Weights: tc.weights})
			if diff := cmp.Diff(tc.want, e.answers(t, 60)); diff != "" {
				t.Errorf("weights %v (-want +got):\n%s", tc.weights, diff)
			}
		}
	})
}

func TestTurnsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("a:80")
		n.name("b:80")
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://b:80"}, Weights: []int{6, 2}})
		run := 0
		for range 40 {
			_, who, _ := e.ask(t, http.MethodGet, "/", nil)
			if run++; who == "b:80" {
				run = 0
			}
			if run > 3 {
				t.Fatalf("the heavier upstream was asked %d times in a row, want 3 at most", run)
			}
		}
	})
}

func TestLeastConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		// One upstream takes ten times as long as the others: it must not pile up requests.
		var mu sync.Mutex
		under, most := map[string]int{}, map[string]int{}
		for name, takes := range map[string]time.Duration{"slow:80": 500 * time.Millisecond, "b:80": 50 * time.Millisecond, "c:80": 50 * time.Millisecond} {
			n.serve(name, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				mu.Lock()
				under[name]++
				most[name] = max(most[name], under[name])
				mu.Unlock()
				time.Sleep(takes)
				mu.Lock()
				under[name]--
				mu.Unlock()
			}))
		}
		for _, tc := range []struct {
			balance tenant.Balance
			piles   bool
		}{{tenant.RoundRobin, true}, {tenant.LeastConnections, false}} {
			clear(most)
			e.route("acme.example", tenant.Route{
				Prefix: "/", Upstreams: []string{"http://slow:80", "http://b:80", "http://c:80"}, Balance: tc.balance,
			})
			var all sync.WaitGroup
			for range 300 { // 100 a second
				time.Sleep(10 * time.Millisecond)
				all.Go(func() { e.ask(t, http.MethodGet, "/", nil) })
			}
			all.Wait()
			if piles := most["slow:80"] > 10; piles != tc.piles {
				t.Errorf("%s: the slow upstream had %d requests at once, the others %d and %d", tc.balance, most["slow:80"], most["b:80"], most["c:80"])
			}
		}
	})
}
