package main

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// operate runs an operator's command on a data folder.
func operate(t *testing.T, data string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "deskgate", append(args, "--data", data)...).Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// SIGTERM ends event streams at once, over HTTP/2 and HTTP/1.1, and with them the node: nobody has to wait for listeners.
func TestTermEndsStreams(t *testing.T) {
	data, port := filepath.Join(t.TempDir(), "data"), freePort(t)
	node := exec.CommandContext(t.Context(), "deskgate", "serve", "--data", data, "--tls", "internal", "--log-level", "error",
		"--https", fmt.Sprintf("127.0.0.1:%d", port), "--http", "127.0.0.1:0", "--node-url", fmt.Sprintf("https://deskgate.localhost:%d", port))
	node.Stderr = t.Output()
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	nodeReady(t, data)
	var made struct{ Secrets map[string]string }
	if err := json.Unmarshal(operate(t, data, "tenant", "create", "acme", "--json"), &made); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(operate(t, data, "ca"))

	var streams []*http.Response
	for _, modern := range []bool{true, false} {
		client := localClient(roots)
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = modern //nolint:errcheck,forcetypeassert // localClient has made it
		defer client.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://acme.deskgate.localhost:%d/api/events/stream", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Authorization", "Bearer "+made.Secrets["api_token"])
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK || res.ProtoAtLeast(2, 0) != modern {
			t.Fatalf("the stream = %s over %s", res.Status, res.Proto)
		}
		streams = append(streams, res) //nolint:bodyclose // it is closed above, at the end of the test
	}
	begin := time.Now()
	send(t, node, syscall.SIGTERM)
	for _, res := range streams {
		if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), "still here") {
			t.Errorf("the stream over %s ends with %v after %q", res.Proto, err, text)
		}
	}
	if err := node.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
	if took := time.Since(begin); took > 10*time.Second { // requests would have 25
		t.Errorf("the node took %s to end", took)
	} else {
		t.Logf("the node took %s to end", took)
	}
}
