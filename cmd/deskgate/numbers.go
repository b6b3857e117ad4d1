package main

import (
	"context"
	"sync"
	"time"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// numbers are what --metrics shows of the rooms.
func (o *operator) numbers() []proxy.Number {
	v := thisVersion()
	all := []proxy.Number{
		{
			Name: "build_info", Help: "Always 1; the label says which Deskgate this is.", Label: "version",
			Values: func() map[string]float64 { return map[string]float64{v.Version: 1} },
		},
		{
			Name: "tenants", Help: "Tenants of the node.",
			Value: func() float64 { return float64(len(o.directory.Tenants())) },
		},
	}
	all = append(all, queueNumbers("mail", "Letters", o.post.State)...)
	return append(all, queueNumbers("webhooks", "Webhooks' messages", o.webhooks.State)...)
}

// queueNumbers are those of a queue of things that have to be delivered.
func queueNumbers(name, things string, look func(context.Context) (outbox.State, error)) []proxy.Number {
	q := &queueState{look: look}
	of := func(value func(s outbox.State) float64) func() float64 {
		return func() float64 { return value(q.now()) }
	}
	return []proxy.Number{
		{
			Name: name + "_waiting", Help: things + " that are still to be delivered; of each tenant the first 5,000 count.",
			Value: of(func(s outbox.State) float64 { return float64(s.Waiting) }),
		},
		{
			Name: name + "_oldest_seconds", Help: things + " wait to be delivered, the oldest of them for so long.",
			Value: of(func(s outbox.State) float64 {
				if s.Oldest.IsZero() {
					return 0
				}
				return time.Since(s.Oldest).Seconds()
			}),
		},
		{
			Name: name + "_dead", Help: things + " that were given up in the last 30 days.",
			Value: of(func(s outbox.State) float64 { return float64(s.Dead) }),
		},
		{
			Name: name + "_delivered_total", Help: things + " that were delivered.", Total: true,
			Value: of(func(s outbox.State) float64 { return float64(s.Delivered) }),
		},
		{
			Name: name + "_failed_attempts_total", Help: things + " that were not taken, each time that was tried.", Total: true,
			Value: of(func(s outbox.State) float64 { return float64(s.Failed) }),
		},
	}
}

// queueState counts a queue once for all numbers of one look.
type queueState struct {
	look func(context.Context) (outbox.State, error)

	mu    sync.Mutex
	at    time.Time
	state outbox.State
}

func (q *queueState) now() outbox.State {
	const fresh, patience = time.Second, 5 * time.Second
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(q.at) < fresh {
		return q.state
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if state, err := q.look(ctx); err == nil {
		q.state, q.at = state, time.Now()
	}
	return q.state
}
