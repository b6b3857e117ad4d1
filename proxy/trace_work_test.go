package proxy_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/tenant/domain"
)

// wood is all spans of a collector, and what each of them hangs on.
type wood map[string]*spans.Span

func grow(c *proxytest.Collector) wood {
	w := wood{}
	for _, s := range c.Spans() {
		w[string(s.SpanId)] = s
	}
	return w
}

// named are the spans with a name; below are the names from the trace's first one down to their parent.
func (w wood) named(name, below string) (all []*spans.Span) {
	for _, s := range w {
		path := ""
		for up := w[string(s.ParentSpanId)]; up != nil; up = w[string(up.ParentSpanId)] {
			path = strings.TrimSuffix(up.Name+" > "+path, " > ")
		}
		if s.Name == name && path == below {
			all = append(all, s)
		}
	}
	return all
}

// What the node does about a domain without being asked is traced: its checks, with the questions and the probe, and its certificate,
// with the order and what the authority was asked.
func TestTraceOfADomain(t *testing.T) {
	front := newCDN(t)
	n, ca := newNodeBehind(t, front)
	c := proxytest.StartCollector(t)
	tracer, err := trace.Open(t.Context(), trace.Options{Endpoint: c.URL, Ratio: 1, Log: n.config.Log})
	if err != nil {
		t.Fatal(err)
	}
	tracer.Feed(n.spans)
	front.origin.Store(&url.URL{Scheme: "http", Host: n.server.HTTPAddr().String()})
	n.add(t)
	n.verify(t)
	d := n.await(t, domain.CertificateActive)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := grow(c)
	for _, tc := range []struct {
		name, below string
		least       int
		want        map[string]string
	}{
		{"check domain", "", 1, map[string]string{"deskgate.host": custom, "deskgate.domain.proof": "seen"}},
		{"dns query", "check domain", 3, map[string]string{"server.address": "127.0.0.1", "network.transport": "udp", "network.protocol.name": "dns"}},
		{"probe domain", "check domain", 1, nil},
		{"GET", "check domain > probe domain", 1, map[string]string{"server.address": custom, "server.port": "80", "http.response.status_code": "200"}},
		{"attend certificate", "", 1, map[string]string{"deskgate.host": custom, "deskgate.attempt": "1"}},
		{"order certificate", "attend certificate", 1, map[string]string{"deskgate.acme.challenge": "http-01"}},
		{"POST", "attend certificate > order certificate", 5, map[string]string{"server.address": "127.0.0.1", "url.scheme": "https"}},
	} {
		found := w.named(tc.name, tc.below)
		if len(found) < tc.least {
			t.Errorf("%d times %s below %q, want %d", len(found), tc.name, tc.below, tc.least)
		}
		for key, value := range tc.want {
			if !has(found, key, value) {
				t.Errorf("no %s below %q says %s = %s", tc.name, tc.below, key, value)
			}
		}
	}
	if !has(w.named("dns query", "check domain"), "dns.question.name", "_deskgate."+custom) {
		t.Error("nothing tells which record was asked for")
	}
	if !strings.Contains(ca.Directory, proxytest.Attributes(w.named("order certificate", "attend certificate")[0].Attributes)["deskgate.acme.authority"]) {
		t.Error("nothing tells which authority was asked")
	}
	secret := ""
	for _, r := range d.Records {
		if r.Type == "TXT" {
			secret = r.Value
		}
	}
	for _, s := range w {
		if said := s.Status.GetMessage() + fmt.Sprint(proxytest.Attributes(s.Attributes)); strings.Contains(said, secret) || strings.Contains(said, domain.ProbePath) {
			t.Errorf("%s tells too much: %s", s.Name, said)
		}
	}
}

func has(all []*spans.Span, key, value string) bool {
	for _, s := range all {
		if proxytest.Attributes(s.Attributes)[key] == value {
			return true
		}
	}
	return false
}
