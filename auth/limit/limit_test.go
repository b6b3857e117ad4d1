package limit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

var (
	three = limit.Bucket{Name: "three", Limit: 3, Period: time.Hour}
	other = limit.Bucket{Name: "other", Limit: 3, Period: time.Hour}
)

func open(tb testing.TB, store *storage.Store) *limit.Limits {
	tb.Helper()
	l, err := limit.Open(tb.Context(), store, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, storagetest.Open(t, limit.Tables()...))
		reset := time.Now().Add(time.Hour)
		for i, want := range []limit.State{
			{Limit: 3, Remaining: 2, Reset: reset.UTC()},
			{Limit: 3, Remaining: 1, Reset: reset.UTC()},
			{Limit: 3, Remaining: 0, Reset: reset.UTC()},
			{Limit: 3, Remaining: 0, Reset: reset.UTC(), Reached: true},
			{Limit: 3, Remaining: 0, Reset: reset.UTC(), Reached: true},
		} {
			if got := l.Take(t.Context(), three, "a"); got != want {
				t.Errorf("take %d = %+v, want %+v", i+1, got, want)
			}
			time.Sleep(time.Minute)
		}
		if got := l.Take(t.Context(), three, "b"); got.Reached || got.Remaining != 2 {
			t.Errorf("another key = %+v", got)
		}
		if got := l.Take(t.Context(), other, "a"); got.Reached || got.Remaining != 2 {
			t.Errorf("another bucket = %+v", got)
		}
		time.Sleep(time.Until(reset))
		if got := l.Take(t.Context(), three, "a"); got.Reached || got.Remaining != 2 {
			t.Errorf("after the hour = %+v", got)
		}
	})
}

func TestPeekAndReset(t *testing.T) {
	l := open(t, storagetest.Open(t, limit.Tables()...))
	ctx := t.Context()
	if got := l.Peek(ctx, three, "a"); got.Reached || got.Remaining != 3 {
		t.Errorf("peek at nothing = %+v", got)
	}
	for range 3 {
		l.Take(ctx, three, "a")
	}
	for range 5 {
		if got := l.Peek(ctx, three, "a"); !got.Reached || got.Remaining != 0 {
			t.Fatalf("peek at a full bucket = %+v, want reached", got)
		}
	}
	l.Reset(ctx, three, "a")
	if got := l.Take(ctx, three, "a"); got.Remaining != 2 {
		t.Errorf("after reset = %+v", got)
	}
}

func TestErr(t *testing.T) {
	if err := (limit.State{Limit: 3}).Err(); err != nil {
		t.Errorf("free: %v", err)
	}
	s := limit.State{Limit: 3, Reached: true, Reset: time.Now().Add(90 * time.Second)}
	var e *limit.Error
	if err := s.Err(); !errors.As(err, &e) || e.State != s {
		t.Errorf("reached: %v, want *limit.Error", err)
	}
	if d := s.RetryAfter(); d < 89*time.Second || d > 91*time.Second {
		t.Errorf("retry after %s", d)
	}
	s.Reset = time.Now().Add(-time.Minute)
	if d := s.RetryAfter(); d != time.Second {
		t.Errorf("retry after %s, want one second at least", d)
	}
}

func TestIP(t *testing.T) {
	for _, tc := range []struct{ a, b string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	} {
		if got := limit.IP(netip.MustParseAddr(tc.a)); got != tc.b {
			t.Errorf("IP(%s) = %s, want %s", tc.a, got, tc.b)
		}
	}
	if got := limit.IP(netip.Addr{}); got == "" {
		t.Error("no address has no key")
	}
}

// The counts of a node that stops are there when it starts again, and one that was killed lost at most a second.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storagetest.Open(t, limit.Tables()...)
		l := open(t, store)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		for range 2 {
			l.Take(ctx, three, "stopped")
		}
		time.Sleep(1100 * time.Millisecond)

		killed := open(t, store)
		if got := killed.Peek(ctx, three, "stopped"); got.Remaining != 1 {
			t.Errorf("a second later on disk: %+v, want 1 remaining", got)
		}
		l.Take(ctx, three, "stopped")
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		again := open(t, store)
		if got := again.Take(t.Context(), three, "stopped"); !got.Reached {
			t.Errorf("after a restart: %+v, want reached", got)
		}
		time.Sleep(time.Hour)
		if got := open(t, store).Peek(t.Context(), three, "stopped"); got.Remaining != 3 {
			t.Errorf("an hour later: %+v, want a free bucket", got)
		}
	})
}

