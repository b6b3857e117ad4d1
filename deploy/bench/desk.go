package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// deskScenarios measures the help desk over HTTPS: programs with an API token, an agent and a requester with their sessions.
func deskScenarios(ctx context.Context, s settings) (_ []result, err error) {
	dir, err := os.MkdirTemp("", "deskgate-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	n, err := startNode(ctx, s, dir, "internal")
	if err != nil {
		return nil, err
	}
	defer n.stop()
	n.report("ready after "+time.Since(began).Round(time.Millisecond).String()+", with the commands of the preparation", s)
	config := &tls.Config{RootCAs: n.roots}
	c := client(n.addr, s.clients, config, false)
	agent, err := n.agent(ctx, client(n.addr, s.clients, config, false))
	if err != nil {
		return nil, err
	}
	requester, err := n.requester(ctx, client(n.addr, s.clients, config, false))
	if err != nil {
		return nil, err
	}
	create := scenario{name: "create", process: n.process, client: c, request: n.create, status: http.StatusCreated}
	if s.data == "" {
		for i := range s.preload {
			if err := create.one(ctx, i); err != nil {
				return nil, fmt.Errorf("preload: %w", err)
			}
		}
	}
	list := n.reading("list of 25", c, "/api/tickets?limit=25&status=new,open")
	// One person's pages are limited: as many as that allows.
	const allowed = 800
	pages := allowed / 2 / s.duration.Seconds() / float64(s.rounds)
	scenarios := []scenario{
		create, list, n.reading("open", c, "/api/tickets/7"), n.reading("search", c, "/api/tickets?q=printer"),
		create.at(s.rate), list.at(s.rate),
		n.reading("portal's list", requester, "/dashboard").at(pages), n.reading("console's list", agent, "/agent").at(pages),
		n.reading("console's ticket", agent, "/agent/tickets/7").at(pages),
	}
	results, err := measure(ctx, s, scenarios)
	n.report("after all of it", s)
	return results, err
}

// at is the scenario at a fixed rate.
func (sc scenario) at(rate float64) scenario {
	sc.name, sc.rate = fmt.Sprintf("%s, %.0f a second", sc.name, rate), rate
	return sc
}

// report tells how much memory the node holds.
func (n *node) report(when string, s settings) {
	own, all, err := n.memory()
	if err != nil || s.json {
		return
	}
	fmt.Printf("%s: %d MB of its own, %d MB with mapped files\n", when, own>>10, all>>10)
}

func (n *node) create(ctx context.Context, i int) (*http.Request, error) {
	body := fmt.Sprintf(`{"title":"Printer %d is on fire","description":"Smoke comes out of printer %d since this morning.\n\nWhat I tried:\n- switching it off and on\n- opening a window","priority":"high","tags":["printer"]}`, i, i)
	r, err := n.to(ctx, http.MethodPost, "/api/tickets", body)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+n.token)
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

// reading asks for the same again and again, as whom the client is signed in for, or with the token.
func (n *node) reading(name string, c *http.Client, path string) scenario {
	return scenario{name: name, process: n.process, client: c, status: http.StatusOK, request: func(ctx context.Context, _ int) (*http.Request, error) {
		r, err := n.to(ctx, http.MethodGet, path, "")
		if err == nil && c.Jar == nil {
			r.Header.Set("Authorization", "Bearer "+n.token)
		}
		return r, err
	}}
}

// to is a request to the tenant's host, by a browser that stands there.
func (n *node) to(ctx context.Context, method, path, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://"+n.host+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html,*/*",
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}
