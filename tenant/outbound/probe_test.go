package outbound_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant/outbound"
)

func TestProbe(t *testing.T) {
	var asked []string
	answer := func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		asked = append(asked, scheme+"://"+r.Host+r.URL.Path)
		if r.UserAgent() != "Deskgate/1 (domain check)" || r.Header.Get("Referer")+r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
			t.Errorf("header %v", r.Header)
		}
		switch r.URL.Path {
		case "/secure":
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "https://help.acme.example/end", http.StatusMovedPermanently)
		case "/away":
			http.Redirect(w, r, "http://inside.example/end", http.StatusFound)
		case "/port":
			http.Redirect(w, r, "http://help.acme.example:8080/end", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		default:
			w.Header().Set("Server", "somebody")
			_, _ = io.WriteString(w, "found "+strings.Repeat("x", 1000))
		}
	}
	plain, secure := httptest.NewServer(http.HandlerFunc(answer)), httptest.NewTLSServer(http.HandlerFunc(answer))
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	var dialed []string
	p := outbound.NewProber(outbound.Config{Agent: "Deskgate/1", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed = append(dialed, address)
		to := map[string]*httptest.Server{"203.0.113.2:80": plain, "203.0.113.2:443": secure}[address]
		if to == nil {
			return nil, errors.New("nobody there")
		}
		return (&net.Dialer{}).DialContext(ctx, network, to.Listener.Addr().String())
	}})
	at := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("203.0.113.2")}
	for path, tc := range map[string]struct {
		status int
		asked  []string
	}{
		"/plain":  {200, []string{"http://help.acme.example/plain"}},
		"/secure": {200, []string{"http://help.acme.example/secure", "https://help.acme.example/end"}},
		"/away":   {302, []string{"http://help.acme.example/away"}},
		"/port":   {302, []string{"http://help.acme.example/port"}},
		"/circle": {302, slices.Repeat([]string{"http://help.acme.example/circle"}, 3)},
	} {
		asked = nil
		got, err := p.Probe(t.Context(), "help.acme.example", at, path)
		if err != nil || got.Status != tc.status || !slices.Equal(asked, tc.asked) {
			t.Errorf("%s: %d, %v, asked %q; want %d, %q", path, got.Status, err, asked, tc.status, tc.asked)
		}
		if got.OK() != (tc.status == 200) || got.OK() && (len(got.Body) != 512 || got.Header.Get("Server") != "somebody") {
			t.Errorf("%s: %d bytes, %v", path, len(got.Body), got.Header)
		}
	}
	if dialed[0] != "[2001:db8::1]:80" || dialed[1] != "203.0.113.2:80" {
		t.Errorf("dialed %q, want each address until one answers", dialed)
	}
	if _, err := p.Probe(t.Context(), "help.acme.example", at[:1], "/"); err == nil || !strings.Contains(err.Error(), "nobody there") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestProbeStaysOutside(t *testing.T) {
	p := outbound.NewProber(outbound.Config{})
	for _, at := range []string{"127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:192.168.1.1"} {
		_, err := p.Probe(t.Context(), "help.acme.example", []netip.Addr{netip.MustParseAddr(at)}, "/")
		if _, refused := errors.AsType[*outbound.AddressError](err); !refused {
			t.Errorf("%s: %v, want an AddressError", at, err)
		}
	}
	// What the operator has allowed is tried: here, nobody listens.
	allowed := outbound.NewProber(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.9.0.0/16")}})
	_, err := allowed.Probe(t.Context(), "help.acme.example", []netip.Addr{netip.MustParseAddr("127.9.9.9")}, "/")
	if _, refused := errors.AsType[*outbound.AddressError](err); refused || err == nil {
		t.Errorf("allowed: %v, want that it is tried", err)
	}
}
