package proxytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// BIND is a name server of others' making, with one zone that takes signed updates.
type BIND struct {
	*DNS
	// Key is what updates are signed with, as tsig-keygen prints it.
	Key string
}

// StartBIND starts BIND's named with a zone in which everything is this machine. It ends with the test.
func StartBIND(tb testing.TB, zone string) *BIND {
	tb.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	b := &BIND{DNS: &DNS{}, Key: fmt.Sprintf("key \"deskgate\" {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};\n", base64.StdEncoding.EncodeToString(secret))}
	tcp, udp, err := ListenBoth()
	if err != nil {
		tb.Fatal(err)
	}
	b.Addr = tcp.Addr().String()
	_ = tcp.Close() // for named
	_ = udp.Close()
	dir := tb.TempDir()
	_, port, _ := net.SplitHostPort(b.Addr)
	write(tb, dir, "named.conf", fmt.Sprintf(`options {
	directory %q; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none; session-keyfile none;
	dnssec-validation no;
};
controls { };
%s
zone %q { type primary; file "zone"; update-policy { grant deskgate subdomain _acme-challenge.%s. TXT; }; };
`, dir, port, b.Key, zone, zone))
	write(tb, dir, "zone", fmt.Sprintf("$TTL 60\n@ IN SOA ns.%[1]s. admin.%[1]s. 1 3600 600 86400 5\n@ IN NS ns.%[1]s.\n@ IN A 127.0.0.1\n* IN A 127.0.0.1\n", zone))
	b.run(tb, dir, zone)
	return b
}

func write(tb testing.TB, dir, name, content string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// run starts a copy of the program: security modules allow Debian's own only its own files.
func (b *BIND) run(tb testing.TB, dir, zone string) {
	tb.Helper()
	program, err := exec.LookPath("named")
	if err != nil {
		program = "/usr/sbin/named" // which is not where people look
	}
	content, err := os.ReadFile(program) //nolint:gosec // BIND's
	if err != nil {
		tb.Fatalf("BIND is needed (Debian: bind9): %v", err)
	}
	own := filepath.Join(dir, "named")
	if err := os.WriteFile(own, content, 0o700); err != nil { //nolint:gosec // it is to be run
		tb.Fatal(err)
	}
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	named := exec.CommandContext(ctx, own, "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")) //nolint:gosec // BIND's
	named.Stdout, named.Stderr = &said, &said
	if err := named.Start(); err != nil {
		cancel()
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cancel()
		_ = named.Wait() // it was killed
		if tb.Failed() {
			tb.Logf("BIND: %s", said.String())
		}
	})
	for begin := time.Now(); len(b.Records(zone, dns.TypeSOA)) == 0; {
		if time.Since(begin) > 20*time.Second {
			tb.Fatal("BIND does not answer")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Records are the records of a name and type.
func (b *BIND) Records(name string, kind uint16) []dns.RR {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), kind)
	answer, err := dns.Exchange(m, b.Addr)
	if err != nil {
		return nil
	}
	return answer.Answer
}
