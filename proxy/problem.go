package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// Notice is what the edge itself says to a person, in English.
type Notice struct {
	Status      int
	Title, Text string
	RequestID   string
	// Again says that the same request may be answered a little later.
	Again bool
}

// Page is a notice in the language and the look that suit the visitor. Title and Text are there for pages of the operator's own.
type Page struct {
	Lang, Title, Text string
	HTML              []byte
}

// problem is an answer of the edge itself that is no success.
type problem struct {
	status  int
	code    string
	message string // for people, ends with a full stop
	detail  string
	retry   int // seconds until it is worth to ask again; 0: nobody knows
}

// edgeMethods are the methods that an answer of 405 lists, which the edge gives for CONNECT and TRACE alone: what is behind it may take fewer.
const edgeMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

// What the edge itself answers.
var (
	notServed      = problem{http.StatusMisdirectedRequest, "HOST_UNKNOWN", "Nothing is served here.", "This name is not served at this address.", 0}
	noSuchMethod   = problem{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "Method not allowed.", "Nothing here is asked with this method.", 0}
	badRequest     = problem{http.StatusBadRequest, "BAD_REQUEST", "Bad request.", "The request could not be understood.", 0}
	internalError  = problem{http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong.", "The request could not be answered. It has been noted.", 0}
	upstreamGone   = problem{http.StatusBadGateway, "UPSTREAM_UNAVAILABLE", "This page is not available right now.", "The application behind this address does not answer.", 0}
	upstreamSlow   = problem{http.StatusGatewayTimeout, "UPSTREAM_TIMEOUT", "This page takes too long.", "The application behind this address did not answer in time.", 0}
	requestTooSlow = problem{http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The request took too long.", "The request did not arrive in time.", 0}

	looped = problem{http.StatusLoopDetected, "LOOP_DETECTED", "This page is not available right now.", "The application behind this address is this address.", 0}

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

// answerWith is answer with a page of the operator's own, if there is one. In it, {{status}}, {{message}}, {{detail}}, {{request_id}},
// {{lang}} and {{name}} stand for what there is to say.
func (p problem) answerWith(w http.ResponseWriter, r *http.Request, requestID, own string) {
	h := w.Header()
	kind, policy := "application/json", inert
	var body []byte
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		kind = "text/html; charset=utf-8"
		page, name := p.page(w, r, requestID)
		if body = page.HTML; own != "" {
			policy = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline' https:; font-src https: data:; frame-ancestors 'none'"
			body = []byte(strings.NewReplacer(
				"{{status}}", strconv.Itoa(p.status), "{{message}}", html.EscapeString(page.Title), "{{detail}}", html.EscapeString(page.Text),
				"{{request_id}}", html.EscapeString(requestID), "{{lang}}", page.Lang, "{{name}}", html.EscapeString(name),
			).Replace(own))
		}
		h.Set("Content-Language", page.Lang)
		h.Add("Vary", "Accept-Language, Cookie")
	} else {
		var b bytes.Buffer
		_ = json.NewEncoder(&b).Encode(document{Message: p.message, Error: p.detail, Code: p.code, Retry: p.retry, RequestID: requestID}) // strings into memory
		body = b.Bytes()
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	if p.status == http.StatusMethodNotAllowed {
		h.Set("Allow", edgeMethods)
	}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	h.Add("Vary", "Accept")
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // the client may be gone
}

// inert lets a page be styled by itself, and do nothing.
const inert = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// page is what people get to see, and the name of whose host they have come to, if it is somebody's.
func (p problem) page(w http.ResponseWriter, r *http.Request, requestID string) (Page, string) {
	n := Notice{Status: p.status, Title: p.message, Text: p.detail, RequestID: requestID}
	n.Again = p.status >= http.StatusInternalServerError && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	name := ""
	if x, ok := w.(*exchange); ok {
		if x.visit.Tenant != nil {
			name = x.visit.Tenant.Name
		}
		if x.page != nil {
			if page := x.page(r, &x.visit, n); page.HTML != nil {
				return page, name
			}
		}
	}
	title, text := html.EscapeString(n.Title), html.EscapeString(n.Text)
	return Page{"en", n.Title, n.Text, fmt.Appendf(nil, problemPage, title, title, text, html.EscapeString(requestID))}, name
}
