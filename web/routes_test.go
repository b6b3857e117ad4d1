package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestDescriptionCoversRoutes compares the OpenAPI document with the routes, both ways.
func TestDescriptionCoversRoutes(t *testing.T) {
	s := newServer(t)
	var routes []string
	for _, r := range s.Routes() {
		api := strings.HasPrefix(r.Pattern, "/api/") && !strings.HasPrefix(r.Pattern, "/api/v1/")
		if api || strings.Contains(r.Pattern, "/simpleauth/") && r.Method != http.MethodOptions {
			routes = append(routes, r.Method+" "+openAPIPath(r.Pattern))
		}
	}
	slices.Sort(routes)

	if diff := cmp.Diff(routes, described(t)); diff != "" {
		t.Errorf("routes (-) and openapi.yaml (+) differ:\n%s", diff)
	}
}

// TestEveryAPIRouteHasTwoNames: the API of a tenant is there below /api and below /api/v1.
func TestEveryAPIRouteHasTwoNames(t *testing.T) {
	s := newServer(t)
	for _, r := range s.Routes() {
		rest, ok := strings.CutPrefix(r.Pattern, "/api/v1/")
		if ok && !slices.Contains(s.Routes(), web.Route{Method: r.Method, Pattern: "/api/" + rest}) {
			t.Errorf("%s %s has no name without the version", r.Method, r.Pattern)
		}
	}
}

func newServer(t *testing.T) *web.Server {
	t.Helper()
	s, err := web.New(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openAPIPath writes /tickets/:id as /tickets/{id}.
func openAPIPath(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// described lists the operations in the document that the server hands out.
func described(t *testing.T) []string {
	t.Helper()
	n := webtest.Start(t)
	got := n.Client(t).Get(n.URL + "/api/openapi.json")
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
		t.Fatalf("GET /api/openapi.json = %d %s: %v", got.Status, got.Body, err)
	}
	var operations []string
	for path, item := range document.Paths {
		for key := range item {
			if key != "parameters" {
				operations = append(operations, strings.ToUpper(key)+" "+path)
			}
		}
	}
	slices.Sort(operations)
	return operations
}
