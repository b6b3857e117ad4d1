package upstream_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
)

// health are the upstreams of a route by their state.
func (e *edge) health(site *tenant.Site) map[string]string {
	states := map[string]string{}
	for _, s := range e.States(&site.Routes[0]) {
		states[s.Upstream] = s.Health
	}
	return states
}

// sick is an upstream whose health check fails while it is ill; it answers visitors all the same.
type sick struct {
	ill   atomic.Int32 // the status of its health check, 0: it is well
	asked atomic.Int32
	name  string
}

func (s *sick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/base/healthz" {
		_, _ = w.Write([]byte(s.name))
		return
	}
	s.asked.Add(1)
	if status := s.ill.Load(); status != 0 {
		w.WriteHeader(int(status))
	}
}

func TestHealthChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		a, b := &sick{name: "a"}, &sick{name: "b"}
		n.serve("a:80", a)
		n.serve("b:80", b)
		site := e.route("acme.example", tenant.Route{
			Prefix: "/", Upstreams: []string{"http://a:80/base", "http://b:80/base"},
			Health: tenant.Health{Path: "/healthz", Interval: 4 * time.Second},
		})
		time.Sleep(time.Second)
		if diff := cmp.Diff(map[string]string{"http://a:80/base": "up", "http://b:80/base": "up"}, e.health(site)); diff != "" {
			t.Fatalf("after a second (-want +got):\n%s", diff)
		}
		b.ill.Store(500)
		time.Sleep(4500 * time.Millisecond)
		if got := e.health(site)["http://b:80/base"]; got != "up" {
			t.Errorf("after one bad answer b is %s, want up: that is bad luck", got)
		}
		time.Sleep(5 * time.Second)
		if got := e.States(&site.Routes[0])[1]; got.Health != "down" || !strings.Contains(got.Reason, "500") {
			t.Errorf("after two bad answers b is %+v, want down", got)
		}
		if s := e.Summary(); s.Upstreams != 2 || s.Unfit != 1 || s.UnderWay != 0 {
			t.Errorf("summary %+v, want one of two unfit", s)
		}
		if diff := cmp.Diff(map[string]int{"a": 20}, e.answers(t, 20)); diff != "" {
			t.Errorf("answers while b is down (-want +got):\n%s", diff)
		}
		b.ill.Store(0)
		time.Sleep(9 * time.Second)
		if got := e.health(site)["http://b:80/base"]; got != "returning" {
			t.Errorf("after two good answers b is %s, want returning", got)
		}
		if count := e.answers(t, 1000); count["b"] < 50 || count["b"] > 400 {
			t.Errorf("b begins with %d of 1000 requests, want some of its share", count["b"])
		}
		time.Sleep(20 * time.Second)
		if count := e.answers(t, 1000); count["b"] != 500 {
			t.Errorf("b has %d of 1000 requests at the end, want its share", count["b"])
		}
		if asked := a.asked.Load(); asked < 8 || asked > 14 {
			t.Errorf("a was asked %d times in 40 seconds, want every 4 seconds", asked)
		}
	})
}

func TestHealthStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		a := &sick{name: "a"}
		a.ill.Store(405)
		n.serve("a:80", a)
		for _, tc := range []struct {
			least, most int
			want        string
		}{{0, 0, "down"}, {405, 405, "up"}, {200, 299, "down"}} {
			site := e.route("acme.example", tenant.Route{
				Prefix: "/", Upstreams: []string{"http://a:80/base"}, Health: tenant.Health{Path: "/healthz", Least: tc.least, Most: tc.most},
			})
			time.Sleep(time.Second)
			if got := e.health(site)["http://a:80/base"]; got != tc.want {
				t.Errorf("405 where %d-%d is well: %s, want %s", tc.least, tc.most, got, tc.want)
			}
			if status, _, _ := e.ask(t, http.MethodGet, "/", nil); status != http.StatusOK {
				t.Errorf("the only upstream is %s and the visitor got %d, want that it is asked all the same", tc.want, status)
			}
		}
	})
}

func TestHealthChecksTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		site := e.route("acme.example", tenant.Route{
			Prefix: "/", Upstreams: []string{"http://a:80"}, Health: tenant.Health{Path: "/healthz", Timeout: 2 * time.Second},
		})
		time.Sleep(time.Second)
		if got := e.health(site)["http://a:80"]; got != "unknown" {
			t.Errorf("before the first check is over: %s, want unknown", got)
		}
		time.Sleep(2 * time.Second)
		if got := e.health(site)["http://a:80"]; got != "down" {
			t.Errorf("after the check's time: %s, want down", got)
		}
	})
}

func TestPassiveHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.name("a:80")
		b := n.name("b:80")
		site := e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://b:80"}})
		e.answers(t, 2)
		b.leave()
		if diff := cmp.Diff(map[string]int{"a:80": 20}, e.answers(t, 20)); diff != "" {
			t.Errorf("answers while b is away (-want +got):\n%s", diff)
		}
		if got := e.States(&site.Routes[0])[1]; got.Health != "resting" || got.Reason == "" {
			t.Errorf("b is %+v, want that it rests", got)
		}
		tries := 0
		for _, j := range e.jobs {
			tries += j.Tries - 1
		}
		if tries != 3 {
			t.Errorf("%d requests met b before it rested, want 3", tries)
		}
		n.name("b:80")
		time.Sleep(11 * time.Second)
		if count := e.answers(t, 1000); count["b:80"] < 20 || count["b:80"] > 250 || count["a:80"]+count["b:80"] != 1000 {
			t.Errorf("b comes back with %d of 1000 requests, want a small share", count["b:80"])
		}
		time.Sleep(20 * time.Second)
		if count := e.answers(t, 100); count["b:80"] != 50 {
			t.Errorf("b has %d of 100 requests at the end, want its share", count["b:80"])
		}
	})
}

func TestOneTargetForAllWhoNameIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		a := &sick{name: "a"}
		n.serve("a:80", a)
		route := tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80/base"}, Health: tenant.Health{Path: "/healthz", Interval: 10 * time.Second}}
		for _, host := range []string{"acme.example", "bee.example", "www.bee.example"} {
			e.route(host, route)
		}
		time.Sleep(time.Minute)
		if asked := a.asked.Load(); asked < 5 || asked > 8 {
			t.Errorf("an upstream that three hosts name was asked %d times a minute, want 6", asked)
		}
	})
}
