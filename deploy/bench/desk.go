package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// deskScenarios measures durable creates and lists of 25 over HTTPS with an API token.
func deskScenarios(ctx context.Context, s settings) (_ []result, err error) {
	dir, err := os.MkdirTemp("", "deskgate-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n, err := startNode(ctx, s, dir, "internal")
	if err != nil {
		return nil, err
	}
	defer n.stop()
	c := client(n.addr, s.clients, &tls.Config{RootCAs: n.roots}, false)
	create := scenario{name: "ticket create", process: n.process, client: c, request: n.create, status: http.StatusCreated}
	list := scenario{name: "ticket list of 25", process: n.process, client: c, request: n.list, status: http.StatusOK}
	for i := range s.preload {
		if err := create.one(ctx, i); err != nil {
			return nil, fmt.Errorf("preload: %w", err)
		}
	}
	return measure(ctx, s, []scenario{create, list})
}

func (n *node) create(ctx context.Context, i int) (*http.Request, error) {
	body := fmt.Sprintf(`{"title":"Printer %d is on fire","description":"Smoke comes out of printer %d since this morning.\n\nWhat I tried:\n- switching it off and on\n- opening a window","priority":"high","tags":["printer"]}`, i, i)
	return n.authorized(ctx, http.MethodPost, "/api/tickets", body)
}

func (n *node) list(ctx context.Context, _ int) (*http.Request, error) {
	return n.authorized(ctx, http.MethodGet, "/api/tickets?limit=25&status=new,open", "")
}

func (n *node) authorized(ctx context.Context, method, path, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://"+n.host+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+n.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}
