package main

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// given is a program that was called with these flags and variables.
func given(t *testing.T, environ []string, flags ...string) *program {
	t.Helper()
	p := &program{environ: environ}
	root := p.command()
	if err := root.ParseFlags(flags); err != nil {
		t.Fatal(err)
	}
	return p
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "deskgate.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSettingsStandards(t *testing.T) {
	s, err := given(t, nil).resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"data": "./data", "https": ":443", "http": ":80", "tls": "acme", "store": "badger:", "format": "json"}
	got := map[string]string{"data": s.data, "https": s.https, "http": s.http, "tls": s.tls, "store": s.store, "format": s.logFormat}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.logLevel != slog.LevelInfo || s.metrics != "" || len(s.nodeURLs) != 0 || s.masterKey != nil {
		t.Errorf("level %v, metrics %q, node URLs %v, master key %v", s.logLevel, s.metrics, s.nodeURLs, s.masterKey)
	}
}

func TestSettingsOrder(t *testing.T) {
	name := file(t, `
data = "/from/file"
tls = "internal"
log_level = "debug"
acme-http-port = 5002
node-url = ["https://a.example", "https://b.example"]
trusted-proxy = "10.0.0.0/8"
`)
	environ := []string{
		"DESKGATE_CONFIG=" + name, "DESKGATE_TLS=off", "DESKGATE_DATA=/from/env",
		"DESKGATE_TRUSTED_PROXY=192.0.2.1, 2001:db8::/32", "DESKGATE_HTTP=",
	}
	s, err := given(t, environ, "--data", "/from/flag").resolve()
	if err != nil {
		t.Fatal(err)
	}
	if s.data != "/from/flag" || s.tls != tlsOff || s.logLevel != slog.LevelDebug || s.acmeHTTPPort != 5002 || s.http != ":80" {
		t.Errorf("data %q, tls %q, level %v, port %d, http %q", s.data, s.tls, s.logLevel, s.acmeHTTPPort, s.http)
	}
	if diff := cmp.Diff([]string{"https://a.example", "https://b.example"}, s.nodeURLs); diff != "" {
		t.Error(diff)
	}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")}
	if diff := cmp.Diff(want, s.trustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// A bad setting is named in one line, in the words of the place where it was given.
func TestSettingsBad(t *testing.T) {
	for _, tc := range []struct {
		flags   []string
		environ []string
		file    string
		want    string
	}{
		{flags: []string{"--tls", "on"}, want: `--tls: "on" is not acme, internal, off`},
		{flags: []string{"--https", "443"}, want: `--https: "443" is not an address to listen on like :443 or 127.0.0.1:8443`},
		{flags: []string{"--https", ":99999"}, want: `--https: ":99999" is not an address`},
		{flags: []string{"--http", ":80", "--http", ":81"}, want: "--http: is given more than once"},
		{flags: []string{"--node-url", "tickets.example.com"}, want: `--node-url: "tickets.example.com" is not a base URL`},
		{flags: []string{"--node-url", "https://a.example/desk"}, want: "has more than scheme, host and port"},
		{flags: []string{"--trusted-proxy", "10.0.0.0/99"}, want: `--trusted-proxy: "10.0.0.0/99" is not a network`},
		{flags: []string{"--node-address", "example.com"}, want: "--node-address:"},
		{flags: []string{"--outbound-allow", "inside"}, want: `--outbound-allow: "inside" is not a network`},
		{flags: []string{"--memory", "12"}, want: "--memory:"},
		{flags: []string{"--data", ""}, want: "--data: is empty"},
		{flags: []string{"--acme-ca-root", "/nowhere/root.pem"}, want: "--acme-ca-root: open /nowhere/root.pem"},
		{flags: []string{"--smtp-url", "http://user:secret@mail"}, want: "--smtp-url: is not a URL like smtp://"},
		{flags: []string{"--store", "postgres://x"}, want: "--store:"},
		{flags: []string{"--config", "/nowhere/deskgate.toml"}, want: "--config: open /nowhere/deskgate.toml"},
		{environ: []string{"DESKGATE_LOG_LEVEL=loud"}, want: `DESKGATE_LOG_LEVEL: "loud" is not debug, info, warn or error`},
		{environ: []string{"DESKGATE_MASTER_KEY=short"}, want: "DESKGATE_MASTER_KEY:"},
		{file: "tsl = 'off'", want: "tsl: there is no such setting"},
		{file: "tls = 'on'", want: `tls: "on" is not`},
		{file: "tls = ", want: "toml: line 1"},
		{file: "data = { a = 1 }", want: "data: is neither a text"},
	} {
		flags := tc.flags
		if tc.file != "" {
			flags = []string{"--config", file(t, tc.file)}
		}
		_, err := given(t, tc.environ, flags...).resolve()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v %v %q: %v, want %q", tc.flags, tc.environ, tc.file, err, tc.want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "secret") {
			t.Errorf("%v: %q is more than a line, or tells a secret", tc.flags, text)
		}
	}
}

func TestSettingsCredentials(t *testing.T) {
	dir := t.TempDir()
	key := strings.Repeat("ab", 32)
	for name, text := range map[string]string{"master.key": key + "\n", "smtp-url": "smtps://me:pw@mail.example:465\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := given(t, []string{"CREDENTIALS_DIRECTORY=" + dir}).resolve()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.masterKey) != 32 || s.masterKey[0] != 0xab || s.smtp.String() != "smtps://mail.example:465" {
		t.Errorf("master key %x, SMTP URL %q", s.masterKey, s.smtp)
	}
}

// What a node was told is there for the commands that come after it, unless they are told something else.
func TestRemembered(t *testing.T) {
	dir := t.TempDir()
	s, err := given(t, nil, "--data", dir, "--node-url", "https://a.example:8443", "--tls", "internal", "--http", ":8080").resolve()
	if err != nil {
		t.Fatal(err)
	}
	if err := remember(s); err != nil {
		t.Fatal(err)
	}
	s, err = given(t, nil, "--data", dir, "--tls", "off").forCommand()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.nodeURLs) != 1 || s.nodeURLs[0] != "https://a.example:8443" || s.tls != tlsOff || s.http != ":80" {
		t.Errorf("node URLs %v, tls %q, http %q", s.nodeURLs, s.tls, s.http)
	}
}

// Every setting has a flag of its name, and the manual has a line for it.
func TestSettingsAreDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	p := given(t, nil)
	flags := p.command().PersistentFlags()
	for _, d := range knownSettings() {
		if flags.Lookup(d.name) == nil {
			t.Errorf("there is no flag --%s", d.name)
		}
		line := "| `--" + d.name + " " + d.value + "` | "
		i := strings.Index(string(manual), line)
		if i < 0 {
			t.Errorf("the manual has no line that begins with %q", line)
			continue
		}
		row, _, _ := strings.Cut(string(manual[i+len(line):]), "\n")
		if d.standard != "" && !strings.HasPrefix(row, "`"+d.standard+"` |") {
			t.Errorf("--%s: the manual says %q, the default is %q", d.name, row, d.standard)
		}
		if d.live != strings.Contains(row, "(SIGHUP)") {
			t.Errorf("--%s: the manual is wrong about SIGHUP", d.name)
		}
	}
	_, table, _ := strings.Cut(string(manual), "\n## Settings\n") // routes have flags as well
	table, _, _ = strings.Cut(table, "\n## ")
	if got, want := strings.Count(table, "\n| `--"), len(knownSettings()); got != want {
		t.Errorf("the manual's table has %d settings, want %d", got, want)
	}
}
