package main

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// stage is what runs together and ends together.
type stage []func(context.Context) error

// runStages runs all stages until ctx ends or something fails, and then ends them one after the other: the first stage
// has come to its end before the second one is told.
func runStages(ctx context.Context, stages ...stage) error {
	first, failed := context.WithCancelCause(ctx)
	defer failed(nil)
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
				if err != nil && own.Err() == nil {
					failed(err)
				}
				return err
			})
		}
	}
	<-first.Done()
	var errs []error
	for i, group := range groups {
		ends[i]()
		if err := group.Wait(); !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
