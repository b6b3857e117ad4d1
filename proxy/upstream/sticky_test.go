package upstream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/tenant"
)

const stickyCookie = "__Host-deskgate-sticky"

// newcomer lets the edge name a browser, and returns the cookie and who answered.
func (e *edge) newcomer(t *testing.T) (cookie, who string) {
	t.Helper()
	_, who, h := e.ask(t, http.MethodGet, "/", nil)
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == stickyCookie {
			if !c.Secure || !c.HttpOnly || c.Path != "/" || c.MaxAge != 0 || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %v: want one of this host, for the session", c)
			}
			return c.Name + "=" + c.Value, who
		}
	}
	t.Fatalf("no cookie for a new browser: %v", h)
	return "", ""
}

func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		var ups []string
		for i := range 4 {
			n.name(fmt.Sprintf("%d:80", i))
			ups = append(ups, fmt.Sprintf("http://%d:80", i))
		}
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: ups, Sticky: true})
		home, share := map[string]string{}, map[string]int{}
		for range 200 {
			cookie, who := e.newcomer(t)
			home[cookie] = who
			share[who]++
			status, again, h := e.ask(t, http.MethodGet, "/", nil, "Cookie", cookie)
			if status != http.StatusOK || again != who || len(h["Set-Cookie"]) != 0 {
				t.Fatalf("the second request went to %s, want %s, without another cookie: %v", again, who, h)
			}
		}
		for i := range 4 {
			if who := fmt.Sprintf("%d:80", i); share[who] < 25 {
				t.Errorf("%s has %d of 200 browsers, want about 50", who, share[who])
			}
		}
		// One upstream less: only its browsers move.
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: ups[1:], Sticky: true})
		for cookie, who := range home {
			if _, now, _ := e.ask(t, http.MethodGet, "/", nil, "Cookie", cookie); who != "0:80" && now != who {
				t.Errorf("a browser moved from %s to %s, whose upstream stayed", who, now)
			}
		}
	})
}

func TestStickyStaysOutOfApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		var seen string
		n.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = r.Header.Get("Cookie")
			w.Header().Add("Set-Cookie", "app=1")
			w.Header().Add("Set-Cookie", "__Host-deskgate=planted; Path=/; Secure")
			w.Header().Add("Set-Cookie", stickyCookie+"=planted; Path=/; Secure")
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, Sticky: true})
		_, _, h := e.ask(t, http.MethodGet, "/", nil, "Cookie", "a=1; "+stickyCookie+"=short; deskgate-sticky=x")
		if seen != "a=1" {
			t.Errorf("the application sees the cookies %q, want its own", seen)
		}
		if got := h["Set-Cookie"]; len(got) != 2 || got[0] != "app=1" || !strings.HasPrefix(got[1], stickyCookie+"=") || strings.Contains(got[1], "planted") {
			t.Errorf("Set-Cookie = %q, want the application's and ours", got)
		}
	})
}

func TestStickyWhereTheUpstreamIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		machines := map[string]*counter{"a:80": n.name("a:80"), "b:80": n.name("b:80")}
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://b:80"}, Sticky: true})
		cookie, who := e.newcomer(t)
		machines[who].leave()
		for range 10 {
			status, now, h := e.ask(t, http.MethodGet, "/", nil, "Cookie", cookie)
			if status != http.StatusOK || now == who || len(h["Set-Cookie"]) != 0 {
				t.Fatalf("got %d from %q, want the other upstream's answer and the same cookie", status, now)
			}
		}
	})
}
