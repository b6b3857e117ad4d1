package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
)

var errBusy = errors.New("busy")

// What was committed is delivered, for each tenant, whether it was written before the courier ran or while it does; what was not
// committed never is.
func TestDeliversWhatWasCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		h.put(t, h.acme, "before", time.Time{})
		h.put(t, h.bee, "before", time.Time{})
		h.run(t, h.courier(outbox.Config[parcel]{Deliver: r.deliver}))
		pass(time.Second)
		h.put(t, h.acme, "while", time.Time{})
		err := h.store.Update(t.Context(), h.bee.Scope(), func(tx *storage.Tx) error {
			_, err := parcels.Put(tx, parcel{"never"}, time.Time{})
			return errors.Join(err, errBusy)
		})
		if !errors.Is(err, errBusy) {
			t.Fatalf("Update = %v, want it undone", err)
		}
		late, _, err := h.tenants.Create(t.Context(), "late", "Late")
		ok(t, err)
		h.put(t, late, "new tenant", time.Time{})
		pass(10 * time.Minute)
		got, _ := r.all()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"acme before", "acme while", "bee before", "late new tenant"}, got); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
	})
}

func TestTriesAgainWithGrowingPausesAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{fail: func(string, int) error { return errBusy }}
		var buried []string
		pauses := []time.Duration{time.Minute, 20 * time.Minute}
		c := h.courier(outbox.Config[parcel]{
			Deliver: r.deliver, Pauses: pauses, Keep: time.Hour,
			GiveUp: func(tx *storage.Tx, i *outbox.Item[parcel], cause error) error {
				buried = append(buried, tx.Scope().ID()+" "+i.Payload.Words+": "+cause.Error())
				i.Payload.Words = ""
				return nil
			},
		})
		h.run(t, c)
		h.put(t, h.acme, "hello", time.Time{})
		pass(10 * time.Minute)
		if s := state(t, c); s.Waiting != 1 || s.Dead != 0 || s.Failed != 2 || s.Reason != "busy" || s.Oldest.IsZero() {
			t.Errorf("after two tries the state is %+v", s)
		}
		pass(30 * time.Minute)
		got, at := r.all()
		if len(got) != 3 {
			t.Fatalf("tries = %v, want 3", got)
		}
		for i, pause := range pauses {
			if d := at[i+1].Sub(at[i]); d < pause || d > pause+pause/4 {
				t.Errorf("try %d came %s after the one before, want %s and a little", i+2, d, pause)
			}
		}
		if diff := cmp.Diff([]string{string(h.acme.ID) + " hello: busy"}, buried); diff != "" {
			t.Errorf("given up (-want +got):\n%s", diff)
		}
		if s := state(t, c); s.Waiting != 0 || s.Dead != 1 || s.GivenUp != 1 {
			t.Errorf("after all tries the state is %+v", s)
		}
		pass(time.Hour)
		if s := state(t, c); s.Dead != 0 {
			t.Errorf("later the dead item is still there: %+v", s)
		}
	})
}

// The log says once that deliveries fail, however many do, and once that they succeed again.
func TestTellsOfTroubleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h, r := open(t), &recorder{fail: func(_ string, n int) error {
			if n < 2 {
				return errBusy
			}
			return nil
		}}
		h.run(t, h.courier(outbox.Config[parcel]{
			Deliver: r.deliver, Pauses: []time.Duration{time.Minute, time.Minute, time.Minute}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}))
		h.put(t, h.acme, "one", time.Time{})
		h.put(t, h.bee, "two", time.Time{})
		pass(10 * time.Minute)
		for words, want := range map[string]int{"begin to fail": 1, "error=busy": 1, "succeed again": 1, "queue=parcels": 2} {
			if got := strings.Count(log.String(), words); got != want {
				t.Errorf("the log has %q %d times, want %d:\n%s", words, got, want, log.String())
			}
		}
	})
}

func TestGivesUpAtOnceWhatNeverWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{fail: func(words string, n int) error {
			if words == "refused" {
				return fmt.Errorf("send: %w", outbox.Permanent(errBusy))
			}
			if n == 0 {
				return errBusy
			}
			return nil
		}}
		c := h.courier(outbox.Config[parcel]{Deliver: r.deliver, Pauses: []time.Duration{time.Minute}})
		h.run(t, c)
		h.put(t, h.acme, "refused", time.Time{})
		h.put(t, h.bee, "better luck", time.Time{})
		pass(10 * time.Minute)
		got, _ := r.all()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"acme refused", "bee better luck", "bee better luck"}, got); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		if s := state(t, c); s.Dead != 1 || s.Waiting != 0 || s.Delivered != 1 {
			t.Errorf("state = %+v", s)
		}
	})
}

