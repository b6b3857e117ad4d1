package main

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
)

// A node whose environment names a collector sends it traces, the last ones when it is stopped; at a share of 0 it sends none.
func TestTracesByEnvironment(t *testing.T) {
	for ratio, want := range map[string]bool{"trace-ratio = 1.0": true, "trace-ratio = 0": false} {
		var got, inner atomic.Int64
		collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/traces" {
				got.Add(1)
			}
			if b, err := io.ReadAll(r.Body); err == nil && bytes.Contains(b, []byte("store view")) && bytes.Contains(b, []byte("code.function.name")) {
				inner.Add(1)
			}
		}))
		t.Cleanup(collector.Close)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
		m := newManager(t)
		m.configure(t, "info", ratio)
		m.start(t)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(m.command(t, "ca")))
		c := localClient(roots)
		if err := comeOnce(c, "https://deskgate.localhost:"+portOf(m.https)+"/integration", 0, ""); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://deskgate.localhost:"+portOf(m.https)+"/api/tickets", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer nobodys") // it is looked for
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		c.CloseIdleConnections()
		send(t, m.node, syscall.SIGTERM)
		if err := m.node.Wait(); err != nil {
			t.Fatal(err)
		}
		if came := got.Load() > 0; came != want {
			t.Errorf("%s: traces came: %v", ratio, came)
		}
		if came := inner.Load() > 0; came != want {
			t.Errorf("%s: transactions were traced: %v", ratio, came)
		}
	}
}
