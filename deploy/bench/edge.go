package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

// edgeScenarios forwards the same small answer through a node and through nothing but httputil.ReverseProxy, each in a
// process of its own and over plain HTTP/1.1, so that the node's price for routing, limits, headers and logs stands alone.
func edgeScenarios(ctx context.Context, s settings) (_ []result, err error) {
	dir, err := os.MkdirTemp("", "deskgate-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	upstream, stop, err := serveUpstream()
	if err != nil {
		return nil, err
	}
	defer stop()
	n, err := startNode(ctx, s, dir, "off")
	if err != nil {
		return nil, err
	}
	defer n.stop()
	host, _, err := net.SplitHostPort(n.host)
	if err != nil {
		return nil, err
	}
	if err := n.admin(ctx, nil, "route", "add", "acme", host, "/up", upstream); err != nil {
		return nil, err
	}
	secure, err := startNode(ctx, s, dir, "internal")
	if err != nil {
		return nil, err
	}
	defer secure.stop()
	if err := secure.admin(ctx, nil, "route", "add", "acme", host, "/up", upstream); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr := freePort()
	plain, err := start(ctx, s, dir, self, "plain", addr, upstream)
	if err != nil {
		return nil, err
	}
	defer plain.stop()
	if err := answers(ctx, addr); err != nil {
		return nil, err
	}
	return measure(ctx, s, []scenario{
		forwarded("forwarded, plain ReverseProxy, h1", plain, client(addr, s.clients, nil, false), "http://"+n.host),
		forwarded("forwarded, node, h1", n.process, client(n.addr, s.clients, nil, false), "http://"+n.host),
		forwarded("forwarded, node, h1+TLS", secure.process, client(secure.addr, s.clients, &tls.Config{RootCAs: secure.roots}, false), "https://"+secure.host),
		forwarded("forwarded, node, h2+TLS", secure.process, client(secure.addr, s.clients, &tls.Config{RootCAs: secure.roots}, true), "https://"+secure.host),
	})
}

func forwarded(name string, p *process, c *http.Client, base string) scenario {
	return scenario{name: name, process: p, client: c, status: http.StatusOK, request: func(ctx context.Context, _ int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, base+"/up/hello", nil)
	}}
}

func serveUpstream() (base string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello from the upstream")
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	return "http://" + l.Addr().String(), func() {
		if err := errors.Join(s.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "bench: upstream:", err)
		}
	}, nil
}

// servePlain is a child: a proxy that is nothing but the standard library's or, without an upstream, a handler that answers by itself,
// which is what no proxy on net/http can do with less.
func servePlain(addr, upstream, secure, certificate string) error {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, hello) })
	if upstream != "" {
		u, err := url.Parse(upstream)
		if err != nil {
			return err
		}
		h = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.SetXForwarded()
		}, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}
	}
	s := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: time.Second}
	if certificate == "" {
		return s.ListenAndServe()
	}
	both := make(chan error, 2)
	go func() { both <- s.ListenAndServe() }()
	over := &http.Server{Addr: secure, Handler: h, ReadHeaderTimeout: time.Second}
	go func() { both <- over.ListenAndServeTLS(certificate, certificate) }()
	return <-both
}
