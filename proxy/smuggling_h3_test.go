package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// Frame types of RFC 9114 §7.2.
const (
	h3Data    = 0x0
	h3Headers = 0x1
)

// over3 sends the request as HTTP/3 and returns its status, 0 if it is refused otherwise.
func (s stream) over3(ctx context.Context, c *quic.Conn) (int, error) {
	str, err := c.OpenStreamSync(ctx)
	if err != nil {
		return 0, err
	}
	var fields bytes.Buffer
	e := qpack.NewEncoder(&fields)
	for i := 0; i+1 < len(s.fields); i += 2 {
		f := qpack.HeaderField{Name: s.fields[i], Value: strings.ReplaceAll(s.fields[i+1], "HOST", acmeHost)}
		if err := e.WriteField(f); err != nil {
			return 0, err
		}
	}
	message := frame3(h3Headers, fields.Bytes())
	if s.body != "" {
		message = append(message, frame3(h3Data, []byte(s.body))...)
	}
	_, _ = str.Write(message) // it may be refused before it is all sent,
	_ = str.Close()           // or before it ends
	answer, err := io.ReadAll(str)
	if reset := new(quic.StreamError); errors.As(err, &reset) {
		return 0, nil // that is how a request is refused that makes no sense
	}
	if err != nil {
		return 0, err
	}
	return status3(answer)
}

func frame3(kind uint64, payload []byte) []byte {
	return append(quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(payload))), payload...)
}

// status3 reads the first frame of an answer.
func status3(answer []byte) (int, error) {
	r := bytes.NewReader(answer)
	kind, err := quicvarint.Read(r)
	if err != nil || kind != h3Headers {
		return 0, fmt.Errorf("an answer that begins with frame %d: %w", kind, err)
	}
	size, err := quicvarint.Read(r)
	if err != nil {
		return 0, err
	}
	block := make([]byte, size)
	if _, err := io.ReadFull(r, block); err != nil {
		return 0, err
	}
	next := qpack.NewDecoder().Decode(block)
	for {
		f, err := next()
		if err != nil {
			return 0, err
		}
		if f.Name == ":status" {
			return strconv.Atoi(f.Value)
		}
	}
}

// otherwise3 is what quic-go makes otherwise of some requests, and what an upstream then sees. Nothing here goes by the scheme;
// of a body that is longer than announced it passes on what was announced, and resets the rest.
func otherwise3() map[string]string {
	return map[string]string{"h2 no scheme": "GET /x ", "h2 other scheme": "GET /x ", "h2 length too small": "POST /x h"}
}

// What HTTP/2 can say, HTTP/3 can say as well.
func TestSmugglingOverHTTP3(t *testing.T) {
	n, upstream := newNode3(t), startRecorder(t)
	if err := n.tenants.Mount(t.Context(), n.acme.ID, acmeHost, "/support"); err != nil {
		t.Fatal(err)
	}
	n.route(t, "/", "http://"+upstream.Addr().String())
	n.start(t)
	roots := n.roots(t)
	send := func(s stream) (status int, seen []string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c, err := quic.DialAddr(ctx, n.server.HTTPSAddr().String(), &tls.Config{RootCAs: roots, ServerName: acmeHost, NextProtos: []string{"h3"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.CloseWithError(0, "") }()
		if status, err = s.over3(ctx, c); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		return status, upstream.take()
	}
	var others []stream // at the end: what is reset may still arrive at the upstream
	for _, s := range streamsToTry() {
		if _, other := otherwise3()[s.name]; other {
			others = append(others, s)
			continue
		}
		status, seen := send(s)
		if s.want != refused && (status != 200 || !slices.Equal(seen, []string{s.want})) {
			t.Errorf("%s: answered %d, and the upstream saw %q, want %q", s.name, status, seen, s.want)
		}
		if s.want == refused && (status != 0 && status < 400 || len(seen) > 0) {
			t.Errorf("%s: answered %d, and the upstream saw %q, want an error", s.name, status, seen)
		}
	}
	for _, s := range others {
		if _, seen := send(s); len(seen) > 1 || len(seen) == 1 && seen[0] != otherwise3()[s.name] {
			t.Errorf("%s: the upstream saw %q, want %q at most", s.name, seen, otherwise3()[s.name])
		}
	}
	if len(others) != len(otherwise3()) {
		t.Errorf("%d of %d were tried", len(others), len(otherwise3()))
	}
}
