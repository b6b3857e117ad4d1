package proxy

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/proxy/live"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// exchange is one request and what was answered: it writes the answer and remembers what the access log says.
type exchange struct {
	http.ResponseWriter
	visit  tenant.Visit
	ip     string // visit.ClientIP
	job    upstream.Job
	body   *slowBody   // nil if it needs no watch
	span   *trace.Span // nil if nothing is traced
	page   func(*http.Request, *tenant.Visit, Notice) Page
	start  time.Time
	status int
	bytes  int64
	by     part
	// last says that the connection is closed after this answer, unless another protocol is spoken on it then.
	last bool
	// alternative is what Alt-Svc says; nil if the client hears nothing of the kind. What an upstream says of itself is not
	// for visitors.
	alternative []string
	hsts        []string // Strict-Transport-Security, unless an upstream has its own
	// until is the handler's own bound for what it writes, zero for none.
	until time.Time
}

// WriteHeader implements [http.ResponseWriter]. The request's name is in the last header, also where one of an upstream that
// came before took everything along.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.status = status
		x.Header()["X-Request-Id"] = []string{x.visit.RequestID}
		x.advertise()
		if status != http.StatusSwitchingProtocols {
			x.part()
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// advertise tells the client where else it may come, and how.
func (x *exchange) advertise() {
	if x.hsts != nil && x.Header()["Strict-Transport-Security"] == nil {
		x.Header()["Strict-Transport-Security"] = x.hsts
	}
	if x.alternative != nil {
		x.Header()["Alt-Svc"] = x.alternative
	} else {
		delete(x.Header(), "Alt-Svc")
	}
}

// part announces that the connection is closed after the answer, if it has to be.
func (x *exchange) part() {
	if x.last {
		x.Header()["Connection"] = []string{"close"}
	}
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(p []byte) (int, error) {
	x.begin()
	x.hurry(len(p))
	n, err := x.ResponseWriter.Write(p)
	deadline(x.ResponseWriter, x.until)
	x.bytes += int64(n)
	return n, err
}

// FlushError is what [http.ResponseController] looks for where a handler streams: what was written waits to be taken then.
func (x *exchange) FlushError() error {
	x.begin()
	x.hurry(0)
	defer func() { deadline(x.ResponseWriter, x.until) }()
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Flush implements [http.Flusher]: who does not want to know whether it works hears of it at the next Write.
func (x *exchange) Flush() { _ = x.FlushError() }

// begin notes that the answer has begun.
func (x *exchange) begin() {
	if x.status == 0 {
		x.status = http.StatusOK
		x.advertise()
		x.part()
	}
}

// SetWriteDeadline bounds what the handler writes from now on. The edge's own bound holds as well.
func (x *exchange) SetWriteDeadline(t time.Time) error {
	x.until = t
	return http.NewResponseController(x.ResponseWriter).SetWriteDeadline(t)
}

// hurry bounds how long the client may take for so many bytes that are about to be written, unless the handler wants less. It
// holds for HTTP/2 as well, where a client can keep its connection alive and yet take nothing of one stream.
func (x *exchange) hurry(bytes int) {
	by := time.Now().Add(answerGrace + time.Duration(bytes)*(time.Second/answerRate))
	if !x.until.IsZero() && x.until.Before(by) {
		by = x.until
	}
	deadline(x.ResponseWriter, by)
}

// Hijack implements [http.Hijacker] for what switches protocols.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err == nil && x.status == 0 {
		x.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

// Unwrap lets [http.ResponseController] find the connection's own writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// record counts a request and writes the one line about it.
func (e *edge) record(x *exchange, r *http.Request) {
	slug, status, took := "", x.status, time.Since(x.start)
	if who := cmp.Or(x.visit.Tenant, x.visit.Caller); who != nil {
		slug = who.Slug
	}
	if status == 0 {
		status = http.StatusOK // nothing was written: net/http answers with an empty 200
		if r.Context().Err() != nil {
			status = statusClientGone
		}
	}
	host := string(x.visit.Host)
	if host == "" {
		host = clipped(r.Host)
	}
	if e.watchers.Look() {
		e.watchers.Saw(&live.Request{
			Host: string(x.visit.Host), Tenant: slug, Status: status, Bytes: x.bytes, Took: took, Forwarded: x.by == byUpstream,
		})
	}
	e.metrics.answered(x, r.ProtoMajor, status, x.visit.Tenant, took)
	if x.span != nil {
		e.trace(x, r, slug, host, status)
	}
	if e.access == nil && !e.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	line := slog.NewRecord(x.start.Add(took), slog.LevelInfo, "request", 0)
	line.AddAttrs(
		slog.String("tenant", slug),
		slog.String("host", host),
		slog.String("method", clipped(r.Method)),
		slog.String("path", loggedPath(r.URL)),
		slog.String("protocol", r.Proto),
		slog.Int("status", status),
		slog.Int64("bytes", x.bytes),
		slog.Float64("duration_ms", milliseconds(took)),
		slog.String("client_ip", x.ip),
		slog.String("request_id", x.visit.RequestID))
	if r.TLS != nil {
		line.AddAttrs(slog.String("tls", tls.VersionName(r.TLS.Version)))
	}
	if x.job.Tries > 0 {
		line.AddAttrs(
			slog.String("upstream", x.job.Upstream), slog.Int("tries", x.job.Tries), slog.Float64("upstream_ms", milliseconds(x.job.Waited)))
	}
	if x.span != nil {
		line.AddAttrs(slog.String("trace_id", x.span.ID()))
	}
	if e.access != nil {
		e.access(r.Context(), slug, line)
		return
	}
	_ = e.log.Handler().Handle(r.Context(), line) // as log/slog does it
}

// trace ends the request's span.
func (e *edge) trace(x *exchange, r *http.Request, slug, host string, status int) {
	o := &trace.Outcome{
		Host: host, Path: clipped(r.URL.Path), Query: blanked(clipped(r.URL.RawQuery)), Scheme: x.visit.Scheme, Protocol: r.Proto, Part: x.by.String(),
		Client: x.ip, Status: status, Bytes: x.bytes, Tenant: slug, RequestID: x.visit.RequestID,
	}
	if x.job.Route != nil {
		o.Route = x.job.Route.Prefix
	}
	x.span.End(o)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// statusClientGone stands in the log, and nowhere else, for a client that left before there was an answer.
const statusClientGone = 499

func clipped(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "…"
	}
	return s
}

// loggedPath is path and query with all secrets blanked.
func loggedPath(u *url.URL) string {
	if u.RawQuery == "" {
		return clipped(u.Path)
	}
	return clipped(u.Path) + "?" + blanked(clipped(u.RawQuery))
}

const blank = "***"

// blanked replaces the values of secret parameters, however their names are spelled.
func blanked(query string) string {
	var b strings.Builder
	for len(query) > 0 {
		end := strings.IndexAny(query, "&;")
		pair, sep := query, ""
		if end >= 0 {
			pair, sep = query[:end], query[end:end+1]
		}
		query = query[len(pair)+len(sep):]
		if name, value, has := strings.Cut(pair, "="); has && secret(name) {
			pair = name + "=" + blank
		} else if inner := innerQuery(value); inner >= 0 {
			pair = name + "=" + value[:inner] + blank
		}
		b.WriteString(pair)
		b.WriteString(sep)
	}
	return b.String()
}

// innerQuery is where the query of a URL begins that is itself a parameter's value; -1 if there is none.
func innerQuery(value string) int {
	if i := strings.IndexByte(value, '?'); i >= 0 {
		return i
	}
	return strings.Index(strings.ToLower(value), "%3f")
}

// secret says whether a query parameter's value must not be seen by whoever reads logs. Who a visitor is has no place there
// either: a partner's form without its method puts it into the address, and so does who searches for them.
func secret(name string) bool {
	if strings.ContainsAny(name, "%+") {
		plain, err := url.QueryUnescape(name)
		if err != nil {
			return true // whatever that is, it need not be read
		}
		name = plain
	}
	name = strings.ToLower(strings.TrimSpace(name))
	if open := strings.IndexByte(name, '['); open > 0 {
		name = name[:open]
	}
	switch name {
	case "token", "jwt", "sig", "code", "password", "secret", "access_token", "id_token", "refresh_token", "api_token", "api_key",
		"invite", "state", "nonce", "bearer", "email", "name", "q", "external_id", "requester", "address":
		return true
	}
	return false
}
