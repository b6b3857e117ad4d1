package main

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// stage is what runs together and ends together.
type stage []func(context.Context) error

// runStages runs all stages until ctx ends or something fails, and then ends them one after the other: the first stage
// has come to its end before the second one is told.
func runStages(ctx context.Context, stages ...stage) error {
	first, stop := context.WithCancel(ctx)
	defer stop()
	var reasons reasons
	groups := make([]*errgroup.Group, len(stages))
	ends := make([]context.CancelFunc, len(stages))
	for i, s := range stages {
		own, end := context.WithCancel(context.WithoutCancel(ctx))
		defer end()
		ends[i] = end
		group, inner := errgroup.WithContext(own)
		groups[i] = group
		for _, run := range s {
			group.Go(func() error {
				err := run(inner)
				if err == nil {
					return nil
				}
				// First the reason: whoever is told to stop by what follows may be over sooner than this function.
				reasons.add(err)
				if own.Err() == nil {
					stop()
				}
				return err
			})
		}
	}
	<-first.Done()
	for i, group := range groups {
		ends[i]()
		_ = group.Wait() // its error is among the reasons
	}
	return reasons.join()
}

// reasons are the errors that something ended with, but for being told to end.
type reasons struct {
	mu   sync.Mutex
	errs []error
}

func (r *reasons) add(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reasons) join() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}
