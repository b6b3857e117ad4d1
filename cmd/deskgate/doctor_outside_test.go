package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
)

const outsideHost = "desk.example.com"

// visible is a node whose names are in a DNS of the test's own.
type visible struct {
	dns  *proxytest.DNS
	port int
	args []string
}

func newVisible(t *testing.T, more ...string) *visible {
	t.Helper()
	v := &visible{dns: proxytest.StartDNS(t), port: freePort(t)}
	v.args = append([]string{
		"--data", filepath.Join(t.TempDir(), "data"), "--tls", "internal", "--log-level", "error", "--dns-resolver", v.dns.Addr,
		"--https", fmt.Sprintf("127.0.0.1:%d", v.port), "--http", fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		"--node-url", fmt.Sprintf("https://%s:%d", outsideHost, v.port),
	}, more...)
	v.lead(t, "127.0.0.1")
	node := exec.CommandContext(t.Context(), "deskgate", append([]string{"serve"}, v.args...)...)
	node.Stderr = t.Output()
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = node.Process.Kill(), node.Wait() })
	nodeReady(t, v.args[1])
	return v
}

// lead has the node's names lead to an address.
func (v *visible) lead(t *testing.T, address string) {
	t.Helper()
	for _, name := range []string{outsideHost, "deskgate-doctor." + outsideHost, "deskgate-doctor.t." + outsideHost} {
		v.dns.Clear(name)
		v.dns.Set(t, name+". 1 IN A "+address)
	}
}

// doctor returns what was found, a line each, and what passed. It is sure of all of it.
func (v *visible) doctor(t *testing.T) (found, passed string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "deskgate", append([]string{"doctor", "--json"}, v.args...)...).Output()
	var a struct {
		Findings, Unsure []diagnosis
		Passed           []string
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if exit, failed := errors.AsType[*exec.ExitError](err); failed != (len(a.Findings) > 0) {
		t.Errorf("%d findings, and %v", len(a.Findings), exit)
	}
	lines := func(all []diagnosis) string {
		var b strings.Builder
		for _, d := range all {
			b.WriteString(d.Check + ": " + d.Problem + " Fix: " + d.Fix + "\n")
		}
		return b.String()
	}
	if len(a.Unsure) > 0 {
		t.Errorf("it is not sure of %s", lines(a.Unsure))
	}
	return lines(a.Findings), strings.Join(a.Passed, ", ")
}

// The doctor comes by the node's public name: who answers there, or nobody, is told.
func TestDoctorFromOutside(t *testing.T) {
	v := newVisible(t)
	found, passed := v.doctor(t)
	if !strings.Contains(passed, "from outside, encrypted hellos") || !strings.Contains(passed, "DNS") {
		t.Errorf("passed is %s\n%s", passed, found)
	}
	v.lead(t, "127.0.0.2") // where nobody listens
	found, _ = v.doctor(t)
	wantFinding(t, found, fmt.Sprintf("from outside: nobody answers for https://%s:%d at 127.0.0.2:%d", outsideHost, v.port, v.port))
	wantFinding(t, found, "Fix: correct the A or AAAA record of "+outsideHost)

	other := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "elsewhere/1.0")
		w.WriteHeader(http.StatusNotFound)
	}))
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", v.port))
	if err != nil {
		t.Fatal(err)
	}
	other.Listener.Close()
	other.Listener = l
	other.StartTLS()
	t.Cleanup(other.Close)
	found, _ = v.doctor(t)
	wantFinding(t, found, `by "elsewhere/1.0" with status 404, and not by this node`)
}

