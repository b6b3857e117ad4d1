// Package span has a collector of OpenTelemetry told of the node's work that no request waits for, and of what is asked of other
// machines, for a request or not.
//
// Who does something begins a span, says what is known of it, and ends it. A Source begins traces; Below goes on with the one
// that a context belongs to. Where nobody takes spans both return nil, whose methods do nothing: not even an allocation is made.
//
// Names are OpenTelemetry's where it has some. What is said of is never about a person and never a secret: hosts, numbers and
// the program's own words, no addresses of mail, no texts of errors, no paths or queries of URLs that tenants chose.
package span

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	otel "go.opentelemetry.io/otel/trace"
)

// Scope is the name under which the node's spans are made.
const Scope = "github.com/deskgate/deskgate"

// Names of attributes that several rooms set.
const (
	Host   = "deskgate.host" // whose domain or certificate it is about
	Tenant = "deskgate.tenant"

	Server   = string(semconv.ServerAddressKey)
	Port     = string(semconv.ServerPortKey)
	Protocol = string(semconv.NetworkProtocolNameKey)
	Network  = string(semconv.NetworkTransportKey)
	Question = string(semconv.DNSQuestionNameKey)
	Path     = string(semconv.URLPathKey)
)

// Source begins traces once somebody takes them. The zero Source begins none, and nor does a nil one. It is safe for concurrent use.
type Source struct{ tracer atomic.Pointer[otel.Tracer] }

// From has traces begun by a tracer from now on.
func (s *Source) From(t otel.Tracer) { s.tracer.Store(&t) }

// Begin begins the span of a piece of work, and returns the context of what is done for it. It is a trace of its own unless ctx
// belongs to one.
func (s *Source) Begin(ctx context.Context, name string) (context.Context, *Span) {
	if s == nil {
		return ctx, nil
	}
	t := s.tracer.Load()
	if t == nil {
		return ctx, nil
	}
	return kept((*t).Start(ctx, name))
}

// Deliver begins the trace of delivering what was queued, linked to what queued it: what Cause was then.
func (s *Source) Deliver(ctx context.Context, queue, id, cause string) (context.Context, *Span) {
	if s == nil {
		return ctx, nil
	}
	t := s.tracer.Load()
	if t == nil {
		return ctx, nil
	}
	options := []otel.SpanStartOption{otel.WithNewRoot(), otel.WithSpanKind(otel.SpanKindConsumer), otel.WithAttributes(
		semconv.MessagingSystemKey.String("deskgate"), semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("deliver"),
		semconv.MessagingDestinationName(queue), semconv.MessagingMessageID(id))}
	if sc := parse(cause); sc.IsValid() {
		options = append(options, otel.WithLinks(otel.Link{SpanContext: sc}))
	}
	return kept((*t).Start(ctx, "deliver "+queue, options...))
}

// Below begins the span of what is asked of another machine, where ctx belongs to one that is kept.
func Below(ctx context.Context, name string) (context.Context, *Span) {
	return below(ctx, name, otel.SpanKindClient)
}

// Within begins the span of a part of what ctx belongs to, where that is kept.
func Within(ctx context.Context, name string) (context.Context, *Span) {
	return below(ctx, name, otel.SpanKindInternal)
}

func below(ctx context.Context, name string, kind otel.SpanKind) (context.Context, *Span) {
	parent := otel.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return kept(parent.TracerProvider().Tracer(Scope).Start(ctx, name, otel.WithSpanKind(kind)))
}

// kept makes nothing of a span that is not.
func kept(ctx context.Context, s otel.Span) (context.Context, *Span) {
	if !s.IsRecording() {
		return ctx, nil
	}
	return ctx, &Span{s}
}

// Cause says which trace ctx belongs to, for what is done because of it later on; empty: none that is kept.
func Cause(ctx context.Context) string {
	if sc := otel.SpanContextFromContext(ctx); sc.IsSampled() {
		return write(sc)
	}
	return ""
}

// Parent is the header traceparent of a request that is made for ctx; empty: it belongs to no trace.
func Parent(ctx context.Context) string {
	if sc := otel.SpanContextFromContext(ctx); sc.IsValid() {
		return write(sc)
	}
	return ""
}

// ParentHeader is the name of the header that Parent is for.
const ParentHeader = "traceparent"

func write(sc otel.SpanContext) string {
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + (sc.TraceFlags() & otel.FlagsSampled).String()
}

func parse(s string) otel.SpanContext {
	if s == "" {
		return otel.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{ParentHeader: s})
	return otel.SpanContextFromContext(ctx)
}

// Span is one that is kept; nil: none is. It is for one goroutine.
type Span struct{ span otel.Span }

// Text says something of what is done.
func (s *Span) Text(name, value string) {
	if s != nil && value != "" {
		s.span.SetAttributes(attribute.String(name, value))
	}
}

// Number says a number of what is done.
func (s *Span) Number(name string, value int) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(name, value))
	}
}

// At says which server is asked, "host:port" or a host.
func (s *Span) At(server string) {
	if s == nil {
		return
	}
	host, text, err := net.SplitHostPort(server)
	if err != nil {
		host = server
	}
	s.Text(Server, host)
	if port, err := strconv.Atoi(text); err == nil {
		s.Number(Port, port)
	}
}

// Asks says which server is asked by HTTP, and how. The path and the query are not said: they may be secret.
func (s *Span) Asks(method string, u *url.URL) {
	if s == nil {
		return
	}
	host, port := u.Hostname(), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	s.Text(string(semconv.HTTPRequestMethodKey), method)
	s.Text(string(semconv.URLSchemeKey), u.Scheme)
	s.At(net.JoinHostPort(host, port))
}

// Answered says which status came.
func (s *Span) Answered(status int) {
	if s == nil {
		return
	}
	s.Number(string(semconv.HTTPResponseStatusCodeKey), status)
	if status >= 400 {
		s.Fail(strconv.Itoa(status))
	}
}

// Fail says that it failed, and in one word of a few what with.
func (s *Span) Fail(kind string) {
	if s == nil {
		return
	}
	s.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	s.span.SetStatus(codes.Error, "")
}

// End ends the span. Of what it failed with the kind is said.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.Fail(Kind(err))
	}
	s.span.End()
}
