package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

func TestHosts(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	for host, want := range map[string]string{
		"tickets.example":            "node tickets.example / 127.0.0.1 http false",
		"acme.tickets.example":       "acme acme.tickets.example / 127.0.0.1 http false",
		"BEE.tickets.example.:8080":  "bee bee.tickets.example / 127.0.0.1 http false",
		"nobody.tickets.example":     "",
		"acme.tickets.example.evil":  "",
		"127.0.0.1":                  "",
		"acme.tickets.example@other": "",
	} {
		a := n.get(t, host, "/")
		if want == "" {
			want = `{"success":false,"message":"Nothing is served here.","error":"This name is not served at this address.","code":"HOST_UNKNOWN","request_id":"` +
				a.Header.Get("X-Request-Id") + `"}` + "\n"
			if a.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("%s: status %d, want 421", host, a.StatusCode)
			}
		}
		if a.body != want {
			t.Errorf("%s: got %q, want %q", host, a.body, want)
		}
	}
}

// TestMethodsOfTheEdge: what the edge refuses for its method says what is taken, as any 405 does.
func TestMethodsOfTheEdge(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	a := do(t, n.request(t, http.MethodTrace, "acme.tickets.example", "/"))
	if want := "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"; a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != want {
		t.Errorf("TRACE = %d, Allow %q, want 405 and %q", a.StatusCode, a.Header.Get("Allow"), want)
	}
}

func TestUnknownHostInABrowser(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	a := n.get(t, "nobody.example", "/", "Accept", "text/html,*/*;q=0.8")
	if a.StatusCode != http.StatusMisdirectedRequest || !contains(a.body, "<h1>Nothing is served here.</h1>") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	for _, word := range []string{"acme", "bee", "tickets", "eskgate"} {
		if strings.Contains(a.body, word) {
			t.Errorf("a stranger's page tells who is here: %q", word)
		}
	}
}

func TestClientIP(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	spoofed := []string{
		"X-Forwarded-For", "198.51.100.1", "Forwarded", "for=198.51.100.1", "Cf-Connecting-Ip", "198.51.100.1",
		"X-Real-Ip", "198.51.100.1", "X-Forwarded-Proto", "https", "X-Request-Id", "mine",
	}
	a := n.get(t, "acme.tickets.example", "/", spoofed...)
	if want := "acme acme.tickets.example / 127.0.0.1 http false"; a.body != want {
		t.Errorf("a stranger was believed: got %q, want %q", a.body, want)
	}
	if a.Header.Get("X-Request-Id") == "mine" {
		t.Error("a stranger named the request")
	}
}

