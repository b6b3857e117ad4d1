package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

// TestNothingIsLostByChange restarts a node and has it read its settings again, while visitors of all kinds come: over
// connections that are kept and over new ones, HTTP/1 and HTTP/2, with and without a body, to an upstream and to the help desk.
// None of their requests fails. DESKGATE_CHANGES=10,100 restarts ten times and reloads a hundred times.
func TestNothingIsLostByChange(t *testing.T) {
	restarts, reloads := 3, 21
	if wish := os.Getenv("DESKGATE_CHANGES"); wish != "" {
		if _, err := fmt.Sscanf(wish, "%d,%d", &restarts, &reloads); err != nil {
			t.Fatal(err)
		}
	}
	m := newManager(t)
	m.start(t)
	for _, args := range [][]string{{"tenant", "create", "acme"}, {"route", "add", "acme", m.acme, "/app", m.upstream}} {
		m.command(t, args...)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(m.command(t, "ca")))
	crowd := m.visitors(t, roots)
	for round := range restarts {
		for range reloads / restarts {
			m.reload(t)
		}
		crowd.more(t, 20)
		m.restart(t)
		crowd.more(t, 20)
		t.Logf("restart %d: %s", round+1, crowd)
	}
	crowd.leave()
	t.Logf("%d restarts, %d reloads: %s", restarts, reloads/restarts*restarts, crowd)
}

// TestReload has a node read its settings again: those that can change do, a file that can't be used changes nothing, and what
// needs a restart is said.
func TestReload(t *testing.T) {
	first, second := mailtest.Start(t, mailtest.Options{}), mailtest.Start(t, mailtest.Options{})
	m := newManager(t)
	m.configure(t, "info", fmt.Sprintf("smtp-url = %q", first.URL))
	m.start(t)
	m.command(t, "tenant", "create", "acme")
	m.command(t, "agent", "invite", "acme", "ann@acme.example")
	if l := first.Wait(t, "ann@acme.example"); !strings.Contains(l.From, "no-reply@deskgate.localhost") {
		t.Errorf("the letter is from %s", l.From)
	}
	m.configure(t, "loud", fmt.Sprintf("smtp-url = %q", second.URL))
	m.readAgain(t)
	m.command(t, "agent", "invite", "acme", "ben@acme.example")
	first.Wait(t, "ben@acme.example")
	m.configure(t, "debug", fmt.Sprintf("smtp-url = %q", second.URL), `mail-from = "help@acme.example"`, `max-connections = 500`, `http3 = "off"`)
	m.readAgain(t)
	m.command(t, "agent", "invite", "acme", "eve@acme.example")
	if l := second.Wait(t, "eve@acme.example"); !strings.Contains(l.From, "help@acme.example") {
		t.Errorf("the letter is from %s", l.From)
	}
	log, err := os.ReadFile(filepath.Join(m.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`everything stays as it is","error":"` + m.config + `: log-level: \"loud\"`, `"changed":"max-connections, smtp-url, mail-from, log-level"`,
		`need a restart","settings":"http3"`,
	} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log does not have %s:\n%s", want, log)
		}
	}
}

// manager is what systemd is to a node: it holds the sockets, starts and stops it, and hears what it says.
type manager struct {
	dir, config, acme, upstream string
	https, http                 net.Listener
	files                       []*os.File
	ear                         *net.UnixConn
	node                        *exec.Cmd
	reloads                     int
}

func newManager(t *testing.T) *manager {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-time.After(time.Duration(len(b)%7) * time.Millisecond):
		case <-r.Context().Done():
		}
		fmt.Fprintf(w, "%s %d bytes", r.Method, len(b))
	}))
	t.Cleanup(app.Close)
	m := &manager{dir: t.TempDir(), upstream: app.URL}
	m.config = filepath.Join(m.dir, "deskgate.toml")
	for _, l := range []*net.Listener{&m.https, &m.http} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		f, err := (*l).(*net.TCPListener).File() //nolint:errcheck,forcetypeassert // it listens on TCP
		if err != nil {
			t.Fatal(err)
		}
		m.files = append(m.files, f)
	}
	udp, err := net.ListenPacket("udp", m.https.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f, err := udp.(*net.UDPConn).File() //nolint:errcheck,forcetypeassert // it is UDP
	if err != nil {
		t.Fatal(err)
	}
	m.files = append(m.files, f)
	if m.ear, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(m.dir, "notify"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range []io.Closer{m.files[0], m.files[1], m.files[2], m.https, m.http, udp, m.ear} {
			_ = c.Close()
		}
	})
	m.acme = "acme.deskgate.localhost"
	m.configure(t, "info")
	return m
}

