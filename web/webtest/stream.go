package webtest

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
)

// Stream is an event stream that a client listens to.
type Stream struct {
	Status int
	Header http.Header
	// Proto is what it is spoken in, e.g. "HTTP/2.0".
	Proto string
	body  io.ReadCloser
	lines *bufio.Scanner
	close context.CancelFunc
}

// Event is one event of a stream. A block that has an id only, as it is sent where nothing happens, has no name.
type Event struct{ ID, Name, Data string }

// Listen asks for an event stream. Whoever listens has to Close.
func (c *Client) Listen(address string, headers ...string) *Stream {
	c.tb.Helper()
	ctx, stop := context.WithCancel(c.tb.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	ok(c.tb, err)
	r.Header.Set("Accept", "text/event-stream")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	answer, err := c.http.Do(r) //nolint:bodyclose // Stream.Close does
	if err != nil {
		stop()
		c.tb.Fatal(err)
	}
	return &Stream{Status: answer.StatusCode, Header: answer.Header, Proto: answer.Proto, body: answer.Body, lines: bufio.NewScanner(answer.Body), close: stop}
}

// Next waits for the next block; false: the stream is over.
func (s *Stream) Next() (Event, bool) {
	var e Event
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data += value
		}
		if s.lines.Text() == "" && e != (Event{}) {
			return e, true
		}
	}
	return e, false
}

// Named is Next for events that have a name.
func (s *Stream) Named() (Event, bool) {
	for {
		e, more := s.Next()
		if !more || e.Name != "" {
			return e, more
		}
	}
}

// Close drops the connection.
func (s *Stream) Close() {
	s.close()
	_ = s.body.Close() // it was dropped
}
