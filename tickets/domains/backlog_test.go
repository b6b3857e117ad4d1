package domains_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// What no watch has taken is counted, of all tenants, since the oldest came; what was taken is not.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		look := func(want int, oldest time.Time) {
			t.Helper()
			b, err := w.watch().Backlog(t.Context())
			w.ok(err)
			if b.Waiting != want || !b.Oldest.Equal(oldest) {
				t.Errorf("%d wait since %s, want %d since %s", b.Waiting, b.Oldest, want, oldest)
			}
		}
		look(0, time.Time{})
		begin := time.Now()
		w.bring(w.acme, host) // verified, a certificate, active
		time.Sleep(time.Hour)
		w.bring(w.bee, "shop.bee.example")
		look(6, begin)
		stop := w.run(w.watch())
		w.settle()
		stop()
		look(0, time.Time{})
		time.Sleep(time.Hour)
		begin = time.Now()
		w.drift(host)
		look(1, begin)
	})
}
