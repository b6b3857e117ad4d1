package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// peer is a proxy that forwards everything to the upstream, in the clear and over TLS.
type peer struct {
	name          string
	plain, secure *process
	at, securely  string // where it listens
	host, shost   string // what it is asked for there
}

// peerScenarios forwards the same small answer through Deskgate and through what people would take otherwise, each with keep-alive
// to the upstream, X-Forwarded headers and an access log, on one core. The load generator and the upstream have the others. What
// a request costs is told by clients that begin the next one at once, how long it takes by a fixed rate.
func peerScenarios(ctx context.Context, s settings) ([]result, error) {
	return amongPeers(ctx, s, startPeers, func(peers []peer) ([]result, error) {
		var all []scenario
		for _, protocol := range protocols(s.clients) {
			for _, p := range peers {
				all = append(all, protocol(p))
			}
		}
		for _, sc := range all {
			if !strings.HasSuffix(sc.name, "handshake") {
				all = append(all, sc.at(s.rate))
			}
		}
		return measure(ctx, s, all)
	})
}

// amongPeers starts proxies before an upstream, each on the first core, and stops them when they are measured.
func amongPeers(
	ctx context.Context, s settings, begin func(ctx context.Context, s settings, dir, upstream string) ([]peer, error),
	measured func([]peer) ([]result, error),
) (_ []result, err error) {
	if err := pin(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "deskgate-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	upstream, err := serveBare()
	if err != nil {
		return nil, err
	}
	defer upstream.Close()
	peers, err := begin(ctx, s, dir, upstream.Addr().String())
	defer func() {
		for _, p := range peers {
			p.stop(s)
		}
	}()
	if err != nil {
		return nil, err
	}
	return measured(peers)
}

func (p peer) stop(s settings) {
	for _, one := range []*process{p.plain, p.secure} {
		if own, all, err := one.memory(); err == nil && !s.json {
			fmt.Printf("%s: %d MB of its own after all of it, %d MB with mapped files\n", p.name, own>>10, all>>10)
		}
		one.stop()
		if p.plain == p.secure {
			return
		}
	}
}

// protocols are the ways in which each of the proxies is asked.
func protocols(clients int) []func(peer) scenario {
	insecure := &tls.Config{InsecureSkipVerify: true} // what it costs to verify is the load generator's
	return []func(peer) scenario{
		func(p peer) scenario {
			w := &wire{host: p.host, idle: make(chan *line, mostAtOnce), dial: func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", p.at)
			}}
			return scenario{name: p.name + ", h1", process: p.plain, ask: w.ask}
		},
		func(p peer) scenario {
			w := &wire{host: p.shost, idle: make(chan *line, mostAtOnce), dial: p.handshake}
			return scenario{name: p.name + ", h1+TLS", process: p.secure, ask: w.ask}
		},
		func(p peer) scenario {
			sc := forwarded(p.name+", h2+TLS", p.secure, client(p.securely, clients, insecure, true), "https://"+p.shost)
			sc.status = http.StatusOK
			return sc
		},
		func(p peer) scenario {
			return scenario{name: p.name + ", handshake", process: p.secure, ask: func(ctx context.Context, _ int) error {
				c, err := p.handshake(ctx)
				if err != nil {
					return err
				}
				return c.Close()
			}}
		},
	}
}

// handshake makes a whole one, from one of many addresses: what comes from one address is bounded.
func (p peer) handshake(ctx context.Context) (net.Conn, error) {
	name, _, err := net.SplitHostPort(p.shost)
	if err != nil {
		return nil, err
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1+rand.N[byte](200), 1+rand.N[byte](250))}
	d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: from}, Config: &tls.Config{
		ServerName: name, InsecureSkipVerify: true,
		CurvePreferences: []tls.CurveID{tls.X25519}, // what all of them have: with ML-KEM, Go's servers would do more than the others
	}}
	return d.DialContext(ctx, "tcp", p.securely)
}

// wire asks over HTTP/1.1 with as little work as it takes.
type wire struct {
	host string
	dial func(context.Context) (net.Conn, error)
	idle chan *line
}

type line struct {
	net.Conn

	r *bufio.Reader
}

func (w *wire) ask(ctx context.Context, _ int) error {
	select {
	case l := <-w.idle:
		if err := w.use(l); err == nil || errors.Is(err, errAnswer) {
			return err
		} // it was kept too long: that is no failure of the proxy
	default:
	}
	c, err := w.dial(ctx)
	if err != nil {
		return err
	}
	return w.use(&line{c, bufio.NewReader(c)})
}

func (w *wire) use(l *line) error {
	if err := l.exchange(w.host); err != nil {
		return errors.Join(err, l.Close())
	}
	w.idle <- l
	return nil
}

var errAnswer = errors.New("not the upstream's answer")

func (l *line) exchange(host string) error {
	if _, err := io.WriteString(l, "GET /up/hello HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"); err != nil {
		return err
	}
	length, first := -1, true
	for {
		field, err := l.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(string(field), "HTTP/1.1 200 ") {
			return fmt.Errorf("%w: %s", errAnswer, field)
		}
		if first = false; len(field) == 2 {
			break
		}
		if name, value, _ := strings.Cut(string(field), ":"); strings.EqualFold(name, "content-length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if length != len(hello) {
		return errAnswer
	}
	_, err := l.r.Discard(length)
	return err
}

const hello = "hello from the upstream\n"

// serveBare is an upstream that does next to nothing: it reads requests to their empty line, and answers.
func serveBare() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(hello)) + "\r\n\r\n" + hello)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerAll(c, answer)
		}
	}()
	return l, nil
}

func answerAll(c net.Conn, answer []byte) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		field, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(field) > 2 {
			continue
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// pin keeps this process off the first core, which is the proxies'.
func pin() error {
	n := runtime.NumCPU()
	if n < 2 {
		return errors.New("two cores are needed: one for the proxy, one for the load")
	}
	var others unix.CPUSet
	for i := 1; i < n; i++ {
		others.Set(i)
	}
	runtime.GOMAXPROCS(n - 1)
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &others); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}