func (m *manager) configure(t *testing.T, level string, more ...string) {
	t.Helper()
	text := fmt.Sprintf("node-url = \"https://deskgate.localhost:%s\"\ntls = \"internal\"\nlog-level = %q\n%s\n", portOf(m.https), level, strings.Join(more, "\n"))
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *manager) start(t *testing.T) {
	t.Helper()
	// LISTEN_PID has to be that of the node itself.
	m.node = exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec deskgate serve --config "$0" --data "$1"`, m.config, filepath.Join(m.dir, "data"))
	m.node.Env = append(os.Environ(), "LISTEN_FDS=3", "LISTEN_FDNAMES=https:http:https", "NOTIFY_SOCKET="+m.ear.LocalAddr().String())
	m.node.ExtraFiles = m.files
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	m.node.Stderr = log
	if err := m.node.Start(); err != nil {
		t.Fatal(err)
	}
	node := m.node
	t.Cleanup(func() { _, _ = node.Process.Kill(), node.Wait() })
	hear(t, m.ear, "READY=1")
}

// restart does what systemctl restart does.
func (m *manager) restart(t *testing.T) {
	t.Helper()
	send(t, m.node, syscall.SIGTERM)
	hear(t, m.ear, "STOPPING=1")
	if err := m.node.Wait(); err != nil {
		t.Fatalf("after SIGTERM: %v, want exit code 0", err)
	}
	m.start(t)
}

// reload has the node read its settings again; each third time they can't be used.
func (m *manager) reload(t *testing.T) {
	t.Helper()
	m.reloads++
	m.configure(t, []string{"info", "warn", "loud"}[m.reloads%3])
	m.readAgain(t)
	m.configure(t, "info")
}

// readAgain does what systemctl reload does.
func (m *manager) readAgain(t *testing.T) {
	t.Helper()
	send(t, m.node, syscall.SIGHUP)
	hear(t, m.ear, "RELOADING=1")
	hear(t, m.ear, "READY=1")
}

func (m *manager) command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "deskgate", append(args, "--data", filepath.Join(m.dir, "data"))...).Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

// visitors are those who come while the node changes.
type visitors struct {
	tb    *testing.T
	stop  context.CancelFunc
	group sync.WaitGroup
	kinds map[string]*atomic.Int64
	lost  atomic.Int64
}

// visitors begin to come, two of each kind.
func (m *manager) visitors(t *testing.T, roots *x509.CertPool) *visitors {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	v := &visitors{tb: t, stop: stop, kinds: map[string]*atomic.Int64{}}
	secure, plain := "https://"+m.acme+":"+portOf(m.https), "http://"+m.acme+":"+portOf(m.http)
	for _, k := range []struct {
		name string
		http int
		anew bool
		url  string
		body int
		want string
	}{
		{"h1 kept", 1, false, secure + "/app", 0, "GET 0 bytes"},
		{"h1 new", 1, true, secure + "/app", 0, "GET 0 bytes"},
		{"h1 kept, body", 1, false, secure + "/app", 5000, "POST 5000 bytes"},
		{"h1 new, body", 1, true, secure + "/app", 5000, "POST 5000 bytes"},
		{"h2 kept", 2, false, secure + "/app", 0, "GET 0 bytes"},
		{"h2 new", 2, true, secure + "/app", 0, "GET 0 bytes"},
		{"h2 kept, body", 2, false, secure + "/app", 5000, "POST 5000 bytes"},
		{"h3 kept", 3, false, secure + "/app", 0, "GET 0 bytes"},
		{"h3 new", 3, true, secure + "/app", 0, "GET 0 bytes"},
		{"h3 kept, body", 3, false, secure + "/app", 5000, "POST 5000 bytes"},
		{"help desk", 2, false, secure + "/integration", 0, "<html"},
		{"redirect", 1, false, plain + "/app", 0, ""},
	} {
		count := new(atomic.Int64)
		v.kinds[k.name] = count
		for range 2 {
			c := visitor(roots, k.http, k.anew)
			v.group.Go(func() {
				defer c.CloseIdleConnections()
				for ctx.Err() == nil {
					if err := comeOnce(c, k.url, k.body, k.want); err != nil { //nolint:contextcheck // the end of the test must not look like a failure of the node
						v.lost.Add(1)
						t.Errorf("%s: %v", k.name, err)
						return
					}
					if k.http == 3 && k.anew {
						c.CloseIdleConnections()
					}
					count.Add(1)
				}
			})
		}
	}
	t.Cleanup(v.leave)
	return v
}

// visitor speaks one version of HTTP.
func visitor(roots *x509.CertPool, version int, anew bool) *http.Client {
	if version == 3 {
		return &http.Client{Transport: &http3.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			QUICConfig:      &quic.Config{HandshakeIdleTimeout: patience},
			Dial: func(ctx context.Context, addr string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
				_, port, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err
				}
				return quic.DialAddr(ctx, "127.0.0.1:"+port, c, q)
			},
		}}
	}
	c := localClient(roots)
	tr := c.Transport.(*http.Transport) //nolint:errcheck,forcetypeassert // localClient made it
	tr.DisableKeepAlives = anew
	if version == 1 {
		tr.ForceAttemptHTTP2, tr.TLSNextProto = false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return c
}

// comeOnce makes one request. It is not ended by the end of the test: that would be no failure of the node's.
func comeOnce(c *http.Client, url string, body int, want string) error {
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if body > 0 {
		method, content = http.MethodPost, bytes.NewReader(make([]byte, body))
	}
	r, err := http.NewRequestWithContext(context.Background(), method, url, content)
	if err != nil {
		return err
	}
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 400 || !strings.Contains(string(b), want) {
		return fmt.Errorf("%s: %.200s, want %q", res.Status, b, want)
	}
	return nil
}

// more waits until each kind has made so many more requests.
func (v *visitors) more(t *testing.T, n int64) {
	t.Helper()
	before := map[string]int64{}
	for name, count := range v.kinds {
		before[name] = count.Load()
	}
	eventually(t, "visitors don't get on", func() error {
		if v.lost.Load() > 0 {
			return nil
		}
		for name, count := range v.kinds {
			if count.Load() < before[name]+n {
				return errors.New(name + " waits")
			}
		}
		return nil
	})
}

func (v *visitors) leave() {
	v.stop()
	v.group.Wait()
}

func (v *visitors) String() string {
	var b strings.Builder
	total := int64(0)
	for _, name := range slices.Sorted(maps.Keys(v.kinds)) {
		n := v.kinds[name].Load()
		total += n
		fmt.Fprintf(&b, ", %s %d", name, n)
	}
	return strconv.FormatInt(total, 10) + " requests (" + strings.TrimPrefix(b.String(), ", ") + "), " + strconv.FormatInt(v.lost.Load(), 10) + " failed"
}

// Whether the settings could be used when they were read last is in the metrics.
func TestMetricsOfReloads(t *testing.T) {
	m := newManager(t)
	metrics := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	m.configure(t, "info", fmt.Sprintf("metrics = %q", metrics))
	m.start(t)
	want := func(well string) {
		t.Helper()
		got := get(t, "http://"+metrics+"/metrics")
		if got.err != nil || !strings.Contains(got.body, "\ndeskgate_config_last_reload_successful "+well+"\n") || strings.Contains(got.body, "\ndeskgate_config_last_reload_success_seconds 0\n") {
			t.Errorf("not %s: %v %s", well, got.err, got.body)
		}
	}
	want("1")
	m.configure(t, "loud", fmt.Sprintf("metrics = %q", metrics))
	m.readAgain(t)
	want("0")
	m.configure(t, "info", fmt.Sprintf("metrics = %q", metrics))
	m.readAgain(t)
	want("1")
}
