package webtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// Addresses at which no node is: a CDN that passes visitors on to it, and a web server that knows nothing of it.
const (
	CDNAddress   = "203.0.113.80"
	OtherAddress = "203.0.113.90"
)

// prober asks hosts at those addresses whether visitors arrive.
func (n *Node) prober(tb testing.TB) *outbound.Prober {
	tb.Helper()
	servers := map[string]*httptest.Server{}
	for address, answer := range map[string]http.HandlerFunc{CDNAddress: n.forwards, OtherAddress: knowsNothing} {
		servers[net.JoinHostPort(address, "80")] = httptest.NewServer(answer)
		tb.Cleanup(servers[net.JoinHostPort(address, "80")].Close)
	}
	return outbound.NewProber(outbound.Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if to := servers[address]; to != nil {
			return (&net.Dialer{}).DialContext(ctx, network, to.Listener.Addr().String())
		}
		return nil, errors.New("nobody there")
	}})
}

// forwards answers as a CDN does that passes a probe on to the node.
func (n *Node) forwards(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "cloudflare")
	answer, known := n.Domains.AnswerProbe(tenant.Host(r.Host), strings.TrimPrefix(r.URL.Path, domain.ProbePath))
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = w.Write([]byte(answer)) //nolint:gosec // hex digits; who asked may be gone
}

func knowsNothing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Server", "nginx/1.22.1")
	w.WriteHeader(http.StatusNotFound)
}
