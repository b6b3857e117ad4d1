package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// recorder is an upstream that takes what comes in letter by letter, and remembers it.
type recorder struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func startRecorder(tb testing.TB) *recorder {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &recorder{Listener: l}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	for br := bufio.NewReader(c); ; {
		what, whole, err := message(br)
		if what != "" {
			r.mu.Lock()
			r.seen = append(r.seen, what)
			r.mu.Unlock()
		}
		if err != nil || !whole {
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// take returns what was seen since it was last asked.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// message reads a request as the strictest of servers would. What is not whole is not described.
func message(br *bufio.Reader) (what string, whole bool, err error) {
	line, err := br.ReadString('\n')
	if err != nil {
		return "", false, err
	}
	parts := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" {
		return "garbage " + strconv.Quote(line), false, nil
	}
	h, err := textproto.NewReader(br).ReadMIMEHeader()
	if err != nil {
		return "garbage after " + strconv.Quote(line), false, err
	}
	if len(h["Upgrade"])+len(h["Http2-Settings"]) > 0 && h.Get("Upgrade") != "websocket" {
		return "upgrade to " + h.Get("Upgrade"), false, nil
	}
	body, err := bodyOf(br, h)
	if err != nil {
		return "", false, err // its sender has given up
	}
	return parts[0] + " " + parts[1] + " " + body, true, nil
}

func bodyOf(br *bufio.Reader, h textproto.MIMEHeader) (string, error) {
	if h.Get("Transfer-Encoding") == "" {
		n, _ := strconv.Atoi(h.Get("Content-Length"))
		body := make([]byte, n)
		_, err := io.ReadFull(br, body)
		return string(body), err
	}
	var body []byte
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return "", err
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(line, "\r\n"), 16, 32)
		if err != nil {
			return "", err
		}
		part := make([]byte, n+2)
		if n == 0 {
			_, err := textproto.NewReader(br).ReadMIMEHeader()
			return string(body), err
		}
		if _, err := io.ReadFull(br, part); err != nil || !bytes.HasSuffix(part, []byte("\r\n")) {
			return "", fmt.Errorf("chunk %q: %w", part, err)
		}
		body = append(body, part[:n]...)
	}
}

// after follows each specimen.
const after = "GET /after HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"

// try sends a specimen and returns the statuses of what was answered until the connection was closed.
func (s specimen) try(tb testing.TB, addr string) (statuses []int) {
	tb.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.ReplaceAll(s.raw+after, "HOST", acmeHost)); err != nil {
		tb.Fatal(err)
	}
	for br := bufio.NewReader(c); ; {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			return statuses
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return statuses
		}
		res.Body.Close()
		if res.StatusCode != http.StatusContinue {
			statuses = append(statuses, res.StatusCode)
		}
	}
}

func specimens() []specimen {
	return slices.Concat(harmless, lengths, codings, chunks, fields, targets)
}

// Whatever is sent, the upstream sees exactly the requests that were judged, and nothing of those that were refused.
func TestSmuggling(t *testing.T) {
	n, upstream := newNode(t, proxy.Off), startRecorder(t)
	if err := n.tenants.Mount(t.Context(), n.acme.ID, acmeHost, "/support"); err != nil {
		t.Fatal(err)
	}
	n.route(t, "/", "http://"+upstream.Addr().String())
	n.start(t)
	for _, s := range specimens() {
		statuses := s.try(t, n.server.HTTPAddr().String())
		seen := upstream.take()
		if s.want != refused {
			if want := []string{s.want, "GET /after "}; !slices.Equal(seen, want) || !slices.Equal(statuses, []int{200, 200}) {
				t.Errorf("%s: answered %v, and the upstream saw %q, want %q", s.name, statuses, seen, want)
			}
			continue
		}
		// After an answer of the edge's own the connection may be in order, and what follows is judged for itself.
		if len(statuses) == 0 || statuses[0] < 400 || len(statuses) == 1 && len(seen) > 0 {
			t.Errorf("%s: answered %v, and the upstream saw %q, want an error", s.name, statuses, seen)
		}
		if len(statuses) == 2 && statuses[1] == http.StatusOK && !slices.Equal(seen, []string{"GET /after "}) || len(statuses) > 2 {
			t.Errorf("%s: answered %v, and the upstream saw %q, want no more than what follows", s.name, statuses, seen)
		}
	}
	if len(specimens()) < 60 {
		t.Errorf("%d specimens, want 60 at least", len(specimens()))
	}
}

const verdicts = "testdata/haproxy.json"

// HAProxy's verdicts are kept in a file, as each machine has another one. DESKGATE_HAPROXY=/usr/sbin/haproxy asks it anew.
func TestNothingIsAcceptedThatHAProxyRefuses(t *testing.T) {
	if program := os.Getenv("DESKGATE_HAPROXY"); program != "" {
		askHAProxy(t, program)
	}
	b, err := os.ReadFile(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	var accepts map[string]bool
	if err := json.Unmarshal(b, &accepts); err != nil {
		t.Fatal(err)
	}
	judge := func(name, want string) {
		accepted, asked := accepts[name]
		if !asked {
			t.Errorf("%s: HAProxy has not been asked: run this test with DESKGATE_HAPROXY=/usr/sbin/haproxy", name)
		}
		if asked && !accepted && want != refused {
			t.Errorf("%s: accepted, and HAProxy refuses it", name)
		}
		delete(accepts, name)
	}
	for _, s := range specimens() {
		judge(s.name, s.want)
	}
	for _, s := range streamsToTry() {
		judge(s.name, s.want)
	}
	if len(accepts) > 0 {
		t.Errorf("verdicts on what nobody asks any more: %v", slices.Sorted(maps.Keys(accepts)))
	}
}

// askHAProxy writes down what HAProxy does as it comes.
func askHAProxy(t *testing.T, program string) {
	t.Helper()
	upstream := startRecorder(t)
	first, addr := listenerFile(t)
	second, addr2 := listenerFile(t)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 2s
frontend f
  bind fd@3
  bind fd@4 proto h2
  default_backend b
backend b
  server s %s
`, upstream.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "-db", "-f", config)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{first, second}, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	accepts := map[string]bool{}
	for _, s := range specimens() {
		s.try(t, addr)
		accepts[s.name] = len(upstream.take()) > 0
	}
	for _, s := range streamsToTry() {
		c, err := net.Dial("tcp", addr2)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = speak(t, c).ask(1, s) // HAProxy may close the connection
		accepts[s.name] = len(upstream.take()) > 0
	}
	b, err := json.MarshalIndent(accepts, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(verdicts, append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// listenerFile opens a port for another process.
func listenerFile(t *testing.T) (f *os.File, addr string) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err = l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

// After WebSockets were asked for and not granted, nothing on the connection is taken for a request: it was not read along.
func TestNothingFollowsARefusedWebSocket(t *testing.T) {
	n, upstream := newNode(t, proxy.Off), startRecorder(t)
	n.route(t, "/x", "http://"+upstream.Addr().String())
	n.start(t)
	for _, path := range []string{"/x", "/ours"} {
		s := specimen{raw: strings.Replace(get("Connection: Upgrade", "Upgrade: websocket"), "/x", path, 1) + "GET /x HTTP/1.1\nHost: HOST\n\n"}
		if statuses := s.try(t, n.server.HTTPAddr().String()); !slices.Equal(statuses, []int{http.StatusOK}) {
			t.Errorf("%s: answered %v, want one 200", path, statuses)
		}
		if seen := upstream.take(); len(seen) > 1 {
			t.Errorf("%s: the upstream saw %q", path, seen)
		}
	}
}
