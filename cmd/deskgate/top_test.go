package main

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/deskgate/deskgate/proxy/live"
)

// top looks at a node while visitors come.
func TestTop(t *testing.T) {
	m := newManager(t)
	if out, err := exec.CommandContext(t.Context(), "deskgate", "top", "--once", "--data", filepath.Join(m.dir, "data")).CombinedOutput(); err == nil || !strings.Contains(string(out), "no node runs") {
		t.Errorf("without a node: %v, %s", err, out)
	}
	m.start(t)
	m.command(t, "tenant", "create", "acme")
	m.command(t, "route", "add", "acme", m.acme, "/app", m.upstream)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(m.command(t, "ca")))
	crowd := m.visitors(t, roots)

	var d topDocument
	if err := json.Unmarshal([]byte(m.command(t, "top", "--json", "--interval", "500ms")), &d); err != nil {
		t.Fatal(err)
	}
	if d.Traffic.All.Requests == 0 || len(d.Traffic.Hosts) != 1 || d.Traffic.Hosts[0].Host != m.acme || d.Traffic.Hosts[0].Tenant != "acme" || d.Traffic.Hosts[0].P99 == 0 {
		t.Errorf("traffic %+v", d.Traffic)
	}
	if d.State.Certificates.States["active"] == 0 || d.State.Connections == 0 || len(d.State.Upstreams) != 1 || d.State.Upstreams[0].Answered == 0 || len(d.State.Queues) != 5 {
		t.Errorf("state %+v", d.State)
	}
	once := m.command(t, "top", "--interval", "200ms", "--sort", "errors")
	if !strings.Contains(once, m.acme) || !strings.Contains(once, "▾5XX") || strings.Contains(once, "\x1b") {
		t.Errorf("on no terminal:\n%s", once)
	}
	t.Log("\n" + once)
	m.topOnTerminal(t)
	m.topIsResized(t)
	crowd.leave()
}

