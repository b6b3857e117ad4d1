package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"deskgate": main})
}

// TestScripts walks the journeys of customers: testdata/script has one file for each.
func TestScripts(t *testing.T) {
	mails := &mailServers{tb: t, byURL: map[string]*mailtest.Server{}}
	chain, key := proxytest.NewSigner(t, "Own CA", nil).Pair(t, nil, nil, "support.acme.example")
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ports":  setPorts,
			"ready":  waitReady,
			"signal": sendSignal,
			"field":  checkField,
			"keep":   keepField,
			"http":   callHTTP,
			"dns":    runDNS,
			"mode":   checkMode,
			"code":   checkCode,
			"knock":  knock,
			"smtp":   mails.start,
			"letter": mails.letter,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			return errors.Join(
				os.WriteFile(filepath.Join(env.WorkDir, "own.pem"), chain, 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "own.key"), key, 0o600),
			)
		},
	})
}

// patience bounds the wait for what happens in another process.
const patience = 20 * time.Second

// setPorts sets each variable to a port that is free at the moment.
func setPorts(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ts.Setenv(name, strconv.Itoa(freePort(ts)))
	}
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func freePort(t fataler) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // it listens on TCP
}

// eventually calls try until it works.
func eventually(t fataler, what string, try func() error) {
	end := time.After(patience)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-end:
			t.Fatalf("%s: %v", what, err)
		case <-again.C:
		}
	}
}

// waitReady waits until the node of a data folder answers its operator.
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	nodeReady(ts, ts.MkAbs(args[0]))
}

func nodeReady(t fataler, data string) {
	eventually(t, "the node did not begin to answer", func() error {
		c, err := dialAdmin(context.Background(), data)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// sendSignal sends TERM or HUP to every background command.
func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	sig := map[string]os.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[0]]
	for _, c := range ts.BackgroundCmds() {
		if err := c.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			ts.Fatalf("signal: %v", err)
		}
	}
}

// lookUp finds a.b.0.c in the one JSON document of a file (stdout: of the last command).
func lookUp(ts *testscript.TestScript, file, path string) string {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s is no JSON document: %v", file, err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		ts.Fatalf("%s is more than one JSON document", file)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			one, ok := in[step]
			if !ok {
				return "(absent)"
			}
			v = one
		case []any:
			if step == "count" {
				v = len(in)
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(in) {
				return "(absent)"
			}
			v = in[i]
		default:
			return "(absent)"
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

// checkField compares a field of a JSON document: field FILE PATH VALUE.
func checkField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: field FILE PATH VALUE")
	}
	if got := lookUp(ts, args[0], args[1]); (got == args[2]) == neg {
		ts.Fatalf("%s of %s is %q; wanted: %t %q", args[1], args[0], got, !neg, args[2])
	}
}

// keepField keeps a field of a JSON document in a variable: keep FILE PATH NAME.
func keepField(ts *testscript.TestScript, _ bool, args []string) {
	v := lookUp(ts, args[0], args[1])
	if v == "(absent)" || v == "" || v == "null" {
		ts.Fatalf("%s of %s is %q", args[1], args[0], v)
	}
	ts.Setenv(args[2], v)
}

// callHTTP makes one request and prints status, location and body to stdout:
// http [-ca FILE] [-token T] [-d BODY] [-type T] [METHOD] URL. Every host is on this machine.
func callHTTP(ts *testscript.TestScript, neg bool, args []string) {
	var ca, token, body, kind string
	flags := map[string]*string{"-ca": &ca, "-token": &token, "-d": &body, "-type": &kind}
	for len(args) > 1 && flags[args[0]] != nil {
		*flags[args[0]], args = args[1], args[2:]
	}
	method := http.MethodGet
	if len(args) == 2 {
		method, args = args[0], args[1:]
	}
	req, err := http.NewRequestWithContext(context.Background(), method, args[0], strings.NewReader(body))
	ts.Check(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" && kind == "" {
		kind = "application/json"
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	var roots *x509.CertPool
	if ca != "" {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(ts.ReadFile(ca)))
	}
	client := localClient(roots)
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if neg {
		if err == nil {
			ts.Fatalf("%s answered %s", args[0], res.Status)
		}
		return
	}
	ts.Check(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n%s\n", res.StatusCode, res.Header.Get("Location"), b)
}

// localClient finds every host on this machine and follows no redirects.
func localClient(roots *x509.CertPool) *http.Client {
	var d net.Dialer
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
	}
}

// checkMode compares a file's permissions: mode 0600 FILE.
func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%#o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// checkCode runs deskgate and compares the exit code: code 2 tenant create; code any: it does not matter.
func checkCode(ts *testscript.TestScript, _ bool, args []string) {
	got := exitDone
	if err := ts.Exec("deskgate", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("deskgate: %v", err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; want != "any" && want != strconv.Itoa(got) {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}
