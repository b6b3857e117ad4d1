package live_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/live"
)

// What comes while somebody watches is counted by host, and nothing before or after.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w live.Watchers
		if w.Look() {
			t.Error("somebody looks")
		}
		done := make(chan live.Traffic, 1)
		go func() {
			seen, _ := w.Watch(t.Context(), 2*time.Second)
			done <- seen
		}()
		synctest.Wait()
		for i := range 100 {
			w.Saw(&live.Request{Host: "acme.example", Tenant: "acme", Status: 200, Bytes: 10, Took: time.Duration(i+1) * time.Millisecond})
		}
		w.Saw(&live.Request{Host: "bee.example", Tenant: "bee", Status: 502, Took: time.Second, Forwarded: true})
		w.Saw(&live.Request{Status: 421})
		got := <-done
		if w.Look() {
			t.Error("somebody looks who has left")
		}
		if got.Seconds != 2 || got.All.Requests != 102 || got.All.Failed != 1 || got.All.Refused != 1 || len(got.Hosts) != 3 {
			t.Errorf("got %+v", got)
		}
		acme := got.Hosts[0]
		if acme.P50 < .050 || acme.P50 > .060 || acme.P99 < .099 || acme.P99 > .119 {
			t.Errorf("times of 1 to 100 ms: half within %v, and all but one within %v", acme.P50, acme.P99)
		}
		acme.P50, acme.P99 = 0, 0
		if diff := cmp.Diff(live.Row{Host: "acme.example", Tenant: "acme", Requests: 100, Bytes: 1000}, acme); diff != "" {
			t.Error(diff)
		}
		if bee := got.Hosts[2]; bee.Host != "bee.example" || bee.Forwarded != 1 || bee.P50 < 1 || bee.P50 > 1.2 {
			t.Errorf("got %+v", bee)
		}
	})
}

// Whoever asks for many hosts does not fill the memory; and who leaves early is told so.
func TestWatchIsBounded(t *testing.T) {
	var w live.Watchers
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan live.Traffic)
	go func() {
		got, err := w.Watch(ctx, time.Hour)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("left: %v", err)
		}
		done <- got
	}()
	for !w.Look() {
		<-time.After(time.Millisecond)
	}
	for i := range 6000 {
		w.Saw(&live.Request{Host: fmt.Sprintf("h%d.example", i), Tenant: "t", Status: 200})
	}
	leave()
	got := <-done
	if len(got.Hosts) != 5001 || got.Hosts[0].Host != "" || got.Hosts[0].Requests != 1000 || got.Hosts[0].Tenant != "" || got.All.Requests != 6000 {
		t.Errorf("%d rows, the first %+v", len(got.Hosts), got.Hosts[0])
	}
}
