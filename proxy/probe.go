package proxy

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// probed answers a node of ours that asks whether the visitors of a host arrive here: on every listener, before redirects, and also
// for hosts that are not served yet. For all others there is nothing at that path.
func (e *edge) probed(x *exchange, r *http.Request) bool {
	nonce, ok := strings.CutPrefix(r.URL.Path, domain.ProbePath)
	if !ok || r.Method != http.MethodGet {
		return false
	}
	host, err := tenant.ParseHost(r.Host)
	if err != nil {
		return false
	}
	answer, ok := e.probe(host, nonce)
	if !ok {
		return false
	}
	h := x.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("Cache-Control", "no-store")
	_, _ = x.Write([]byte(answer)) // the asker may be gone
	return true
}
