package web_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// Lists that are short have pages like the long ones.
func TestShortListsHavePages(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for _, name := range []string{"Alpha", "Beta", "Gamma"} {
		expect(t, p.call("POST", "/api/categories", `{"name":"`+name+`"}`), 201, "")
	}
	var seen []string
	for path := "/api/categories?limit=1"; path != ""; {
		got := expect(t, p.call("GET", path, ""), 200, `"data":[{`)
		link := got.Header.Get("Link")
		path = ""
		if next, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
			path = next[strings.Index(next, "/api/"):]
		}
		for _, name := range []string{"Alpha", "Beta", "Gamma"} {
			if strings.Contains(got.Body, name) {
				seen = append(seen, name)
			}
		}
	}
	if want := []string{"Alpha", "Beta", "Gamma"}; !slices.Equal(seen, want) {
		t.Errorf("page by page: %v, want %v", seen, want)
	}
	for _, path := range []string{"tenant/domains", "tokens", "webhooks", "views", "canned-replies", "rules"} {
		expect(t, p.call("GET", "/api/"+path+"?limit=2", ""), 200, `"data":[`)
		expect(t, p.call("GET", "/api/"+path+"?cursor=nothing", ""), 400, "The cursor does not belong to this list.")
	}
}
