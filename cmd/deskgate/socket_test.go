package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A data folder with a long path gets its socket, though the kernel takes no more than 107 bytes; and nobody but its
// owner can open it.
func TestAdminSocket(t *testing.T) {
	for name, dir := range map[string]string{
		"short": t.TempDir(),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("a-long-way/", 20)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := dialAdmin(t.Context(), dir); !errors.Is(err, errNoNode) {
				t.Fatalf("before: %v, want %v", err, errNoNode)
			}
			exchange(t, dir)
			if _, err := dialAdmin(t.Context(), dir); !errors.Is(err, errNoNode) {
				t.Fatalf("afterwards: %v, want %v", err, errNoNode)
			}
		})
	}
}

// exchange sends some bytes through the socket in dir.
func exchange(t *testing.T, dir string) {
	t.Helper()
	l, err := listenAdmin(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("mode %v, want a socket with 0600", info.Mode())
	}
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	c, err := dialAdmin(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); string(b) != "hello" {
		t.Errorf("read %q, %v", b, err)
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}

// A socket that a killed node left behind is in nobody's way.
func TestAdminSocketLeftBehind(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dialAdmin(context.Background(), dir); !errors.Is(err, errNoNode) {
		t.Fatalf("a socket without a node: %v, want %v", err, errNoNode)
	}
	exchange(t, dir)
}
