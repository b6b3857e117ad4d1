package upstream_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// TestUpstreamThatIsTheEdge has a route lead back to where it is.
func TestUpstreamThatIsTheEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		e := newEdge(t, n)
		app := n.name("app:80")
		e.route("acme.example",
			tenant.Route{Prefix: "/loop", Upstreams: []string{"http://edge:80"}, PreserveHost: true},
			tenant.Route{Prefix: "/app", Upstreams: []string{"http://app:80"}})
		for _, said := range []string{"", "elsewhere.example; v=1"} {
			before := len(e.jobs)
			status, _, _ := e.ask(t, http.MethodGet, "/loop", nil, "CDN-Loop", said)
			if passes := len(e.jobs) - before; status != http.StatusLoopDetected || passes > 5 {
				t.Errorf("behind %q: %d after %d passes, want 508 after a few", said, status, passes)
			}
		}
		if got := e.failed[0]; got != upstream.Looped {
			t.Errorf("the failure is %d", got)
		}
		if status, _, _ := e.ask(t, http.MethodGet, "/app", nil, "CDN-Loop", "edge, edge"); status != http.StatusOK || app.asked() != 1 {
			t.Errorf("a request that came through here twice: %d", status)
		}
	})
}
