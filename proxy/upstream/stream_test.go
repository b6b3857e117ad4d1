package upstream_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// switching is an application that switches to a protocol, and then talks in it.
func switching(t *testing.T, protocol string, talk func(net.Conn, *bufio.Reader)) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-App: yes\r\n\r\n", protocol)
		talk(conn, rw.Reader)
	})
}

// echoing is an application that says everything again, line by line.
func echoing(t *testing.T) http.Handler {
	t.Helper()
	return switching(t, "websocket", func(conn net.Conn, r *bufio.Reader) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(conn, "again: ", line)
		}
	})
}

// tunnel opens a WebSocket to acme's host through the edge. early is sent with the request, before the answer.
func (e *edge) tunnel(t *testing.T, early string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := e.network.dial(t.Context(), "tcp", "edge:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: acme.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n%s", early)
	br := bufio.NewReader(c)
	res, err := http.ReadResponse(br, nil) //nolint:bodyclose // the connection is the body
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("X-App") != "yes" {
		t.Fatalf("switching protocols: %+v, %v", res, err)
	}
	return c, br
}

// TestWebSocketForAnHour has a line sent every two minutes, in one direction or the other, for an hour; then nothing.
func TestWebSocketForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", echoing(t))
		site := e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, IdleTimeout: 3 * time.Minute})
		c, br := e.tunnel(t, "")
		for i := range 30 {
			time.Sleep(2 * time.Minute)
			fmt.Fprintf(c, "line %d\n", i)
			if line, err := br.ReadString('\n'); line != fmt.Sprintf("again: line %d\n", i) {
				t.Fatalf("after %d minutes: %q, %v", 2*(i+1), line, err)
			}
		}
		if got := e.States(&site.Routes[0])[0].UnderWay; got != 1 {
			t.Errorf("%d requests under way, want the one", got)
		}
		begin := time.Now()
		_, err := br.ReadByte()
		if rested := time.Since(begin); !errors.Is(err, io.EOF) || rested < 3*time.Minute || rested > 4*time.Minute {
			t.Errorf("the silent connection ended after %v with %v, want the route's idle time", rested, err)
		}
		synctest.Wait()
		if got := e.States(&site.Routes[0])[0].UnderWay; got != 0 {
			t.Errorf("%d requests under way, want none", got)
		}
	})
}

// TestWebSocketOneWay has only the upstream speak: that keeps both directions alive.
func TestWebSocketOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", switching(t, "websocket", func(conn net.Conn, _ *bufio.Reader) {
			for range 60 {
				time.Sleep(time.Minute)
				fmt.Fprint(conn, "tick\n")
			}
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}, IdleTimeout: 2 * time.Minute})
		_, br := e.tunnel(t, "")
		for i := range 60 {
			if line, err := br.ReadString('\n'); line != "tick\n" {
				t.Fatalf("after %d minutes: %q, %v", i+1, line, err)
			}
		}
	})
}

func TestWebSocketWhatIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", echoing(t))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		_, br := e.tunnel(t, "early\n")
		if line, err := br.ReadString('\n'); line != "again: early\n" {
			t.Errorf("got %q, %v: what came with the request is lost", line, err)
		}
	})
}

// TestWebSocketDrains has the upstream taken out of its route: the tunnel goes on for half a minute.
func TestWebSocketDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", echoing(t))
		n.serve("b:80", echoing(t))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		c, br := e.tunnel(t, "")
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://b:80"}})
		time.Sleep(20 * time.Second)
		fmt.Fprint(c, "still here\n")
		if line, err := br.ReadString('\n'); line != "again: still here\n" {
			t.Fatalf("after 20 s: %q, %v", line, err)
		}
		begin := time.Now()
		if _, err := br.ReadByte(); !errors.Is(err, io.EOF) || time.Since(begin) > 15*time.Second {
			t.Errorf("the tunnel ended after another %v with %v, want about 10 s", time.Since(begin), err)
		}
	})
}

