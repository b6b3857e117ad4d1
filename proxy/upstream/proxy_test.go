package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// newProxy answers failures with their status alone.
func newProxy(t *testing.T) *upstream.Proxy {
	t.Helper()
	p := upstream.New(upstream.Options{Log: slog.New(slog.DiscardHandler), Fail: func(w http.ResponseWriter, _ *http.Request, f upstream.Failure) {
		w.WriteHeader(statusOf(f))
	}})
	t.Cleanup(p.Close)
	return p
}

// start serves one route to the upstreams, for a visitor from 203.0.113.9.
func start(t *testing.T, route *tenant.Route) *httptest.Server {
	t.Helper()
	p := newProxy(t)
	v := &tenant.Visit{Host: "shop.acme.example", ClientIP: netip.MustParseAddr("203.0.113.9"), Scheme: "https", RequestID: "REQ"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Forward(w, r, &upstream.Job{Visit: v, Route: route, IP: v.ClientIP.String()})
	}))
	t.Cleanup(s.Close)
	return s
}

// echo answers with the path and query that arrived.
func echo(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.RequestURI())
	}))
	t.Cleanup(s.Close)
	return s
}

// vanished is the URL of a port that nobody listens on.
func vanished(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestPaths(t *testing.T) {
	app := echo(t, "app")
	for _, tc := range []struct{ base, prefix, path, want string }{
		{"", "/", "/a/b?x=1&y=%20", "/a/b?x=1&y=%20"},
		{"/", "/", "/", "/"},
		{"/base", "/shop", "/shop/a", "/base/shop/a"},
		{"/base?k=v", "/shop", "/shop/a?x=1", "/base/shop/a?k=v&x=1"},
		{"", "/shop", "/shop/a%2Fb", "/shop/a%2Fb"},
		{"/base/", "/", "/", "/base/"},
		{"/b%2Fse", "/", "/a%2Fb/", "/b%2Fse/a%2Fb/"},
		{"/base", "/shop", "/shop//a/https://acme.example/", "/base/shop//a/https://acme.example/"},
	} {
		s := start(t, &tenant.Route{Prefix: tc.prefix, Upstreams: []string{app.URL + tc.base}})
		if _, got := get(t, s.URL+tc.path); got != "app "+tc.want {
			t.Errorf("%s to %q: got %q, want %q", tc.path, tc.base, got, tc.want)
		}
	}
}

func TestStripPrefix(t *testing.T) {
	app := echo(t, "app")
	for _, tc := range []struct{ base, prefix, path, want string }{
		{"", "/shop", "/shop", "/"},
		{"", "/shop", "/shop/", "/"},
		{"", "/shop", "/shop/a", "/a"},
		{"", "/shop", "/sh%6fp/a%2Fb", "/a%2Fb"},
		{"/base", "/shop", "/shop/a%2Fb", "/base/a%2Fb"},
		{"", "/", "/a", "/a"},
	} {
		s := start(t, &tenant.Route{Prefix: tc.prefix, Upstreams: []string{app.URL + tc.base}, StripPrefix: true})
		if _, got := get(t, s.URL+tc.path); got != "app "+tc.want {
			t.Errorf("%s without %s to %q: got %q, want %q", tc.path, tc.prefix, tc.base, got, tc.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	var host string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, host = r.Header, r.Host
		w.Header().Set("X-Request-Id", "upstream's own")
	}))
	t.Cleanup(app.Close)
	for _, preserve := range []bool{false, true} {
		s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}, PreserveHost: preserve})
		r, err := http.NewRequest(http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.acme.example"
		r.Header = http.Header{
			"User-Agent": {"test"}, "Accept-Encoding": {"br"}, "X-Custom": {"kept"}, "Cookie": {"a=1; __Host-deskgate=s3cret; b=2", "__Host-deskgate-staff=s3cret"},
			"X-Forwarded-For": {"1.1.1.1"}, "X_forwarded_for": {"1.1.1.1"}, "X-Forwarded_Host": {"evil.example"}, "X-Forwarded-Prefix": {"/evil"},
			"Forwarded": {"for=1.1.1.1"}, "X-Real-Ip": {"1.1.1.1"}, "X-Request-Id": {"evil"},
			"Cf-Connecting-Ip": {"1.1.1.1"}, "CF_CONNECTING_IPV6": {"::1"}, "True-Client-Ip": {"1.1.1.1"}, "X-Rewrite-Url": {"/admin"},
			"X-Cluster-Client-Ip": {"1.1.1.1"}, "Fastly-Client-Ip": {"1.1.1.1"}, "X.Deskgate.User": {"root"}, "X.forwarded_For": {"1.1.1.1"},
			"X-Deskgate-User": {"root"}, "X_deskgate_user": {"root"}, "x-deskgate_assertion": {"root"}, "X!Deskgate+User": {"root"},
			"X~deskgate|User": {"root"}, "Proxy": {"http://evil.example"}, "Client-Ip": {"1.1.1.1"}, "X-Forwarded": {"for=1.1.1.1"},
			"X-Azure-ClientIP": {"1.1.1.1"}, "X-Envoy-External-Address": {"1.1.1.1"}, "X-Host": {"evil.example"},
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want := http.Header{
			"User-Agent": {"test"}, "Accept-Encoding": {"br"}, "X-Custom": {"kept"}, "Cookie": {"a=1; b=2"},
			"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"shop.acme.example"}, "X-Forwarded-Proto": {"https"},
			"Forwarded": {`for=203.0.113.9;host="shop.acme.example";proto=https`}, "X-Request-Id": {"REQ"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers at the upstream (-want +got):\n%s", diff)
		}
		if wantHost := map[bool]string{true: "shop.acme.example", false: strings.TrimPrefix(app.URL, "http://")}[preserve]; host != wantHost {
			t.Errorf("Host with PreserveHost %v = %q, want %q", preserve, host, wantHost)
		}
		if ids := res.Header.Values("X-Request-Id"); len(ids) != 0 {
			t.Errorf("X-Request-Id of the answer = %q, want none: that is the edge's to say", ids)
		}
	}
}

// TestNobodyGuesses has an application answer without a type: none is made up on the way.
func TestNobodyGuesses(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		fmt.Fprint(w, "<html><script>alert(1)</script>")
	}))
	t.Cleanup(app.Close)
	res, err := http.Get(start(t, &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}}).URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header["Content-Type"]; got != nil {
		t.Errorf("Content-Type = %q, want none", got)
	}
}