// A dead item that is forgotten lets the next one come at its time.
func TestGoesOnBehindWhatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{fail: func(words string, n int) error {
			if words == "refused" {
				return outbox.Permanent(errBusy)
			}
			if n == 0 {
				return errBusy
			}
			return nil
		}}
		h.run(t, h.courier(outbox.Config[parcel]{Deliver: r.deliver, Pauses: []time.Duration{2 * time.Hour}, Keep: time.Hour}))
		h.put(t, h.acme, "refused", time.Time{})
		h.put(t, h.acme, "later", time.Time{})
		pass(3 * time.Hour)
		got, _ := r.all()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"acme later", "acme later", "acme refused"}, got); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
	})
}

func TestDoesNotDeliverWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{fail: func(string, int) error { return errBusy }}
		c := h.courier(outbox.Config[parcel]{Deliver: r.deliver, Pauses: []time.Duration{time.Minute, time.Minute, time.Minute}})
		h.put(t, h.acme, "too late", time.Now().Add(time.Minute))
		pass(2 * time.Minute)
		h.run(t, c)
		h.put(t, h.acme, "soon over", time.Now().Add(90*time.Second))
		pass(10 * time.Minute)
		if got, _ := r.all(); !slices.Equal(got, []string{"acme soon over", "acme soon over"}) {
			t.Errorf("tries = %v, want two for what is over after 90 seconds", got)
		}
		if s := state(t, c); s.Dead != 2 {
			t.Errorf("state = %+v, want both given up", s)
		}
	})
}

// Two nodes with one store: each item is sent by one of them.
func TestTwoCouriersShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		slow := func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
			time.Sleep(time.Second)
			return r.deliver(ctx, tn, i)
		}
		const n = 20
		for i := range n {
			h.put(t, h.acme, strconv.Itoa(i), time.Time{})
		}
		a, b := h.courier(outbox.Config[parcel]{Deliver: slow}), h.courier(outbox.Config[parcel]{Deliver: slow})
		h.run(t, a)
		h.run(t, b)
		pass(10 * time.Minute)
		got, _ := r.all()
		slices.Sort(got)
		if len(got) != n || len(slices.Compact(got)) != n {
			t.Errorf("%d deliveries of %d items: %v", len(got), n, got)
		}
		if a, b := state(t, a), state(t, b); a.Delivered == 0 || b.Delivered == 0 {
			t.Errorf("one did all the work: %d and %d", a.Delivered, b.Delivered)
		}
	})
}

// A node that hangs or dies with an item loses it to another one when its lease is over, and does not spoil it when it comes back.
func TestTakesOverFromANodeThatDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		wake := make(chan struct{})
		hangs := h.courier(outbox.Config[parcel]{TenantWorkers: 1, Deliver: func(context.Context, *tenant.Tenant, outbox.Item[parcel]) error {
			<-wake
			return errBusy
		}})
		h.run(t, hangs)
		h.put(t, h.acme, "hello", time.Time{})
		pass(time.Second)
		begun := time.Now()
		other := h.courier(outbox.Config[parcel]{Deliver: r.deliver})
		stop := h.run(t, other)
		pass(time.Minute)
		if got, _ := r.all(); len(got) != 0 {
			t.Fatalf("delivered %v while another node had the lease", got)
		}
		pass(10 * time.Minute)
		got, at := r.all()
		if len(got) != 1 {
			t.Fatalf("delivered %v, want it once, by the other node", got)
		}
		if d := at[0].Sub(begun); d > 3*time.Minute {
			t.Errorf("taken over after %s", d)
		}
		stop()
		close(wake)
		pass(10 * time.Minute)
		if s := state(t, hangs); s.Waiting != 0 || s.Dead != 0 {
			t.Errorf("the node that came back left %+v", s)
		}
	})
}

// A node whose lease is over has nothing to say about the item any more, whatever came of its try.
func TestAnOverdueNodeSpoilsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		r := &recorder{fail: func(_ string, n int) error {
			if n == 0 {
				return errBusy
			}
			return nil
		}}
		wake := make(chan struct{})
		hangs := h.courier(outbox.Config[parcel]{TenantWorkers: 1, Deliver: func(context.Context, *tenant.Tenant, outbox.Item[parcel]) error {
			<-wake
			return outbox.Permanent(errBusy)
		}})
		h.run(t, hangs)
		h.put(t, h.acme, "hello", time.Time{})
		pass(time.Second)
		other := h.courier(outbox.Config[parcel]{Deliver: r.deliver, Pauses: []time.Duration{time.Hour, time.Hour}})
		h.run(t, other)
		pass(10 * time.Minute) // the other node has taken it over, and waits to try again
		close(wake)
		pass(time.Minute)
		if s := state(t, other); s.Waiting != 1 || s.Dead != 0 {
			t.Errorf("after the overdue node came back the state is %+v, want the item to wait for its next try", s)
		}
	})
}

