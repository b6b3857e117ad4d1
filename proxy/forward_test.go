package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/proxy"
)

func TestForwardedAnswersAreNamedOnce(t *testing.T) {
	n := newNode(t, proxy.Off)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "the application's")
		if r.URL.Path == "/app/hints" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		fmt.Fprint(w, "hello")
	}))
	t.Cleanup(app.Close)
	n.route(t, "/app", app.URL)
	n.start(t)
	for _, path := range []string{"/app", "/app/hints"} {
		a := n.get(t, "acme.tickets.example", path)
		if ids := a.Header.Values("X-Request-Id"); len(ids) != 1 || len(ids[0]) != 26 {
			t.Errorf("%s: X-Request-Id = %q, want the edge's, once", path, ids)
		}
	}
}

func TestWebSocketInTheLog(t *testing.T) {
	n := newNode(t, proxy.Off)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	}))
	t.Cleanup(app.Close)
	n.route(t, "/ws", app.URL)
	n.start(t)
	c := n.dial(t)
	fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil) //nolint:bodyclose // the connection is the body
	if err != nil {
		t.Fatal(err)
	}
	if ids := res.Header.Values("X-Request-Id"); len(ids) != 1 {
		t.Errorf("X-Request-Id = %q, want one", ids)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if r := n.waitFor(t, "request")[0]; r["status"] != 101.0 {
		t.Errorf("status in the log = %v, want 101", r["status"])
	}
}

func TestBodiesThatCannotBeForwarded(t *testing.T) {
	n := newNode(t, proxy.Off)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(app.Close)
	n.route(t, "/app", app.URL)
	n.start(t)
	const head = "POST /app HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n"
	for _, tc := range []struct {
		name, request, want string
		status              float64
	}{
		{"malformed", head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "HTTP/1.1 400 ", 400},
		{"cut short", head + "Content-Length: 10\r\n\r\nabc", "", 499},
	} {
		c := n.dial(t)
		fmt.Fprint(c, tc.request)
		if w, ok := c.(interface{ CloseWrite() error }); !ok || w.CloseWrite() != nil {
			t.Fatal("the connection can't be closed for writing")
		}
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(b), tc.want) || tc.want == "" && len(b) > 0 {
			t.Errorf("%s: got %q, %v, want %q", tc.name, b, err, tc.want)
		}
		records := n.waitFor(t, "request")
		if r := records[len(records)-1]; r["status"] != tc.status {
			t.Errorf("%s: status in the log = %v, want %v", tc.name, r["status"], tc.status)
		}
	}
}

// TestOptionsOfEverything asks for what is no path: it is an error like others, and not unseen.
func TestOptionsOfEverything(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	c := n.dial(t)
	fmt.Fprint(c, "OPTIONS * HTTP/1.1\r\nHost: acme.tickets.example\r\nConnection: close\r\n\r\n")
	if b, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400 ") {
		t.Errorf("got %q, %v, want 400", b, err)
	}
	if records := n.waitFor(t, "request"); records[0]["method"] != "OPTIONS" || records[0]["status"] != 400.0 {
		t.Errorf("the log says %v", records[0])
	}
}