func TestTakeDurably(t *testing.T) {
	store := storagetest.Open(t, limit.Tables()...)
	l := open(t, store)
	for i := range 5 {
		if _, err := l.TakeDurably(t.Context(), three, "a"); err != nil {
			t.Fatal(err)
		}
		if got, want := open(t, store).Peek(t.Context(), three, "a").Remaining, max(int64(2-i), 0); got != want {
			t.Errorf("on disk after try %d: %d remaining, want %d", i+1, got, want)
		}
	}
}

// A period that ended between two flushes begins anew on disk as well.
func TestPeriodsThatEndUnwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storagetest.Open(t, limit.Tables()...)
		l := open(t, store)
		short := limit.Bucket{Name: "short", Limit: 9, Period: 3 * time.Second}
		l.Take(t.Context(), short, "a")
		time.Sleep(2 * time.Second)
		if err := l.Flush(t.Context()); err != nil { // too late to matter: left out
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		l.Take(t.Context(), short, "a")
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := open(t, store).Peek(t.Context(), short, "a"); got.Remaining != 8 {
			t.Errorf("second period on disk: %+v, want 8 remaining", got)
		}
	})
}

// A client that is blocked causes no writes, and long keys fit.
func TestSaturates(t *testing.T) {
	store := storagetest.Open(t, limit.Tables()...)
	l := open(t, store)
	key := strings.Repeat("\xff", 5000)
	for range 10 {
		l.Take(t.Context(), three, key)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		l.Take(t.Context(), three, key)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Flush(over); err != nil {
		t.Errorf("flush wants to write again: %v", err)
	}
	if got := open(t, store).Peek(t.Context(), three, key); !got.Reached {
		t.Errorf("long key on disk = %+v, want reached", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	store := storagetest.Open(t, limit.Tables()...)
	l := open(t, store)
	b := limit.Bucket{Name: "many", Limit: 500, Period: time.Hour}
	var (
		wg    sync.WaitGroup
		taken atomic.Int64
	)
	for g := range 16 {
		wg.Go(func() {
			for i := range 100 {
				if !l.Take(context.Background(), b, "a").Reached {
					taken.Add(1)
				}
				l.Take(context.Background(), b, fmt.Sprint("own", g, i))
				if i%20 == 0 {
					if err := l.Flush(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if taken.Load() != 500 {
		t.Errorf("%d were let through, want 500", taken.Load())
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := open(t, store)
	if got := again.Peek(t.Context(), b, fmt.Sprint("own", 15, 99)); got.Remaining != 499 {
		t.Errorf("one of 1,600 keys after a restart = %+v", got)
	}
}

func BenchmarkTake(b *testing.B) {
	l := open(b, storagetest.Open(b, limit.Tables()...))
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = limit.IP(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	bucket := limit.Bucket{Name: "redirect", Limit: 60, Period: time.Hour}
	b.ReportAllocs()
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Take(context.Background(), bucket, keys[n.Add(1)%10_000])
		}
	})
}

// What could not be written is written the next time.
func TestFlushAgain(t *testing.T) {
	store := storagetest.Open(t, limit.Tables()...)
	l := open(t, store)
	l.Take(t.Context(), three, "a")
	over, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Flush(over); err == nil {
		t.Fatal("a flush that may take no time went well")
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := open(t, store).Peek(t.Context(), three, "a"); got.Remaining != 2 {
		t.Errorf("on disk: %+v, want 2 remaining", got)
	}
}

// Whoever is shut out stays so after a crash, however soon it comes.
func TestFullCountsAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storagetest.Open(t, limit.Tables()...)
		l := open(t, store)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for range three.Limit {
			l.Take(t.Context(), three, "a")
		}
		l.Take(t.Context(), three, "b")
		synctest.Wait() // no time passes
		after := open(t, store)
		if got := after.Peek(t.Context(), three, "a"); !got.Reached {
			t.Errorf("after a crash the full count is %+v", got)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
}
