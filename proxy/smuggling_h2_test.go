package proxy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/deskgate/deskgate/proxy"
)

// stream is one request in HTTP/2, which can say what HTTP/1 can't.
type stream struct {
	name   string
	fields []string // names and values in turn; HOST as in specimens
	body   string
	want   string
}

// asked is a request's pseudo-headers, with some replaced or added.
func asked(more ...string) []string {
	fields := []string{":method", "GET", ":scheme", "https", ":authority", "HOST", ":path", "/x"}
	for i := 0; i+1 < len(more); i += 2 {
		if at := slices.Index(fields, more[i]); at >= 0 && at < 8 {
			fields[at+1] = more[i+1]
		} else {
			fields = append(fields, more[i], more[i+1])
		}
	}
	return fields
}

// without leaves a pseudo-header out.
func without(name string, more ...string) []string {
	fields := asked(more...)
	at := slices.Index(fields, name)
	return slices.Delete(fields, at, at+2)
}

func streamsToTry() []stream {
	return []stream{
		{"h2 plain", asked(), "", "GET /x "},
		{"h2 body", asked(":method", "POST"), "hello", "POST /x hello"},
		{"h2 body with length", asked(":method", "POST", "content-length", "5"), "hello", "POST /x hello"},
		{"h2 crumbs of cookies", asked("cookie", "a=1", "cookie", "b=2"), "", "GET /x "},
		{"h2 te trailers", asked("te", "trailers"), "", "GET /x "},
		{"h2 host beside authority", asked("host", "HOST"), "", "GET /x "},
		{"h2 host instead of authority", without(":authority", "host", "HOST"), "", "GET /x "},
		{"h2 another host", asked("host", "bee.tickets.example"), "", refused},
		{"h2 two hosts", asked("host", "HOST", "host", "bee.tickets.example"), "", refused},
		{"h2 no host", without(":authority"), "", refused},
		{"h2 authority with user", asked(":authority", "bee.tickets.example@HOST"), "", refused},
		{"h2 authority with path", asked(":authority", "HOST/y"), "", refused},
		{"h2 two authorities", append([]string{":authority", "bee.tickets.example"}, asked()...), "", refused},
		{"h2 CR LF in authority", asked(":authority", "HOST\r\nX-Smuggled: y"), "", refused},
		{"h2 CR LF in a value", asked("x", "a\r\nx-smuggled: y"), "", refused},
		{"h2 LF in a value", asked("x", "a\nx-smuggled: y"), "", refused},
		{"h2 CR in a value", asked("x", "a\rb"), "", refused},
		{"h2 null in a value", asked("x", "a\x00b"), "", refused},
		{"h2 CR LF in a name", asked("x: a\r\ny", "b"), "", refused},
		{"h2 colon in a name", asked("x:y", "b"), "", refused},
		{"h2 space in a name", asked("x y", "b"), "", refused},
		{"h2 capitals in a name", asked("X-Y", "b"), "", refused},
		{"h2 empty name", asked("", "b"), "", refused},
		{"h2 name beyond ASCII", asked("gr\xc3\xb6\xc3\x9fe", "b"), "", refused},
		{"h2 connection", asked("connection", "close"), "", refused},
		{"h2 keep-alive in connection", asked("connection", "keep-alive"), "", refused},
		{"h2 proxy-connection", asked("proxy-connection", "keep-alive"), "", refused},
		{"h2 transfer-encoding", asked(":method", "POST", "transfer-encoding", "chunked"), "0\r\n\r\n" + smuggled, refused},
		{"h2 transfer_encoding", asked(":method", "POST", "transfer_encoding", "chunked"), "0\r\n\r\n" + smuggled, refused},
		{"h2 upgrade", asked("upgrade", "websocket"), "", refused},
		{"h2 te", asked("te", "gzip"), "", refused},
		{"h2 path without slash", asked(":path", "x"), "", refused},
		{"h2 empty path", asked(":path", ""), "", refused},
		{"h2 no path", without(":path"), "", refused},
		{"h2 star", asked(":path", "*"), "", refused},
		{"h2 whole URL in the path", asked(":path", "https://bee.tickets.example/x"), "", refused},
		{"h2 two slashes for a host", asked(":path", "//bee.tickets.example/x"), "", "GET //bee.tickets.example/x "},
		{"h2 space in the path", asked(":path", "/x HTTP/1.1"), "", refused},
		{"h2 CR LF in the path", asked(":path", "/x HTTP/1.1\r\nX: y"), "", refused},
		{"h2 null in the path", asked(":path", "/x\x00"), "", refused},
		{"h2 fragment", asked(":path", "/x#y"), "", refused},
		{"h2 path beyond ASCII", asked(":path", "/gr\xc3\xb6\xc3\x9fe"), "", refused},
		{"h2 two paths", append([]string{":path", "/y"}, asked()...), "", refused},
		{"h2 no method", without(":method"), "", refused},
		{"h2 empty method", asked(":method", ""), "", refused},
		{"h2 line for a method", asked(":method", "GET /y HTTP/1.1\r\nX: y\r\n\r\nGET"), "", refused},
		{"h2 space in the method", asked(":method", "GET /y"), "", refused},
		{"h2 CONNECT", []string{":method", "CONNECT", ":authority", "HOST"}, "", refused},
		{"h2 CONNECT of a protocol", asked(":method", "CONNECT", ":protocol", "websocket"), "", refused},
		{"h2 TRACE", asked(":method", "TRACE"), "", refused},
		{"h2 no scheme", without(":scheme"), "", refused},
		{"h2 other scheme", asked(":scheme", "ftp"), "", refused},
		{"h2 status", asked(":status", "200"), "", refused},
		{"h2 own pseudo-header", asked(":own", "x"), "", refused},
		{"h2 pseudo-header at the end", append(without(":path", "x", "y"), ":path", "/x"), "", refused},
		{"h2 length too small", asked(":method", "POST", "content-length", "1"), "hello" + smuggled, refused},
		{"h2 length too large", asked(":method", "POST", "content-length", "500"), "hello", refused},
		{"h2 two lengths", asked(":method", "POST", "content-length", "5", "content-length", "6"), "hello", refused},
		{"h2 length with a sign", asked(":method", "POST", "content-length", "+5"), "hello", refused},
		{"h2 length below zero", asked(":method", "POST", "content-length", "-1"), "hello", refused},
		{"h2 list of lengths", asked(":method", "POST", "content-length", "5, 5"), "hello", refused},
		{"h2 length of no body with a sign", asked("content-length", "+5"), "", refused},
		{"h2 content_length", asked(":method", "POST", "content_length", "1"), "hello", refused},
	}
}

