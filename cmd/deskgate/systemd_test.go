package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemd starts a node as systemd does: with its sockets, and with an ear for what it tells.
func TestSystemd(t *testing.T) {
	dir := t.TempDir()
	ear, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	file, err := plain.(*net.TCPListener).File() //nolint:errcheck,forcetypeassert // it listens on TCP
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	// LISTEN_PID has to be that of the node itself.
	c := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec deskgate serve --tls off --data "$0" --node-url "$1"`,
		filepath.Join(dir, "data"), "http://deskgate.localhost")
	c.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=deskgate-http.socket", "NOTIFY_SOCKET="+ear.LocalAddr().String())
	c.ExtraFiles = []*os.File{file}
	c.Stderr = t.Output()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	hear(t, ear, "READY=1")
	client := localClient(nil)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://deskgate.localhost:%s/", portOf(plain)), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode == http.StatusMisdirectedRequest {
		t.Errorf("the node's host answered %s, %v", res.Status, err)
	}
	send(t, c, syscall.SIGHUP)
	hear(t, ear, "RELOADING=1")
	hear(t, ear, "READY=1")
	send(t, c, syscall.SIGTERM)
	hear(t, ear, "STOPPING=1")
	if err := c.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

func send(t *testing.T, c *exec.Cmd, s os.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// hear waits for one message to systemd.
func hear(t *testing.T, ear *net.UnixConn, want string) {
	t.Helper()
	b := make([]byte, 4096)
	if err := ear.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, err := ear.Read(b)
	if err != nil {
		t.Fatalf("waiting for %s: %v", want, err)
	}
	if got, _, _ := strings.Cut(string(b[:n]), "\n"); got != want {
		t.Errorf("systemd heard %q, want %q", got, want)
	}
}
