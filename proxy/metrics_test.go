package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// metrics are what the node shows: values by name and labels, as they are written.
func (n *node) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.server.MetricsAddr().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(do(t, r).body))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		at := strings.LastIndexByte(lines.Text(), ' ')
		v, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		values[lines.Text()[:at]] = v
	}
	return values
}

// wantMetrics compares some of them.
func wantMetrics(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%s = %v (there: %v), want %v", name, g, ok, v)
		}
	}
}

// Each request is counted where it was answered, each tenant for itself as long as there is room, and each upstream for itself.
func TestMetricsOfRequests(t *testing.T) {
	n := newNode(t, proxy.Off)
	n.config.Metrics, n.config.MetricsTenants = "127.0.0.1:0", 1
	upstream := app(t, "app")
	n.route(t, "/app", upstream, "http://127.0.0.1:1")
	n.start(t)
	for range 4 {
		n.get(t, acmeHost, "/app/x") // each second one is tried at the upstream that is not there, and then made again
	}
	n.get(t, acmeHost, "/")
	n.get(t, acmeHost, "/api/tickets")
	n.get(t, "bee.tickets.example", "/api/tickets")
	n.get(t, "tickets.example", "/")
	n.get(t, "elsewhere.example", "/")
	got := n.metrics(t)
	wantMetrics(t, got, map[string]float64{
		`deskgate_requests_total{part="upstream",protocol="h1",status="2xx"}`: 4,
		`deskgate_requests_total{part="pages",protocol="h1",status="2xx"}`:    2,
		`deskgate_requests_total{part="api",protocol="h1",status="2xx"}`:      2,
		`deskgate_requests_total{part="edge",protocol="h1",status="4xx"}`:     1,
		`deskgate_requests_total{part="api",protocol="h3",status="5xx"}`:      0,
		`deskgate_request_seconds_count{part="upstream"}`:                     4,
		`deskgate_upstream_seconds_count`:                                     4,
		`deskgate_upstream_answers_total{upstream="` + upstream + `"}`:        4,
		`deskgate_upstream_up{upstream="` + upstream + `"}`:                   1,
		`deskgate_tenant_requests_total{status="2xx",tenant="acme"}`:          6,
		`deskgate_tenant_requests_total{status="2xx",tenant=""}`:              1,
		`deskgate_connections_total{protocol="h1c"}`:                          9,
		`deskgate_requests_running`:                                           0,
		`deskgate_domains{state="active"}`:                                    0,
		`deskgate_store_writable`:                                             1,
	})
	if again := got[`deskgate_upstream_retries_total`]; again == 0 || got[`deskgate_upstream_broken_total{upstream="http://127.0.0.1:1"}`] != again {
		t.Errorf("%v retries, want one for each request that was sent to nobody", again)
	}
	if got[`deskgate_response_bytes_total{part="api"}`] == 0 || got[`deskgate_tenant_response_bytes_total{tenant="acme"}`] == 0 {
		t.Error("no bytes are counted")
	}
	if got[`deskgate_store_seconds_count{kind="write"}`] == 0 {
		t.Error("no transactions are counted")
	}
	for name := range got {
		if strings.Contains(name, "elsewhere") || strings.Contains(name, `tenant="bee"`) {
			t.Errorf("%s: that is a value that visitors choose, or one beyond the room", name)
		}
	}
}

// Handshakes are counted by what was agreed on, and certificates by their state.
func TestMetricsOfTLS(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.config.Metrics, n.config.HTTP3 = "127.0.0.1:0", true
	n.start(t)
	cache := tls.NewLRUClientSessionCache(4)
	for _, c := range []*tls.Config{
		{MaxVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
		{NextProtos: []string{"h2"}, ClientSessionCache: cache},
		{NextProtos: []string{"h2"}, ClientSessionCache: cache},
	} {
		c.ServerName, c.InsecureSkipVerify = acmeHost, true
		conn, err := tls.Dial("tcp", n.server.HTTPSAddr().String(), c)
		if err != nil {
			t.Fatal(err)
		}
		if c.NextProtos[0] == "h2" { // TLS 1.3 hands out its tickets behind the handshake
			_, _ = fmt.Fprint(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			if _, err := conn.Read(make([]byte, 9)); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.Close()
	}
	res, err := getWithin(t, n.client3(t, ""), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	n.eventually(t, func() string {
		got := n.metrics(t)
		for name, want := range map[string]float64{
			`deskgate_tls_handshakes_total{protocol="h1",resumed="no",version="1.2"}`:  1,
			`deskgate_tls_handshakes_total{protocol="h2",resumed="no",version="1.3"}`:  1,
			`deskgate_tls_handshakes_total{protocol="h2",resumed="yes",version="1.3"}`: 1,
			`deskgate_tls_handshakes_total{protocol="h3",resumed="no",version="1.3"}`:  1,
			`deskgate_connections_total{protocol="h2"}`:                                2,
			`deskgate_requests_total{part="pages",protocol="h3",status="2xx"}`:         1,
		} {
			if got[name] != want {
				return fmt.Sprintf("%s = %v, want %v", name, got[name], want)
			}
		}
		return ""
	})
}
