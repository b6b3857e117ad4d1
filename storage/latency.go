package storage

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Latency is how long transactions took since the store was opened: those that only read, or those that write.
type Latency struct {
	// Within counts them by how long they took at most; those that took longer are in Count alone. The bounds rise.
	Within []Bucket
	Count  uint64
	Sum    time.Duration
	// Failed is how many of them ended with an error that is the engine's, and not the caller's.
	Failed uint64
}

// Bucket counts the transactions that took no longer than Bound, those of the buckets before included.
type Bucket struct {
	Bound time.Duration
	Count uint64
}

// The first bound is 64 µs, and each is twice the one before.
const latencyBuckets, firstBoundShift = 18, 6

// latency gathers a Latency without a lock: a transaction is worth no more than a few additions.
type latency struct {
	within [latencyBuckets + 1]atomic.Uint64 // the last: longer than all bounds
	sum    atomic.Int64
	failed atomic.Uint64
}

func (l *latency) note(took time.Duration, failed bool) {
	over := uint64(max(0, took-1)) / uint64(time.Microsecond) >> firstBoundShift
	l.within[min(bits.Len64(over), latencyBuckets)].Add(1)
	l.sum.Add(int64(took))
	if failed {
		l.failed.Add(1)
	}
}

func (l *latency) state() Latency {
	s := Latency{Sum: time.Duration(l.sum.Load()), Failed: l.failed.Load(), Within: make([]Bucket, latencyBuckets)}
	for i := range l.within {
		s.Count += l.within[i].Load()
		if i < latencyBuckets {
			s.Within[i] = Bucket{Bound: time.Microsecond << (firstBoundShift + i), Count: s.Count}
		}
	}
	return s
}

// Reads is how long transactions took that only read, with what was done inside of them.
func (s *Store) Reads() Latency { return s.reads.state() }

// Writes is how long transactions took that write, until everything was on disk.
func (s *Store) Writes() Latency { return s.writes.state() }
