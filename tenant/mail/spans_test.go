package mail_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tenant/span"
)

// What the server answers about a letter is told by its number alone: the rest names people.
func TestSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, made := open(t), tracetest.NewSpanRecorder()
		server := mailtest.Start(t, mailtest.Options{Pipes: true, Rcpt: func(to string) error {
			if strings.HasPrefix(to, "nobody@") {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no " + to}
			}
			return nil
		}})
		spans := &span.Source{}
		spans.From(sdk.NewTracerProvider(sdk.WithSpanProcessor(made)).Tracer(span.Scope))
		p := mail.New(mail.Config{Store: h.store, Directory: h.directory, Server: server.Server(t), Render: words, Spans: spans})
		stop := start(t, p)
		h.write(t, p, h.acme, code("ann@partner.example", "1234 5678"))
		h.write(t, p, h.bee, code("nobody@partner.example", "1234 5678"))
		time.Sleep(time.Minute)
		stop()
		kinds := map[string]int{}
		for _, s := range made.Ended() {
			kind := s.Name()
			for _, a := range s.Attributes() {
				if a.Key == "error.type" {
					kind = s.Name() + " " + a.Value.AsString()
				}
			}
			kinds[kind]++
			if said := fmt.Sprint(s.Attributes(), s.Status(), s.Events()); strings.Contains(said, "@") || strings.Contains(said, "partner.example") {
				t.Errorf("%s tells who it is about: %s", s.Name(), said)
			}
		}
		for _, want := range []string{"deliver letters", "send mail", "send mail 550", "deliver letters mail.refusal"} {
			if kinds[want] != 1 {
				t.Errorf("%d times %q among %v", kinds[want], want, kinds)
			}
		}
	})
}
