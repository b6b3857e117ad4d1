package h1_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRoundTrip compares an exchange with net/http's Transport, in rounds that take turns. "cpu-µs" is the whole process,
// with a server that does next to nothing.
func BenchmarkRoundTrip(b *testing.B) {
	whole := sized(strings.Repeat("x", 1024), "Content-Type: text/html; charset=utf-8", "Server: app", "Cache-Control: private")
	s := serve(b, func(c net.Conn, _ int32) {
		part := make([]byte, 4096)
		for {
			if _, err := c.Read(part); err != nil {
				return
			}
			if _, err := io.WriteString(c, whole); err != nil {
				return
			}
		}
	})
	theirs := &http.Transport{MaxIdleConnsPerHost: maxIdle, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Addr().String())
	}}
	b.Cleanup(theirs.CloseIdleConnections)
	by := [...]http.RoundTripper{s.transport(b), theirs}
	ctx, cancel := context.WithCancel(b.Context()) // as those of net/http's server
	defer cancel()
	var spent [len(by)]time.Duration
	n := 0
	for b.Loop() {
		for i, one := range by {
			begin := cpu()
			for range 500 {
				res, err := one.RoundTrip(request(ctx, http.MethodGet, "/page"))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			spent[i] += cpu() - begin
		}
		n += 500
	}
	for i, name := range [...]string{"h1", "net/http"} {
		b.ReportMetric(float64(spent[i].Nanoseconds())/1000/float64(n), name+"-cpu-µs")
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
