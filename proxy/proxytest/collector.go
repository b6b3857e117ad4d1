package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is one of OpenTelemetry. It is safe for concurrent use.
type Collector struct {
	// URL is where it takes traces, by OTLP over HTTP.
	URL string

	mu    sync.Mutex
	about map[string]string
	spans []*spans.Span
}

// StartCollector starts a collector, which ends with the test. What is no export of traces fails the test.
func StartCollector(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			tb.Error(err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	tb.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	if r.URL.Path != "/v1/traces" || r.Method != http.MethodPost {
		return fmt.Errorf("the collector got %s %s", r.Method, r.URL.Path)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var got collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &got); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range got.ResourceSpans {
		c.about = Attributes(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return nil
}

// Spans are those that came so far.
func (c *Collector) Spans() []*spans.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*spans.Span{}, c.spans...)
}

// About is what the spans are said to be of.
func (c *Collector) About() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.about
}

// Attributes are the texts and numbers among attributes.
func Attributes(all []*common.KeyValue) map[string]string {
	values := map[string]string{}
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			values[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			values[a.Key] = strconv.FormatInt(v.IntValue, 10)
		}
	}
	return values
}
