// Command bench measures a whole node from outside: it starts the deskgate binary with a throw-away data folder, loads
// it over HTTPS, and prints requests a second, latencies and the CPU time that the node's process spent per request.
//
//	go build -o deskgate ./cmd/deskgate && go run ./deploy/bench
//	go build -o deskgate ./cmd/deskgate && go run ./deploy/bench -peers
//	go build -o deskgate ./cmd/deskgate && go run ./deploy/bench -strangers
//
// The second compares its forwarding with what nginx, HAProxy and Caddy need for the same, the third what a flood of handshakes for
// unknown names does to each.
//
// Every request is a real one: authenticated, validated, limited, logged, and a create is on disk before its answer. Load
// generator and node share the machine. Figures are comparable only within one run; rounds are interleaved.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"text/tabwriter"
	"time"
)

type settings struct {
	binary   string
	clients  int
	duration time.Duration
	rounds   int
	preload  int
	rate     float64
	data     string
	edge     bool
	peers    bool
	unknown  bool
	json     bool
	only     *regexp.Regexp
}

// result is one measured scenario: the median of its rounds.
type result struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"per_second"`
	P50       string  `json:"p50"`
	P99       string  `json:"p99"`
	CPU       float64 `json:"cpu_us_per_request"`
	Errors    int     `json:"errors"`
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "./deskgate", "the program to measure")
	flag.IntVar(&s.clients, "clients", 32, "requests at once")
	flag.DurationVar(&s.duration, "duration", 5*time.Second, "length of a round")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of each scenario, interleaved")
	flag.IntVar(&s.preload, "preload", 1000, "tickets that are there before anything is measured")
	flag.Float64Var(&s.rate, "rate", 1000, "creates and lists a second of the scenarios at a fixed rate")
	flag.StringVar(&s.data, "data", "", "measure with this data folder, which command scale has filled; it is changed")
	flag.BoolVar(&s.edge, "edge", true, "measure forwarding, too")
	flag.BoolVar(&s.peers, "peers", false, "only compare forwarding with nginx and HAProxy, which have to be installed, and the newest Caddy, which is built")
	flag.BoolVar(&s.unknown, "strangers", false, "only measure what handshakes for unknown names do to a tenant's page, beside nginx and HAProxy")
	flag.BoolVar(&s.json, "json", false, "print one JSON document")
	only := flag.String("only", "", "a regular expression of the scenarios that are to be measured")
	flag.Parse()
	if flag.Arg(0) == "plain" { // a child
		fmt.Fprintln(os.Stderr, servePlain(flag.Arg(1), flag.Arg(2), flag.Arg(3), flag.Arg(4)))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if s.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if s.peers {
		results, err := peerScenarios(ctx, s)
		return errors.Join(err, show(s, results))
	}
	if s.unknown {
		results, err := strangerScenarios(ctx, s)
		return errors.Join(err, show(s, results))
	}
	desk, err := deskScenarios(ctx, s)
	if err != nil {
		return fmt.Errorf("help desk: %w", err)
	}
	if !s.edge {
		return show(s, desk)
	}
	edge, err := edgeScenarios(ctx, s)
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	return show(s, append(desk, edge...))
}

func show(s settings, results []result) error {
	if s.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"clients": s.clients, "results": results})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\trequests/s\tp50\tp99\tCPU µs/request\terrors\t")
	failed := 0
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%.1f\t%d\t\n", r.Name, r.PerSecond, r.P50, r.P99, r.CPU, r.Errors)
		failed += r.Errors
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return errors.New("some requests failed: these figures are worth nothing")
	}
	return nil
}
