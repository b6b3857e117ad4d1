package span_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/deskgate/deskgate/tenant/span"
)

// work does what the rooms do.
func work(ctx context.Context, s *span.Source, to *url.URL) (header string) {
	cause := span.Cause(ctx)
	ctx, whole := s.Deliver(ctx, "letters", "id", cause)
	whole.Number("deskgate.attempt", 1)
	ctx, part := span.Within(ctx, "part")
	ctx, asked := span.Below(ctx, "POST")
	asked.Asks("POST", to)
	asked.Answered(404)
	header = span.Parent(ctx)
	asked.End(nil)
	part.End(nil)
	whole.End(nil)
	_, other := s.Begin(ctx, "check domain")
	other.Text(span.Host, "shop.example")
	other.End(nil)
	return header
}

// Where nobody takes spans, nothing is done: not even an allocation is made.
func TestOff(t *testing.T) {
	to, ctx := &url.URL{Scheme: "https", Host: "shop.example"}, context.Background()
	for name, s := range map[string]*span.Source{"nil": nil, "zero": {}} {
		if n := testing.AllocsPerRun(100, func() {
			if header := work(ctx, s, to); header != "" {
				t.Errorf("%s: the header is %q", name, header)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// record returns a source, a tracer of requests, and what they made. The sampler keeps all, or nothing.
func record(sampler sdk.Sampler) (*span.Source, otel.Tracer, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	t := sdk.NewTracerProvider(sdk.WithSpanProcessor(r), sdk.WithSampler(sampler)).Tracer(span.Scope)
	s := &span.Source{}
	s.From(t)
	return s, t, r
}

func TestDelivery(t *testing.T) {
	s, requests, made := record(sdk.AlwaysSample())
	ctx, request := requests.Start(t.Context(), "request")
	header := work(ctx, s, &url.URL{Scheme: "https", User: url.UserPassword("ann", "sesame"), Host: "[2001:db8::1]:8443", Path: "/sesame", RawQuery: "key=sesame"})
	request.End()
	all := map[string]sdk.ReadOnlySpan{}
	for _, one := range made.Ended() {
		all[one.Name()] = one
	}
	whole, asked := all["deliver letters"], all["POST"]
	if whole.Parent().IsValid() || len(whole.Links()) != 1 || whole.Links()[0].SpanContext.SpanID() != request.SpanContext().SpanID() {
		t.Errorf("the delivery has the parent %v and the links %v, want a trace of its own, linked to the request", whole.Parent(), whole.Links())
	}
	if all["part"].Parent().SpanID() != whole.SpanContext().SpanID() || asked.Parent().SpanID() != all["part"].SpanContext().SpanID() {
		t.Error("the parts do not hang together")
	}
	if want := fmt.Sprintf("00-%s-%s-01", asked.SpanContext().TraceID(), asked.SpanContext().SpanID()); header != want {
		t.Errorf("the header is %s, want %s", header, want)
	}
	want := "[{http.request.method POST} {url.scheme https} {server.address 2001:db8::1} {server.port 8443} {http.response.status_code 404} {error.type 404}]"
	if got := said(asked); got != want {
		t.Errorf("asking says\n%s, want\n%s", got, want)
	}
}

func said(s sdk.ReadOnlySpan) string {
	type pair struct{ key, value string }
	var all []pair
	for _, a := range s.Attributes() {
		all = append(all, pair{string(a.Key), a.Value.String()})
	}
	return fmt.Sprint(all)
}

// What is not kept makes no parts and causes nothing, but says so to who hears of it.
func TestNotSampled(t *testing.T) {
	s, requests, made := record(sdk.NeverSample())
	ctx, _ := requests.Start(t.Context(), "request")
	if cause := span.Cause(ctx); cause != "" {
		t.Errorf("the cause is %s", cause)
	}
	header := work(ctx, s, &url.URL{})
	if len(made.Ended()) > 0 || len(header) != 55 || header[53:] != "00" {
		t.Errorf("%d spans, and the header %s", len(made.Ended()), header)
	}
}

// A kind says nothing of what an error does.
func TestKind(t *testing.T) {
	for want, err := range map[string]error{
		"canceled":                fmt.Errorf("send ann@partner.example: %w", context.Canceled),
		"timeout":                 &net.DNSError{Err: "ann@partner.example", IsTimeout: true},
		"connection refused":      &url.Error{Op: "Post", URL: "https://shop.example/sesame", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
		"net.UnknownNetworkError": fmt.Errorf("ann@partner.example: %w", net.UnknownNetworkError("sesame")),
		"_OTHER":                  fmt.Errorf("ann: %w", errors.New("sesame")),
	} {
		if got := span.Kind(err); got != want {
			t.Errorf("Kind(%v) = %q, want %q", err, got, want)
		}
	}
}
