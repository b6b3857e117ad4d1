package web

import (
	_ "embed" // openapi.yaml
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var openapi []byte

// Description is openapi.yaml, which people write, as JSON, which programs read.
func Description() ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(openapi, &document); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return json.Marshal(document, json.Deterministic(true))
}

// describe answers with the description of the API.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	return send(w, http.StatusOK, s.description)
}
