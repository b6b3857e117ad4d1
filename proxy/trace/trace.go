// Package trace tells a collector of OpenTelemetry what became of each request: a span for it, and below that one for each
// upstream that was asked, and for each transaction that the product made of it. Of what no request waits for the rooms tell by
// themselves: see package span.
//
// A stranger does not decide what is traced, nor continues here what began elsewhere: their context is linked, and only that of
// the operator's own proxies is gone on with. What a span must not say is what the access log must not say.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/deskgate/deskgate/tenant/span"
)

// Options of a Tracer.
type Options struct {
	// Endpoint is the URL of the collector; /v1/traces is appended if it has no path. Empty: what OTEL_EXPORTER_OTLP_ENDPOINT says.
	Endpoint string
	// Ratio is the share of traces that are kept. 1: what OTEL_TRACES_SAMPLER says, or all.
	Ratio   float64
	Version string
	Log     *slog.Logger
}

// Tracer makes spans and sends them in the background. It is safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   otel.Tracer
}

// Open makes a Tracer, which has to be closed. A collector that does not answer is no error: spans are lost then.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	var where []otlptracehttp.Option
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil {
			return nil, err
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		where = append(where, otlptracehttp.WithEndpointURL(u.String()))
	}
	exporter, err := otlptracehttp.New(ctx, where...)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("deskgate"), semconv.ServiceVersion(o.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	options := []sdk.TracerProviderOption{sdk.WithBatcher(&complaining{SpanExporter: exporter, log: o.Log}), sdk.WithResource(about)}
	if o.Ratio < 1 {
		options = append(options, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Ratio))))
	}
	t := &Tracer{provider: sdk.NewTracerProvider(options...)}
	t.tracer = t.provider.Tracer(span.Scope)
	return t, nil
}

// Feed has the traces of work that no request waits for begun here from now on.
func (t *Tracer) Feed(s *span.Source) { s.From(t.tracer) }

// Close sends what was not sent yet.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// complaining has the node's log say, once in a while, that spans are lost. Otherwise a library's global handler would.
type complaining struct {
	sdk.SpanExporter
	log  *slog.Logger
	last time.Time // only one goroutine exports
}

const complainEvery = time.Minute

// ExportSpans implements [sdk.SpanExporter].
func (c *complaining) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && time.Since(c.last) >= complainEvery {
		c.last = time.Now()
		c.log.WarnContext(ctx, "traces can't be sent", "spans_lost", len(spans), "error", err)
	}
	return nil
}

// Span is that of a visitor's request.
type Span struct {
	tracer otel.Tracer
	ctx    context.Context //nolint:containedctx // what the spans of tries hang on
	span   otel.Span
	method string
}

// Begin begins the span of a request, with the context that a trusted proxy sends. That of a stranger is linked.
func (t *Tracer) Begin(r *http.Request, trusted bool) *Span {
	ctx := context.Background()
	options := []otel.SpanStartOption{otel.WithSpanKind(otel.SpanKindServer)}
	if r.Header["Traceparent"] != nil {
		theirs := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		if trusted {
			ctx = theirs
		} else if sc := otel.SpanContextFromContext(theirs); sc.IsValid() {
			options = append(options, otel.WithLinks(otel.Link{SpanContext: sc}))
		}
	}
	s := &Span{tracer: t.tracer, method: known(r.Method)}
	s.ctx, s.span = t.tracer.Start(ctx, s.method, options...)
	return s
}

// ID is the trace's.
func (s *Span) ID() string { return s.span.SpanContext().TraceID().String() }

// known is a method as spans name it: few, whatever visitors make up.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "_OTHER"
}

// Outcome is what became of a request.
type Outcome struct {
	Host, Path, Scheme, Protocol string
	// Query has its secrets blanked.
	Query string
	// Route is the prefix of a route, if there was one; Part is who answered.
	Route, Part       string
	Client            string
	Status            int
	Bytes             int64
	Tenant, RequestID string
}