// client2 speaks HTTP/2 by hand.
type client2 struct {
	*http2.Framer
	conn net.Conn
}

// speak begins HTTP/2 on a connection.
func speak(tb testing.TB, c net.Conn) *client2 {
	tb.Helper()
	tb.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		tb.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.WriteSettings(); err != nil {
		tb.Fatal(err)
	}
	return &client2{f, c}
}

// block packs the fields of a request.
func block(fields []string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: strings.ReplaceAll(fields[i+1], "HOST", acmeHost)}) // into memory
	}
	return b.Bytes()
}

// ask sends a request and returns its status, 0 if it is refused otherwise.
func (c *client2) ask(id uint32, s stream) (int, error) {
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block(s.fields), EndHeaders: true, EndStream: s.body == ""}); err != nil {
		return 0, err
	}
	if s.body != "" {
		if err := c.WriteData(id, true, []byte(s.body)); err != nil {
			return 0, err
		}
	}
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return 0, err
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if f.StreamID == id {
				return strconv.Atoi(f.PseudoValue("status"))
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == id {
				return 0, nil
			}
		case *http2.GoAwayFrame:
			return 0, nil
		}
	}
}

// dial2 opens an HTTP/2 connection to the TLS listener.
func (n *node) dial2(tb testing.TB) *client2 {
	tb.Helper()
	c, err := tls.Dial("tcp", n.server.HTTPSAddr().String(), &tls.Config{
		ServerName: acmeHost, InsecureSkipVerify: true, NextProtos: []string{"h2"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return speak(tb, c)
}

func TestSmugglingOverHTTP2(t *testing.T) {
	n, upstream := newNode(t, proxy.Internal), startRecorder(t)
	if err := n.tenants.Mount(t.Context(), n.acme.ID, acmeHost, "/support"); err != nil {
		t.Fatal(err)
	}
	n.route(t, "/", "http://"+upstream.Addr().String())
	n.start(t)
	for _, s := range streamsToTry() {
		status, err := n.dial2(t).ask(1, s)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", s.name, err)
		}
		seen := upstream.take()
		if s.want != refused && (status != 200 || !slices.Equal(seen, []string{s.want})) {
			t.Errorf("%s: answered %d, and the upstream saw %q, want %q", s.name, status, seen, s.want)
		}
		// An error of the server's would mean that the upstream is blamed for it.
		if s.want == refused && (status != 0 && status < 400 || status >= 500 || len(seen) > 0) {
			t.Errorf("%s: answered %d, and the upstream saw %q, want an error", s.name, status, seen)
		}
	}
}