// DNS has the key that the node takes, an old one, one that it does not know, or none.
func TestDoctorOfECH(t *testing.T) {
	v := newVisible(t, "--ech", "on")
	found, _ := v.doctor(t)
	wantFinding(t, found, "encrypted hellos: --ech is on, and DNS has no key for encrypted hellos at _")
	out, err := exec.CommandContext(t.Context(), "deskgate", append([]string{"ech", "--json"}, v.args...)...).Output()
	var shown echDocument
	if err := errors.Join(err, json.Unmarshal(out, &shown)); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, found, "Fix: set "+shown.ECH.Records[0])
	owner := fmt.Sprintf("_%d._https.%s", v.port, outsideHost)
	v.dns.Set(t, shown.ECH.Records[0])
	if _, passed := v.doctor(t); !strings.Contains(passed, "encrypted hellos") {
		t.Errorf("with the record %s passes", passed)
	}
	off := visible{args: append(slices.Clone(v.args[:len(v.args)-1]), "off")}
	found, _ = off.doctor(t)
	wantFinding(t, found, "and the node takes none")
	v.dns.Clear(owner)
	v.dns.Set(t, owner+`. 1 IN HTTPS 1 . alpn="h2" ech="AEX+DQBBpwAgACBxTpuqwu6A0Z0xw1Zh8y6Tq1a3dGWmEzJ5WhW6mrQbZAAEAAEAAQASZGVzay5leGFtcGxlLmNvbQAA"`)
	found, _ = v.doctor(t)
	wantFinding(t, found, "that the node does not take")
	soon := time.Now().Add(renewECH / 2)
	if f := echFinding("h", true, 1, soon, "R", time.Now()); len(f) != 1 || !strings.Contains(f[0].Problem, "is taken until "+soon.Format(time.DateOnly)) || f[0].Fix != "set R" {
		t.Errorf("a key that ends soon: %v", f)
	}
	if f := echFinding("h", true, 1, time.Now().Add(2*renewECH), "R", time.Now()); len(f) > 0 {
		t.Errorf("a key that is good: %v", f)
	}
}

// An address that is not this machine's may be closed to its own network alone, which is no finding. What answers has to be trusted, and to know the time.
func TestDoctorJudgesArrivals(t *testing.T) {
	skew := time.Duration(0)
	answer := "ours"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	good := func([]*x509.Certificate, string) error { return nil }
	v := &coming{
		door: &url.URL{Scheme: "https", Host: fmt.Sprintf("%s:%d", outsideHost, at.Port())}, at: at.Addr(), probe: probe{Path: "/p", Answer: "ours"}, roots: good,
	}
	want := func(what, problem string) {
		t.Helper()
		found := v.knock(t.Context())
		switch {
		case problem == "" && len(found) > 0, problem != "" && (len(found) != 1 || !strings.Contains(found[0].Problem, problem) || found[0].Fix == "" || found[0].unsure):
			t.Errorf("%s: %+v, want %q", what, found, problem)
		}
	}
	want("well", "")
	v.roots = func([]*x509.Certificate, string) error { return errors.New("expired") }
	want("a bad certificate", "visitors don't trust the certificate of https://"+outsideHost)
	v.roots, skew = good, time.Hour
	want("another clock", "differ by ")
	skew, answer = 0, "theirs"
	want("another one", "and not by this node")
	plain := httptest.NewServer(server.Config.Handler)
	t.Cleanup(plain.Close)
	v.at, v.door.Host = netip.MustParseAddr("127.0.0.1"), outsideHost+":"+portOf(plain.Listener)
	want("no TLS", "is not answered at")
	v.at = netip.MustParseAddr("127.0.0.3")
	want("nobody", "nobody answers for")
	for address, unsure := range map[string]bool{"192.0.2.1": true, "2001:db8::1": true, "127.0.0.9": false} {
		v.at = netip.MustParseAddr(address)
		if found := v.closed(address, errors.New("refused")); found[0].unsure != unsure {
			t.Errorf("%s: sure is %t", address, !found[0].unsure)
		}
	}
}

// Port 80 is where a CA comes, unless it is said that it comes elsewhere.
func TestPublicDoors(t *testing.T) {
	for want, s := range map[string]settings{
		"https://desk.example.com:8443 http://desk.example.com": {tls: tlsACME, nodeURLs: []string{"https://desk.example.com:8443"}},
		"https://desk.example.com":                              {tls: tlsACME, nodeURLs: []string{"https://desk.example.com"}, acmeHTTPPort: 5002},
		"https://desk.example.org":                              {tls: tlsInternal, nodeURLs: []string{"https://desk.example.org"}},
	} {
		node, err := s.node()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range s.publicDoors(node, node.Hosts()[0]) {
			got = append(got, u.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
