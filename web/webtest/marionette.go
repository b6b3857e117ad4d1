package webtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// marionette is a connection to the remote control that Firefox has: commands and answers are JSON arrays, each behind
// its length, one at a time.
type marionette struct {
	mu   sync.Mutex
	conn net.Conn
	read *bufio.Reader
	last int
}

// remoteError is Firefox's answer to a command that it could not carry out.
type remoteError struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

func (e *remoteError) Error() string { return e.Code + ": " + e.Message }

// dialMarionette connects and begins a session.
func dialMarionette(ctx context.Context, addr string) (*marionette, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &marionette{conn: conn, read: bufio.NewReader(conn)}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := m.message(); err != nil { // it greets first
		return nil, errors.Join(err, conn.Close())
	}
	if err := m.do("WebDriver:NewSession", map[string]any{}, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return m, nil
}

// do carries out a command and reads its value into result, unless that is nil.
func (m *marionette) do(command string, params, result any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	body, err := json.Marshal([]any{0, m.last, command, params})
	if err != nil {
		return err
	}
	if err := m.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(body), body); err != nil {
		return err
	}
	for {
		answer, err := m.message()
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		id, value, err := parseAnswer(answer)
		if id != m.last {
			continue // of a command that was given up
		}
		if err != nil || result == nil {
			return err
		}
		return json.Unmarshal(value, result)
	}
}

// parseAnswer takes apart [1, id, error, value].
func parseAnswer(b []byte) (int, json.RawMessage, error) {
	var parts [4]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return 0, nil, err
	}
	var id int
	if err := json.Unmarshal(parts[1], &id); err != nil {
		return 0, nil, err
	}
	var wrong *remoteError
	if err := json.Unmarshal(parts[2], &wrong); err != nil || wrong == nil {
		return id, parts[3], err
	}
	return id, nil, wrong
}

func (m *marionette) message() ([]byte, error) {
	length, err := m.read.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(m.read, b)
	return b, err
}