func TestEachUpstreamInTurn(t *testing.T) {
	a, b := echo(t, "a"), echo(t, "b")
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{a.URL, b.URL}})
	count := map[string]int{}
	for range 10 {
		_, body := get(t, s.URL)
		count[body]++
	}
	if diff := cmp.Diff(map[string]int{"a /": 5, "b /": 5}, count); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestNextUpstreamWhereOneIsDown(t *testing.T) {
	b := echo(t, "b")
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{vanished(t), b.URL}})
	for range 10 {
		if status, body := get(t, s.URL); status != http.StatusOK || body != "b /" {
			t.Fatalf("got %d %q, want b's answer", status, body)
		}
	}
	// By now the first one rests, so that a request that can't be repeated does not meet it.
	for range 4 {
		res, err := http.Post(s.URL, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("POST while one upstream rests: %d, want 200", res.StatusCode)
		}
	}
}

func TestAllUpstreamsDown(t *testing.T) {
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{vanished(t), vanished(t)}})
	for range 8 { // resting ones are asked where there is no other
		if status, _ := get(t, s.URL); status != http.StatusBadGateway {
			t.Fatalf("got %d, want 502", status)
		}
	}
}

func TestSlowUpstream(t *testing.T) {
	done := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	t.Cleanup(app.Close)
	t.Cleanup(func() { close(done) })
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}, Timeout: 50 * time.Millisecond})
	if status, _ := get(t, s.URL); status != http.StatusGatewayTimeout {
		t.Errorf("got %d, want 504", status)
	}
}

// late is a body whose time is over.
type late struct{}

func (late) Read([]byte) (int, error) {
	return 0, &upstream.BodyError{Err: os.ErrDeadlineExceeded}
}

func TestSlowBody(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(app.Close)
	var failed []upstream.Failure
	p := upstream.New(upstream.Options{Log: slog.New(slog.DiscardHandler), Fail: func(_ http.ResponseWriter, _ *http.Request, f upstream.Failure) {
		failed = append(failed, f)
	}})
	t.Cleanup(p.Close)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", late{})
	route := &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}}
	p.Forward(httptest.NewRecorder(), r, &upstream.Job{Visit: &tenant.Visit{}, Route: route})
	if len(failed) != 1 || failed[0] != upstream.SlowBody {
		t.Errorf("failures = %v, want that the body is slow", failed)
	}
}

func TestNoURL(t *testing.T) {
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{"unix:/run/app.sock"}})
	if status, _ := get(t, s.URL); status != http.StatusBadGateway {
		t.Errorf("got %d, want 502", status)
	}
}

func TestEventStream(t *testing.T) {
	next := make(chan string)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for e := range next {
			fmt.Fprintf(w, "data: %s\n\n", e)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(app.Close)
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}})
	next2 := func(e string) { next <- e }
	go next2("one")
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for _, want := range []string{"one", "two"} {
		if want == "two" { // nothing more is sent before the first one has arrived
			go next2("two")
		}
		if lines.Scan(); lines.Text() != "data: "+want {
			t.Fatalf("got %q, want the event %s", lines.Text(), want)
		}
		lines.Scan()
	}
	close(next)
}

func TestWebSocket(t *testing.T) {
	echo := echoing(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") != "k" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		echo.ServeHTTP(w, r)
	}))
	t.Cleanup(app.Close)
	s := start(t, &tenant.Route{Prefix: "/", Upstreams: []string{app.URL}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: shop.acme.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil) //nolint:bodyclose // the connection is the body
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", res, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := br.ReadString('\n'); line != "again: hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}
