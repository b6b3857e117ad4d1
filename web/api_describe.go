package web

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var openapi []byte

// describe answers with the description of the API.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	return send(w, http.StatusOK, openapi)
}
