package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/accesslog"
	"github.com/deskgate/deskgate/proxy/trace"
)

// openAccessLog opens what the lines about requests go to.
func (n *node) openAccessLog(p *program, c *proxy.Config) (err error) {
	switch n.settings.accessLog {
	case "log":
		return nil
	case "off":
		c.AccessLog = func(context.Context, string, slog.Record) {}
		return nil
	case "stdout":
		n.access = accesslog.To(p.out, n.log)
	default:
		if n.access, err = accesslog.Open(n.settings.accessLog, n.log); err != nil {
			return &settingError{"--access-log", err}
		}
	}
	c.AccessLog = n.access.Write
	return nil
}

// lastSpans is how long a collector has to take what is left at the end.
const lastSpans = 3 * time.Second

// openTracer makes spans if somebody takes them.
func (n *node) openTracer(ctx context.Context, p *program, c *proxy.Config) (err error) {
	s := n.settings
	wanted := s.otlpEndpoint != "" || p.getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || p.getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	if !wanted || s.traceRatio == 0 {
		return nil
	}
	n.tracer, err = trace.Open(ctx, trace.Options{Endpoint: s.otlpEndpoint, Ratio: s.traceRatio, Version: thisVersion().Version, Log: n.log})
	if err != nil {
		return &settingError{"--otlp-endpoint", err}
	}
	c.Tracer = n.tracer
	n.store.Observe(n.tracer.Transaction)
	n.tracer.Feed(n.spans)
	return nil
}
