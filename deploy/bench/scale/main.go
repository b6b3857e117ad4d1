// Command scale compares what a desk costs with few tickets and with very many. It fills one data folder for each size with
// package archive, or takes those that are there, and then does the same things in all of them, turn by turn in the same
// process, so that other work on the machine meets them alike.
//
//	go run ./deploy/bench/scale -dir /var/tmp/scale -tickets 1000,1000000
//
// It calls the desk itself: no HTTP, no sessions, no pages, whose price is the same for every size and would hide the
// difference. CPU is that of the whole process, with its garbage collector and the store's background work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/deploy/bench/archive"
)

type settings struct {
	dir     string
	tickets string
	memory  int64
	rounds  int
	length  time.Duration
	only    *regexp.Regexp
	profile string
}

func main() {
	var s settings
	flag.StringVar(&s.dir, "dir", "", "where the data folders are and stay; some gigabytes for a million tickets")
	flag.StringVar(&s.tickets, "tickets", "1000,1000000", "the sizes, the one to compare with first")
	flag.Int64Var(&s.memory, "memory", 512, "MiB that the process may take, as the node's --memory")
	flag.IntVar(&s.rounds, "rounds", 9, "turns of each size at each thing")
	flag.DurationVar(&s.length, "length", 40*time.Millisecond, "least time of a turn")
	only := flag.String("only", "", "a regular expression of what is to be measured; ^$ only fills")
	flag.StringVar(&s.profile, "profile", "", "write a CPU profile of all of it here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if s.only, err = regexp.Compile(*only); err == nil && s.dir == "" {
		err = errors.New("-dir is required")
	}
	if err == nil {
		err = profiled(s.profile, func() error { return run(ctx, s) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (err error) {
	debug.SetMemoryLimit(s.memory << 20)
	var stores []*archive.Store
	defer func() {
		for _, a := range stores {
			err = errors.Join(err, a.Close())
		}
	}()
	for size := range strings.SplitSeq(s.tickets, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		a, err := open(ctx, s, n)
		if err != nil {
			return fmt.Errorf("%d tickets: %w", n, err)
		}
		stores = append(stores, a)
	}
	return compare(ctx, s, stores)
}

// profiled runs fn, and writes a profile of it if one is wanted.
func profiled(file string, fn func() error) (err error) {
	if file == "" {
		return fn()
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return fn()
}

// open opens the data folder of a size, and fills it unless it is full.
func open(ctx context.Context, s settings, size int) (*archive.Store, error) {
	dir := filepath.Join(s.dir, strconv.Itoa(size))
	full := filepath.Join(dir, "filled")
	_, err := os.Stat(full)
	fresh := errors.Is(err, os.ErrNotExist)
	began := time.Now()
	a, err := archive.Open(ctx, dir, s.memory<<20/2)
	if err != nil {
		return nil, err
	}
	if !fresh {
		fmt.Fprintf(os.Stderr, "%s opened in %s\n", dir, time.Since(began).Round(time.Millisecond))
		return a, nil
	}
	err = a.Fill(ctx, size, func(done int) {
		if done%max(size/50, 1) == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d tickets, %.0f a second\n", done, size, float64(done)/time.Since(began).Seconds())
		}
	})
	if err == nil {
		err = os.WriteFile(full, nil, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}
