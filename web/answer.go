package web

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// document is the contract's error document.
type document struct {
	Success    bool                `json:"success"`
	Message    string              `json:"message"`
	Error      string              `json:"error,omitempty"`
	Code       string              `json:"code"`
	Details    string              `json:"details,omitempty"`
	Errors     map[string][]string `json:"errors,omitempty"`
	Allowed    []string            `json:"allowed,omitempty"`
	RetryAfter int                 `json:"retry_after,omitzero"`
	RequestID  string              `json:"request_id,omitempty"`
}

// fail answers with an error: as a page if the client came to see one, else as the error document.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	visit := tenant.VisitFrom(r.Context())
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", slog.String("request_id", visit.RequestID),
			slog.String("method", r.Method), slog.String("pattern", r.Pattern), slog.Any("error", err))
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if p.Methods != nil {
		h.Set("Allow", strings.Join(p.Methods, ", "))
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="deskgate"`)
	}
	if wantsPage(r) {
		s.failPage(w, r, p)
		return
	}
	s.report(encode(w, p.Status, document{
		Message: p.Message, Error: p.Explanation, Code: p.Code, Details: p.Details, Errors: p.Fields,
		Allowed: p.Allowed, RetryAfter: seconds(p.RetryAfter), RequestID: visit.RequestID,
	}))
}

func (s *Server) failPage(w http.ResponseWriter, r *http.Request, p *Problem) {
	s.report(s.render(w, r, p.Status, "problem", &problemView{
		frame: s.frame(r, p.Message), Status: p.Status, Code: p.Code, Message: p.Message, Explanation: p.Explanation,
		Details: p.Details, Errors: p.Fields, RequestID: tenant.VisitFrom(r.Context()).RequestID,
	}))
}

// report logs an error that came too late to be answered.
func (s *Server) report(err error) {
	if err != nil {
		s.log.Error("answer not written", slog.Any("error", err))
	}
}

// problemOf is the one table that says which error is which answer.
func problemOf(err error) *Problem {
	var problem *Problem
	var fields tenant.FieldErrors
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &fields):
		return invalid(fields)
	}
	return internal(err)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
