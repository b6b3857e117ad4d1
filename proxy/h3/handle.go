package h3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// handle makes of a request what handlers know from net/http: one without a body says so, and what bounded its head bounds its
// body no more.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 && seldomHasBody(r.Method) {
		var first [1]byte
		n, err := r.Body.Read(first[:]) // the end comes with the head
		switch {
		case n > 0:
			r.Body = &resumed{io.MultiReader(bytes.NewReader(first[:n]), r.Body), r.Body}
		case errors.Is(err, io.EOF):
			r.Body, r.ContentLength = http.NoBody, 0
		default:
			panic(http.ErrAbortHandler) // neither a body nor its end came in time
		}
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	s.options.Handler.ServeHTTP(w, r)
}

func seldomHasBody(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return true
	}
	return false
}

// resumed is a body whose beginning was read.
type resumed struct {
	io.Reader
	io.Closer
}
