package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// action is something that an operator can ask of a node. It runs beside the open rooms: in the running node, where Q
// and A travel through the admin socket, or in the command's own process where no node runs.
type action[Q, A any] struct {
	name string
	do   func(o *operator, ctx context.Context, q Q) (A, error)
}

// served is an action as the admin socket sees it.
type served interface {
	path() string
	serve(ctx context.Context, o *operator, question io.Reader) (any, error)
}

func (a action[Q, A]) path() string { return "/" + a.name }

func (a action[Q, A]) serve(ctx context.Context, o *operator, question io.Reader) (any, error) {
	var q Q
	if err := json.NewDecoder(question).Decode(&q); err != nil {
		return nil, &failure{Code: codeBadRequest, Message: "The question can't be read.", Details: err.Error()}
	}
	return a.do(o, ctx, q)
}

// ask has the running node do the action or, where none runs, does it here with the data folder.
func ask[Q, A any](ctx context.Context, p *program, a action[Q, A], q Q) (A, error) {
	return askAt(ctx, p, a, q, false)
}

// askStore is ask for an action that needs nothing of the operator's but the store.
func askStore[Q, A any](ctx context.Context, p *program, a action[Q, A], q Q) (A, error) {
	return askAt(ctx, p, a, q, true)
}

func askAt[Q, A any](ctx context.Context, p *program, a action[Q, A], q Q, storeOnly bool) (answer A, err error) {
	s, err := p.forCommand()
	if err != nil {
		return answer, err
	}
	err = p.reach(ctx, s, reaching{
		node: func(c *http.Client) error {
			answer, err = overSocket[Q, A](ctx, c, a.path(), q)
			return err
		},
		alone: func(o *operator) error {
			answer, err = a.do(o, ctx, q)
			return err
		},
		storeOnly: storeOnly,
	})
	return answer, err
}

// reaching is what to do with the running node, or alone with the open data folder.
type reaching struct {
	node  func(*http.Client) error
	alone func(*operator) error
	// storeOnly: alone looks at nothing but the operator's store.
	storeOnly bool
}

const (
	lockPatience = 10 * time.Second // a node that starts, or another command, is ready within this time
	lockInterval = 50 * time.Millisecond
)

// reach finds the running node or opens the data folder. Where neither can be had, because another process is just
// opening or closing the folder, it tries again for a while.
func (p *program) reach(ctx context.Context, s *settings, r reaching) error {
	return patiently(ctx, func() error {
		conn, err := dialAdmin(ctx, s.data)
		if errors.Is(err, errNoNode) {
			return p.withRooms(ctx, s, r)
		}
		if err != nil {
			return err
		}
		c := clientOver(s.data, conn)
		defer c.CloseIdleConnections()
		return r.node(c)
	})
}

// patiently tries again as long as another process has the data folder open, within bounds.
func patiently(ctx context.Context, try func() error) error {
	patience := time.NewTimer(lockPatience)
	defer patience.Stop()
	again := time.NewTicker(lockInterval)
	defer again.Stop()
	for {
		err := try()
		if !errors.Is(err, storage.ErrInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return err
		case <-again.C:
		}
	}
}

// clientOver returns a client for the admin socket whose first connection is the one at hand.
func clientOver(dir string, first net.Conn) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if c := first; c != nil {
				first = nil
				return c, nil
			}
			return dialAdmin(ctx, dir)
		},
	}}
}

// adminURL is a name for the other end of the socket; HTTP wants one.
const adminURL = "http://deskgate"

func overSocket[Q, A any](ctx context.Context, c *http.Client, path string, q Q) (answer A, err error) {
	b, err := json.Marshal(q)
	if err != nil {
		return answer, err
	}
	return posted[A](ctx, c, adminURL+path, "application/json", bytes.NewReader(b))
}

// posted sends a body to the running node and reads its answer.
func posted[A any](ctx context.Context, c *http.Client, address, mediaType string, body io.Reader) (answer A, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", mediaType)
	res, err := c.Do(req)
	if err != nil {
		return answer, fmt.Errorf("ask the running node: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return answer, failureFrom(res)
	}
	return answer, json.NewDecoder(res.Body).Decode(&answer)
}

// failureFrom reads the error document of an answer.
func failureFrom(res *http.Response) error {
	var f failure
	if err := json.NewDecoder(res.Body).Decode(&f); err != nil || f.Message == "" {
		return fmt.Errorf("the running node answered %s: is it another version of deskgate?", res.Status)
	}
	return &f
}
