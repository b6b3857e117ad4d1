package strict_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/proxy/strict"
)

// script is a connection on which a client says one thing, some bytes at a time.
type script struct {
	net.Conn
	text string
	step int
}

func (s *script) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.text)
	s.text = s.text[n:]
	return n, nil
}

// requests reads requests as net/http's server does, until there is no more.
func requests(r io.Reader) (all []string, err error) {
	for br := bufio.NewReader(r); ; {
		req, err := http.ReadRequest(br)
		if err != nil {
			return all, err
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return all, err
		}
		all = append(all, req.Method+" "+req.Host+" "+req.URL.Path+" "+string(body))
	}
}

const two = "POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n1 \r\n!\r\n0\r\nX: y\r\n\r\n" +
	"PUT /b HTTP/1.1\r\nHost: b.example\r\nContent-Length: 2\r\n\r\nhi"

func TestHowBytesArriveDoesNotMatter(t *testing.T) {
	for step := 1; step < len(two); step++ {
		all, err := requests(strict.HTTP1(&script{text: two, step: step}, func(reason string) { t.Errorf("%d at a time: refused: %s", step, reason) }))
		if got := strings.Join(all, "|"); got != "POST a.example /a hello!|PUT b.example /b hi" || err != io.EOF { //nolint:errorlint // the value itself
			t.Errorf("%d bytes at a time: got %q, %v", step, got, err)
		}
	}
}

// What is before a request that is refused is read, and who reads finds the request malformed itself.
func TestRefusedInItsTurn(t *testing.T) {
	for _, bad := range []string{
		"GET / HTTP/1.1\nHost: c.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: c.example\r\nHost: d.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: c.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: c.example\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: c.example\r\nTransfer-Encoding: chunked\r\n\r\n5;\x00\r\nhello\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: c.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: x\r\n\r\n",
	} {
		for step := 1; step < len(two); step += 7 {
			reasons := 0
			all, err := requests(strict.HTTP1(&script{text: two + bad + two, step: step}, func(string) { reasons++ }))
			if len(all) != 2 || err == nil || err == io.EOF || reasons != 1 { //nolint:errorlint // the value itself
				t.Errorf("%q, %d bytes at a time: read %q, %v, refused %d times", bad, step, all, err, reasons)
			}
		}
	}
}

func TestTunnel(t *testing.T) {
	const upgrade = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
	const frames = "\x81\x05hello\x00\r\n\n"
	c := strict.HTTP1(&script{text: two + upgrade + frames, step: 9}, func(reason string) { t.Error(reason) })
	b, err := io.ReadAll(c)
	if err != nil || string(b) != two+upgrade+frames || !c.Tunnel() {
		t.Errorf("got %q, %v, tunnel %v", b, err, c.Tunnel())
	}
	for _, other := range []string{
		strings.Replace(upgrade, "WebSocket", "h2c", 1), strings.Replace(upgrade, "GET", "POST", 1), strings.Replace(upgrade, "HTTP/1.1", "HTTP/1.0", 1),
		strings.Replace(upgrade, "Upgrade: WebSocket", "Upgrade: websocket\r\nUpgrade: h2c", 1), strings.Replace(upgrade, "\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx", 1),
	} {
		refused := false
		c := strict.HTTP1(&script{text: other + frames, step: 1000}, func(string) { refused = true })
		if _, err := io.ReadAll(c); c.Tunnel() || !refused {
			t.Errorf("%q: tunnel %v, %v, what follows was refused: %v", other, c.Tunnel(), err, refused)
		}
	}
}

// FuzzHTTP1 holds the two readers against each other: what is let pass is read by net/http as the same requests, with bodies
// that end where we think.
func FuzzHTTP1(f *testing.F) {
	f.Add([]byte(two))
	f.Add([]byte("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"))
	f.Add([]byte("\r\nGET / HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		refused := false
		c := strict.HTTP1(&script{text: string(text), step: 1 + len(text)%50}, func(string) { refused = true })
		passed, _ := io.ReadAll(c) // ends with an error where something is refused
		if c.Tunnel() {
			return
		}
		if !refused && !bytes.Equal(passed, text) {
			t.Errorf("%q became %q", text, passed)
		}
		if _, err := requests(bytes.NewReader(passed)); refused && err == io.EOF && len(bytes.TrimSpace(passed)) > 0 { //nolint:errorlint // the value itself
			t.Errorf("%q is refused, and net/http reads %q to its end", text, passed)
		}
	})
}

func BenchmarkHTTP1(b *testing.B) {
	request := "GET /tickets/4711?tab=history HTTP/1.1\r\nHost: acme.tickets.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Connection: keep-alive\r\nCookie: __Host-deskgate=" + strings.Repeat("x", 64) + "\r\nUpgrade-Insecure-Requests: 1\r\n\r\n"
	s := &script{step: 4096}
	c := strict.HTTP1(s, nil)
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		s.text = request
		if n, err := c.Read(buf); n != len(request) || err != nil {
			b.Fatal(n, err)
		}
	}
}
