package h1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream/h1"
)

func echo(r *http.Request) string { return sized(r.URL.Path) }

// A connection is used again when its answer was read to the end and its server keeps it.
func TestConnectionsAreKept(t *testing.T) {
	for _, one := range []struct {
		name   string
		answer func(*http.Request) string
		taken  int32 // connections for three requests
	}{
		{"sized", echo, 1},
		{"chunked", func(r *http.Request) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" + r.URL.Path + "\r\n0\r\nX-Sum: 1\r\n\r\n"
		}, 1},
		{"empty", func(*http.Request) string { return sized("") }, 1},
		{"not kept", func(*http.Request) string { return sized("a", "Connection: close") }, 3},
		{"HTTP/1.0", func(*http.Request) string { return "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na" }, 3},
		{"more than was asked for", func(*http.Request) string { return sized("a") + sized("b") }, 3},
		{"a switch that nobody asked for", func(*http.Request) string {
			return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
		}, 3},
	} {
		s := serve(t, answers(one.answer))
		by := s.transport(t)
		for _, path := range []string{"/1", "/2", "/3"} {
			if got := get(t, by, path); one.taken == 1 && one.name != "empty" && got != path {
				t.Errorf("%s: %s got %q", one.name, path, got)
			}
		}
		if got := s.taken.Load(); got != one.taken {
			t.Errorf("%s: %d connections, want %d", one.name, got, one.taken)
		}
	}
}

// A body that is closed before its end ends the connection, and what is left of it is nobody's answer.
func TestClosedEarly(t *testing.T) {
	s := serve(t, answers(func(r *http.Request) string { return sized(r.URL.Path + strings.Repeat("x", 100_000)) }))
	by := s.transport(t)
	for range 3 {
		res, err := by.RoundTrip(request(t.Context(), http.MethodGet, "/first"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(res.Body.Close(), res.Body.Close()); err != nil {
			t.Error(err)
		}
		if got := get(t, by, "/second"); !strings.HasPrefix(got, "/secondx") {
			t.Errorf("got %.20q", got)
		}
	}
}

// What comes in while nobody asks is never the answer to the next request.
func TestUnasked(t *testing.T) {
	speak, spoken := make(chan struct{}), make(chan struct{})
	s := serve(t, func(c net.Conn, nth int32) {
		if nth == 1 {
			go func() {
				<-speak
				_, _ = io.WriteString(c, sized("somebody else's"))
				close(spoken)
			}()
		}
		answers(echo)(c, nth)
	})
	by := s.transport(t)
	_ = get(t, by, "/first")
	close(speak)
	<-spoken
	if got := get(t, by, "/second"); got != "/second" {
		t.Errorf("got %q", got)
	}
}

// A server that closes kept connections, before the next request comes or in answer to it, loses none.
func TestKeptConnectionsEnd(t *testing.T) {
	for name, read := range map[string]bool{"before": false, "in answer": true} {
		ended := make(chan struct{}, 8)
		s := serve(t, func(c net.Conn, _ int32) {
			br := bufio.NewReader(c)
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, sized(r.URL.Path))
			if read {
				ended <- struct{}{}
				_, _ = http.ReadRequest(br)
			}
			c.Close()
			if !read {
				ended <- struct{}{}
			}
		})
		by := s.transport(t)
		for _, path := range []string{"/1", "/2", "/3"} {
			if got := get(t, by, path); got != path {
				t.Errorf("%s: %s got %q", name, path, got)
			}
			<-ended
		}
		if got := s.taken.Load(); got != 3 {
			t.Errorf("%s: %d connections, want 3", name, got)
		}
	}
}

// A server that breaks off in its answer is not asked again, and neither is one that refuses a new connection's request.
func TestBrokenAnswersAreErrors(t *testing.T) {
	s := serve(t, func(c net.Conn, _ int32) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err == nil {
			_, _ = io.WriteString(c, sized("well"))
		}
		if _, err := http.ReadRequest(br); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-")
		}
	})
	by := s.transport(t)
	if got := get(t, by, "/"); got != "well" {
		t.Fatal(got)
	}
	if _, err := fail(by, request(t.Context(), http.MethodGet, "/")); err == nil || s.taken.Load() != 1 {
		t.Errorf("a torn header: %v, after %d connections", err, s.taken.Load())
	}
	gone := serve(t, func(c net.Conn, _ int32) { _, _ = http.ReadRequest(bufio.NewReader(c)) })
	if _, err := fail(gone.transport(t), request(t.Context(), http.MethodGet, "/")); err == nil || gone.taken.Load() != 1 {
		t.Errorf("no answer: %v, after %d connections", err, gone.taken.Load())
	}
}