// What has begun may finish when the node stops; what does not is released at once, and is no used-up try.
func TestStopsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		stop := h.run(t, h.courier(outbox.Config[parcel]{Deliver: func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
			if i.Payload.Words == "quick" {
				time.Sleep(3 * time.Second)
				return r.deliver(ctx, tn, i)
			}
			<-ctx.Done()
			return ctx.Err()
		}}))
		h.put(t, h.acme, "quick", time.Time{})
		h.put(t, h.bee, "slow", time.Time{})
		pass(time.Second)
		begun := time.Now()
		stop()
		if d := time.Since(begun); d < 3*time.Second || d > 15*time.Second {
			t.Errorf("it stopped after %s", d)
		}
		if got, _ := r.all(); !slices.Equal(got, []string{"acme quick"}) {
			t.Fatalf("delivered %v before the end", got)
		}
		attempts := 0
		h.run(t, h.courier(outbox.Config[parcel]{Deliver: func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
			attempts = i.Attempts
			return r.deliver(ctx, tn, i)
		}}))
		pass(time.Second)
		if got, _ := r.all(); !slices.Equal(got, []string{"acme quick", "bee slow"}) || attempts != 1 {
			t.Errorf("after the restart %v came, at try %d", got, attempts)
		}
	})
}

func TestOneTenantDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		var at, most atomic.Int64
		h.run(t, h.courier(outbox.Config[parcel]{Workers: 4, TenantWorkers: 2, Deliver: func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
			if tn.ID == h.acme.ID {
				most.Store(max(most.Load(), at.Add(1)))
				defer at.Add(-1)
				time.Sleep(time.Minute)
			}
			return r.deliver(ctx, tn, i)
		}}))
		for i := range 10 {
			h.put(t, h.acme, strconv.Itoa(i), time.Time{})
		}
		pass(time.Second)
		h.put(t, h.bee, "mine", time.Time{})
		pass(time.Second)
		if got, _ := r.all(); !slices.Equal(got, []string{"bee mine"}) {
			t.Errorf("after a second %v is delivered, want what the other tenant has", got)
		}
		pass(10 * time.Minute)
		if got, _ := r.all(); len(got) != 11 || most.Load() != 2 {
			t.Errorf("%d delivered, at most %d of one tenant at once", len(got), most.Load())
		}
	})
}

// What a deleted tenant had is gone, and nobody stumbles over it.
func TestForgetsDeletedTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{fail: func(string, int) error { return errBusy }}
		c := h.courier(outbox.Config[parcel]{Deliver: r.deliver, Pauses: []time.Duration{time.Minute, time.Minute}})
		h.run(t, c)
		h.put(t, h.acme, "hello", time.Time{})
		h.put(t, h.bee, "hello", time.Time{})
		pass(time.Second)
		ok(t, h.tenants.Delete(t.Context(), "acme"))
		pass(10 * time.Minute)
		got, _ := r.all()
		if n := strings.Count(strings.Join(got, ","), "acme"); n != 1 {
			t.Errorf("the deleted tenant's item was tried %d times: %v", n, got)
		}
		if s := state(t, c); s.Waiting != 0 || s.Dead != 1 {
			t.Errorf("state = %+v, want the other tenant's given up", s)
		}
	})
}

// A node that is to stop takes nothing new, however much is waiting.
func TestStopsWithAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := open(t), &recorder{}
		for i := range 100 { // for more tenants than there are workers
			h.put(t, []*tenant.Tenant{h.acme, h.bee}[i%2], strconv.Itoa(i), time.Time{})
		}
		c := h.courier(outbox.Config[parcel]{Workers: 2, TenantWorkers: 2, Deliver: func(ctx context.Context, tn *tenant.Tenant, i outbox.Item[parcel]) error {
			time.Sleep(time.Second)
			return r.deliver(ctx, tn, i)
		}})
		stop := h.run(t, c)
		pass(1500 * time.Millisecond)
		stop()
		if got, _ := r.all(); len(got) > 6 {
			t.Errorf("%d parcels were delivered before the courier stopped, want those that were under way", len(got))
		}
	})
}
