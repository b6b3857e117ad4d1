package web

import (
	"net/http"
	"strings"
)

// page serves a handler whose errors are pages for browsers and documents for programs.
func (s *Server) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// isAPI reports whether a path is one of the API's: programs ask there, and pages of other origins may.
func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

func allow(methods []string) string { return strings.Join(methods, ", ") }