func TestClientIPBehindProxies(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	n.start(t)
	for _, tc := range []struct {
		lines []string
		want  string
	}{
		{nil, "127.0.0.1"},
		{[]string{"203.0.113.9"}, "203.0.113.9"},
		{[]string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{[]string{"198.51.100.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{[]string{"198.51.100.1", "203.0.113.9", "10.1.2.3, fd00::1"}, "203.0.113.9"},
		{[]string{"10.1.2.3, 10.1.2.4"}, "10.1.2.3"},
		{[]string{"203.0.113.9:4711"}, "203.0.113.9"},
		{[]string{"[2001:db8::9]:4711"}, "2001:db8::9"},
		{[]string{"[2001:db8::9]"}, "2001:db8::9"},
		{[]string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{[]string{"203.0.113.9, unknown"}, "127.0.0.1"},
		{[]string{"203.0.113.9, , 10.1.2.3"}, "10.1.2.3"},
		{[]string{strings.Repeat("198.51.100.1, ", 500) + "203.0.113.9"}, "203.0.113.9"},
	} {
		header := []string{"X-Forwarded-Proto", "https", "X-Request-Id", "theirs-1"}
		for _, l := range tc.lines {
			header = append(header, "X-Forwarded-For", l)
		}
		a := n.get(t, "acme.tickets.example", "/", header...)
		if want := "acme acme.tickets.example / " + tc.want + " https true"; a.body != want {
			t.Errorf("X-Forwarded-For %.60q: got %q, want %q", tc.lines, a.body, want)
		}
		if id := a.Header.Get("X-Request-Id"); id != "theirs-1" {
			t.Errorf("X-Request-Id = %q, want the proxy's", id)
		}
	}
	if a := n.get(t, "acme.tickets.example", "/", "X-Request-Id", "a b\"c"); a.Header.Get("X-Request-Id") == "a b\"c" {
		t.Error("a malformed request id was kept")
	}
}

func TestProxyProtocol(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	n.start(t)
	c := n.dial(t)
	fmt.Fprint(c, "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\nGET / HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n")
	b, err := io.ReadAll(c)
	if want := "acme acme.tickets.example / 203.0.113.9 http false"; err != nil || !strings.HasSuffix(string(b), want) {
		t.Errorf("with a PROXY header: got %q, %v, want %q", b, err, want)
	}
	c = n.dial(t)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n")
	if b, _ := io.ReadAll(c); strings.Contains(string(b), "200 OK") {
		t.Errorf("without the PROXY header that it must send, a peer got %q", b)
	}
}

func TestRoutes(t *testing.T) {
	n := newNode(t, proxy.Off)
	const host = acmeHost
	shop, site := app(t, "shop"), app(t, "site")
	if err := n.tenants.Mount(t.Context(), n.acme.ID, host, "/support"); err != nil {
		t.Fatal(err)
	}
	n.route(t, "/", site)
	n.route(t, "/shop", shop)
	n.route(t, "/support/wiki", shop)
	n.start(t)
	const ours = "acme acme.tickets.example /support 127.0.0.1 http false"
	for path, want := range map[string]string{
		"/":                           "site /",
		"/a?b=c":                      "site /a?b=c",
		"/shop":                       "shop /shop",
		"/shop/a":                     "shop /shop/a",
		"/shopping":                   "site /shopping",
		"/support":                    ours,
		"/support/":                   ours,
		"/support/tickets/7":          ours,
		"/support/whatever":           ours,
		"/support/wiki/a":             "shop /support/wiki/a",
		"/supporters":                 "site /supporters",
		"/auth/callback":              ours,
		"/auth/continue?token=x":      ours,
		"/auth/signin":                "site /auth/signin",
		"/.well-known/deskgate/x":     ours,
		"/.well-known/acme-challenge": "site /.well-known/acme-challenge",
		"/.well-known/other":          "site /.well-known/other",
		"/tickets":                    "site /tickets",
		"/api/tickets":                "site /api/tickets",
	} {
		if a := n.get(t, host, path); a.body != want {
			t.Errorf("%s: got %q, want %q", path, a.body, want)
		}
	}
	for _, path := range []string{"/shop/../support", "/shop/%2e%2e/support", "/shop/.", "/.."} {
		if a := n.get(t, host, path); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", path, a.StatusCode)
		}
	}
	if a := n.get(t, "bee.tickets.example", "/shop"); !strings.HasPrefix(a.body, "bee ") {
		t.Errorf("acme's route is bee's as well: %q", a.body)
	}
}

func TestRoutesBesideTheProductAtTheRoot(t *testing.T) {
	n := newNode(t, proxy.Off)
	const host = acmeHost
	n.route(t, "/shop", app(t, "shop"))
	n.start(t)
	const ours = "acme acme.tickets.example / 127.0.0.1 http false"
	for path, want := range map[string]string{
		"/": ours, "/tickets": ours, "/shop/x": "shop /shop/x", "/api/tickets": ours, "/nothing": ours,
	} {
		if a := n.get(t, host, path); a.body != want {
			t.Errorf("%s: got %q, want %q", path, a.body, want)
		}
	}
}

func TestUpstreamDown(t *testing.T) {
	n := newNode(t, proxy.Off)
	gone := httptest.NewServer(nil)
	gone.Close()
	n.route(t, "/shop", gone.URL)
	n.start(t)
	a := n.get(t, "acme.tickets.example", "/shop", "Accept", "application/json")
	var doc struct {
		Success   *bool
		Message   string
		Code      string
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if a.StatusCode != http.StatusBadGateway || doc.Success == nil || *doc.Success || doc.Code != "UPSTREAM_UNAVAILABLE" ||
		doc.RequestID == "" || doc.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if strings.Contains(a.body, "127.0.0.1") {
		t.Error("the answer tells where the upstream is")
	}
	if page := n.get(t, "acme.tickets.example", "/shop", "Accept", "text/html"); !contains(page.body, "<!doctype html>", "not available") {
		t.Errorf("page: %s", page.body)
	}
	if logged := n.log.named("upstream"); len(logged) != 2 || logged[0]["request_id"] != doc.RequestID {
		t.Errorf("log: %v", logged)
	}
}

func TestAccessLog(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	a := n.get(t, "acme.tickets.example", "/auth/callback?token=s3cret&x=1")
	n.get(t, "nobody.example", "/?jwt=s3cret")
	n.get(t, "tickets.example", "/api/tickets", "Authorization", "Bearer s3cret")
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	records := n.log.named("request")
	if len(records) != 3 {
		t.Fatalf("%d lines for three requests", len(records))
	}
	if at := records[2]; at["tenant"] != "acme" || at["host"] != "tickets.example" {
		t.Errorf("a token's request at a node host: %v", at)
	}
	r := records[0]
	for key, want := range map[string]any{
		"tenant": "acme", "host": "acme.tickets.example", "method": "GET", "path": "/auth/callback?token=***&x=1", "status": 200.0,
		"bytes": float64(len(a.body)), "client_ip": "127.0.0.1", "request_id": a.Header.Get("X-Request-Id"),
	} {
		if r[key] != want {
			t.Errorf("%s = %v, want %v", key, r[key], want)
		}
	}
	if r["duration_ms"] == nil {
		t.Error("no duration")
	}
	if r := records[1]; r["status"] != 421.0 || r["tenant"] != "" || r["path"] != "/?jwt=***" {
		t.Errorf("stranger's request: %v", r)
	}
	if strings.Contains(n.log.b.String(), "s3cret") {
		t.Error("a secret is in the log")
	}
}

func TestPanic(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			fmt.Fprint(w, "half an answ")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
		panic("s3cret reason")
	})
	n.start(t)
	a := n.get(t, "acme.tickets.example", "/")
	if a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, "s3cret") || !contains(a.body, `"INTERNAL_ERROR"`) {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	r := n.request(t, http.MethodGet, "acme.tickets.example", "/late")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a torn answer looks whole")
	}
	if logged := n.log.named("panic"); len(logged) != 2 || !contains(fmt.Sprint(logged[0]), "s3cret reason", "handler_test.go") {
		t.Errorf("log: %v", logged)
	}
}

func TestDrain(t *testing.T) {
	n := newNode(t, proxy.Off)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		if r.Header.Get("Accept") == "text/event-stream" {
			<-r.Context().Done()
			return
		}
		<-proceed
		fmt.Fprint(w, "done")
	})
	n.start(t)
	slow, stream := make(chan answer, 1), make(chan answer, 1)
	go func() { slow <- n.get(t, "acme.tickets.example", "/") }()
	<-arrived
	go func() { stream <- n.get(t, "acme.tickets.example", "/", "Accept", "text/event-stream") }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	<-stream // ends at once
	select {
	case err := <-stopped:
		t.Fatalf("Run returned %v while a request was running", err)
	default:
	}
	close(proceed)
	if a := <-slow; a.body != "done" {
		t.Errorf("the running request got %q", a.body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v", err)
	}
	if c, err := http.Get("http://" + n.server.HTTPAddr().String()); err == nil {
		c.Body.Close()
		t.Error("still accepting after Run has returned")
	}
}

