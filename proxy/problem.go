package proxy

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// problem is an answer of the edge itself that is no success.
type problem struct {
	status  int
	code    string
	message string // for people, ends with a full stop
	detail  string
	retry   int // seconds until it is worth to ask again; 0: nobody knows
}

// What the edge itself answers.
var (
	notServed      = problem{http.StatusMisdirectedRequest, "HOST_UNKNOWN", "Nothing is served here.", "This name is not served at this address.", 0}
	noSuchMethod   = problem{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "Method not allowed.", "Nothing here is asked with this method.", 0}
	badRequest     = problem{http.StatusBadRequest, "BAD_REQUEST", "Bad request.", "The request could not be understood.", 0}
	internalError  = problem{http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong.", "The request could not be answered. It has been noted.", 0}
	upstreamGone   = problem{http.StatusBadGateway, "UPSTREAM_UNAVAILABLE", "This page is not available right now.", "The application behind this address does not answer.", 0}
	upstreamSlow   = problem{http.StatusGatewayTimeout, "UPSTREAM_TIMEOUT", "This page takes too long.", "The application behind this address did not answer in time.", 0}
	requestTooSlow = problem{http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The request took too long.", "The request did not arrive in time.", 0}

	requestTooLarge  = problem{http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", "The request is too large.", "This address does not take that much at once.", 0}
	underMaintenance = problem{http.StatusServiceUnavailable, "UNDER_MAINTENANCE", "Back soon.", "This page is being worked on. Please come back in a little while.", 60}
)

// document is the contract's error document.
type document struct {
	Success   bool   `json:"success"`
	Message   string `json:"message"`
	Error     string `json:"error"`
	Code      string `json:"code"`
	Retry     int    `json:"retry_after,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// problemPage takes message, message, sentence and request id.
const problemPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0 0 1rem}small{opacity:.65}</style></head>
<body><h1>%s</h1><p>%s</p><small>%s</small></body></html>
`

// answer writes the problem: as a page to a browser that navigates, as the error document to everybody else.
func (p problem) answer(w http.ResponseWriter, r *http.Request, requestID string) {
	p.answerWith(w, r, requestID, "")
}

// answerWith is answer with a page of the operator's own, if there is one. In it, {{status}}, {{message}}, {{detail}} and
// {{request_id}} stand for what there is to say.
func (p problem) answerWith(w http.ResponseWriter, r *http.Request, requestID, page string) {
	d := document{Message: p.message, Error: p.detail, Code: p.code, Retry: p.retry, RequestID: requestID}
	var body strings.Builder
	kind, policy := "application/json", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		kind = "text/html; charset=utf-8"
		title, text, id := html.EscapeString(d.Message), html.EscapeString(d.Error), html.EscapeString(d.RequestID)
		if page != "" {
			policy = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline' https:; font-src https: data:; frame-ancestors 'none'"
			_, _ = strings.NewReplacer( // into memory
				"{{status}}", strconv.Itoa(p.status), "{{message}}", title, "{{detail}}", text, "{{request_id}}", id,
			).WriteString(&body, page)
		} else {
			fmt.Fprintf(&body, problemPage, title, title, text, id)
		}
	} else {
		_ = json.NewEncoder(&body).Encode(d) // strings into memory
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	h.Add("Vary", "Accept")
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(body.String())) // the client may be gone
}
