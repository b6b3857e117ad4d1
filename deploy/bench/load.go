package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// scenario is one kind of request, and the process whose CPU time it costs.
type scenario struct {
	name    string
	process *process
	client  *http.Client
	request func(ctx context.Context, n int) (*http.Request, error)
	status  int
	// ask does it in another way than by client, request and status, if it is not nil. Of n the upper bits are the client's.
	ask func(ctx context.Context, n int) error
	// rate is how many requests a second are begun, whether or not earlier ones are answered; 0: each client begins its next one
	// when it has its answer.
	rate float64
	// beside runs meanwhile, until its context ends.
	beside func(context.Context)
}

// round is what one scenario did once.
type round struct {
	requests int
	failed   int
	elapsed  time.Duration
	cpu      time.Duration
	latency  []time.Duration
}

// client keeps one connection per request at once and dials addr whatever the host is.
func client(addr string, clients int, config *tls.Config, h2 bool) *http.Client {
	var d net.Dialer
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return d.DialContext(ctx, network, addr)
		},
		TLSClientConfig: config, ForceAttemptHTTP2: h2, MaxIdleConnsPerHost: clients, MaxIdleConns: clients, DisableCompression: true,
	}
	return &http.Client{Transport: t, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// measure runs the scenarios one after the other, as many rounds as asked for, and gives each one's medians.
func measure(ctx context.Context, s settings, scenarios []scenario) ([]result, error) {
	scenarios = slices.DeleteFunc(scenarios, func(sc scenario) bool { return !s.only.MatchString(sc.name) })
	rounds := make([][]round, len(scenarios))
	for range s.rounds {
		for i, sc := range scenarios {
			r, err := sc.run(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sc.name, err)
			}
			rounds[i] = append(rounds[i], r)
		}
	}
	out := make([]result, len(scenarios))
	for i, sc := range scenarios {
		out[i] = summary(sc.name, rounds[i])
	}
	return out, nil
}

func (sc scenario) run(ctx context.Context, s settings) (round, error) {
	before, err := sc.process.cpu()
	if err != nil {
		return round{}, err
	}
	var (
		mu  sync.Mutex
		all round
		wg  sync.WaitGroup
	)
	if sc.beside != nil {
		aside, stop := context.WithCancel(ctx)
		var other sync.WaitGroup
		other.Go(func() { sc.beside(aside) })
		defer other.Wait()
		defer stop()
	}
	started := time.Now()
	work, clients := sc.worker, s.clients
	if sc.rate > 0 {
		var next atomic.Int64
		work, clients = sc.punctual(started, &next), mostAtOnce
	}
	for c := range clients {
		wg.Go(func() {
			r := work(ctx, c, started.Add(s.duration))
			mu.Lock()
			defer mu.Unlock()
			all.requests, all.failed = all.requests+r.requests, all.failed+r.failed
			all.latency = append(all.latency, r.latency...)
		})
	}
	wg.Wait()
	all.elapsed = time.Since(started)
	after, err := sc.process.cpu()
	all.cpu = after - before
	return all, errors.Join(err, ctx.Err())
}

func (sc scenario) worker(ctx context.Context, c int, until time.Time) (r round) {
	for n := 0; time.Now().Before(until) && ctx.Err() == nil; n++ {
		t0 := time.Now()
		if err := sc.one(ctx, c<<24|n); err != nil {
			r.failed++
			continue
		}
		r.requests++
		r.latency = append(r.latency, time.Since(t0))
	}
	return r
}

// mostAtOnce is how many requests of a fixed rate may wait for their answers.
const mostAtOnce = 256

// punctual is a worker that begins requests when their time has come. What a request waits for because others are late counts as
// its own latency: a node that stands still for a moment is seen by all who come meanwhile.
func (sc scenario) punctual(started time.Time, next *atomic.Int64) func(context.Context, int, time.Time) round {
	return func(ctx context.Context, c int, until time.Time) (r round) {
		for {
			n := next.Add(1)
			due := started.Add(time.Duration(float64(n) / sc.rate * float64(time.Second)))
			if due.After(until) || ctx.Err() != nil {
				return r
			}
			early := time.NewTimer(time.Until(due))
			select {
			case <-early.C:
			case <-ctx.Done():
			}
			early.Stop()
			if err := sc.one(ctx, c<<24|int(n)); err != nil {
				r.failed++
				continue
			}
			r.requests++
			r.latency = append(r.latency, time.Since(due))
		}
	}
}

func (sc scenario) one(ctx context.Context, n int) error {
	if sc.ask != nil {
		return sc.ask(ctx, n)
	}
	req, err := sc.request(ctx, n)
	if err != nil {
		return err
	}
	res, err := sc.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != sc.status {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

func summary(name string, rounds []round) result {
	slices.SortFunc(rounds, func(a, b round) int { return int(a.rate() - b.rate()) })
	m := rounds[len(rounds)/2]
	slices.Sort(m.latency)
	r := result{Name: name, PerSecond: m.rate()}
	for _, each := range rounds {
		r.Errors += each.failed
	}
	if n := len(m.latency); n > 0 {
		r.P50 = m.latency[n/2].Round(10 * time.Microsecond).String()
		r.P99 = m.latency[n*99/100].Round(10 * time.Microsecond).String()
		r.CPU = float64(m.cpu.Microseconds()) / float64(n)
	}
	return r
}

func (r round) rate() float64 { return float64(r.requests) / r.elapsed.Seconds() }
