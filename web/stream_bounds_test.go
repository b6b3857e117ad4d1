package web_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestStreamsShareAConnection: over HTTP/2 many streams and ordinary requests are on one connection, and each hears what is its own.
func TestStreamsShareAConnection(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Modern(t)
	var open []*webtest.Stream
	for range 10 {
		for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
			s := c.Listen(n.URL+"/api/events/stream", bearer(tn))
			defer s.Close()
			if open = append(open, s); s.Status != http.StatusOK || s.Proto != "HTTP/2.0" {
				t.Fatalf("a stream = %d over %s", s.Status, s.Proto)
			}
		}
	}
	for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
		got := c.Do("POST", n.URL+"/api/tickets", `{"title":"For `+tn.Slug+`","description":"x"}`, bearer(tn), "Content-Type: application/json")
		if got.Status != http.StatusCreated {
			t.Fatalf("POST = %d %s", got.Status, got.Body)
		}
	}
	for i, s := range open {
		if e, _ := s.Named(); e.ID != "1" || e.Name != "ticket.created" {
			t.Errorf("stream %d hears %+v", i, e)
		}
	}
}

// taker is a client that takes only as much of an answer as it wants.
type taker struct {
	conn *tls.Conn
	*http2.Framer
}

// take asks for an event stream over HTTP/2, and takes the first bytes of it.
func take(t *testing.T, n *webtest.Node, bytesTaken uint32) *taker {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{
		RootCAs: n.Roots(), ServerName: "desk.example", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	}}).DialContext(t.Context(), "tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })                                   // the node may have closed it
	c := &taker{conn: conn.(*tls.Conn), Framer: http2.NewFramer(conn, conn)} //nolint:errcheck,forcetypeassert // its Dialer makes these
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	for _, field := range [][2]string{
		{":method", "GET"},
		{":scheme", "https"},
		{":authority", n.URL[len("https://"):]},
		{":path", "/api/events/stream?last_event_id=0"},
		{"accept", "text/event-stream"},
		{"authorization", "Bearer " + n.Acme.Token},
	} {
		err = errors.Join(err, e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	_, begin := conn.Write([]byte(http2.ClientPreface))
	if err = errors.Join(err, begin, c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: bytesTaken}),
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})); err != nil {
		t.Fatal(err)
	}
	return c
}

// end reads on until the stream is reset, and returns how many bytes of it came.
func (c *taker) end(t *testing.T) (taken int) {
	t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("after %d bytes: %v", taken, err)
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			taken += len(f.Data())
		case *http2.RSTStreamFrame:
			return taken
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = c.WriteSettingsAck()
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestStreamsWaitForNobody: who does not take what is sent is cut off, and takes no room from others after it. Those who take
// it miss nothing.
func TestStreamsWaitForNobody(t *testing.T) {
	t.Parallel()
	const patience, many, window = time.Second, 20, 2 << 10
	n := webtest.Start(t, webtest.WithStreamPatience(patience))
	for i := range 30 {
		if _, err := n.Desk.Open(t.Context(), n.Acme.Tenant, tickets.Token("t", "test"), tickets.Draft{Title: fmt.Sprint("Ticket ", i), Description: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	var slow []*taker
	for range many {
		slow = append(slow, take(t, n, window))
	}
	for _, c := range slow {
		if taken := c.end(t); taken == 0 || taken > window {
			t.Errorf("a slow reader was cut off after %d bytes, and takes %d", taken, window)
		}
	}
	if took := time.Since(begin); took < patience || took > 20*patience {
		t.Errorf("slow readers were cut off after %s, have %s", took, patience)
	}
	var open []*webtest.Stream
	c := n.Modern(t)
	for late := time.Now().Add(20 * time.Second); len(open) < many; {
		s := c.Listen(n.URL+"/api/events/stream?last_event_id=0", bearer(n.Acme))
		if s.Status == http.StatusOK {
			defer s.Close()
			open = append(open, s)
		} else if s.Close(); time.Now().After(late) {
			t.Fatalf("after the slow readers %d streams could be opened, want %d", len(open), many)
		}
	}
	for want := range 30 {
		if e, _ := open[0].Named(); e.ID != strconv.Itoa(want+1) {
			t.Fatalf("event %d is %+v", want+1, e)
		}
	}
}

// TestStreamsOfATenantAreBounded: a tenant's programs and staff have 500 streams together, its requesters as many of their own, and
// other tenants theirs.
func TestStreamsOfATenantAreBounded(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Modern(t)
	stream := n.URL + "/api/events/stream"
	for i := range 25 {
		_, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: fmt.Sprint("listener ", i), Scopes: auth.EventsRead, By: "operator"})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			s := c.Listen(stream, "Authorization: Bearer "+secret)
			defer s.Close()
			if s.Status != http.StatusOK {
				t.Fatalf("a stream of token %d = %d", i, s.Status)
			}
		}
	}
	ann, zoe := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for name, tc := range map[string]struct {
		stream *webtest.Stream
		status int
	}{
		"a program's":         {c.Listen(stream, bearer(n.Acme)), http.StatusTooManyRequests},
		"a console's":         {ann.Listen(n.Acme.URL + "/agent/live"), http.StatusTooManyRequests},
		"a requester's":       {zoe.Listen(n.Acme.URL + "/api/events/stream"), http.StatusOK},
		"of another tenant's": {c.Listen(stream, bearer(n.Bolt)), http.StatusOK},
	} {
		if tc.stream.Status != tc.status {
			t.Errorf("%s stream = %d, want %d", name, tc.stream.Status, tc.status)
		}
		tc.stream.Close()
	}
}
