package h1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream/h1"
)

// server takes connections over TCP, each by talk, and counts them.
type server struct {
	net.Listener

	taken atomic.Int32
}

func serve(tb testing.TB, talk func(c net.Conn, nth int32)) *server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &server{Listener: l}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			nth := s.taken.Add(1)
			go func() {
				defer c.Close()
				talk(c, nth)
			}()
		}
	}()
	return s
}

// answers reads requests and gives each of them what answer says.
func answers(answer func(r *http.Request) string) func(net.Conn, int32) {
	return func(c net.Conn, _ int32) {
		for br := bufio.NewReader(c); ; {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, answer(r)); err != nil {
				return
			}
		}
	}
}

func (s *server) transport(tb testing.TB) *h1.Transport {
	tb.Helper()
	return transport(tb, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Addr().String())
	})
}

// The times are those of all tests here; bubbles wait for them, others are over sooner.
const (
	answerTime = time.Minute
	restTime   = 10 * time.Minute
	idleTime   = 50 * time.Second
	maxIdle    = 4
	maxHeader  = 8 << 10
)

func transport(tb testing.TB, dial func(context.Context) (net.Conn, error)) *h1.Transport {
	tb.Helper()
	t := h1.New(h1.Options{
		Dial: dial, Answer: answerTime, Rest: restTime, Idle: idleTime, MaxIdle: maxIdle, MaxHeader: maxHeader,
	})
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

func request(ctx context.Context, method, path string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://app.example"+path, nil)
	if err != nil {
		panic(err)
	}
	return r
}

// get asks for a path and reads the answer to its end.
func get(t *testing.T, by http.RoundTripper, path string) string {
	t.Helper()
	res, err := by.RoundTrip(request(t.Context(), http.MethodGet, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(body)
}

// sized is a whole answer.
func sized(body string, header ...string) string {
	return "HTTP/1.1 200 OK\r\n" + strings.Join(append(header, "Content-Length: "+strconv.Itoa(len(body))), "\r\n") + "\r\n\r\n" + body
}

// fail makes a request that fails, in the header or in the body.
func fail(by http.RoundTripper, r *http.Request) (body string, err error) {
	res, err := by.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return string(all), err
}
