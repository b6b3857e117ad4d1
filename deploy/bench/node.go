package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child whose CPU time is read from outside.
type process struct {
	cmd *exec.Cmd
	log *os.File
}

func start(ctx context.Context, s settings, dir, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(dir, filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, err
	}
	if s.peers || s.unknown {
		program, args = "taskset", append([]string{"--cpu-list", "0", program}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr, cmd.Stdout = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return &process{cmd: cmd, log: log}, cmd.Start()
}

func (p *process) stop() {
	err := errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait(), p.log.Close())
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// cpu is the user and system time that the process has spent, all threads together.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const utime, stime, tick = 11, 12, 10 * time.Millisecond
	user, err := strconv.Atoi(fields[utime])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[stime])
	return time.Duration(user+system) * tick, err
}

// node is a running deskgate with the tenant acme.
type node struct {
	*process
	settings
	data  string
	host  string // of the tenant, with the port
	addr  string
	roots *x509.CertPool
	token string
}

func startNode(ctx context.Context, s settings, dir, mode string) (*node, error) {
	https, plain := freePort(), freePort()
	data := s.data
	if data == "" {
		data = filepath.Join(dir, "data-"+mode)
	}
	n := &node{settings: s, data: data, addr: https, roots: x509.NewCertPool()}
	scheme := "https"
	if mode == "off" {
		n.addr, scheme = plain, "http"
	}
	_, port, err := net.SplitHostPort(n.addr)
	if err != nil {
		return nil, err
	}
	n.host = "acme.deskgate.localhost:" + port
	n.process, err = start(ctx, s, dir, s.binary, "serve", "--data", n.data, "--node-url", scheme+"://deskgate.localhost:"+port,
		"--https", https, "--http", plain, "--tls", mode)
	if err != nil {
		return nil, err
	}
	if err := n.prepare(ctx, mode); err != nil {
		n.stop()
		return nil, fmt.Errorf("%w (see %s)", err, n.log.Name())
	}
	return n, nil
}

func (n *node) prepare(ctx context.Context, mode string) error {
	if err := answers(ctx, n.addr); err != nil {
		return err
	}
	if err := n.enter(ctx); err != nil {
		return err
	}
	if err := n.admin(ctx, nil, "tenant", "set", "acme", "api_requests_per_minute=1000000"); err != nil {
		return err
	}
	if mode != "internal" {
		return nil
	}
	root, err := exec.CommandContext(ctx, n.binary, "ca", "--data", n.data).Output()
	if err != nil {
		return fmt.Errorf("deskgate ca: %w", err)
	}
	n.roots.AppendCertsFromPEM(root)
	return nil
}

// enter makes the tenant, or a token for the one that a filled data folder has, with an agent.
func (n *node) enter(ctx context.Context) error {
	if n.settings.data != "" {
		var made struct {
			Secret string `json:"secret"`
		}
		err := n.admin(ctx, &made, "token", "create", "acme", "--name", "bench")
		n.token = made.Secret
		return err
	}
	var created struct {
		Secrets struct {
			Token string `json:"api_token"`
		} `json:"secrets"`
	}
	err := n.admin(ctx, &created, "tenant", "create", "acme")
	n.token = created.Secrets.Token
	return err
}

// memory is what the process holds, by the kernel's count: its own, and with the files that are mapped.
func (p *process) memory() (own, all int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "RssAnon":
			own = kb
		case "VmRSS":
			all = kb
		}
	}
	return own, all, nil
}

// admin runs one of the operator's commands against the node.
func (n *node) admin(ctx context.Context, into any, args ...string) error {
	out, err := exec.CommandContext(ctx, n.binary, append(args, "--data", n.data, "--json")...).Output()
	if err != nil {
		return fmt.Errorf("deskgate %s: %w: %s", strings.Join(args, " "), err, out)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out, into)
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func answers(ctx context.Context, addr string) error {
	var d net.Dialer
	for range 100 {
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("nothing listens on %s after 10 s", addr)
}
