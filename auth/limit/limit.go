// Package limit counts what happens per key and time, so that nobody can do too much of it.
//
// The counts are kept in memory and written behind once a second, one that has come to its limit at once: a check costs no
// transaction, a clean stop loses nothing, a crash at most a second, and it sets nobody free who was shut out. Where one single try matters (passwords, codes) [Limits.TakeDurably] puts it on
// disk before it answers.
package limit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/ulule/limiter/v3"

	"github.com/deskgate/deskgate/storage"
)

// Bucket is one kind of limit: at most Limit within Period, counted from the first.
type Bucket struct {
	// Name sets the bucket's keys apart from all other buckets'.
	Name   string
	Limit  int64
	Period time.Duration
}

// State is how a key stands in its bucket.
type State struct {
	Limit     int64
	Remaining int64
	// Reset is when the count begins anew.
	Reset time.Time
	// Reached: this one was too much.
	Reached bool
}

// Err is nil, or a *Error if the limit is reached.
func (s State) Err() error {
	if !s.Reached {
		return nil
	}
	return &Error{State: s}
}

// RetryAfter is how long to wait, in whole seconds and at least one.
func (s State) RetryAfter() time.Duration {
	return max(time.Until(s.Reset).Truncate(time.Second)+time.Second, time.Second)
}

// Error says that a limit is reached.
type Error struct{ State State }

// Error says when it is over.
func (e *Error) Error() string {
	return fmt.Sprintf("limit of %d reached until %s", e.State.Limit, e.State.Reset.UTC().Format(time.RFC3339))
}

// IP is the key of a visitor's address. All addresses of an IPv6 /64 are one visitor, and so are an IPv4 address and the
// IPv6 address that stands for it. An invalid address is the key of all that have none.
func IP(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// Limits keeps the counts of one node. It is safe for concurrent use.
type Limits struct{ counts *counts }

// Open loads the counts that are still running.
func Open(ctx context.Context, store *storage.Store, log *slog.Logger) (*Limits, error) {
	c := newCounts(store, log)
	if err := c.load(ctx); err != nil {
		return nil, fmt.Errorf("load limits: %w", err)
	}
	return &Limits{counts: c}, nil
}

// Take counts one for the key and says how it stands.
func (l *Limits) Take(ctx context.Context, b Bucket, key string) State {
	return state(l.limiter(b).Get(ctx, b.key(key)))
}

// Peek says how the key stands without counting.
func (l *Limits) Peek(ctx context.Context, b Bucket, key string) State {
	return state(l.limiter(b).Peek(ctx, b.key(key)))
}

// Reset begins the key's count anew.
func (l *Limits) Reset(ctx context.Context, b Bucket, key string) {
	_ = state(l.limiter(b).Reset(ctx, b.key(key)))
}

// TakeDurably is Take, and the count is on disk when it returns. An error: it could not be written; the count in memory
// stands nevertheless.
func (l *Limits) TakeDurably(ctx context.Context, b Bucket, key string) (State, error) {
	s := l.Take(ctx, b, key)
	if s.Reached {
		return s, nil
	}
	return s, l.counts.write(ctx, []string{b.key(key)})
}

// Flush writes what is not on disk yet.
func (l *Limits) Flush(ctx context.Context) error { return l.counts.flush(ctx) }

// Run writes the counts once a second, and when one has come to its limit, until ctx ends, and then a last time.
func (l *Limits) Run(ctx context.Context) error { return l.counts.run(ctx) }

func (l *Limits) limiter(b Bucket) *limiter.Limiter {
	return &limiter.Limiter{Store: l.counts, Rate: limiter.Rate{Period: b.Period, Limit: b.Limit}}
}

// key sets the key apart from other buckets'. One that is too long for the disk is counted as its hash.
func (b Bucket) key(key string) string {
	const long = 400
	if len(key) > long {
		sum := sha256.Sum256([]byte(key))
		key = string(sum[:])
	}
	return b.Name + "\x00" + key
}

// state drops the error: counts never returns one.
func state(c limiter.Context, _ error) State {
	return State{Limit: c.Limit, Remaining: c.Remaining, Reset: time.Unix(c.Reset, 0).UTC(), Reached: c.Reached}
}
