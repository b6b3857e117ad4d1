package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	strangersASecond = 5000
	strangersAtOnce  = 100
	pagesASecond     = 200
)

// strangerScenarios asks for a tenant's page over TLS while handshakes are begun for names that nobody has here, each on a
// connection of its own, and without them; of the node, and of nginx and HAProxy, which are told to refuse such names. How much
// longer the page takes on theirs is what the machine and the load generator add.
func strangerScenarios(ctx context.Context, s settings) ([]result, error) {
	hello, err := helloFor(ctx, "nobody.example")
	if err != nil {
		return nil, err
	}
	return amongPeers(ctx, s, startStrict, func(peers []peer) ([]result, error) {
		var all []scenario
		floods := make([]flood, len(peers))
		for i, p := range peers {
			w := &wire{host: p.shost, idle: make(chan *line, mostAtOnce), dial: p.handshake}
			floods[i] = flood{at: p.securely, hello: hello}
			sc := scenario{name: p.name + ", a page", process: p.secure, ask: w.ask, rate: pagesASecond}
			all = append(all, sc)
			sc.name, sc.beside = p.name+fmt.Sprintf(", a page beside %d strangers a second", strangersASecond), floods[i].run
			all = append(all, sc)
		}
		results, err := measure(ctx, s, all)
		for i, p := range peers {
			if f := &floods[i]; !s.json {
				fmt.Printf("%s: %d strangers, %d refused connections\n", p.name, f.answered.Load(), f.failed.Load())
			}
		}
		return results, err
	})
}

// startStrict starts what refuses handshakes for strangers.
func startStrict(ctx context.Context, s settings, dir, upstream string) (peers []peer, err error) {
	node, err := startNodes(ctx, s, dir, upstream)
	if err != nil {
		return nil, err
	}
	peers = append(peers, node)
	if err := writeCertificate(dir + "/peer.pem"); err != nil {
		return peers, err
	}
	for _, one := range [][]string{{"nginx", "-c"}, {"haproxy", "-db", "-f"}} {
		p, err := startPeer(ctx, s, dir, upstream, one[0], one[0], one[1:]...)
		if err != nil {
			return peers, err
		}
		peers = append(peers, p)
	}
	return peers, nil
}

// flood is what strangers do to an address.
type flood struct {
	at               string
	hello            []byte
	answered, failed atomic.Int64
}

// run knocks until ctx ends.
func (f *flood) run(ctx context.Context) {
	var senders sync.WaitGroup
	defer senders.Wait()
	const pause = strangersAtOnce * time.Second / strangersASecond
	for i := range strangersAtOnce {
		senders.Go(func() {
			select {
			case <-time.After(time.Duration(i) * pause / strangersAtOnce): // one after the other
			case <-ctx.Done():
			}
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for ctx.Err() == nil {
				if err := f.knock(); err != nil {
					f.failed.Add(1)
				} else {
					f.answered.Add(1)
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
}

// knock says hello and waits for the refusal, from one of many addresses: what comes from one is bounded.
func (f *flood) knock() error {
	from := &net.TCPAddr{IP: net.IPv4(127, rand.N[byte](200), 1+rand.N[byte](200), 1+rand.N[byte](250))}
	d := net.Dialer{LocalAddr: from, Timeout: time.Second}
	c, err := d.Dial("tcp", f.at)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(f.hello); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c)
	return err
}

// helloFor is what a client says first.
func helloFor(ctx context.Context, name string) ([]byte, error) {
	w := &silent{}
	if err := tls.Client(w, &tls.Config{ServerName: name, NextProtos: []string{"h2", "http/1.1"}}).HandshakeContext(ctx); !errors.Is(err, io.EOF) {
		return nil, err
	}
	return w.Bytes(), nil
}

// silent is a connection that takes everything and never answers.
type silent struct {
	bytes.Buffer
	net.Conn
}

// Read answers nothing.
func (s *silent) Read([]byte) (int, error) { return 0, io.EOF }

// Write keeps what is said.
func (s *silent) Write(p []byte) (int, error) { return s.Buffer.Write(p) }

// Close does nothing.
func (s *silent) Close() error { return nil }
