package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/tenant"
)

// Whoever has come when a drain begins is answered, and told that it was the last: also who has not said yet what they want, and
// whose handshake is not made.
func TestDrainAnswersWhoeverHasCome(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.config.Metrics = "127.0.0.1:0"
	n.start(t)
	roots := n.roots(t)
	silent, half, kept := dialTo(t, n.server.HTTPSAddr()), dialTo(t, n.server.HTTPAddr()), dialTo(t, n.server.HTTPAddr())
	ask := func(c io.ReadWriter, head string) (status int, last bool) {
		t.Helper()
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		res.Body.Close()
		return res.StatusCode, res.Close
	}
	const whole, rest = "GET / HTTP/1.1\r\nHost: " + acmeHost + "\r\n\r\n", "Host: " + acmeHost + "\r\n\r\n"
	if _, last := ask(kept, whole); last {
		t.Error("a connection is closed before anybody stops")
	}
	if _, err := io.WriteString(half, "GET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	n.eventually(t, func() string {
		if got := n.metrics(t)["deskgate_connections_open"]; got != 3 {
			return fmt.Sprintf("%v have come", got)
		}
		return ""
	})
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	if _, err := kept.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection is kept")
	}
	if status, last := ask(half, rest); status != http.StatusPermanentRedirect || !last {
		t.Errorf("who had begun got %d, closed %v", status, last)
	}
	secure := tls.Client(silent, &tls.Config{RootCAs: roots, ServerName: acmeHost, MinVersion: tls.VersionTLS13})
	if status, last := ask(secure, whole); status != http.StatusOK || !last {
		t.Errorf("who had come got %d, closed %v", status, last)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if c, err := net.DialTimeout("tcp", n.server.HTTPSAddr().String(), time.Second); err == nil {
		c.Close()
		t.Error("the node still listens")
	}
}

func dialTo(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDrainGoesByWhatApplicationsAnswer has a visitor read an event stream without having asked for one by name, and another name it and
// get something else: the former ends at once, and the latter is answered.
func TestDrainGoesByWhatApplicationsAnswer(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	arrived, proceed := make(chan struct{}, 2), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		if r.URL.Path == "/app/slow" {
			<-proceed
			fmt.Fprint(w, "whole")
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	n.addRoute(t, tenant.Route{Prefix: "/app", Upstreams: []string{s.URL}})
	slow, ended := make(chan answer, 1), make(chan struct{})
	go func() { slow <- n.get(t, acmeHost, "/app/slow", "Accept", "application/json, text/event-stream") }()
	<-arrived
	res, err := http.DefaultTransport.RoundTrip(n.request(t, http.MethodGet, acmeHost, "/app/events")) //nolint:bodyclose // it is, below
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-arrived
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, res.Body)
	}()
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the event stream goes on")
	}
	close(proceed)
	if a := <-slow; a.body != "whole" {
		t.Errorf("the answer that is no event stream: %d %q", a.StatusCode, a.body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v", err)
	}
	if warned := n.log.named("upstream rests"); len(warned) > 0 {
		t.Errorf("the upstream is blamed: %v", warned)
	}
}

// TestDrainEndsEventSources has a browser's EventSource wait for a first event, before which many servers don't send a header either. It
// takes nothing else, and comes again by itself.
func TestDrainEndsEventSources(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.start(t)
	arrived := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	n.addRoute(t, tenant.Route{Prefix: "/app", Upstreams: []string{s.URL}})
	r := n.request(t, http.MethodGet, acmeHost, "/app/events")
	r.Header.Set("Accept", "text/event-stream")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			t.Errorf("got %s, want no answer", res.Status)
			res.Body.Close()
		}
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a drain waits for an event")
		s.CloseClientConnections()
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v", err)
	}
	if warned := n.log.named("upstream rests"); len(warned) > 0 {
		t.Errorf("the upstream is blamed: %v", warned)
	}
}
