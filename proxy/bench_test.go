package proxy_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// BenchmarkForward compares the whole edge (recover, request id, access log, host, headers, balancing) with a plain
// httputil.ReverseProxy, both over HTTP/1.1 to an upstream that answers 1 KiB, in rounds that take turns. "cpu-µs/op" is the
// whole process: client, edge and upstream, which has five headers more to read from the edge. deploy/bench measures the edge
// alone, in a process of its own.
func BenchmarkForward(b *testing.B) {
	body := strings.Repeat("x", 1024)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
	}))
	b.Cleanup(upstream.Close)
	u, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	})
	b.Cleanup(plain.Close)

	n := newNode(b, proxy.Off)
	n.config.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // writing the line is part of the work
	n.route(b, "/app", upstream.URL)
	n.start(b)

	targets := []struct{ name, url string }{
		{"plain", plain.URL + "/app/page"}, {"edge", "http://" + n.server.HTTPAddr().String() + "/app/page"},
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	spent, made := map[string]time.Duration{}, map[string]uint64{}
	requests := 0
	for b.Loop() {
		for _, t := range targets {
			start, before := cpu(), mallocs()
			for range 500 {
				fetch(b, client, t.url)
			}
			spent[t.name] += cpu() - start
			made[t.name] += mallocs() - before
		}
		requests += 500
	}
	for _, t := range targets {
		b.ReportMetric(float64(spent[t.name].Microseconds())/float64(requests), t.name+"-cpu-µs/req")
		b.ReportMetric(float64(made[t.name])/float64(requests), t.name+"-allocs/req")
	}
}

func fetch(b *testing.B, c *http.Client, url string) {
	b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Host = "acme.tickets.example"
	res, err := c.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		b.Fatal(res.Status, err)
	}
	res.Body.Close()
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
