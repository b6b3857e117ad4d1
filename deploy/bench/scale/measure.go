package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deskgate/deskgate/deploy/bench/archive"
)

// task is something that people do. It returns how many rows they see.
type task struct {
	name string
	do   func(ctx context.Context, a *archive.Store, n int) (int, error)
}

// figure is what one task costs in one store.
type figure struct {
	rows      int
	times     int // that it was done at all
	perTurn   int
	cpu, wall []time.Duration // of one time, by turns
}

// compare measures all tasks in all stores and prints the figures.
func compare(ctx context.Context, s settings, stores []*archive.Store) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "task\trows\tCPU µs\twall µs\trows\tCPU µs\twall µs\tCPU ×\twall ×\t")
	for _, t := range append(floor(), tasks()...) {
		if !s.only.MatchString(t.name) {
			continue
		}
		figures, err := t.measure(ctx, s, stores)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", t.name, err), w.Flush())
		}
		fmt.Fprintf(w, "%s\t", t.name)
		for _, f := range figures {
			fmt.Fprintf(w, "%d\t%s\t%s\t", f.rows, micro(median(f.cpu)), micro(median(f.wall)))
		}
		first, last := figures[0], figures[len(figures)-1]
		fmt.Fprintf(w, "%.2f\t%.2f\t\n", ratio(first.cpu, last.cpu), ratio(first.wall, last.wall))
	}
	return w.Flush()
}

func ratio(a, b []time.Duration) float64 { return float64(median(b)) / float64(median(a)) }

func micro(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d.Nanoseconds())/1000) }

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// measure does the task in turns: some times in the first store, some in the next, and so on, again and again.
func (t task) measure(ctx context.Context, s settings, stores []*archive.Store) ([]figure, error) {
	figures := make([]figure, len(stores))
	for i, a := range stores {
		f := &figures[i]
		for began := time.Now(); time.Since(began) < s.length || f.times < 3; f.times++ { // caches get warm, too
			var err error
			if f.rows, err = t.do(ctx, a, f.times); err != nil {
				return nil, err
			}
		}
		f.perTurn = f.times
	}
	for range s.rounds {
		for i, a := range stores {
			if err := figures[i].turn(ctx, t, a); err != nil {
				return nil, err
			}
		}
	}
	return figures, nil
}

func (f *figure) turn(ctx context.Context, t task, a *archive.Store) error {
	cpu := used()
	began := time.Now()
	for range f.perTurn {
		if _, err := t.do(ctx, a, f.times); err != nil {
			return err
		}
		f.times++
	}
	n := time.Duration(f.perTurn)
	f.wall = append(f.wall, time.Since(began)/n)
	f.cpu = append(f.cpu, (used()-cpu)/n)
	return nil
}

// used is the processor time that the process has had.
func used() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
