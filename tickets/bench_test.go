package tickets_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets"
)

// newBench is a world on disk.
func newBench(b *testing.B) *world {
	b.Helper()
	w := newWorld(b)
	s, err := storage.Open(b.Context(), storage.Options{Dir: b.TempDir(), Tables: tickets.Tables()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	w.Desk = tickets.New(tickets.Config{Store: s})
	return w
}

func benchDraft(i int) tickets.Draft {
	r := rand.New(rand.NewPCG(uint64(i), 0))
	who := tickets.Person{ID: fmt.Sprintf("usr_%d", i%1000), Email: fmt.Sprintf("user%d@partner.example", i%1000), Name: "User"}
	var text strings.Builder
	for range 60 {
		fmt.Fprintf(&text, "word%d ", int(r.ExpFloat64()*300))
	}
	return tickets.Draft{Title: fmt.Sprintf("Printer %d on floor %d is jammed", i, i%9), Description: text.String(), Requester: &who, Tags: []string{fmt.Sprintf("tag%d", i%50)}}
}

// fill opens n tickets.
func (w *world) fill(n int) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		all.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				if _, err := w.Open(w.t.Context(), w.acme, token, benchDraft(i)); err != nil {
					w.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// used is the processor time that the process has had, with its garbage collector and the store's background work.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkOpen(b *testing.B) {
	for _, clients := range []int{1, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			w := newBench(b)
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(max(clients/2, 1))
			cpu := used(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := w.Open(b.Context(), w.acme, token, benchDraft(int(next.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
			b.ReportMetric(float64((used(b)-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

var listQueries = map[string]struct {
	a tickets.Actor
	q tickets.Query
}{
	"all":                {agent, tickets.Query{}},
	"created":            {agent, tickets.Query{Sort: tickets.CreatedDesc}},
	"open":               {agent, tickets.Query{Status: []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending}}},
	"own":                {tickets.Requester(tickets.Person{ID: "usr_7"}), tickets.Query{}},
	"tag":                {agent, tickets.Query{Tags: []string{"tag7"}}},
	"search":             {agent, tickets.Query{Text: "word30 word100 word4"}},
	"status by creation": {agent, tickets.Query{Status: []tickets.Status{tickets.StatusNew}, Sort: tickets.CreatedDesc}},
	"tag by creation":    {agent, tickets.Query{Tags: []string{"tag7"}, Sort: tickets.CreatedDesc}},
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		w := newBench(b)
		w.fill(n)
		for name, q := range listQueries {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := w.List(b.Context(), w.acme, q.a, q.q); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
