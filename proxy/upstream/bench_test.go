package upstream_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// BenchmarkForward measures the proxy alone: its client and its upstream do next to nothing, and what they cost is measured by
// a handler that answers by itself, and shown beside. "cpu-µs/op" is the whole process over one kept connection.
func BenchmarkForward(b *testing.B) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nServer: app\r\n" +
		"Cache-Control: private\r\nContent-Length: 1024\r\n\r\n"
	target := bare(b, answer+strings.Repeat("x", 1024))
	u, err := url.Parse("http://" + target)
	if err != nil {
		b.Fatal(err)
	}
	p := upstream.New(upstream.Options{Log: slog.New(slog.DiscardHandler), Fail: func(http.ResponseWriter, *http.Request, upstream.Failure) {
		b.Error("the upstream failed")
	}})
	b.Cleanup(p.Close)
	v := &tenant.Visit{Host: "shop.acme.example", ClientIP: netip.MustParseAddr("203.0.113.9"), Scheme: "https", RequestID: "REQ"}
	page := []byte(strings.Repeat("x", 1024))
	several := []string{"http://" + target, "http://" + target + "/", "http://" + target + "?"}
	for _, one := range []struct {
		name string
		h    http.Handler
	}{
		{"none", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(page)
		})},
		{"httputil", &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u); r.SetXForwarded() },
			Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		}},
		{"upstream", forwarding(p, v, &tenant.Route{Prefix: "/", Upstreams: several[:1]})},
		{"upstream, three in turn", forwarding(p, v, &tenant.Route{Prefix: "/", Upstreams: several})},
	} {
		b.Run(one.name, func(b *testing.B) {
			s := httptest.NewServer(one.h)
			defer s.Close()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			request := []byte("GET /shop/page?x=1 HTTP/1.1\r\nHost: shop.acme.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
				"Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en-GB\r\nCookie: a=1; b=2\r\n\r\n")
			br := bufio.NewReader(c)
			begin := spent()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				skip(b, br)
			}
			b.ReportMetric(float64((spent()-begin).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
		})
	}
}

func forwarding(p *upstream.Proxy, v *tenant.Visit, route *tenant.Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Forward(w, r, &upstream.Job{Visit: v, Route: route, IP: "203.0.113.9"})
	})
}

// bare is a server that reads requests to their empty line, and always writes the same.
func bare(b *testing.B, answer string) (address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					line, err := br.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						_, _ = io.WriteString(c, answer)
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// skip reads an answer with 1024 bytes.
func skip(b *testing.B, br *bufio.Reader) {
	b.Helper()
	for first := true; ; first = false {
		line, err := br.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if first && string(line) != "HTTP/1.1 200 OK\r\n" {
			b.Fatalf("answer %q", line)
		}
		if len(line) == 2 {
			break
		}
	}
	if _, err := br.Discard(1024); err != nil {
		b.Fatal(err)
	}
}

func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