// TestOtherTimesEndNoStream has a route changed in how long it waits for its upstream, which stays: the manual says that changes
// interrupt nothing. When the upstream goes later, the tunnel does as well.
func TestOtherTimesEndNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", echoing(t))
		route := tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}}
		e.route("acme.example", route)
		c, br := e.tunnel(t, "")
		for range 3 {
			route.Timeout += time.Second
			e.route("acme.example", route)
			time.Sleep(time.Minute)
			fmt.Fprint(c, "still here\n")
			if line, err := br.ReadString('\n'); line != "again: still here\n" {
				t.Fatalf("a minute after the change: %q, %v", line, err)
			}
		}
		e.route("acme.example")
		begin := time.Now()
		if _, err := br.ReadByte(); !errors.Is(err, io.EOF) || time.Since(begin) > 35*time.Second {
			t.Errorf("the tunnel ended %v after its upstream was taken out, with %v, want half a minute", time.Since(begin), err)
		}
	})
}

func TestEventStreamDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				fmt.Fprint(w, "data: tick\n\n")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		go func() {
			time.Sleep(10 * time.Second)
			e.route("acme.example")
		}()
		begin := time.Now()
		e.ask(t, http.MethodGet, "/", nil)
		if took := time.Since(begin); took < 40*time.Second || took > 41*time.Second {
			t.Errorf("the stream ended after %v, want half a minute after its upstream was taken away", took)
		}
	})
}

func TestSwitchingToSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", switching(t, "h2c", func(net.Conn, *bufio.Reader) {}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		for _, header := range [][]string{nil, {"Connection", "Upgrade", "Upgrade", "websocket"}} {
			if status, _, _ := e.ask(t, http.MethodGet, "/", nil, header...); status != http.StatusBadGateway {
				t.Errorf("asked with %q: got %d, want 502: nobody asked for that protocol", header, status)
			}
		}
		if status, _, _ := e.ask(t, http.MethodGet, "/", nil, "Connection", "Upgrade", "Upgrade", "wéb"); status != http.StatusBadRequest {
			t.Errorf("a protocol without a name: %d, want 400", status)
		}
	})
}

func TestEarlyHintsAndTrailers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Link", "</style.css>; rel=preload")
			h.Set("Set-Cookie", "__Host-deskgate=planted")
			w.WriteHeader(http.StatusEarlyHints)
			h.Del("Link")
			h.Del("Set-Cookie")
			h.Set("Trailer", "X-Sum")
			fmt.Fprint(w, "body")
			h.Set("X-Sum", "42")
			h.Set(http.TrailerPrefix+"X-Late", "yes")
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		c, err := n.dial(t.Context(), "tcp", "edge:80")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: acme.example\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n")
		b, err := io.ReadAll(c)
		got := string(b)
		if err != nil || !strings.HasPrefix(got, "HTTP/1.1 103 ") || strings.Count(got, "Link: ") != 1 || strings.Contains(got, "planted") {
			t.Errorf("want an early hint, its link once and no cookie: %q, %v", got, err)
		}
		_, behind, _ := strings.Cut(got, "\r\nbody\r\n0\r\n")
		if !strings.Contains(got, "Trailer: X-Sum\r\n") || !strings.Contains(behind, "X-Sum: 42\r\n") || !strings.Contains(behind, "X-Late: yes\r\n") {
			t.Errorf("want both trailers behind the body: %q", got)
		}
	})
}

// TestTrailersOfVisitorsStayHere has a visitor put a header of the edge's behind its body.
func TestTrailersOfVisitorsStayHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		var got http.Header
		n.serve("a:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			got = r.Trailer
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		c, err := n.dial(t.Context(), "tcp", "edge:80")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: acme.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Deskgate-User\r\n\r\n"+
			"1\r\nx\r\n0\r\nX-Deskgate-User: root\r\nX-Sum: 1\r\n\r\n")
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200 ") || len(got) != 0 {
			t.Errorf("the application got the trailers %v, want none: %q, %v", got, b, err)
		}
	})
}

func TestRouteWithoutUpstreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, newNetwork(t))
		e.route("acme.example", tenant.Route{Prefix: "/"})
		e.route("bee.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80", "http://b:80"}, Weights: []int{0, 0}})
		for _, host := range []string{"acme.example", "bee.example"} {
			if status, _, _ := e.askAt(t, host, http.MethodGet, "/", nil); status != http.StatusBadGateway {
				t.Errorf("%s: got %d, want 502", host, status)
			}
		}
	})
}