// Who refuses a request before all of it was read is heard.
func TestRefusedInTheMiddle(t *testing.T) {
	s := serve(t, func(c net.Conn, _ int32) {
		_, _ = io.ReadFull(c, make([]byte, 1000))
		_, _ = io.WriteString(c, "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, c) // to close it now would take the answer away again
	})
	r := request(t.Context(), http.MethodGet, "/")
	r.Header.Set("Cookie", strings.Repeat("x", 1<<20))
	res, err := s.transport(t).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(res.Status)
	}
}

func TestOnlyWithoutBody(t *testing.T) {
	by := transport(t, func(context.Context) (net.Conn, error) { return nil, errors.ErrUnsupported })
	body := request(t.Context(), http.MethodPut, "/")
	body.Body = io.NopCloser(strings.NewReader("x"))
	upgrade := request(t.Context(), http.MethodGet, "/")
	upgrade.Header.Set("Upgrade", "websocket")
	for _, r := range []*http.Request{body, upgrade} {
		if _, err := fail(by, r); !errors.Is(err, h1.ErrBody) {
			t.Errorf("%s %v: %v", r.Method, r.Header, err)
		}
	}
}

// pipes is a server in memory, for bubbles. It counts connections, and those that ended.
type pipes struct {
	mu           sync.Mutex
	taken, ended int
}

func (p *pipes) transport(t *testing.T, talk func(net.Conn, int32)) *h1.Transport {
	t.Helper()
	return transport(t, func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		p.mu.Lock()
		p.taken++
		p.mu.Unlock()
		go func() {
			talk(there, 0)
			there.Close()
			p.mu.Lock()
			p.ended++
			p.mu.Unlock()
		}()
		return here, nil
	})
}

func (p *pipes) count() (taken, ended int) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken, p.ended
}

// Connections that nobody uses are closed in time, and those that the server keeps for less are not used any more.
func TestIdle(t *testing.T) {
	for _, one := range []struct {
		header string
		pause  time.Duration
		taken  int
	}{
		{"X-A: b", idleTime - time.Second, 1},
		{"X-A: b", idleTime + time.Second, 2},
		{"Keep-Alive: timeout=5, max=100", 3 * time.Second, 1},
		{"Keep-Alive: timeout=5, max=100", 5 * time.Second, 2},
		{"Keep-Alive: Timeout=0", 0, 2},
		{"Keep-Alive: timeout=99999999999999999999", idleTime - time.Second, 1},
		{"Keep-Alive: timeout=100000000000", idleTime + time.Second, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			var p pipes
			by := p.transport(t, answers(func(*http.Request) string { return sized("a", one.header) }))
			_ = get(t, by, "/")
			time.Sleep(one.pause)
			_ = get(t, by, "/")
			if taken, _ := p.count(); taken != one.taken {
				t.Errorf("%s, %v: %d connections, want %d", one.header, one.pause, taken, one.taken)
			}
			time.Sleep(2 * idleTime)
			if taken, ended := p.count(); ended != taken {
				t.Errorf("%s, %v: %d of %d connections ended", one.header, one.pause, ended, taken)
			}
		})
	}
}

