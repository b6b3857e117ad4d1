package storage_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// Each transaction is in the bucket of its time and in all longer ones, reads and writes apart; an error of the caller's is no
// failure of the store's.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t)
		before := s.Writes()
		for _, took := range []time.Duration{0, 64 * time.Microsecond, 65 * time.Microsecond, 10 * time.Second} {
			err := s.View(t.Context(), storage.Node(), func(*storage.Tx) error {
				time.Sleep(took)
				return errors.New("the caller's")
			})
			if err == nil {
				t.Fatal("the caller's error is lost")
			}
		}
		reads := s.Reads()
		got := map[time.Duration]uint64{}
		for _, b := range reads.Within {
			got[b.Bound] = b.Count
		}
		// What the store reads by itself when it is opened takes no time here.
		first := got[64*time.Microsecond]
		if got[128*time.Microsecond] != first+1 || got[65536*128*time.Microsecond] != first+1 || reads.Count != first+2 || reads.Failed != 0 {
			t.Errorf("reads = %+v, want two within 64 µs, one within 128 µs and one longer than all", reads)
		}
		if want := 10*time.Second + 129*time.Microsecond; reads.Sum != want {
			t.Errorf("sum = %s, want %s", reads.Sum, want)
		}
		if err := s.Update(t.Context(), storage.Node(), func(*storage.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if after := s.Writes(); after.Count != before.Count+1 {
			t.Errorf("writes = %d, want one more than %d", after.Count, before.Count)
		}
	})
}
