package outbound_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant/outbound"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.215.14": true, "1.1.1.1": true, "9.9.9.9": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true,
		"::ffff:93.184.215.14": true, "64:ff9b::5db8:d70e": true,

		"0.0.0.0": false, "10.1.2.3": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.0.0.8": false, "192.0.2.1": false, "192.168.1.1": false, "198.18.0.1": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::7f00:1": false, "fe80::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "2001:db8::1": false, "2001::1": false, "2002:7f00:1::": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "100::1": false, "3fff::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v", text, got)
		}
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// server answers at 127.0.0.1, and returns its URL.
func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	_, _ = io.WriteString(w, "hello "+r.UserAgent()+" "+r.Header.Get("Accept"))
}

func TestGet(t *testing.T) {
	c := outbound.New(outbound.Config{Allow: loopback, Agent: "Deskgate/1"})
	got, err := c.Get(t.Context(), server(t, hello), 100, "text/plain")
	if err != nil || string(got.Body) != "hello Deskgate/1 text/plain" || got.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("%q, %v, %v", got.Body, got.Header, err)
	}
	_, err = c.Get(t.Context(), server(t, http.NotFound), 100, "*/*")
	if status, ok := errors.AsType[*outbound.StatusError](err); !ok || status.Status != http.StatusNotFound {
		t.Errorf("a missing document: %v", err)
	}
	large := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 101)) })
	if _, err = c.Get(t.Context(), large, 100, "*/*"); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("101 bytes of at most 100: %v", err)
	}
	larger := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1<<20+1)) })
	resp, err := c.HTTP().Get(larger)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("more than 1 MiB for a library: %v", err)
	}
}

// Whatever a name resolves to, and however the address is written: our own network stays out of reach.
func TestRefusesInsideAddresses(t *testing.T) {
	reached := false
	url := server(t, func(http.ResponseWriter, *http.Request) { reached = true })
	port := url[strings.LastIndexByte(url, ':'):]
	c := outbound.New(outbound.Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"} {
		for _, scheme := range []string{"https://", "http://"} {
			_, err := c.Get(t.Context(), scheme+host+port, 100, "*/*")
			_, refused := errors.AsType[*outbound.AddressError](err)
			_, unknown := errors.AsType[*net.DNSError](err) // 127.1 is a name to some resolvers
			if !refused && !unknown {
				t.Errorf("%s%s: %v", scheme, host, err)
			}
		}
	}
	if reached {
		t.Error("a connection was made")
	}
	for _, url := range []string{"http://192.0.43.10/", "http://[2606:4700::1111]/"} {
		if _, err := c.Get(t.Context(), url, 100, "*/*"); !errors.Is(err, outbound.ErrScheme) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1/", "//127.0.0.1/", ""} {
		if _, err := c.Get(t.Context(), url, 100, "*/*"); err == nil {
			t.Errorf("%q was fetched", url)
		}
	}
}

func TestRedirects(t *testing.T) {
	c := outbound.New(outbound.Config{Allow: loopback})
	good := server(t, hello)
	to := func(target string) string {
		return server(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		})
	}
	if got, err := c.Get(t.Context(), to(good), 100, "*/*"); err != nil || !strings.HasPrefix(string(got.Body), "hello") {
		t.Errorf("one redirect: %q, %v", got.Body, err)
	}
	port := good[strings.LastIndexByte(good, ':'):]
	_, err := c.Get(t.Context(), to("http://127.0.0.2"+port), 100, "*/*")
	if _, ok := errors.AsType[*outbound.AddressError](err); !ok {
		t.Errorf("a redirect to an address that is not allowed: %v", err)
	}
	for what, url := range map[string]string{
		"another scheme": to("https://127.0.0.1" + port), "a file": to("file:///etc/passwd"), "four redirects": to(to(to(to(good)))),
	} {
		if _, err := c.Get(t.Context(), url, 100, "*/*"); !errors.Is(err, outbound.ErrRedirect) {
			t.Errorf("%s: %v", what, err)
		}
	}
	resp, err := c.HTTP().Post(to(good), "text/plain", strings.NewReader("secret"))
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, outbound.ErrRedirect) {
		t.Errorf("a body that is to go elsewhere: %v", err)
	}
}

func TestRoots(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(hello))
	t.Cleanup(s.Close)
	if _, err := outbound.New(outbound.Config{Allow: loopback}).Get(t.Context(), s.URL, 100, "*/*"); err == nil {
		t.Error("a certificate that nobody knows was taken")
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if _, err := outbound.New(outbound.Config{Allow: loopback, Roots: roots}).Get(t.Context(), s.URL, 100, "*/*"); err != nil {
		t.Errorf("with its authority: %v", err)
	}
}
