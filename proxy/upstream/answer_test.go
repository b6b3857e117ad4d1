package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/tenant"
)

// TestAnswersThatNobodyCouldTake has applications answer what makes clients stumble, or what is not theirs to say.
func TestAnswersThatNobodyCouldTake(t *testing.T) {
	for name, tc := range map[string]struct{ answer, want string }{
		"no status":     {"HTTP/1.1 000 Hm\r\nContent-Length: 4\r\n\r\nbody", "502"},
		"half a status": {"HTTP/1.1 099 Hm\r\nContent-Length: 4\r\n\r\nbody", "502"},
		"not modified":  {"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nX-A: b\r\n\r\n", "304 X-A: b"},
		"our cookies": {
			"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: =__Host-deskgate=x\r\nSet-Cookie: \t= __Host-deskgate=x\r\n" +
				"Set-Cookie: __Host-deskgate-widget=x\r\nContent-Length: 4\r\n\r\nbody", "200 Set-Cookie: a=b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				e := newEdge(t, n)
				n.serve("a:80", spoken(t, tc.answer))
				e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
				status, line, _ := strings.Cut(tc.want, " ")
				for _, method := range []string{"GET", "POST"} {
					got := e.raw(t, method+" / HTTP/1.1\r\nHost: acme.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					if !strings.HasPrefix(got, "HTTP/1.1 "+status+" ") || !strings.Contains(got, line) || strings.Contains(got, "deskgate") {
						t.Errorf("%s: got %q, want %s", method, got, tc.want)
					}
				}
			})
		})
	}
}

// TestLengthOfNothing has an application say how long an answer is that has no body: HTTP/2's server would pass that on, and its
// clients take the answer for torn.
func TestLengthOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", spoken(t, "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\nX-A: b\r\n\r\n"))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "acme.example"
		w := httptest.NewRecorder()
		e.handle(w, r)
		if w.Code != http.StatusNoContent || w.Header().Get("X-A") != "b" || w.Header()["Content-Length"] != nil {
			t.Errorf("got %d %v, want no length", w.Code, w.Header())
		}
	})
}

// TestTrailersOfApplications has one send behind its body what belongs before it.
func TestTrailersOfApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		n.serve("a:80", spoken(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n4\r\nbody\r\n0\r\n"+
			"X-Sum: 42\r\nSet-Cookie: __Host-deskgate=x\r\nContent-Encoding: gzip\r\nContent-Digest: sha-256=:x:\r\nX-Request-Id: theirs\r\nGrpc-Status: 0\r\n\r\n"))
		e.route("acme.example", tenant.Route{Prefix: "/", Upstreams: []string{"http://a:80"}})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := e.raw(t, method+" / HTTP/1.1\r\nHost: acme.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_, trailers, _ := strings.Cut(got, "\r\n0\r\n")
			if trailers != "Content-Digest: sha-256=:x:\r\nGrpc-Status: 0\r\nX-Sum: 42\r\n\r\n" || !strings.Contains(got, "Trailer: X-Sum\r\n") {
				t.Errorf("%s: got %q, want the sums and gRPC's status behind the body", method, got)
			}
		}
	})
}