// End ends the span.
func (s *Span) End(o *Outcome) {
	if s.span.IsRecording() {
		s.span.SetName(strings.TrimSuffix(s.method+" "+o.Route, " "))
		s.span.SetAttributes(
			semconv.HTTPRequestMethodKey.String(s.method), semconv.URLScheme(o.Scheme), semconv.URLPath(o.Path), semconv.ServerAddress(o.Host),
			semconv.NetworkProtocolName("http"), semconv.NetworkProtocolVersion(strings.TrimSuffix(strings.TrimPrefix(o.Protocol, "HTTP/"), ".0")),
			semconv.ClientAddress(o.Client), semconv.HTTPResponseStatusCode(o.Status), semconv.HTTPResponseBodySize(int(o.Bytes)),
			attribute.String("deskgate.tenant", o.Tenant), attribute.String("deskgate.part", o.Part), attribute.String("deskgate.request_id", o.RequestID))
		if o.Query != "" {
			s.span.SetAttributes(semconv.URLQuery(o.Query))
		}
		if o.Route != "" {
			s.span.SetAttributes(semconv.HTTPRoute(o.Route))
		}
		if o.Status >= http.StatusInternalServerError {
			s.span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(o.Status)))
			s.span.SetStatus(codes.Error, "")
		}
	}
	s.span.End()
}

// Try begins the span of asking an upstream, which hears of it by its headers, and returns what ends it. The first try is 1.
func (s *Span) Try(out *http.Request, n int) func(status int, err error) {
	ctx, span := s.tracer.Start(s.ctx, s.method, otel.WithSpanKind(otel.SpanKindClient))
	delete(out.Header, "Tracestate")
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(out.Header))
	if span.IsRecording() {
		host, port := place(out.URL)
		span.SetAttributes(semconv.HTTPRequestMethodKey.String(s.method), semconv.ServerAddress(host), semconv.ServerPort(port), semconv.URLScheme(out.URL.Scheme))
		if n > 1 {
			span.SetAttributes(semconv.HTTPRequestResendCount(n - 1))
		}
	}
	return func(status int, err error) {
		switch {
		case err != nil:
			span.SetAttributes(semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err)))
			span.SetStatus(codes.Error, err.Error())
		default:
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusBadRequest {
				span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
				span.SetStatus(codes.Error, "")
			}
		}
		span.End()
	}
}

// Into makes the span the parent of what is done for the request with this context.
func (s *Span) Into(ctx context.Context) context.Context { return otel.ContextWithSpan(ctx, s.span) }

// Transaction begins the span of a transaction of the store's, if it is for something that is traced: see [storage.Observer]. It is
// called as the function that made it, and says nothing of what is in it.
func (t *Tracer) Transaction(ctx context.Context, write bool) func(runs int, err error) {
	if !otel.SpanFromContext(ctx).IsRecording() {
		return nil
	}
	name := "store view"
	if write {
		name = "store update"
	}
	_, span := t.tracer.Start(ctx, name, otel.WithSpanKind(otel.SpanKindInternal), otel.WithAttributes(semconv.CodeFunctionName(transactor())))
	return func(runs int, err error) {
		if write {
			span.SetAttributes(attribute.Int("deskgate.store.runs", runs))
		}
		if err != nil {
			span.SetAttributes(semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err))) // what it says may be about a person
		}
		span.End()
	}
}

// transactor is the function that asked the store for a transaction: the first one that is not the store's own.
func transactor() string {
	const module = "github.com/deskgate/deskgate/"
	var callers [8]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		f, more := frames.Next()
		if name := strings.TrimPrefix(f.Function, module); !strings.HasPrefix(name, "storage.") || !more {
			return name
		}
	}
}

func place(u *url.URL) (host string, port int) {
	host, text, err := net.SplitHostPort(u.Host)
	if err != nil {
		host, text = u.Host, map[string]string{"https": "443"}[u.Scheme]
	}
	if port, err = strconv.Atoi(text); err != nil {
		port = 80
	}
	return host, port
}
