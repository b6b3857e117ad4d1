package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/tenant"
)

// spoken is an application that answers each request word by word.
func spoken(t *testing.T, answer string) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, answer)
	})
}

// raw sends a request as it stands and returns all that comes back.
func (e *edge) raw(t *testing.T, request string) string {
	t.Helper()
	c, err := e.network.dial(t.Context(), "tcp", "edge:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestInterimAnswersAreClean has an application send hints with headers that are about its connection, or about the edge: a client
// of HTTP/2 throws away the whole answer for the former.
func TestInterimAnswersAreClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", spoken(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"+
			"Keep-Alive: timeout=5\r\nContent-Length: 7\r\nX-Request-Id: theirs\r\nAlt-Svc: h3=\":1\"\r\nSet-Cookie: a=b\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		for _, method := range []string{"GET", "POST"} {
			got := e.raw(t, method+" / HTTP/1.1\r\nHost: acme.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			hint, final, _ := strings.Cut(got, "\r\n\r\n")
			if hint != "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload" || !strings.HasPrefix(final, "HTTP/1.1 200 ") || strings.Contains(final, "Link") {
				t.Errorf("%s: got %q, want a hint with a link and nothing else, and the answer", method, got)
			}
			got = e.raw(t, method+" / HTTP/1.0\r\nHost: acme.example\r\nContent-Length: 0\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.0 200 ") || strings.Contains(got, " 103 ") {
				t.Errorf("%s of HTTP/1.0: got %q, want one answer", method, got)
			}
		}
	})
}

// TestInterimAnswersEnd has an application send nothing else.
func TestInterimAnswersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for err == nil {
				_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
			}
		}))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		for _, method := range []string{"GET", "POST"} {
			c, err := e.network.dial(t.Context(), "tcp", "edge:80")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, method+" / HTTP/1.1\r\nHost: acme.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			if interim, final := interims(t, c); interim > 8 || final != http.StatusBadGateway {
				t.Errorf("%s: %d interim answers and then %d, want a few and 502", method, interim, final)
			}
			c.Close()
		}
	})
}

// interims counts the interim answers before the final one; it gives up at a thousand.
func interims(t *testing.T, c net.Conn) (count, final int) {
	t.Helper()
	for br := bufio.NewReader(c); count < 1000; count++ {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode >= 200 {
			return count, res.StatusCode
		}
	}
	return count, 0
}