// So many are kept and no more, and none once the transport is closed.
func TestMaxIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pipes
		ready := make(chan struct{})
		by := p.transport(t, answers(func(r *http.Request) string { <-ready; return echo(r) }))
		var all sync.WaitGroup
		for range 3 * maxIdle {
			all.Go(func() { _ = get(t, by, "/") })
		}
		if taken, _ := p.count(); taken != 3*maxIdle {
			t.Errorf("%d connections", taken)
		}
		close(ready)
		all.Wait()
		if taken, ended := p.count(); taken-ended != maxIdle {
			t.Errorf("%d connections are kept", taken-ended)
		}
		by.CloseIdleConnections()
		if got := get(t, by, "/late"); got != "/late" {
			t.Error(got)
		}
		if taken, ended := p.count(); taken != ended {
			t.Errorf("%d connections are kept by a closed transport", taken-ended)
		}
	})
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pipes
		by := p.transport(t, answers(func(r *http.Request) string {
			switch r.URL.Path {
			case "/never":
				time.Sleep(2 * answerTime)
			case "/late":
				time.Sleep(answerTime - time.Second)
			}
			return echo(r)
		}))
		for range 3 {
			if got := get(t, by, "/late"); got != "/late" {
				t.Error(got)
			}
		}
		start := time.Now()
		_, err := fail(by, request(t.Context(), http.MethodGet, "/never"))
		timeout, ok := errors.AsType[net.Error](err)
		if took := time.Since(start); !ok || !timeout.Timeout() || took != answerTime {
			t.Errorf("no answer after %v: %v", took, err)
		}
		if taken, _ := p.count(); taken != 1 {
			t.Errorf("%d connections: who did not answer in time is not asked again", taken)
		}
		time.Sleep(2 * answerTime)
	})
}

// A body may take for ever, but has to go on.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pipes
		by := p.transport(t, func(c net.Conn, _ int32) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for range 10 {
				time.Sleep(restTime - time.Second)
				_, _ = io.WriteString(c, "x")
			}
			time.Sleep(2 * restTime)
		})
		start := time.Now()
		body, err := fail(by, request(t.Context(), http.MethodGet, "/"))
		timeout, ok := errors.AsType[net.Error](err)
		if !ok || !timeout.Timeout() || len(body) != 10 {
			t.Errorf("%q after %v: %v", body, time.Since(start), err)
		}
		time.Sleep(2 * restTime)
	})
}

// Who does not wait any more ends the connection, in the header and in the body.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pipes
		by := p.transport(t, func(c net.Conn, _ int32) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			if r.URL.Path == "/body" {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			}
			_, _ = io.Copy(io.Discard, c)
		})
		for _, path := range []string{"/header", "/body"} {
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, leave)
			start := time.Now()
			_, err := fail(by, request(ctx, http.MethodGet, path))
			if took := time.Since(start); err == nil || took != time.Second {
				t.Errorf("%s: %v after %v", path, err, took)
			}
		}
		if taken, ended := p.count(); taken != 2 || ended != 2 {
			t.Errorf("%d connections, %d ended", taken, ended)
		}
	})
}

// Many at once, some of whom leave at any time: nobody gets another one's answer.
func TestManyAtOnce(t *testing.T) {
	s := serve(t, answers(func(r *http.Request) string {
		return sized(strings.Repeat(r.URL.Path, 1+len(r.URL.Path)*rand.IntN(500)), "X-Path: "+r.URL.Path)
	}))
	by := s.transport(t)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 50 {
				leaves(t, by)
			}
		})
	}
	all.Wait()
}

// leaves asks for something, and may leave before all of it is there.
func leaves(t *testing.T, by *h1.Transport) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	path := "/" + strings.Repeat("x", rand.IntN(20))
	switch rand.IntN(4) {
	case 0:
		time.AfterFunc(time.Duration(rand.IntN(1000))*time.Microsecond, leave)
	case 1:
		leave()
	}
	res, err := by.RoundTrip(request(ctx, http.MethodGet, path))
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return
	}
	defer res.Body.Close()
	if got := res.Header.Get("X-Path"); got != path {
		t.Errorf("%q got the answer for %q", path, got)
	}
	if rand.IntN(4) == 0 {
		go res.Body.Close() // as the end of a target's life does
	}
	body, err := io.ReadAll(res.Body)
	if whole := strings.Repeat(path, strings.Count(string(body), "/")); err == nil && string(body) != whole {
		t.Errorf("%q got another one's body", path)
	}
}
