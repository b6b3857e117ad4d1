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
		{
			Name: "backup_last_seconds", Help: "Unix time of the last whole backup; 0: there was none.",
			Value: func() float64 {
				at, _ := lastBackup(o.data)
				return unixTime(at)
			},
		},
	}
	all = append(all, o.domainNumbers()...)
	all = append(all, queueNumbers("mail", "Letters", "30 days", o.post.State)...)
	return append(all, queueNumbers("webhooks", "Webhooks' messages", "hour", o.webhooks.State)...)
}

// unixTime is a time as metrics have it; 0: there is none.
func unixTime(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.Unix())
}

// waited is for how long something waits; 0: nothing does.
func waited(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return time.Since(since).Seconds()
}

// domainNumbers are about checks of domains, and what desks have still to hear of them.
func (o *operator) domainNumbers() []proxy.Number {
	return []proxy.Number{
		{
			Name: "domain_checks_total", Total: true, Label: "result",
			Help: "Looks at domains' DNS, by whether the proof was seen, missing, or DNS left it unanswered.",
			Values: func() map[string]float64 {
				all := map[string]float64{}
				for result, n := range o.domains.Checks() {
					all[result] = float64(n)
				}
				return all
			},
		},
		{
			Name: "domain_events_waiting", Help: "Steps in the lives of domains that desks and webhooks have still to hear of; of each tenant the first 1,000 count.",
			Value: func() float64 { return float64(o.backlog.now(context.Background()).Waiting) },
		},
		{
			Name: "domain_events_oldest_seconds", Help: "Steps in the lives of domains wait to be told, the oldest of them for so long.",
			Value: func() float64 { return waited(o.backlog.now(context.Background()).Oldest) },
		},
	}
}

// queueNumbers are those of a queue of things that have to be delivered. What is given up is kept for a while.
func queueNumbers(name, things, kept string, look func(context.Context) (outbox.State, error)) []proxy.Number {
	q := &tally[outbox.State]{look: look, fresh: time.Second}
	of := func(value func(s outbox.State) float64) func() float64 {
		return func() float64 { return value(q.now(context.Background())) }
	}
	return []proxy.Number{
		{
			Name: name + "_waiting", Help: things + " that are still to be delivered; of each tenant the first 5,000 count.",
			Value: of(func(s outbox.State) float64 { return float64(s.Waiting) }),
		},
		{
			Name: name + "_oldest_seconds", Help: things + " wait to be delivered, the oldest of them for so long.",
			Value: of(func(s outbox.State) float64 { return waited(s.Oldest) }),
		},
		{
			Name: name + "_dead", Help: things + " that were given up in the last " + kept + ".",
			Value: of(func(s outbox.State) float64 { return float64(s.Dead) }),
		},
		{
			Name: name + "_given_up_total", Help: things + " that were given up.", Total: true,
			Value: of(func(s outbox.State) float64 { return float64(s.GivenUp) }),
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

// tally is what was counted once for all numbers of one look, and for those that follow soon.
type tally[T any] struct {
	look  func(context.Context) (T, error)
	fresh time.Duration

	mu    sync.Mutex
	at    time.Time
	state T
}

func (q *tally[T]) now(ctx context.Context) T {
	const patience = 5 * time.Second
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(q.at) < q.fresh {
		return q.state
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if state, err := q.look(ctx); err == nil {
		q.state, q.at = state, time.Now()
	}
	return q.state
}
