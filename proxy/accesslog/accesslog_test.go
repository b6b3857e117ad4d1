package accesslog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/accesslog"
)

func line(path string) slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
	r.AddAttrs(slog.String("path", path))
	return r
}

// paths are those of a file's lines.
func paths(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for l := range bytes.Lines(b) {
		var v struct{ Path string }
		if err := json.Unmarshal(l, &v); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		all = append(all, v.Path)
	}
	return strings.Join(all, " ")
}

// Each tenant's lines are in its own file, nobody's in another, and files that were moved away get none any more.
func TestFilePerTenant(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "access")
	l, err := accesslog.Open(dir+"/", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Write(t.Context(), "acme", line("/a"))
	l.Write(t.Context(), "bee", line("/b"))
	l.Write(t.Context(), "", line("/n"))
	acme := filepath.Join(dir, "acme.log")
	if err := os.Rename(acme, acme+".1"); err != nil {
		t.Fatal(err)
	}
	l.Write(t.Context(), "acme", line("/a2"))
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(t.Context(), "acme", line("/a3"))
	for name, want := range map[string]string{"acme.log.1": "/a /a2", "acme.log": "/a3", "bee.log": "/b", "_node.log": "/n"} {
		if got := paths(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	if info, err := os.Stat(acme); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v: others can read it", info.Mode(), err)
	}
}

// Of many tenants not all files are open, and no line is lost because of it.
func TestManyTenants(t *testing.T) {
	dir := t.TempDir()
	l, err := accesslog.Open(dir+"/", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for round := range 2 {
		for i := range 600 {
			l.Write(t.Context(), fmt.Sprintf("t%d", i), line(fmt.Sprintf("/%d", round)))
		}
	}
	open := 0
	for _, e := range must(os.ReadDir("/proc/self/fd")) {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, dir) {
			open++
		}
	}
	if open > 256 {
		t.Errorf("%d files are open", open)
	}
	for i := range 600 {
		if got := paths(t, filepath.Join(dir, fmt.Sprintf("t%d.log", i))); got != "/0 /1" {
			t.Fatalf("t%d has %s", i, got)
		}
	}
}

func must[T any](v T, _ error) T { return v }

// One file has all lines. A folder that is none stops the start; a disk that takes nothing is told of once a minute.
func TestOneFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sub", "access.log")
	l, err := accesslog.Open(name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.Write(t.Context(), "acme", line("/a"))
	l.Write(t.Context(), "", line("/n"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := paths(t, name); got != "/a /n" {
		t.Errorf("the file has %s", got)
	}
	if _, err := accesslog.Open(name+"/", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file is taken for a folder")
	}
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		l := accesslog.To(full{}, slog.New(slog.NewTextHandler(&said, nil)))
		for range 5 {
			l.Write(t.Context(), "acme", line("/a"))
		}
		time.Sleep(2 * time.Minute)
		l.Write(t.Context(), "acme", line("/a"))
		if got := said.String(); strings.Count(got, "can't be written") != 2 || !strings.Contains(got, "lines_lost=5") {
			t.Errorf("the log says:\n%s", got)
		}
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrPermission }
