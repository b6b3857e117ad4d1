package webtest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Tunnel is a forward proxy that leads to the node whatever name is asked for, until the test ends. Programs that heed
// HTTPS_PROXY find the node's names with it, unchanged.
func (n *Node) Tunnel(tb testing.TB) (proxy string) {
	tb.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := n.tunnel(w, r); err != nil {
			tb.Logf("tunnel to %s: %v", r.Host, err)
		}
	}))
	tb.Cleanup(s.Close)
	return s.URL
}

func (n *Node) tunnel(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", n.addr)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	here, sent, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return errors.Join(err, there.Close())
	}
	go func() {
		_, _ = io.Copy(here, there) // a connection that ends is no fault
		_ = here.Close()
	}()
	_, _ = io.Copy(there, sent)
	return there.Close()
}
