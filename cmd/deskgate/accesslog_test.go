package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// accessLine is the one that a file has, or will have: a visitor may have the answer before it is written.
func accessLine(t *testing.T, name string) map[string]any {
	t.Helper()
	var b []byte
	eventually(t, "no line in "+name, func() (err error) {
		if b, err = os.ReadFile(name); err == nil && !bytes.HasSuffix(b, []byte("\n")) {
			err = errors.New("it is empty")
		}
		return err
	})
	var all []map[string]any
	for line := range bytes.Lines(b) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, v)
	}
	if len(all) != 1 {
		t.Fatalf("%s has %v, want one line", name, all)
	}
	return all[0]
}

// Each tenant has an access log of its own, which says who answered and over what, and none of the secrets; it goes on in a new
// file when the old one was moved away.
func TestAccessLogOfEachTenant(t *testing.T) {
	m := newManager(t)
	logs := filepath.Join(m.dir, "access")
	m.configure(t, "info", fmt.Sprintf("access-log = %q", logs+"/"))
	m.start(t)
	for _, slug := range []string{"acme", "bee"} {
		m.command(t, "tenant", "create", slug)
	}
	m.command(t, "route", "add", "acme", m.acme, "/app", m.upstream)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(m.command(t, "ca")))
	c := localClient(roots)
	defer c.CloseIdleConnections()
	port := ":" + portOf(m.https)
	for _, url := range []string{"https://" + m.acme + port + "/app?token=sesame", "https://bee.deskgate.localhost" + port + "/integration", "https://deskgate.localhost" + port + "/integration"} {
		if err := comeOnce(c, url, 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(logs, "acme.log")
	line := accessLine(t, file)
	for name, want := range map[string]any{
		"msg": "request", "tenant": "acme", "host": m.acme, "method": "GET", "path": "/app?token=***", "status": 200.0, "bytes": 11.0, "client_ip": "127.0.0.1",
		"protocol": "HTTP/2.0", "tls": "TLS 1.3", "upstream": strings.TrimPrefix(m.upstream, "http://"), "tries": 1.0,
	} {
		if got := line[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"time", "request_id", "duration_ms", "upstream_ms"} {
		if line[name] == nil || line[name] == "" {
			t.Errorf("there is no %s in %v", name, line)
		}
	}
	if bee := accessLine(t, filepath.Join(logs, "bee.log")); bee["upstream"] != nil {
		t.Errorf("bee's log has %v", bee)
	}
	if nobody := accessLine(t, filepath.Join(logs, "_node.log")); nobody["tenant"] != "" {
		t.Errorf("nobody's log has %v", nobody)
	}
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	m.readAgain(t)
	if err := comeOnce(c, "https://"+m.acme+port+"/app", 0, ""); err != nil {
		t.Fatal(err)
	}
	if before, after := accessLine(t, file+".1"), accessLine(t, file); before["path"] == after["path"] {
		t.Errorf("the new line is %v", after)
	}
	b, err := os.ReadFile(filepath.Join(m.dir, "log"))
	if err != nil || bytes.Contains(b, []byte(`"msg":"request"`)) {
		t.Errorf("%v: the node's own log has requests:\n%s", err, b)
	}
}
