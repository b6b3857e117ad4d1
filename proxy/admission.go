package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/deskgate/deskgate/proxy/listener"
)

type connKey struct{}

// withConn lets requests find the connection that they came on.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if ready, ok := c.(*listener.Conn); ok {
		return context.WithValue(ctx, connKey{}, ready)
	}
	return ctx
}

// settle makes of a request what the rest of the chain may rely on: it knows its TLS, and asks for no other protocol than
// WebSockets. It says whether the client itself has made the connection, and over TCP, and whether something else than HTTP
// may follow on it.
func settle(r *http.Request) (direct, tunnel bool) {
	conn, ok := r.Context().Value(connKey{}).(*listener.Conn)
	if ok {
		if r.TLS == nil {
			r.TLS = conn.State()
		}
		direct, tunnel = !conn.Announced(), conn.Tunnel()
	}
	if !tunnel {
		delete(r.Header, "Upgrade") // h2c would be a way around everything here
		delete(r.Header, "Http2-Settings")
	}
	return direct, tunnel
}

// inadmissible is what is wrong with a request that net/http has read, nil if nothing is. HTTP/1 has been judged before it
// was read; HTTP/2 and HTTP/3 can say more than HTTP/1 can.
func inadmissible(r *http.Request) *problem {
	switch {
	case r.Method == http.MethodConnect, r.Method == http.MethodTrace: // who reads out requests, reads out what we tell upstreams
		return &noSuchMethod
	case !strings.HasPrefix(r.URL.Path, "/"), r.ProtoMajor > 1 && r.URL.Host != "", !visible(r.RequestURI):
		return &badRequest
	case r.ProtoMajor == 1:
		return nil
	case !httpguts.ValidHeaderFieldName(r.Method): // a method is made of the same letters
		return &badRequest
	}
	lengths := r.Header["Content-Length"]
	if len(lengths) > 1 || len(lengths) == 1 && strings.Trim(lengths[0], "0123456789") != "" {
		return &badRequest
	}
	for _, host := range r.Header["Host"] { // beside :authority
		if !strings.EqualFold(host, r.Host) {
			return &badRequest
		}
	}
	for name := range r.Header {
		if framing(name) {
			return &badRequest
		}
	}
	return nil
}

// visible says whether an address is made of what addresses are made of.
func visible(address string) bool {
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// framing says whether a name is one that programs behind us may take for a header about the length of a body.
func framing(name string) bool {
	const a, b = len("content-length"), len("transfer-encoding")
	return (len(name) == a || len(name) == b) && strings.ContainsAny(name, "_.") &&
		(strings.EqualFold(separated(name), "content-length") || strings.EqualFold(separated(name), "transfer-encoding"))
}

func separated(name string) string { return strings.NewReplacer("_", "-", ".", "-").Replace(name) }
