package outbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tenant/span"
)

// Each try is a trace of its own, linked to what put the item in; what is postponed is no failure.
func TestSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, made := open(t), tracetest.NewSpanRecorder()
		tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(made)).Tracer(span.Scope)
		spans := &span.Source{}
		spans.From(tracer)
		ctx, request := tracer.Start(t.Context(), "request")
		ok(t, h.store.Update(ctx, h.acme.Scope(), func(tx *storage.Tx) error {
			_, err := parcels.Put(tx, parcel{"traced"}, time.Time{})
			return err
		}))
		request.End()
		h.put(t, h.bee, "untraced", time.Time{})
		tries := 0
		stop := h.run(t, h.courier(outbox.Config[parcel]{
			Pauses: []time.Duration{time.Minute}, Spans: spans,
			Deliver: func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
				if !otel.SpanFromContext(ctx).IsRecording() {
					t.Error("what is done for a delivery belongs to no span")
				}
				if tn.ID != h.acme.ID {
					return nil
				}
				switch tries++; tries {
				case 1:
					return outbox.Postponed(errors.New("others first"), time.Minute)
				case 2:
					return context.DeadlineExceeded
				}
				return nil
			},
		}))
		pass(5 * time.Minute)
		stop()
		var failed, postponed, linked int
		for _, s := range made.Ended()[1:] {
			for _, a := range s.Attributes() {
				switch a.Key {
				case "error.type":
					failed++
					if a.Value.AsString() != "timeout" {
						t.Errorf("it failed with %s", a.Value.AsString())
					}
				case "deskgate.postponed":
					postponed++
				}
			}
			if len(s.Links()) == 1 && s.Links()[0].SpanContext.SpanID() == request.SpanContext().SpanID() {
				linked++
			}
		}
		if n := len(made.Ended()) - 1; n != 4 || failed != 1 || postponed != 1 || linked != 3 {
			t.Errorf("%d spans, %d failed, %d postponed, %d linked; want 4, 1, 1, 3", n, failed, postponed, linked)
		}
	})
}
