package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What stands in front is over before what stands behind it is told to end.
func TestStagesEndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var over []string
		work := func(name string, drain time.Duration) func(context.Context) error {
			return func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(drain)
				mu.Lock()
				defer mu.Unlock()
				over = append(over, name)
				return ctx.Err()
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		err := runStages(ctx,
			stage{work("listener", 2*time.Second), work("socket", time.Second)}, stage{work("timers", time.Minute)}, stage{work("store", 0)})
		if err != nil {
			t.Error(err)
		}
		if want := []string{"socket", "listener", "timers", "store"}; !slices.Equal(over, want) {
			t.Errorf("ended as %v, want %v", over, want)
		}
	})
}

// One that fails ends all others, and the reason is told.
func TestStagesFailTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		fails := func(context.Context) error { time.Sleep(time.Second); return broken }
		if err := runStages(t.Context(), stage{waits}, stage{waits, fails}, stage{waits}); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	})
}

// What comes to its end by itself ends nothing else.
func TestStagesMayEndEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		begin := time.Now()
		early := func(context.Context) error { return nil }
		waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
		if err := runStages(ctx, stage{waits, early}); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("%v after %v, want nil after an hour", err, time.Since(begin))
		}
	})
}
