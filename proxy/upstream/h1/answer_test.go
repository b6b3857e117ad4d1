package h1_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/upstream/h1"
)

// canned are answers as servers write them, well and badly.
func canned() map[string]string {
	long := strings.Repeat("x", 10_000)
	return map[string]string{
		"sized":              sized("hello"),
		"empty":              sized(""),
		"long":               sized(long),
		"by the end":         "HTTP/1.1 200 OK\r\n\r\nhello",
		"HTTP/1.0":           "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0, kept":     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
		"chunked":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"chunked, trailers":  "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
		"chunked and sized":  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"two lengths":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"twice the same":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"negative":           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
		"gzip, chunked":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"cut":                "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
		"cut in a chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello",
		"cut before the end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"cut in the header":  "HTTP/1.1 200 OK\r\nContent-Le",
		"no chunk":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello",
		"204":                "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
		"304":                "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"100":                "HTTP/1.1 100 Continue\r\n\r\n" + sized("hello"),
		"103":                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n" + sized("hello"),
		"199 and the end":    "HTTP/1.1 199 What\r\n\r\n",
		"no reason":          "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
		"999":                "HTTP/1.1 999 What\r\nContent-Length: 5\r\n\r\nhello",
		"bare line ends":     "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
		"folded":             "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello",
		"two cookies":        sized("hello", "Set-Cookie: a=1", "set-cookie: b=2"),
		"strange name":       sized("hello", "X A: b"),
		"no colon":           sized("hello", "X-A"),
		"large header":       sized("hello", "X-A: "+long),
		"nothing":            "",
		"rubbish":            "\x16\x03\x01\x02\x00",
		"HTTP/2":             "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"status":             "HTTP/1.1 20x OK\r\n\r\n",
	}
}

// exchange is what came of a request, to be compared.
type exchange struct {
	Failed   bool
	Status   int
	Proto    string
	Header   http.Header
	Trailer  http.Header
	Length   int64
	Body     string
	Torn     bool
	Interims int
}

func ask(ctx context.Context, by http.RoundTripper, method string) (x exchange) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error {
		x.Interims++
		return nil
	}})
	res, err := by.RoundTrip(request(ctx, method, "/"))
	if err != nil {
		return exchange{Failed: true}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	x.Status, x.Proto, x.Header, x.Trailer, x.Length = res.StatusCode, res.Proto, res.Header, res.Trailer, res.ContentLength
	x.Body, x.Torn = string(body), err != nil
	return x
}

// saying is a connection to a server that says the same whatever it hears, and leaves.
func saying(answer string) net.Conn {
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		head := make([]byte, 4096)
		for n := 0; !strings.HasSuffix(string(head[:n]), "\r\n\r\n"); {
			got, err := there.Read(head[n:])
			if err != nil {
				return
			}
			n += got
		}
		_, _ = io.WriteString(there, answer)
	}()
	return here
}

func both(tb testing.TB, answer string) (ours *h1.Transport, theirs *http.Transport) {
	tb.Helper()
	ours = transport(tb, func(context.Context) (net.Conn, error) { return saying(answer), nil })
	theirs = &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return saying(answer), nil },
		DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives: true, // or it says on the standard logger what it thinks of bytes that nobody asked for
	}
	tb.Cleanup(theirs.CloseIdleConnections)
	return ours, theirs
}

// TestAnswers reads what servers say as net/http's own Transport does.
func TestAnswers(t *testing.T) {
	for name, answer := range canned() {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
			ours, theirs := both(t, answer)
			got, want := ask(t.Context(), ours, method), ask(t.Context(), theirs, method)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-net/http +h1):\n%s", name, method, diff)
			}
		}
	}
}

// All headers of one answer are bounded together: net/http would read hints for ever.
func TestEndlessHints(t *testing.T) {
	ours, _ := both(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", 1000)+sized("hello"))
	if x := ask(t.Context(), ours, http.MethodGet); !x.Failed {
		t.Errorf("%d hints were read, and then %q", x.Interims, x.Body)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, answer := range canned() {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		ours, theirs := both(t, answer)
		if strings.Contains(answer, "101") || len(answer) > maxHeader {
			return // a protocol that nobody asked for is for the caller to refuse; bytes read ahead count for headers
		}
		got := ask(ctx, ours, http.MethodGet)
		if ctx.Err() != nil {
			t.Fatal("h1 hangs")
		}
		want := ask(ctx, theirs, http.MethodGet)
		if ctx.Err() != nil {
			t.Fatal("net/http hangs")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-net/http +h1:\n%s", diff)
		}
	})
}

// TestRequests sends what net/http's own Transport sends.
func TestRequests(t *testing.T) {
	for _, change := range []func(*http.Request){
		func(*http.Request) {},
		func(r *http.Request) { r.Header["User-Agent"] = []string{""} },
		func(r *http.Request) { r.Host = "shop.example:8080" },
		func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/b", "/a%2Fb" },
		func(r *http.Request) { r.URL.RawQuery = "a=b;c&&d=%zz" },
		func(r *http.Request) {
			r.Header["Te"], r.Header["Cookie"] = []string{"trailers"}, []string{"a=1", "b=2"}
		},
		func(r *http.Request) { r.Method = http.MethodPut },
		func(r *http.Request) { r.Method, r.URL.Path = http.MethodOptions, "*" },
	} {
		var heard [2]string
		for i := range heard {
			s := serve(t, func(c net.Conn, _ int32) {
				part := make([]byte, 4096)
				n, err := c.Read(part)
				heard[i] = string(part[:n])
				if err == nil {
					_, _ = io.WriteString(c, sized(strconv.Itoa(n), "Connection: close"))
				}
			})
			by := http.RoundTripper(s.transport(t))
			if i == 1 {
				by = &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, "tcp", s.Addr().String())
				}}
			}
			r := request(t.Context(), http.MethodGet, "/")
			change(r)
			res, err := by.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
		if diff := cmp.Diff(heard[1], heard[0]); diff != "" {
			t.Errorf("-net/http +h1:\n%s", diff)
		}
	}
}