func TestDrainCutsOff(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.DrainTime = 50 * time.Millisecond
	arrived := make(chan struct{})
	n.config.Product = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the connection is closed
	})
	n.start(t)
	r := n.request(t, http.MethodGet, "acme.tickets.example", "/")
	failed := make(chan error, 1)
	go func() {
		_, err := http.DefaultTransport.RoundTrip(r) //nolint:bodyclose // there is none
		failed <- err
	}()
	<-arrived
	if err := n.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("a request that never ends was answered")
	}
}

func TestDrainClosesWebSockets(t *testing.T) {
	n := newNode(t, proxy.Off)
	ended := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
		_, _ = rw.ReadString('\n')
		close(ended)
	}))
	t.Cleanup(app.Close)
	n.route(t, "/ws", app.URL)
	n.start(t)
	c := n.dial(t)
	fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	br := bufio.NewReader(c)
	res, err := http.ReadResponse(br, nil) //nolint:bodyclose // the connection is the body
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", res, err)
	}
	if line, err := br.ReadString('\n'); line != "hello\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	if _, err := br.ReadByte(); err == nil {
		t.Error("the WebSocket is open after the drain")
	}
	<-ended
}

func TestSlowBody(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %v", len(b), err)
	})
	n.start(t)
	r := n.request(t, http.MethodPost, "acme.tickets.example", "/")
	r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 100_000)))
	if a := do(t, r); a.body != "100000 <nil>" {
		t.Errorf("got %q", a.body)
	}
}

func TestMetrics(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Metrics = "127.0.0.1:0"
	n.start(t)
	n.get(t, "acme.tickets.example", "/")
	n.get(t, "nobody.example", "/")
	watch := func(path string) answer {
		r := n.request(t, http.MethodGet, "", path)
		r.URL.Host = n.server.MetricsAddr().String()
		return do(t, r)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := watch(path); a.StatusCode != http.StatusOK || a.body != "ok\n" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
	}
	wantMetrics(t, n.metrics(t), map[string]float64{
		`deskgate_requests_total{part="pages",protocol="h1",status="2xx"}`: 1,
		`deskgate_requests_total{part="edge",protocol="h1",status="4xx"}`:  1,
	})
}