// topOnTerminal watches it on a terminal of 80 columns, changes the order, and ends it.
func (m *manager) topOnTerminal(t *testing.T) {
	t.Helper()
	ours, theirs := terminal(t)
	c := exec.CommandContext(t.Context(), "deskgate", "top", "--interval", "200ms", "--data", filepath.Join(m.dir, "data"))
	c.Env = append(os.Environ(), "TERM=xterm")
	c.Stdin, c.Stdout, c.Stderr = theirs, theirs, theirs
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	var mu sync.Mutex
	var seen strings.Builder
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ours.Read(b)
			mu.Lock()
			seen.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	shown := func(want string) {
		t.Helper()
		eventually(t, "the screen does not have "+want, func() error {
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(seen.String(), want) {
				return fmt.Errorf("%q", seen.String())
			}
			return nil
		})
	}
	shown(screenBegin)
	shown("▾REQ/S")
	shown(m.acme)
	for _, k := range []struct{ key, heading string }{{"e", "▾5XX"}, {"s", "▾P99"}, {"h", "▾HOST"}} {
		_, _ = io.WriteString(ours, k.key)
		shown(k.heading)
	}
	_, _ = io.WriteString(ours, "\x1a") // Ctrl-Z gives the terminal back
	shown(screenEnd)
	eventually(t, "it does not go on", func() error {
		_ = c.Process.Signal(syscall.SIGCONT)
		mu.Lock()
		defer mu.Unlock()
		if _, after, _ := strings.Cut(seen.String(), screenEnd); !strings.Contains(after, screenBegin) || !strings.Contains(after, "▾HOST") {
			return fmt.Errorf("%q", after)
		}
		return nil
	})
	_, _ = io.WriteString(ours, "\x1b[A\x00\xffq") // keys that mean nothing
	if err := c.Wait(); err != nil {
		t.Errorf("after q: %v", err)
	}
	mu.Lock()
	all := seen.String()
	mu.Unlock()
	for line := range strings.SplitSeq(all, "\r\n") {
		for _, word := range []string{"\r", screenBegin, screenHome, lineRest, screenRest, screenEnd} {
			line = strings.ReplaceAll(line, word, "")
		}
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// topIsResized has a terminal shrink while a long look is taken. One that can do nothing but print gets one look.
func (m *manager) topIsResized(t *testing.T) {
	t.Helper()
	for term, want := range map[string]string{"xterm": "deskgate top: lo…", "dumb": "HOST "} {
		ours, theirs := terminal(t)
		c := exec.CommandContext(t.Context(), "deskgate", "top", "--interval", map[string]string{"xterm": "1m", "dumb": "200ms"}[term], "--data", filepath.Join(m.dir, "data"))
		c.Env = append(os.Environ(), "TERM="+term)
		c.Stdin, c.Stdout, c.Stderr = theirs, theirs, theirs
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		late := time.AfterFunc(patience, func() { _ = c.Process.Kill() }) // which ends the reading
		defer late.Stop()
		b := make([]byte, 1<<16)
		var seen string
		for !strings.Contains(seen, want) {
			n, err := ours.Read(b)
			if seen += string(b[:n]); err != nil {
				t.Fatalf("TERM=%s: %v after %q, want %q", term, err, seen, want)
			}
			if strings.Contains(seen, "looking…") && term == "xterm" {
				if err := unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 17}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if strings.Contains(seen, "\x1b") != (term == "xterm") {
			t.Errorf("TERM=%s: %q", term, seen)
		}
		_, _ = io.WriteString(ours, "q")
		if err := c.Wait(); err != nil {
			t.Errorf("TERM=%s: %v", term, err)
		}
	}
}

// terminal is a terminal of 80 columns and 24 lines, both ends.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	if theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// However much there is to show, it fits; and what others have answered does not change the terminal.
func TestTopFits(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	d := topDocument{State: nodeState{Node: "https://tickets.example.com", Begun: now.Add(-50 * time.Hour), Domains: map[string]int{"active": 120, "drifted": 2}}}
	ends := now.Add(23 * 24 * time.Hour)
	d.State.Certificates = certificatesState{States: map[string]int{"active": 118, "failing": 4}, Expires: &ends}
	for i := range 9 {
		host := fmt.Sprintf("%d.%s.example", i, strings.Repeat("long-", 20))
		d.State.Certificates.Failing = append(d.State.Certificates.Failing, failing{Host: host, Reason: "\x1b[2Jthe port is closed"})
		d.State.Upstreams = append(d.State.Upstreams, upstreamState{Upstream: "http://10.0.0." + strconv.Itoa(i), Health: "down", Reason: "refused"})
	}
	for i := range 100 {
		d.Traffic.Hosts = append(d.Traffic.Hosts, live.Row{Host: fmt.Sprintf("host%d.%s.example", i, strings.Repeat("x", i)), Requests: uint64(i), Failed: uint64(i % 7), P99: float64(i) / 10, Bytes: int64(i) << 20})
	}
	rests := now.Add(90 * time.Minute)
	d.State.Certificates.Authorities = []authorityState{{Authority: "a.example", RestsTill: &rests, Reason: "slow down"}, {Authority: "b.example"}}
	d.Traffic.Seconds = 2
	for _, o := range allOrders() {
		for _, size := range []view{{width: 80, height: 23, order: o, now: now}, {width: 40, height: 5, order: o, now: now}, {width: 200, height: 60, order: o, now: now}} {
			lines := d.lines(size)
			if len(lines) > size.height {
				t.Errorf("%d lines, want %d at most", len(lines), size.height)
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > size.width || strings.ContainsRune(line, '\x1b') {
					t.Errorf("%q does not fit into %d columns", line, size.width)
				}
			}
		}
	}
	busiest := d.lines(view{width: 80, height: 30, order: orders()["requests"], now: now})
	if !strings.HasPrefix(busiest[len(busiest)-1], "host") || !strings.Contains(strings.Join(busiest, "\n"), "up 2d") || !strings.Contains(strings.Join(busiest, "\n"), "ends in 23d") ||
		!strings.Contains(strings.Join(busiest, "\n"), "! a.example is asked again in 1h30m: slow down") || strings.Contains(strings.Join(busiest, "\n"), "b.example") {
		t.Errorf("got\n%s", strings.Join(busiest, "\n"))
	}
}
