package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

// A running node's letters and webhooks are traced: each delivery in a trace of its own, linked to the request that caused it, whose
// receiver hears of it. No trace has an address, a URL's path, or what the help desk is told.
func TestTracesOfDeliveries(t *testing.T) {
	collector, letters := proxytest.StartCollector(t), mailtest.Start(t, mailtest.Options{})
	var parent atomic.Value
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { parent.Store(r.Header.Get("Traceparent")) }))
	t.Cleanup(receiver.Close)
	c := newCrashing(t, "error")
	c.flags = append(c.flags, "--otlp-endpoint", collector.URL, "--smtp-url", letters.URL, "--outbound-allow", "127.0.0.0/8")
	node := c.start()
	c.populate()
	var hook struct{ ID string }
	if status, err := c.call(t.Context(), http.MethodPost, "/api/webhooks", []byte(`{"name":"n","url":"`+receiver.URL+`/sesame","types":["ticket.created"]}`), &hook); err != nil || status != http.StatusCreated {
		t.Fatal(status, err)
	}
	var ticket struct{ ID string }
	if status, err := c.call(t.Context(), http.MethodPost, "/api/tickets", []byte(`{"title":"Open says ann","description":"x","requester":{"email":"ann@partner.example","name":"Ann"}}`), &ticket); err != nil || status != http.StatusCreated {
		t.Fatal(status, err)
	}
	c.command(nil, "agent", "invite", "acme", "zoe@acme.example")
	letters.Wait(t, "zoe@acme.example")
	c.until("the receiver hears of it", func() bool { return parent.Load() != nil })
	send(t, node, syscall.SIGTERM)
	if err := node.Wait(); err != nil {
		t.Fatal(err)
	}
	all := collector.Spans()
	asked := only(t, all, func(s *spans.Span) bool {
		return s.Kind == spans.Span_SPAN_KIND_SERVER && proxytest.Attributes(s.Attributes)["url.path"] == "/api/tickets"
	})
	delivered := only(t, all, func(s *spans.Span) bool { return s.Name == "deliver webhook queue" })
	post := only(t, all, func(s *spans.Span) bool {
		return s.Name == "POST" && string(s.ParentSpanId) == string(delivered.SpanId)
	})
	if len(delivered.Links) != 1 || string(delivered.Links[0].SpanId) != string(asked.SpanId) || len(delivered.ParentSpanId) > 0 {
		t.Errorf("the delivery is linked to %v, want the request %x", delivered.Links, asked.SpanId)
	}
	if want := "00-" + hex.EncodeToString(post.TraceId) + "-" + hex.EncodeToString(post.SpanId) + "-01"; parent.Load() != want {
		t.Errorf("the receiver got the traceparent %s, want %s", parent.Load(), want)
	}
	letter := only(t, all, func(s *spans.Span) bool { return s.Name == "deliver letters" })
	sent := only(t, all, func(s *spans.Span) bool {
		return s.Name == "send mail" && string(s.ParentSpanId) == string(letter.SpanId)
	})
	if a := proxytest.Attributes(letter.Attributes); a["deskgate.tenant"] != "acme" || a["messaging.destination.name"] != "letters" || a["deskgate.attempt"] != "1" {
		t.Errorf("the letter's delivery says %v", a)
	}
	if a := proxytest.Attributes(sent.Attributes); a["server.address"] != "127.0.0.1" || a["network.protocol.name"] != "smtp" {
		t.Errorf("sending says %v", a)
	}
	for _, s := range all {
		for _, secret := range []string{"@", "sesame", "Open says", c.token} {
			if said := s.Name + s.Status.GetMessage() + fmt.Sprint(proxytest.Attributes(s.Attributes)); strings.Contains(said, secret) {
				t.Errorf("a span tells of %s: %s", secret, said)
			}
		}
	}
}

// only is the only span that is like that.
func only(t *testing.T, all []*spans.Span, like func(*spans.Span) bool) (found *spans.Span) {
	t.Helper()
	n := 0
	for _, s := range all {
		if like(s) {
			found, n = s, n+1
		}
	}
	if n != 1 {
		names := make([]string, len(all))
		for i, s := range all {
			names[i] = s.Name
		}
		t.Fatalf("%d spans are like that, want 1, among %s", n, strings.Join(names, ", "))
	}
	return found
}
